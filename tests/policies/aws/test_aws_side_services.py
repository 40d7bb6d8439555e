"""Examples for the rules of services beside an AI stack, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.side_services import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
Examples = tuple[list[dict[str, object]], list[dict[str, object]]]


def _key(path: str = "kmsKeyId") -> Examples:
    around, _, leaf = path.rpartition(".")

    def wrapped(inner: dict[str, object]) -> dict[str, object]:
        return {around: inner} if around else inner

    return [wrapped({leaf: KEY}), wrapped({leaf: UNKNOWN})], [{}, wrapped({leaf: ""})]


def _flag(name: str) -> Examples:
    return [{name: True}], [{}, {name: False}]


def _quality(**changed: object) -> dict[str, object]:
    cluster: dict[str, object] = {"volumeKmsKeyId": changed.get("volume", KEY)}
    return {
        "dataQualityJobOutputConfig": {"kmsKeyId": changed.get("output", KEY)},
        "jobResources": {"clusterConfig": cluster},
        "networkConfig": {"enableInterContainerTrafficEncryption": changed.get("traffic", True)},
    }


def _session(**inputs: object) -> dict[str, object]:
    document = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}
    return {"documentType": "Session", "content": json.dumps(document)}


def _grant(action: str, resource: str) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"inlinePolicy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def _tls(policy: str) -> dict[str, object]:
    return {"deliveryOptions": {"tlsPolicy": policy}}


EXAMPLES: dict[str, Examples] = {
    "aws-ebs-copy-customer-key": _key(),
    "aws-ec2-image-disks-encrypted": (
        [{}, {"ebsBlockDevices": [{"encrypted": True}]}],
        [{"ebsBlockDevices": [{}]}, {"ebsBlockDevices": [{"encrypted": True}, {"encrypted": False}]}],
    ),
    "aws-dynamodb-replica-customer-key": _key("kmsKeyArn"),
    "aws-memorydb-snapshot-customer-key": _key("kmsKeyArn"),
    "aws-redshift-copy-grant-customer-key": _key(),
    "aws-codeartifact-customer-key": _key("encryptionKey"),
    "aws-kinesis-video-customer-key": _key(),
    "aws-kendra-customer-key": _key("serverSideEncryptionConfiguration.kmsKeyId"),
    "aws-scheduler-customer-key": _key("kmsKeyArn"),
    "aws-sagemaker-flow-customer-key": _key("outputConfig.kmsKeyId"),
    "aws-sagemaker-data-quality-encrypted": (
        [_quality()],
        [{}, _quality(volume=""), _quality(output=""), _quality(traffic=False)],
    ),
    "aws-glue-security-configuration": _key("securityConfiguration"),
    "aws-workspaces-encrypted": (
        [{"rootVolumeEncryptionEnabled": True, "userVolumeEncryptionEnabled": True}],
        [{}, {"rootVolumeEncryptionEnabled": True}, {"userVolumeEncryptionEnabled": True}],
    ),
    "aws-ses-tls": ([_tls("Require"), _tls("REQUIRE")], [{}, _tls("Optional"), _tls("OPTIONAL")]),
    "aws-transfer-protocols": ([{}, {"protocols": ["SFTP"]}], [{"protocols": ["SFTP", "FTP"]}]),
    "aws-mq-customer-key": (
        [{"encryptionOptions": {"useAwsOwnedKey": False, "kmsKeyId": KEY}}],
        [{}, {"encryptionOptions": {"useAwsOwnedKey": True}}, {"encryptionOptions": {"kmsKeyId": KEY}}],
    ),
    "aws-mq-not-public": ([{}, {"publiclyAccessible": False}], [{"publiclyAccessible": True}]),
    "aws-mq-logs": ([{"logs": {"general": True}}], [{}, {"logs": {"general": False}}]),
    "aws-network-firewall-customer-key": _key("encryptionConfiguration.keyId"),
    "aws-network-firewall-deletion-protection": _flag("deleteProtection"),
    "aws-ssm-session-recorded": (
        [
            {"documentType": "Command", "content": "{}"},
            _session(kmsKeyId=KEY, s3BucketName="logs", s3EncryptionEnabled=True),
            _session(kmsKeyId=KEY, cloudWatchLogGroupName="logs", cloudWatchEncryptionEnabled="true"),
        ],
        [
            _session(s3BucketName="logs", s3EncryptionEnabled=True),
            _session(kmsKeyId=KEY),
            _session(kmsKeyId=KEY, s3BucketName="logs", s3EncryptionEnabled=False),
        ],
    ),
    "aws-sso-no-administrator-access": (
        [{"managedPolicyArn": "arn:aws:iam::aws:policy/ViewOnlyAccess"}],
        [{"managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}],
    ),
    "aws-sso-policy-no-admin": ([_grant("s3:GetObject", "*")], [_grant("*", "*"), _grant("s3:*", "*")]),
    "aws-elasticache-cluster-minor-upgrades": (
        [{}, {"autoMinorVersionUpgrade": "true"}],
        [{"autoMinorVersionUpgrade": "false"}],
    ),
    "aws-firehose-customer-key": (
        [
            {},
            {
                "serverSideEncryption": {
                    "enabled": True,
                    "keyType": "CUSTOMER_MANAGED_CMK",
                    "keyArn": KEY,
                }
            },
        ],
        [
            {"serverSideEncryption": {"enabled": True}},
            {"serverSideEncryption": {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK"}},
        ],
    ),
}

CASES = [
    Case(
        rule_name=rule.name,
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


def test_a_session_document_that_is_not_known_yet_is_left_open() -> None:
    rule = next(one for one in RULES if one.name == "aws-ssm-session-recorded")
    assert isinstance(rule, Rule)
    unknown = {"documentType": "Session", "content": UNKNOWN}
    assert [one.kind for one in findings(rule, rule.types[0], unknown)] == ["undetermined"]
