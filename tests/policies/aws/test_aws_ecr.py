"""Examples for the rules of ECR, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.ecr import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, StackCase

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
REPOSITORY = ("aws:ecr/repository:Repository", "trainer", {"name": "trainer"})
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"


def _policy(principal: object) -> dict[str, object]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-ecr-immutable-tags": (
        [{"imageTagMutability": "IMMUTABLE"}, {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}],
        [{}, {"imageTagMutability": "MUTABLE"}],
    ),
    "aws-ecr-scan-on-push": (
        [{"imageScanningConfiguration": {"scanOnPush": True}}],
        [{}, {"imageScanningConfiguration": {"scanOnPush": False}}],
    ),
    "aws-ecr-customer-key": (
        [{"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}]}],
        [
            {},
            {"encryptionConfigurations": [{"encryptionType": "AES256"}]},
            {"encryptionConfigurations": [{"encryptionType": "KMS"}]},
        ],
    ),
    "aws-ecr-no-force-delete": ([{}, {"forceDelete": False}], [{"forceDelete": True}]),
    "aws-ecr-policy-not-public": ([_policy({"AWS": "111122223333"})], [_policy("*"), _policy({"AWS": "*"})]),
    "aws-ecr-registry-scanning": ([{"scanType": "ENHANCED"}], [{"scanType": "BASIC"}]),
}
STACKS = {
    "aws-ecr-lifecycle": (
        [[], [REPOSITORY, (LIFECYCLE, "tidy", {"repository": "trainer"})]],
        [[REPOSITORY], [REPOSITORY, (LIFECYCLE, "tidy", {"repository": "other"})]],
    )
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
STACK_CASES = [
    StackCase(rule.name, good=STACKS[rule.name][0], bad=STACKS[rule.name][1])
    for rule in RULES
    if isinstance(rule, StackRule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
