"""Examples for the rules of KMS, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.kms import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


ACCOUNT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "kms:*",
    "Resource": "*",
}
PUBLIC = {**ACCOUNT, "Principal": {"AWS": "*"}}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-kms-rotation": (
        [{"enableKeyRotation": True}, {"customerMasterKeySpec": "RSA_4096"}],
        [
            {},
            {"enableKeyRotation": False},
            {"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "enableKeyRotation": False},
        ],
    ),
    "aws-kms-rotation-period": ([{}, {"rotationPeriodInDays": 90}], [{"rotationPeriodInDays": 730}]),
    "aws-kms-deletion-window": (
        [{}, {"deletionWindowInDays": 7}, {"deletionWindowInDays": 30}],
        [{"deletionWindowInDays": 1}],
    ),
    "aws-kms-policy-not-public": (
        [
            {},
            _policy(ACCOUNT),
            _policy({**PUBLIC, "Condition": {"StringEquals": {"kms:CallerAccount": "1"}}}),
        ],
        [
            _policy(ACCOUNT, PUBLIC),
            _policy({**PUBLIC, "Principal": "*"}),
            _policy({**PUBLIC, "Condition": {"StringLike": {"kms:CallerAccount": "*"}}}),
        ],
    ),
    "aws-kms-lockout-check": (
        [{}, {"bypassPolicyLockoutSafetyCheck": False}],
        [{"bypassPolicyLockoutSafetyCheck": True}],
    ),
    "aws-kms-single-region": ([{}, {"multiRegion": False}], [{"multiRegion": True}]),
    "aws-kms-key-enabled": ([{}, {"isEnabled": True}], [{"isEnabled": False}]),
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
