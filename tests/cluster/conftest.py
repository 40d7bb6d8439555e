"""Components run against Pulumi's own mocks: `made` returns what a program registered.

tests/gpu and tests/environment load this file as well.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from bedplate.cluster.handles import ClusterHandle
from bedplate.keys.handles import KeyHandle
from bedplate.network.handles import NetworkHandle

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1111"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


@dataclass(frozen=True)
class Made:
    """One registered resource, with its inputs as the provider gets them."""

    kind: str
    name: str
    inputs: dict[str, Any]
    depends_on: frozenset[str]
    ignore_changes: tuple[str, ...]

    def document(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.inputs[name])
        return found


@dataclass
class Recording:
    """What a program registered."""

    made: list[Made] = field(default_factory=list)

    def all(self, kind: str) -> list[Made]:
        return [one for one in self.made if one.kind == kind]

    def one(self, kind: str, ending: str = "") -> Made:
        found = [one for one in self.all(kind) if one.name.endswith(ending)]
        assert len(found) == 1, f"{len(found)} of {kind} ...{ending}"
        return found[0]


class _Cloud(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        return {"accountId": ACCOUNT, "partition": "aws", "region": REGION}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = {
            "arn": f"arn:aws:any:{REGION}:{ACCOUNT}:{args.name}",
            "name": args.name,
            "bucket": args.name,
        }
        outputs |= args.inputs
        if args.typ == "aws:kms/key:Key":
            outputs |= {"arn": KEY_ARN, "keyId": "1111"}
        if args.typ == "aws:eks/cluster:Cluster":
            outputs |= {
                "endpoint": "https://eks.example.com",
                "certificateAuthority": {"data": "Q0E="},
                "identities": [{"oidcs": [{"issuer": "https://oidc.example.com/1"}]}],
                "vpcConfig": {**args.inputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"},
            }
        if args.typ == "aws:eks/nodeGroup:NodeGroup":
            outputs |= {
                "nodeGroupName": args.name,
                "resources": [{"autoscalingGroups": [{"name": f"eks-{args.name}"}]}],
            }
        if args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            outputs |= {"latestVersion": 7}
        return f"{args.name}-id", outputs


class _Monitor(mocks.MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Cloud())
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:
        if not request.type.startswith("pulumi:pulumi:"):
            self.recording.made.append(
                Made(
                    request.type.rsplit(":", 1)[-1],
                    request.name,
                    mocks.rpc.deserialize_properties(request.object),
                    frozenset(urn.rsplit("::", 1)[-1] for urn in request.dependencies),
                    tuple(request.ignoreChanges),
                )
            )
        return super().RegisterResource(request)


@pytest.fixture
def made() -> Callable[[Callable[[], object]], Recording]:
    """Runs a program and returns what it registered; what the program raises is raised."""

    def run(program: Callable[[], object]) -> Recording:
        recording = Recording()
        pulumi.runtime.set_mocks(_Cloud(), monitor=_Monitor(recording), preview=False)

        @pulumi.runtime.test
        def main() -> None:
            program()

        main()
        return recording

    return run


@pytest.fixture
def network() -> Callable[..., NetworkHandle]:
    """Makes a network handle, within a program."""

    def make(
        zones: tuple[str, ...] = ZONES, region: str = REGION, cidr_block: str = "10.0.0.0/16"
    ) -> NetworkHandle:
        return NetworkHandle.from_existing(
            region=region,
            vpc_id="vpc-1",
            cidr_block=cidr_block,
            private_subnet_id_by_zone={zone: f"subnet-{zone}" for zone in zones},
        )

    return make


@pytest.fixture
def key() -> Callable[[], KeyHandle]:
    """Makes a key handle, within a program."""
    return lambda: KeyHandle.from_existing(arn=KEY_ARN)


@pytest.fixture
def cluster(
    network: Callable[..., NetworkHandle], key: Callable[[], KeyHandle]
) -> Callable[..., ClusterHandle]:
    """Makes a cluster handle, within a program."""

    def make(**of_network: Any) -> ClusterHandle:
        return ClusterHandle.from_existing(
            name="training",
            version="1.35",
            arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/training",
            endpoint="https://eks.example.com",
            certificate_authority_data="Q0E=",
            security_group_id="sg-cluster",
            network=network(**of_network),
            key=key(),
        )

    return make
