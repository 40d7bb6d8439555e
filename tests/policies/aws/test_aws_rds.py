"""Examples for the rules of RDS, Aurora, DocumentDB and Neptune, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.rds import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case, Secret

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
PARAMETER = {"name": "rds.force_ssl", "value": "1"}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-rds-encrypted": (
        [{"storageEncrypted": True}, {"replicateSourceDb": "primary"}],
        [{}, {"storageEncrypted": False}],
    ),
    "aws-rds-customer-key": ([{"kmsKeyId": KEY}, {"replicateSourceDb": "primary"}], [{}]),
    "aws-rds-cluster-encrypted": ([{"storageEncrypted": True}], [{}, {"storageEncrypted": False}]),
    "aws-rds-cluster-customer-key": ([{"kmsKeyId": KEY}], [{}]),
    "aws-rds-not-public": ([{}, {"publiclyAccessible": False}], [{"publiclyAccessible": True}]),
    "aws-rds-deletion-protection": ([{"deletionProtection": True}], [{}, {"deletionProtection": False}]),
    "aws-rds-backups": (
        [{"backupRetentionPeriod": 7}, {"replicateSourceDb": "primary"}],
        [{}, {"backupRetentionPeriod": 0}],
    ),
    "aws-rds-cluster-backups": ([{"backupRetentionPeriod": 7}], [{}, {"backupRetentionPeriod": 1}]),
    "aws-rds-final-snapshot": ([{}, {"skipFinalSnapshot": False}], [{"skipFinalSnapshot": True}]),
    "aws-rds-iam-authentication": (
        [{"iamDatabaseAuthenticationEnabled": True}],
        [{}, {"iamDatabaseAuthenticationEnabled": False}],
    ),
    "aws-rds-managed-password": ([{"manageMasterUserPassword": True}], [{"password": Secret("hunter2")}]),
    "aws-rds-cluster-managed-password": (
        [{"manageMasterUserPassword": True}],
        [{"masterPassword": Secret("hunter2")}],
    ),
    "aws-rds-minor-upgrades": (
        [{}, {"autoMinorVersionUpgrade": True}],
        [{"autoMinorVersionUpgrade": False}],
    ),
    "aws-rds-insights-customer-key": (
        [{}, {"performanceInsightsEnabled": True, "performanceInsightsKmsKeyId": KEY}],
        [{"performanceInsightsEnabled": True}],
    ),
    "aws-rds-logs": (
        [{"enabledCloudwatchLogsExports": ["postgresql"]}],
        [{}, {"enabledCloudwatchLogsExports": []}],
    ),
    "aws-rds-copy-tags": ([{"copyTagsToSnapshot": True}], [{}, {"copyTagsToSnapshot": False}]),
    "aws-rds-multi-az": ([{"multiAz": True}, {"replicateSourceDb": "primary"}], [{}, {"multiAz": False}]),
    "aws-rds-parameter-tls": (
        [
            {"family": "postgres17", "parameters": [PARAMETER]},
            {"family": "mysql8.4", "parameters": [{"name": "require_secure_transport", "value": "ON"}]},
            {"family": "oracle-ee-19", "parameters": []},
        ],
        [
            {"family": "postgres17"},
            {"family": "aurora-postgresql17", "parameters": [{**PARAMETER, "value": "0"}]},
            {"family": "aurora-mysql8.0", "parameters": [PARAMETER]},
        ],
    ),
    "aws-rds-global-cluster-encrypted": (
        [{"storageEncrypted": True}, {"sourceDbClusterIdentifier": "arn:aws:rds:eu-west-1:1:cluster:c"}],
        [{}, {"storageEncrypted": False}],
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
