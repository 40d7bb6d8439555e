"""Examples for the rules of launch templates and groups, right and wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable

from bedplate_policies.aws.ec2_templates import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"

EXAMPLES = {
    "aws-ec2-launch-template-imdsv2": (
        [{"metadataOptions": {"httpTokens": "required"}}, {"metadataOptions": {"httpEndpoint": "disabled"}}],
        [{}, {"metadataOptions": {"httpTokens": "optional"}}],
    ),
    "aws-ec2-launch-template-no-public-ip": (
        [{}, {"networkInterfaces": [{"associatePublicIpAddress": "false"}]}],
        [
            {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
            {"networkInterfaces": [{}, {"associatePublicIpAddress": True}]},
        ],
    ),
    "aws-ec2-launch-template-disks-encrypted": (
        [
            {
                "blockDeviceMappings": [
                    {"ebs": {"encrypted": "true"}},
                    {"deviceName": "/dev/sdb", "virtualName": "ephemeral0"},
                ]
            }
        ],
        [
            {},
            {"blockDeviceMappings": [{"deviceName": "/dev/sdb", "virtualName": "ephemeral0"}]},
            {"blockDeviceMappings": [{"ebs": {}}]},
            {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}, {"ebs": {"encrypted": "false"}}]},
        ],
    ),
    "aws-ec2-launch-template-disks-customer-key": (
        [{"blockDeviceMappings": [{"ebs": {"kmsKeyId": KEY}}]}],
        [{"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}]}],
    ),
    "aws-ec2-launch-template-user-data-credentials": (
        [{}, {"userData": base64.b64encode(b"nodeadm").decode()}],
        [{"userData": base64.b64encode(b"AKIA" + b"EXAMPLE7EXAMPLE7").decode()}],
    ),
    "aws-autoscaling-launch-template": (
        [{"launchTemplate": {"id": "lt-1"}}, {"mixedInstancesPolicy": {"launchTemplate": {}}}],
        [{"launchConfiguration": "old"}],
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
