"""Examples for the rules of EBS, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.ebs import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"

EXAMPLES = {
    "aws-ebs-volume-encrypted": ([{"encrypted": True}], [{}, {"encrypted": False}]),
    "aws-ebs-volume-customer-key": ([{"kmsKeyId": KEY}], [{}, {"encrypted": True, "kmsKeyId": ""}]),
    "aws-ebs-copy-encrypted": ([{"encrypted": True}], [{}, {"encrypted": False}]),
    "aws-ebs-encryption-by-default": ([{}, {"enabled": True}], [{"enabled": False}]),
    "aws-ebs-snapshots-block-public-access": (
        [{"state": "block-all-sharing"}, {"state": "block-new-sharing"}],
        [{}, {"state": "unblocked"}],
    ),
    "aws-ebs-snapshot-not-public": ([{"accountId": "111122223333"}], [{"accountId": "all"}]),
    "aws-ec2-image-not-public": ([{"accountId": "111122223333"}], [{"group": "all"}]),
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
