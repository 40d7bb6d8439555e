"""A context that gives handlers moto in this process, so that each type is tried without a server."""

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedplate.sandbox.providers.handler import Created, JsonObject


class MemoryStore:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], JsonObject] = {}

    def get(self, kind: str, key: str) -> JsonObject | None:
        return self.rows.get((kind, key))

    def put(self, kind: str, key: str, value: JsonObject) -> None:
        self.rows[(kind, key)] = value

    def delete(self, kind: str, key: str) -> None:
        self.rows.pop((kind, key), None)

    def items(self, kind: str) -> dict[str, JsonObject]:
        return {key: value for (of, key), value in self.rows.items() if of == kind}


@cache
def type_schema() -> dict[str, Any]:
    """What the SDK's classes say of every type, as the package has it."""
    path = files("bedplate.sandbox.providers.aws").joinpath("schema.json.gz")
    schema: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return schema


@cache
def boto_client(service: str, region: str) -> Any:
    """One client for all tests: loading a service's model takes longer than a test."""
    return boto3.client(service, region_name=region)


class FakeContext:
    urn = "urn:pulumi:dev::test::aws:x/y:Z::name"
    region = "us-west-2"
    account_id = "123456789012"
    partition = "aws"

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.unknown: frozenset[str] = frozenset()
        self.default_tags = {"managed-by": "pulumi"}

    def client(self, service: str, region: str | None = None) -> Any:
        return boto_client(service, region or self.region)

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        return {**self.default_tags, **(inputs.get("tags") or {})}


class Driver:
    """Takes one resource type through its life as the engine would."""

    def __init__(self, ctx: FakeContext) -> None:
        self.ctx = ctx

    def handler(self, token: str) -> Any:
        from bedplate.sandbox.providers.aws.registry import REGISTRY

        return REGISTRY.handlers[token]

    def problems(self, token: str, inputs: JsonObject) -> list[tuple[str, str]]:
        handler = self.handler(token)
        return list(handler.check(self.ctx, {**handler.defaults, **inputs}))

    def create(self, token: str, inputs: JsonObject) -> Created:
        handler = self.handler(token)
        inputs = {**handler.defaults, **inputs}
        assert handler.check(self.ctx, inputs) == []
        created: Created = handler.create(self.ctx, inputs)
        return created

    def round_trip(self, token: str, inputs: JsonObject, change: JsonObject | None = None) -> Created:
        """Create, read without drift, update in place, read without drift; leaves the resource there."""
        handler = self.handler(token)
        inputs = {**handler.defaults, **inputs}
        created = self.create(token, inputs)
        self.holds(token, created.outputs, inputs)
        assert handler.read(self.ctx, created.id, created.outputs) == created.outputs
        if change is None:
            return created
        after = {key: value for key, value in {**inputs, **change}.items() if value is not None}
        assert handler.check(self.ctx, after) == []
        assert not handler.replace_on & set(change)
        updated = handler.update(self.ctx, created.id, created.outputs, inputs, after)
        self.holds(token, updated, after)
        assert handler.read(self.ctx, created.id, updated) == updated
        return Created(created.id, updated)

    def holds(self, token: str, outputs: Any, inputs: Any, at: str = "") -> None:
        """Every input comes back in the outputs: what is missing would be shown as drift."""
        if not at:
            unknown = set(outputs) - set(type_schema()["resources"][token]["outputs"])
            assert not unknown, f"the type has no outputs {unknown}"
        if isinstance(inputs, Mapping):
            for key, value in inputs.items():
                assert key in outputs, f"{at}.{key} is not among the outputs"
                self.holds(token, outputs[key], value, f"{at}.{key}")
        else:
            assert outputs == inputs, at

    def delete(self, token: str, created: Created) -> None:
        """Delete; a read then finds nothing, and deleting once more is success."""
        handler = self.handler(token)
        handler.delete(self.ctx, created.id, created.outputs)
        assert handler.read(self.ctx, created.id, created.outputs) is None
        handler.delete(self.ctx, created.id, created.outputs)


def eks_trust(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class World:
    """A network, roles and a cluster to put things into."""

    def __init__(self, driver: Any) -> None:
        self.driver, self.ec2 = driver, driver.ctx.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(self.vpc, f"10.0.{index}.0/24", zone) for index, zone in enumerate("ab")]
        self.cluster_role = self.role("cluster", "eks.amazonaws.com")
        self.node_role = self.role("nodes", "ec2.amazonaws.com")
        self.pod_role = self.role("pods", "pods.eks.amazonaws.com")

    def subnet(self, vpc: str, cidr: str, zone: str) -> str:
        answer = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"us-west-2{zone}")
        return str(answer["Subnet"]["SubnetId"])

    def role(self, name: str, service: str) -> str:
        made = self.driver.create("aws:iam/role:Role", {"name": name, "assumeRolePolicy": eks_trust(service)})
        return str(made.outputs["arn"])

    def template(self, name: str, **data: Any) -> dict[str, str]:
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return {"id": made["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}

    def cluster_inputs(self) -> dict[str, Any]:
        return {
            "name": "dev",
            "version": "1.34",
            "roleArn": self.cluster_role,
            "vpcConfig": {
                "subnetIds": self.subnets,
                "endpointPrivateAccess": True,
                "endpointPublicAccess": False,
            },
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            "bootstrapSelfManagedAddons": False,
            "enabledClusterLogTypes": ["api", "audit"],
            "kubernetesNetworkConfig": {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"},
            "upgradePolicy": {"supportType": "STANDARD"},
            "zonalShiftConfig": {"enabled": True},
            "deletionProtection": False,
            "tags": {"team": "ml"},
        }

    def node_inputs(self) -> dict[str, Any]:
        return {
            "clusterName": "dev",
            "nodeGroupName": "gpu",
            "nodeRoleArn": self.node_role,
            "subnetIds": self.subnets,
            "scalingConfig": {"minSize": 0, "maxSize": 4, "desiredSize": 0},
            "instanceTypes": ["p5.48xlarge"],
            "capacityType": "ON_DEMAND",
            "amiType": "AL2023_x86_64_NVIDIA",
            "labels": {"gpu": "true"},
            "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
            "updateConfig": {"maxUnavailable": 1},
            "nodeRepairConfig": {"enabled": True},
            "tags": {"team": "ml"},
        }


@pytest.fixture
def ctx(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeContext]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    with mock_aws():
        yield FakeContext()


@pytest.fixture
def managed_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's managed policies in moto: a second per test, so only where one is attached."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")


@pytest.fixture
def driver(ctx: FakeContext) -> Driver:
    return Driver(ctx)


@pytest.fixture
def rules() -> Driver:
    """For refusals that must need no cloud: any call is a failure."""
    ctx = FakeContext()
    ctx.client = no_cloud  # type: ignore[method-assign]
    return Driver(ctx)


def no_cloud(service: str, region: str | None = None) -> Any:
    raise AssertionError(f"a check of inputs alone called {service}")


@pytest.fixture
def world(driver: Driver) -> World:
    return World(driver)


@pytest.fixture(scope="module")
def standing() -> Iterator[World]:
    """A world with a cluster in it, one for all refusals: they change nothing."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        made = World(Driver(FakeContext()))
        made.driver.create("aws:eks/cluster:Cluster", made.cluster_inputs())
        yield made
