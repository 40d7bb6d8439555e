"""Examples for the rules of DynamoDB, caches, OpenSearch, Redshift and backups, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.databases import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
SEARCH = {
    "encryptAtRest": {"enabled": True, "kmsKeyId": KEY},
    "nodeToNodeEncryption": {"enabled": True},
}
TLS = {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"}
SECURED = {"advancedSecurityOptions": {"enabled": True}}


def _document(principal: object) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-dynamodb-customer-key": (
        [{"serverSideEncryption": {"enabled": True, "kmsKeyArn": KEY}}],
        [{}, {"serverSideEncryption": {"enabled": True}}, {"serverSideEncryption": {"enabled": False}}],
    ),
    "aws-dynamodb-point-in-time-recovery": (
        [{"pointInTimeRecovery": {"enabled": True}}],
        [{}, {"pointInTimeRecovery": {"enabled": False}}],
    ),
    "aws-dynamodb-deletion-protection": (
        [{"deletionProtectionEnabled": True}],
        [{}, {"deletionProtectionEnabled": False}],
    ),
    "aws-dax-encrypted": (
        [{"serverSideEncryption": {"enabled": True}, "clusterEndpointEncryptionType": "TLS"}],
        [{}, {"serverSideEncryption": {"enabled": True}, "clusterEndpointEncryptionType": "NONE"}],
    ),
    "aws-elasticache-encrypted": (
        [{"atRestEncryptionEnabled": True}],
        [{}, {"atRestEncryptionEnabled": False}],
    ),
    "aws-elasticache-customer-key": ([{"kmsKeyId": KEY}], [{}]),
    "aws-elasticache-in-transit": (
        [{"transitEncryptionEnabled": True}],
        [{}, {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"}],
    ),
    "aws-elasticache-backups": ([{"snapshotRetentionLimit": 1}], [{}, {"snapshotRetentionLimit": 0}]),
    "aws-elasticache-minor-upgrades": (
        [{}, {"autoMinorVersionUpgrade": True}],
        [{"autoMinorVersionUpgrade": False}],
    ),
    "aws-memorydb-in-transit": (
        [{"aclName": "team"}, {"aclName": "team", "tlsEnabled": True}],
        [{"aclName": "open-access"}, {"aclName": "team", "tlsEnabled": False}],
    ),
    "aws-memorydb-customer-key": ([{"kmsKeyArn": KEY}], [{}]),
    "aws-opensearch-encrypted": (
        [SEARCH],
        [
            {},
            {**SEARCH, "encryptAtRest": {"enabled": True}},
            {**SEARCH, "nodeToNodeEncryption": {"enabled": False}},
        ],
    ),
    "aws-opensearch-tls": (
        [{"domainEndpointOptions": TLS}],
        [
            {},
            {"domainEndpointOptions": {**TLS, "enforceHttps": False}},
            {"domainEndpointOptions": {**TLS, "tlsSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"}},
        ],
    ),
    "aws-opensearch-not-public": (
        [{"vpcOptions": {"subnetIds": ["subnet-1"]}}],
        [{}, {"vpcOptions": {"subnetIds": []}}],
    ),
    "aws-opensearch-access": (
        [SECURED, {**SECURED, "accessPolicies": _document({"AWS": "111122223333"})}],
        [{}, {**SECURED, "accessPolicies": _document({"AWS": "*"})}],
    ),
    "aws-redshift-encrypted": (
        [{"encrypted": "true", "kmsKeyId": KEY}],
        [{}, {"encrypted": "true"}, {"encrypted": "false", "kmsKeyId": KEY}],
    ),
    "aws-redshift-not-public": ([{}, {"publiclyAccessible": False}], [{"publiclyAccessible": True}]),
    "aws-redshift-vpc-routing": ([{"enhancedVpcRouting": True}], [{}, {"enhancedVpcRouting": False}]),
    "aws-redshift-snapshots": (
        [{"automatedSnapshotRetentionPeriod": 7}],
        [{}, {"automatedSnapshotRetentionPeriod": 0}],
    ),
    "aws-redshift-serverless-customer-key": ([{"kmsKeyId": KEY}], [{}]),
    "aws-backup-vault-customer-key": ([{"kmsKeyArn": KEY}], [{}]),
    "aws-backup-vault-policy-not-public": (
        [{"policy": _document({"AWS": "111122223333"})}],
        [{"policy": _document("*")}],
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
