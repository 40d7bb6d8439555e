"""What holds for all rules of AWS together."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bedplate_policies.aws import RULES
from bedplate_policies.aws.controls import fsbp
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Rule
from bedplate_policies.testing import UNKNOWN, Secret, findings, make_resource, stack_findings
from bedplate_policies.value import parse_path

BY_NAME = {rule.name: rule for rule in RULES}
ONE_OF_EACH = [(rule, kind) for rule in RULES if isinstance(rule, Rule) for kind in rule.types]
SECRET = "hunter2-hunter2"


def test_no_two_rules_have_one_name() -> None:
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_answers_and_how_to_mend_it(rule: Rule) -> None:
    assert re.fullmatch(r"aws-[a-z0-9]+(-[a-z0-9]+)+", rule.name)
    assert rule.controls
    assert rule.remediation.endswith(".")
    assert rule.description.endswith(".")


@pytest.mark.parametrize(("rule", "kind"), ONE_OF_EACH, ids=lambda one: getattr(one, "name", one))
def test_what_is_not_known_yet_is_never_a_violation(rule: Rule, kind: str) -> None:
    inputs = {str(parse_path(path)[0]): UNKNOWN for path in rule.reads}
    assert {finding.kind for finding in findings(rule, kind, inputs)} <= {"undetermined"}


@pytest.mark.parametrize(
    ("name", "kind", "inputs"),
    [
        ("aws-ebs-volume-encrypted", "aws:ebs/volume:Volume", {"encrypted": UNKNOWN}),
        (
            "aws-ec2-launch-template-disks-encrypted",
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"blockDeviceMappings": [{"ebs": {"encrypted": UNKNOWN}}]},
        ),
        (
            "aws-ec2-launch-template-disks-customer-key",
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"blockDeviceMappings": [UNKNOWN]},
        ),
        (
            "aws-vpc-ingress-rule-admin-ports",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": UNKNOWN},
        ),
        (
            "aws-vpc-ingress-rule-admin-ports",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"ipProtocol": "tcp", "fromPort": UNKNOWN, "toPort": 22, "cidrIpv4": "0.0.0.0/0"},
        ),
        ("aws-s3-policy-tls-only", "aws:s3/bucketPolicy:BucketPolicy", {"policy": UNKNOWN}),
        ("aws-iam-policy-no-admin", "aws:iam/policy:Policy", {"policy": UNKNOWN}),
        ("aws-eks-endpoint-not-public", "aws:eks/cluster:Cluster", {"vpcConfig": UNKNOWN}),
        ("aws-rds-encrypted", "aws:rds/instance:Instance", {"storageEncrypted": UNKNOWN}),
        (
            "aws-ssm-parameter-secure-string",
            "aws:ssm/parameter:Parameter",
            {"name": UNKNOWN, "type": "String"},
        ),
        ("aws-cost-allocation-tags", "aws:ebs/volume:Volume", {"tags": UNKNOWN}),
    ],
)
def test_what_is_not_known_yet_is_asked_again_later(name: str, kind: str, inputs: dict[str, object]) -> None:
    rule = BY_NAME[name]
    assert isinstance(rule, Rule)
    assert [finding.kind for finding in findings(rule, kind, inputs)] == ["undetermined"]


def test_a_key_that_is_still_to_be_made_counts_as_given() -> None:
    rule = BY_NAME["aws-ebs-volume-customer-key"]
    assert isinstance(rule, Rule)
    assert findings(rule, "aws:ebs/volume:Volume", {"kmsKeyId": UNKNOWN}) == []


def test_a_companion_of_an_unknown_owner_leaves_a_stack_rule_open() -> None:
    rule = BY_NAME["aws-s3-bucket-public-access-blocked"]
    assert not isinstance(rule, Rule)
    found = stack_findings(
        rule,
        [
            ("aws:s3/bucket:Bucket", "data", {}),
            ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "closed", {"bucket": UNKNOWN}),
        ],
    )
    assert [finding.kind for finding in found] == ["undetermined"]


def _texts(rule: Rule, kind: str) -> Iterator[str]:
    """What the rule says where every property that it reads is a text that may be secret."""
    for inputs in (
        {str(parse_path(path)[0]): SECRET for path in rule.reads},
        {str(parse_path(path)[0]): Secret(SECRET) for path in rule.reads},
        {str(parse_path(path)[0]): [{"name": SECRET, "value": SECRET}] for path in rule.reads},
    ):
        for finding in findings(rule, kind, inputs):
            yield f"{finding.message} {finding.path}"


@pytest.mark.parametrize(("rule", "kind"), ONE_OF_EACH, ids=lambda one: getattr(one, "name", one))
def test_no_message_holds_a_text_of_the_program(rule: Rule, kind: str) -> None:
    assert [text for text in _texts(rule, kind) if SECRET in text] == []


@pytest.mark.parametrize(
    ("name", "kind", "inputs", "settings"),
    [
        ("aws-kms-deletion-window", "aws:kms/key:Key", {"deletionWindowInDays": 7}, {"fewest_days": 30}),
        (
            "aws-logs-retention",
            "aws:cloudwatch/logGroup:LogGroup",
            {"retentionInDays": 30},
            {"fewest_days": 365},
        ),
        ("aws-eks-version", "aws:eks/cluster:Cluster", {"version": "1.34"}, {"oldest_version": "1.35"}),
        (
            "aws-ec2-metadata-hop-limit",
            "aws:ec2/instance:Instance",
            {"metadataOptions": {"httpPutResponseHopLimit": 2}},
            {"max_hops": 1},
        ),
        (
            "aws-vpc-ingress-rule-admin-ports",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"},
            {"ports": [443]},
        ),
        (
            "aws-cost-allocation-tags",
            "aws:ebs/volume:Volume",
            {"tags": {"bedplate:environment": "a", "bedplate:owner": "b", "bedplate:cost-center": "c"}},
            {"required_tags": ["team"]},
        ),
    ],
)
def test_a_setting_makes_a_rule_stricter(
    name: str, kind: str, inputs: dict[str, object], settings: dict[str, object]
) -> None:
    rule = BY_NAME[name]
    assert isinstance(rule, Rule)
    assert findings(rule, kind, inputs) == []
    assert [finding.kind for finding in findings(rule, kind, inputs, settings)] == ["violation"]


@pytest.mark.parametrize(
    "configured",
    [
        {"defaultTags": {"tags": {"bedplate:owner": "platform"}}},
        {"defaultTags": '{"tags": {"bedplate:owner": "platform"}}'},
    ],
)
def test_tags_of_the_provider_count(configured: dict[str, object]) -> None:
    rule = BY_NAME["aws-cost-allocation-tags"]
    assert isinstance(rule, Rule)
    settings = Config({"required_tags": ["bedplate:owner"]})
    bare = make_resource("aws:ebs/volume:Volume", {})
    assert list(rule.check(bare, settings))
    tagged = Resource(type=bare.type, urn=bare.urn, name="v", properties={}, provider=configured)
    assert list(rule.check(tagged, settings)) == []


def test_a_control_of_security_hub_is_written_as_aws_writes_it() -> None:
    for rule in RULES:
        for control in rule.controls:
            if control.framework == fsbp("S3.1")[0].framework:
                assert re.fullmatch(r"[A-Za-z0-9]+\.\d+", control.id), (rule.name, control.id)


def test_a_limit_that_cannot_be_read_does_not_switch_its_rule_off() -> None:
    rule = BY_NAME["aws-eks-version"]
    assert isinstance(rule, Rule)
    with pytest.raises(ValueError, match="oldest_version"):
        findings(rule, "aws:eks/cluster:Cluster", {"version": "1.20"}, {"oldest_version": "newest"})
