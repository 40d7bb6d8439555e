"""Flip each security default of our environment: a mandatory rule refuses it; as shipped none does."""

from __future__ import annotations

import copy
import importlib.util
import json
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from bedplate_policies import RULES
from bedplate_policies.judge import Judge
from bedplate_policies.resource import Options, Resource
from bedplate_policies.stack import Stack
from bedplate_policies.value import Step, parse_path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Rendered:
    """A resource as a program registers it, with what a cloud would answer."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    depends: Mapping[str, Sequence[str]]
    protect: bool

    def resource(self, properties: Mapping[str, Any]) -> Resource:
        return Resource(
            type=self.type,
            urn=self.urn,
            name=self.name,
            properties=properties,
            options=Options(protect=self.protect),
            property_dependencies=self.depends,
        )


def _cloud() -> Any:
    """The mocked cloud of the components' tests."""
    spec = importlib.util.spec_from_file_location("mutation_tests_cloud", ROOT / "tests/cluster/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module._Cloud()


class _Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_cloud())
        self.rendered: list[Rendered] = []

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        inputs = mocks.rpc.deserialize_properties(request.object)
        outputs = mocks.rpc.deserialize_properties(answer.object)
        depends = {key: tuple(found.urns) for key, found in request.propertyDependencies.items()}
        self.rendered.append(
            Rendered(
                request.type,
                request.name,
                answer.urn,
                inputs,
                {**outputs, "id": answer.id},
                depends,
                request.protect,
            )
        )
        return answer


@pytest.fixture(scope="module")
def config() -> dict[str, str]:
    """The configuration of aws-dev as a stack has it."""
    document = yaml.safe_load((ROOT / "stacks/config/Pulumi.aws-dev.yaml").read_text())
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in document["config"].items()
    }


@pytest.fixture(scope="module")
def shipped(config: dict[str, str]) -> list[Rendered]:
    """What aws-dev registers."""
    monitor = _Monitor()
    pulumi.runtime.set_mocks(_cloud(), monitor=monitor, preview=False)

    @pulumi.runtime.test
    def main() -> None:
        pulumi.runtime.set_all_config(config)
        runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")

    main()
    return monitor.rendered


def _judge(config: Mapping[str, str], resources: Sequence[tuple[Rendered, Any, Any]]) -> list[str]:
    """The mandatory rules that refuse the resources, given as (rendered, inputs, outputs)."""
    judge = Judge(RULES)
    judge.preview = False
    verdicts = [
        verdict for one, inputs, _ in resources for verdict in judge.resource(one.resource(_whole(inputs)))
    ]
    stack = Stack([one.resource(_whole(outputs)) for one, _, outputs in resources], "aws-dev", config)
    verdicts += judge.stack(stack)
    return [f"{one.rule.name} {one.urn}: {one.message}" for one in verdicts if one.level == "mandatory"]


