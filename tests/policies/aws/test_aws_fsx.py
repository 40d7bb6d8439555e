"""Examples for the rules of FSx, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.fsx import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-fsx-lustre-customer-key": (
        [{"deploymentType": "PERSISTENT_2", "kmsKeyId": KEY}, {"deploymentType": "SCRATCH_2"}],
        [{"deploymentType": "PERSISTENT_2"}],
    ),
    "aws-fsx-customer-key": ([{"kmsKeyId": KEY}], [{}, {"kmsKeyId": ""}]),
    "aws-fsx-lustre-deployment-type": (
        [{"deploymentType": "PERSISTENT_2"}, {"deploymentType": "SCRATCH_2"}],
        [{}, {"deploymentType": "SCRATCH_1"}],
    ),
    "aws-fsx-lustre-backups": (
        [
            {"deploymentType": "SCRATCH_2"},
            {"deploymentType": "PERSISTENT_2", "automaticBackupRetentionDays": 7},
        ],
        [
            {"deploymentType": "PERSISTENT_2"},
            {"deploymentType": "PERSISTENT_1", "automaticBackupRetentionDays": 0},
        ],
    ),
    "aws-fsx-backups": (
        [{"automaticBackupRetentionDays": 7}],
        [{}, {"automaticBackupRetentionDays": 0}],
    ),
    "aws-fsx-final-backup": ([{}, {"skipFinalBackup": False}], [{"skipFinalBackup": True}]),
    "aws-fsx-copy-tags": ([{"copyTagsToBackups": True}], [{}, {"copyTagsToBackups": False}]),
    "aws-fsx-ontap-multi-az": (
        [{"deploymentType": "MULTI_AZ_1"}],
        [{"deploymentType": "SINGLE_AZ_1"}],
    ),
    "aws-fsx-security-groups": ([{"securityGroupIds": ["sg-1"]}], [{}, {"securityGroupIds": []}]),
    "aws-fsx-lustre-root-squash": (
        [{"rootSquashConfiguration": {"rootSquash": "65534:65534"}}],
        [{}, {"rootSquashConfiguration": {"rootSquash": "0:0"}}],
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
