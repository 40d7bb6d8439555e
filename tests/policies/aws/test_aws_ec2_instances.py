"""Examples for the rules of EC2 instances, right and wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable

from bedplate_policies.aws.ec2_instances import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
ACCESS_KEY = "AKIA" + "EXAMPLE7EXAMPLE7"

EXAMPLES = {
    "aws-ec2-instance-imdsv2": (
        [
            {"metadataOptions": {"httpTokens": "required"}},
            {"metadataOptions": {"httpEndpoint": "disabled"}},
            {"launchTemplate": {"id": "lt-1"}},
        ],
        [
            {},
            {"metadataOptions": {"httpTokens": "optional"}},
            {"launchTemplate": {"id": "lt-1"}, "metadataOptions": {"httpTokens": "optional"}},
        ],
    ),
    "aws-ec2-launch-configuration-imdsv2": (
        [{"metadataOptions": {"httpTokens": "required"}}],
        [{}, {"metadataOptions": {"httpTokens": "optional"}}],
    ),
    "aws-ec2-metadata-hop-limit": (
        [{}, {"metadataOptions": {"httpPutResponseHopLimit": 2}}],
        [{"metadataOptions": {"httpPutResponseHopLimit": 3}}],
    ),
    "aws-ec2-instance-no-public-ip": (
        [{}, {"associatePublicIpAddress": False}],
        [{"associatePublicIpAddress": True}],
    ),
    "aws-ec2-launch-configuration-no-public-ip": (
        [{}, {"associatePublicIpAddress": False}],
        [{"associatePublicIpAddress": True}],
    ),
    "aws-ec2-root-volume-encrypted": (
        [{"rootBlockDevice": {"encrypted": True}}, {"launchTemplate": {"id": "lt-1"}}],
        [{}, {"rootBlockDevice": {}}, {"rootBlockDevice": {"encrypted": False}}],
    ),
    "aws-ec2-root-volume-customer-key": (
        [{"rootBlockDevice": {"kmsKeyId": KEY}}],
        [{}, {"rootBlockDevice": {"encrypted": True}}],
    ),
    "aws-ec2-launch-configuration-root-volume-encrypted": (
        [{"rootBlockDevice": {"encrypted": True}}],
        [{}, {"rootBlockDevice": {"encrypted": False}}],
    ),
    "aws-ec2-block-devices-encrypted": (
        [{}, {"ebsBlockDevices": [{"encrypted": True}]}],
        [{"ebsBlockDevices": [{"encrypted": True}, {}]}, {"ebsBlockDevices": [{"encrypted": False}]}],
    ),
    "aws-ec2-no-key-pair": ([{}], [{"keyName": "somebody"}]),
    "aws-ec2-user-data-credentials": (
        [{}, {"userData": "#!/bin/sh\naws s3 ls"}],
        [
            {"userData": f"export KEY={ACCESS_KEY}"},
            {"userData": "aws_secret_access_key = x"},
            {"userDataBase64": base64.b64encode(f"KEY={ACCESS_KEY}".encode()).decode()},
        ],
    ),
    "aws-ec2-instance-profile": (
        [{"iamInstanceProfile": "node"}, {"launchTemplate": {"id": "lt-1"}}],
        [{}],
    ),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
