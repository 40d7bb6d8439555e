"""Examples for the rules of Athena, Glue, CodeBuild, CloudFront and API Gateway, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.services import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"


def _results(**encryption: object) -> dict[str, object]:
    return {"configuration": {"resultConfiguration": {"encryptionConfiguration": encryption}}}


def _catalogue(mode: str, encrypted: bool, **more: object) -> dict[str, object]:
    return {
        "dataCatalogEncryptionSettings": {
            "encryptionAtRest": {"catalogEncryptionMode": mode, **more},
            "connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": encrypted},
        }
    }


def _build(**variable: object) -> dict[str, object]:
    return {"environment": {"environmentVariables": [variable]}}


def _behaviour(policy: str, ordered: str) -> dict[str, object]:
    return {
        "defaultCacheBehavior": {"viewerProtocolPolicy": policy},
        "orderedCacheBehaviors": [{"viewerProtocolPolicy": ordered}],
    }


EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-athena-results-encrypted": (
        [_results(encryptionOption="SSE_KMS", kmsKeyArn=KEY)],
        [{}, _results(encryptionOption="SSE_S3"), _results(encryptionOption="SSE_KMS")],
    ),
    "aws-glue-catalog-encrypted": (
        [_catalogue("SSE-KMS", True, sseAwsKmsKeyId=KEY)],
        [
            _catalogue("DISABLED", True),
            _catalogue("SSE-KMS", True),
            _catalogue("SSE-KMS", False, sseAwsKmsKeyId=KEY),
        ],
    ),
    "aws-codebuild-customer-key": (
        [{"encryptionKey": KEY}],
        [{}, {"encryptionKey": KEY, "artifacts": {"encryptionDisabled": True}}],
    ),
    "aws-codebuild-no-plain-credentials": (
        [
            {},
            _build(name="LEVEL", value="info"),
            _build(name="DB_PASSWORD", type="SECRETS_MANAGER", value="n"),
        ],
        [_build(name="DB_PASSWORD", value="hunter2"), _build(name="AWS_ACCESS_KEY_ID", type="PLAINTEXT")],
    ),
    "aws-codebuild-not-privileged": (
        [{}, {"environment": {"privilegedMode": False}}],
        [{"environment": {"privilegedMode": True}}],
    ),
    "aws-cloudfront-https": (
        [_behaviour("https-only", "redirect-to-https")],
        [_behaviour("allow-all", "https-only"), _behaviour("https-only", "allow-all")],
    ),
    "aws-cloudfront-logs": ([{"loggingConfig": {"bucket": "logs"}}], [{}]),
    "aws-apigateway-domain-tls": (
        [{"securityPolicy": "TLS_1_2"}],
        [{}, {"securityPolicy": "TLS_1_0"}],
    ),
    "aws-apigateway-stage-logs": (
        [{"accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:1:log-group:api"}}],
        [{}, {"accessLogSettings": {}}],
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