def _whole(value: Any) -> Any:
    """Numbers as they are: the mocks hand every number on as a float."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


REMOVE = object()


@dataclass(frozen=True)
class Flip:
    """A default of ours and the value that nobody should ship: a value, REMOVE, or a function of the old one.

    An empty path takes the whole resource away. `name` narrows it to resources with that in their name.
    """

    type: str
    path: str
    bad: Any = REMOVE
    name: str = ""
    label: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.label or f"{self.type.rsplit(':', 1)[-1]} {self.path or 'removed'}"

    def apply(self, one: Rendered) -> tuple[Rendered, Any, Any] | None:
        """The resource with the flip; None where it is taken away."""
        if not self.path:
            return None
        inputs, outputs = copy.deepcopy(dict(one.inputs)), copy.deepcopy(dict(one.outputs))
        for properties in (inputs, outputs):
            _put(properties, parse_path(self.path), self.bad)
        return one, inputs, outputs

    def matches(self, one: Rendered) -> bool:
        return one.type == self.type and self.name in one.name


def _put(value: Any, steps: Sequence[Step], bad: Any) -> None:
    step, rest = steps[0], steps[1:]
    if step is None:
        for index in range(len(value)):
            if rest:
                _put(value[index], rest, bad)
            else:
                value[index] = bad
        return
    if rest:
        if isinstance(value, dict) and step not in value:
            return
        _put(value[step], rest, bad)
    elif bad is REMOVE:
        value.pop(step, None)
    else:
        value[step] = bad(value[step]) if callable(bad) else bad


def _document(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        document = json.loads(text)
        return json.dumps({**document, "Statement": change(document["Statement"])})

    return changed


def _without_tls(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in statements if "aws:SecureTransport" not in json.dumps(one)]


def _public(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*statements, {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]


def _admin(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*statements, {"Effect": "Allow", "Action": "*", "Resource": "*"}]


EVERYWHERE = "0.0.0.0/0"
_PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_CLUSTER = "aws:eks/cluster:Cluster"
_KEY = "aws:kms/key:Key"

FLIPS = [
    *(
        Flip(_PUBLIC_ACCESS, path, False)
        for path in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ),
    Flip(_PUBLIC_ACCESS, ""),
    Flip(_ENCRYPTION, "rules[].applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"),
    Flip(_ENCRYPTION, "rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId"),
    Flip(_ENCRYPTION, ""),
    Flip("aws:s3/bucketOwnershipControls:BucketOwnershipControls", "rule.objectOwnership", "ObjectWriter"),
    Flip("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.status", "Suspended"),
    Flip(
        "aws:s3/bucketPolicy:BucketPolicy", "policy", _document(_without_tls), label="BucketPolicy plain HTTP"
    ),
    Flip("aws:s3/bucketPolicy:BucketPolicy", "policy", _document(_public), label="BucketPolicy public"),
    Flip("aws:s3/bucketPolicy:BucketPolicy", ""),
    Flip("aws:s3/bucketVersioning:BucketVersioning", ""),
    Flip("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration"),
    Flip(_ENCRYPTION, "rules", []),
    Flip("aws:s3/bucket:Bucket", "acl", "public-read"),
    Flip(_KEY, "isEnabled", False),
    Flip(_KEY, "bypassPolicyLockoutSafetyCheck", True),
    Flip("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "egress", [{"cidrBlocks": [EVERYWHERE]}]),
    Flip("aws:ec2/flowLog:FlowLog", "trafficType", "ACCEPT"),
    Flip(_CLUSTER, "encryptionConfig.resources", []),
    Flip(_TEMPLATE, "blockDeviceMappings"),
    Flip(_TEMPLATE, "blockDeviceMappings", []),
    Flip(_TEMPLATE, "networkInterfaces", [{"associatePublicIpAddress": "true"}]),
    Flip(_TEMPLATE, "userData", "ZXhwb3J0IEFXU19BQ0NFU1NfS0VZX0lEPUFLSUFJT1NGT0ROTjdFWEFNUExFCg=="),
    Flip(_CLUSTER, "accessConfig"),
    Flip(_CLUSTER, "accessConfig.bootstrapClusterCreatorAdminPermissions", True),
    Flip(_CLUSTER, "vpcConfig.endpointPrivateAccess", False),
    Flip("aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
    Flip("aws:cloudwatch/logGroup:LogGroup", "retentionInDays"),
    Flip(
        "aws:sns/topicPolicy:TopicPolicy", "policy", _document(_without_tls), label="TopicPolicy plain HTTP"
    ),
    Flip("aws:cloudwatch/metricAlarm:MetricAlarm", "alarmActions", []),
    Flip("aws:budgets/budget:Budget", "notifications", []),
    Flip(_KEY, "enableKeyRotation", False),
    Flip(_KEY, "enableKeyRotation"),
    Flip(_KEY, "deletionWindowInDays", 1),
    Flip(_KEY, "policy", _document(_public), label="Key public"),
    Flip("aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    Flip("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 0),
    Flip("aws:sns/topic:Topic", "kmsMasterKeyId"),
    Flip("aws:sns/topicPolicy:TopicPolicy", "policy", _document(_public), label="TopicPolicy public"),
    Flip("aws:sns/topicSubscription:TopicSubscription", "protocol", "http"),
    Flip("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "ingress", [{"cidrBlocks": [EVERYWHERE]}]),
    Flip("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch", True, name="private"),
    Flip("aws:ec2/flowLog:FlowLog", ""),
    Flip("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4", EVERYWHERE, name="efa"),
    Flip(_CLUSTER, "vpcConfig.endpointPublicAccess", True),
    Flip(_CLUSTER, "encryptionConfig"),
    Flip(_CLUSTER, "enabledClusterLogTypes", ["api"]),
    Flip(_CLUSTER, "enabledClusterLogTypes"),
    Flip(_CLUSTER, "accessConfig.authenticationMode", "CONFIG_MAP"),
    Flip(_CLUSTER, "version", "1.20"),
    Flip(_TEMPLATE, "blockDeviceMappings[].ebs.encrypted", "false"),
    Flip(_TEMPLATE, "blockDeviceMappings[].ebs.encrypted"),
    Flip(_TEMPLATE, "blockDeviceMappings[].ebs.kmsKeyId"),
    Flip(_TEMPLATE, "metadataOptions.httpTokens", "optional"),
    Flip(_TEMPLATE, "metadataOptions"),
    Flip(_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", 5),
    Flip("aws:iam/rolePolicy:RolePolicy", "policy", _document(_admin), label="RolePolicy admin"),
    Flip(
        "aws:iam/role:Role",
        "assumeRolePolicy",
        _document(lambda statements: [{**one, "Principal": "*"} for one in statements]),
        label="Role assumed by anybody",
    ),
    Flip(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "policyArn",
        "arn:aws:iam::aws:policy/AdministratorAccess",
    ),
    Flip("aws:eks/nodeGroup:NodeGroup", "remoteAccess", {"ec2SshKey": "mine"}),
    Flip("aws:eks/nodeGroup:NodeGroup", "scalingConfig.maxSize", 500, name="h100"),
    *(Flip(type, "tags") for type in ("aws:s3/bucket:Bucket", _CLUSTER, "aws:eks/nodeGroup:NodeGroup")),
]


def test_nothing_mandatory_fails_as_shipped(shipped: list[Rendered], config: dict[str, str]) -> None:
    assert len(shipped) > 60
    assert _judge(config, [(one, one.inputs, one.outputs) for one in shipped]) == []


@pytest.mark.parametrize("flip", FLIPS, ids=str)
def test_every_flipped_default_is_refused(
    flip: Flip, shipped: list[Rendered], config: dict[str, str]
) -> None:
    flipped = [one for one in shipped if flip.matches(one)]
    assert flipped, "nothing of ours has this any more"
    if flip.path:
        before = [one.inputs for one in flipped]
        after = [changed[1] for one in flipped if (changed := flip.apply(one)) is not None]
        assert before != after, "the flip changes nothing"
    resources = list(_flipped(flip, shipped))
    assert _judge(config, resources), "no mandatory rule refuses it"


def _flipped(flip: Flip, shipped: Sequence[Rendered]) -> Iterator[tuple[Rendered, Any, Any]]:
    for one in shipped:
        changed = flip.apply(one) if flip.matches(one) else (one, one.inputs, one.outputs)
        if changed is not None:
            yield changed
