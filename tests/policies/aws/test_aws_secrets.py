"""Examples for the rules of Secrets Manager and SSM, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.secrets import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, Secret, StackCase

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
SECRET = ("aws:secretsmanager/secret:Secret", "token", {})
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"


def _policy(principal: object) -> dict[str, object]:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-secretsmanager-customer-key": ([{"kmsKeyId": KEY}], [{}, {"kmsKeyId": ""}]),
    "aws-secretsmanager-replica-customer-key": (
        [{}, {"replicas": [{"region": "eu-west-2", "kmsKeyId": KEY}]}],
        [{"replicas": [{"region": "eu-west-2"}]}],
    ),
    "aws-secretsmanager-policy-not-public": (
        [_policy({"AWS": "arn:aws:iam::111122223333:role/app"})],
        [_policy("*"), _policy({"AWS": ["*"]})],
    ),
    "aws-secretsmanager-policy-block-public": (
        [{"blockPublicPolicy": True}],
        [{}, {"blockPublicPolicy": False}],
    ),
    "aws-secretsmanager-recovery-window": (
        [{}, {"recoveryWindowInDays": 7}],
        [{"recoveryWindowInDays": 0}],
    ),
    "aws-secretsmanager-rotation-interval": (
        [{}, {"rotationRules": {"automaticallyAfterDays": 30}}],
        [{"rotationRules": {"automaticallyAfterDays": 365}}],
    ),
    "aws-ssm-parameter-secure-string": (
        [
            {"type": "SecureString", "name": "/app/db-password", "value": Secret("hunter2")},
            {"type": "String", "name": "/app/image", "value": "trainer"},
            {"type": "String", "name": "/app/max-tokens", "value": "4096"},
        ],
        [
            {"type": "String", "name": "/app/setting", "value": Secret("hunter2")},
            {"type": "String", "name": "/app/db-password-1a2b3c4", "value": "hunter2"},
            {"type": "String", "name": "hf-token", "insecureValue": "hunter2"},
        ],
    ),
    "aws-ssm-parameter-customer-key": (
        [{"type": "String"}, {"type": "SecureString", "keyId": KEY}],
        [{"type": "SecureString"}],
    ),
    "aws-ssm-document-not-public": (
        [{}, {"permissions": {"type": "Share", "account_ids": "111122223333,444455556666"}}],
        [{"permissions": {"type": "Share", "account_ids": "All"}}],
    ),
}
STACKS = {
    "aws-secretsmanager-rotation": (
        [[], [SECRET, (ROTATION, "monthly", {}, {"secretId": ["token"]})]],
        [[SECRET], [SECRET, (ROTATION, "monthly", {"secretId": "arn:of:another"})]],
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
