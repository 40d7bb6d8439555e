"""Examples for the rules of SNS, SQS, Kinesis and MSK, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.messaging import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def _deny(action: str) -> dict[str, object]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
ALARMS = {**PUBLIC, "Principal": {"Service": "cloudwatch.amazonaws.com"}}
FROM_TOPIC = {**PUBLIC, "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:1:t"}}}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-sns-encrypted": ([{"kmsMasterKeyId": KEY}], [{}]),
    "aws-sns-policy-not-public": ([{}, _policy(ALARMS)], [_policy(ALARMS, PUBLIC)]),
    "aws-sns-policy-tls-only": (
        [_policy(ALARMS, _deny("sns:Publish")), _policy(_deny("sns:*"))],
        [_policy(ALARMS), _policy(_deny("sns:Subscribe"))],
    ),
    "aws-sns-subscription-https": ([{"protocol": "https"}, {"protocol": "sqs"}], [{"protocol": "http"}]),
    "aws-sqs-encrypted": (
        [{"kmsMasterKeyId": KEY}, {"sqsManagedSseEnabled": True}],
        [{}, {"sqsManagedSseEnabled": False}],
    ),
    "aws-sqs-policy-not-public": ([{}, _policy(FROM_TOPIC)], [_policy(PUBLIC)]),
    "aws-sqs-policy-tls-only": (
        [_policy(_deny("sqs:*"))],
        [_policy(FROM_TOPIC), _policy(_deny("sqs:SendMessage"))],
    ),
    "aws-kinesis-stream-encrypted": (
        [{"encryptionType": "KMS", "kmsKeyId": KEY}],
        [{}, {"encryptionType": "NONE"}, {"encryptionType": "KMS"}],
    ),
    "aws-kinesis-firehose-encrypted": (
        [
            {"serverSideEncryption": {"enabled": True}},
            {"kinesisSourceConfiguration": {"kinesisStreamArn": "arn:aws:kinesis:eu-west-1:1:stream/s"}},
        ],
        [{}, {"serverSideEncryption": {"enabled": False}}],
    ),
    "aws-msk-customer-key": (
        [{"encryptionInfo": {"encryptionAtRestKmsKeyArn": KEY}}],
        [{}, {"encryptionInfo": {}}],
    ),
    "aws-msk-in-transit": (
        [{}, {"encryptionInfo": {"encryptionInTransit": {"clientBroker": "TLS", "inCluster": True}}}],
        [
            {"encryptionInfo": {"encryptionInTransit": {"clientBroker": "TLS_PLAINTEXT"}}},
            {"encryptionInfo": {"encryptionInTransit": {"inCluster": False}}},
        ],
    ),
    "aws-msk-not-public": (
        [{}, {"clientAuthentication": {"sasl": {"iam": True}}}],
        [
            {"clientAuthentication": {"unauthenticated": True}},
            {
                "brokerNodeGroupInfo": {
                    "connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}}
                }
            },
        ],
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
