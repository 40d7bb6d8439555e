"""Examples for the rules of Lambda, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.functions import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
ACCESS_KEY = "AKIA" + "EXAMPLE7EXAMPLE7"

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-lambda-environment-customer-key": (
        [{}, {"environment": {"variables": {"LEVEL": "info"}}, "kmsKeyArn": KEY}],
        [{"environment": {"variables": {"LEVEL": "info"}}}],
    ),
    "aws-lambda-environment-credentials": (
        [{}, {"environment": {"variables": {"LEVEL": "info"}}}],
        [{"environment": {"variables": {"LEVEL": "info", "ID": ACCESS_KEY}}}],
    ),
    "aws-lambda-runtime-supported": (
        [{}, {"runtime": "python3.13"}],
        [{"runtime": "python3.8"}, {"runtime": "nodejs16.x"}],
    ),
    "aws-lambda-tracing": (
        [{"tracingConfig": {"mode": "Active"}}],
        [{}, {"tracingConfig": {"mode": "PassThrough"}}],
    ),
    "aws-lambda-url-not-public": ([{"authorizationType": "AWS_IAM"}], [{"authorizationType": "NONE"}]),
    "aws-lambda-url-cors": (
        [{}, {"cors": {"allowCredentials": True, "allowOrigins": ["https://example.com"]}}],
        [{"cors": {"allowCredentials": True, "allowOrigins": ["*"]}}],
    ),
    "aws-lambda-permission-not-public": (
        [{"principal": "111122223333"}, {"principal": "*", "principalOrgId": "o-1"}],
        [{"principal": "*"}],
    ),
    "aws-lambda-permission-source": (
        [
            {"principal": "111122223333"},
            {"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::data"},
        ],
        [{"principal": "s3.amazonaws.com"}],
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
