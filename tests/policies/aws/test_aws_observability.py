"""Examples for the rules of logs, alarms and trails, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.observability import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-logs-customer-key": ([{"kmsKeyId": KEY}], [{}, {"kmsKeyId": ""}]),
    "aws-logs-retention": ([{"retentionInDays": 30}], [{}, {"retentionInDays": 0}, {"retentionInDays": 1}]),
    "aws-cloudwatch-alarm-actions": (
        [{"alarmActions": [TOPIC]}],
        [{}, {"alarmActions": []}, {"alarmActions": [TOPIC], "actionsEnabled": False}],
    ),
    "aws-cloudtrail-customer-key": ([{"kmsKeyId": KEY}], [{}]),
    "aws-cloudtrail-validation": (
        [{"enableLogFileValidation": True}],
        [{}, {"enableLogFileValidation": False}],
    ),
    "aws-cloudtrail-all-regions": (
        [{"isMultiRegionTrail": True}],
        [
            {},
            {"isMultiRegionTrail": True, "includeGlobalServiceEvents": False},
            {"isMultiRegionTrail": True, "enableLogging": False},
        ],
    ),
    "aws-cloudtrail-to-logs": (
        [{"cloudWatchLogsGroupArn": "arn:aws:logs:eu-west-1:1:log-group:trail:*"}],
        [{}],
    ),
    "aws-cloudtrail-lake-protected": (
        [{}, {"terminationProtectionEnabled": True}],
        [{"terminationProtectionEnabled": False}],
    ),
    "aws-guardduty-enabled": ([{}, {"enable": True}], [{"enable": False}]),
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
