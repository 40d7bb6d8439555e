"""Examples for the rules of SageMaker, Bedrock and Managed Airflow, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.ml import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
METADATA = "instanceMetadataServiceConfiguration"

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-sagemaker-notebook-no-internet": (
        [{"directInternetAccess": "Disabled"}],
        [{}, {"directInternetAccess": "Enabled"}],
    ),
    "aws-sagemaker-notebook-vpc": ([{"subnetId": "subnet-1"}], [{}]),
    "aws-sagemaker-notebook-no-root": ([{"rootAccess": "Disabled"}], [{}, {"rootAccess": "Enabled"}]),
    "aws-sagemaker-notebook-imdsv2": (
        [{METADATA: {"minimumInstanceMetadataServiceVersion": "2"}}],
        [{}, {METADATA: {"minimumInstanceMetadataServiceVersion": "1"}}],
    ),
    "aws-sagemaker-customer-key": ([{"kmsKeyId": KEY}], [{}]),
    "aws-sagemaker-domain-vpc-only": (
        [{"appNetworkAccessType": "VpcOnly"}],
        [{}, {"appNetworkAccessType": "PublicInternetOnly"}],
    ),
    "aws-sagemaker-endpoint-customer-key": ([{"kmsKeyArn": KEY}], [{}]),
    "aws-sagemaker-endpoint-capture-customer-key": (
        [{}, {"dataCaptureConfig": {"enableCapture": True, "kmsKeyId": KEY}}],
        [{"dataCaptureConfig": {"enableCapture": True}}],
    ),
    "aws-sagemaker-endpoint-instances": (
        [
            {"productionVariants": [{"initialInstanceCount": 2}]},
            {"productionVariants": [{"serverlessConfig": {"maxConcurrency": 1}}]},
        ],
        [{"productionVariants": [{"initialInstanceCount": 2}, {"initialInstanceCount": 1}]}],
    ),
    "aws-sagemaker-model-network-isolation": (
        [{"enableNetworkIsolation": True}],
        [{}, {"enableNetworkIsolation": False}],
    ),
    "aws-sagemaker-feature-store-customer-key": (
        [
            {"offlineStoreConfig": {"s3StorageConfig": {"kmsKeyId": KEY}}},
            {"onlineStoreConfig": {"enableOnlineStore": True, "securityConfig": {"kmsKeyId": KEY}}},
        ],
        [
            {"offlineStoreConfig": {"s3StorageConfig": {}}},
            {"onlineStoreConfig": {"enableOnlineStore": True}},
        ],
    ),
    "aws-bedrock-custom-model-customer-key": ([{"customModelKmsKeyId": KEY}], [{}]),
    "aws-bedrock-custom-model-vpc": (
        [{"vpcConfig": {"subnetIds": ["subnet-1"]}}],
        [{}, {"vpcConfig": {"subnetIds": []}}],
    ),
    "aws-bedrock-agent-customer-key": ([{"customerEncryptionKeyArn": KEY}], [{}]),
    "aws-bedrock-invocation-logs": (
        [
            {"loggingConfig": {"cloudwatchConfig": {"logGroupName": "prompts"}}},
            {"loggingConfig": {"s3Config": {"bucketName": "prompts"}}},
        ],
        [{"loggingConfig": {}}],
    ),
    "aws-mwaa-customer-key": ([{"kmsKey": KEY}], [{}]),
    "aws-mwaa-private": (
        [{}, {"webserverAccessMode": "PRIVATE_ONLY"}],
        [{"webserverAccessMode": "PUBLIC_ONLY"}],
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
