"""Rules about members, roles, buckets, audit logs and labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bedplate_policies.gcp import RULES as ALL
from bedplate_policies.gcp import data, iam, labels, logs, storage
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings, make_resource, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Inputs = Mapping[str, object]
RULES = (*iam.RULES, *storage.RULES, *data.RULES, *logs.RULES, *labels.RULES)
RULE_NAMES = {rule.name for rule in RULES} - {"gcp-iam-authoritative-policy"}
BY_NAME = {rule.name: rule for rule in ALL}
BUCKET = storage.BUCKET[0]
GIVEN = {("gcp-pubsub-cmek", "kmsKeyName"), ("gcp-artifact-registry-cmek", "kmsKeyName")}


def on(name: str, good: list[Inputs], bad: list[Inputs]) -> Case:
    """The same inputs on each type that the rule looks at."""
    types = BY_NAME[name].types
    return Case(
        name, [(type, one) for one in good for type in types], [(type, one) for one in bad for type in types]
    )


def wrap(path: str, value: object) -> Inputs:
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def keyed(name: str, path: str) -> Case:
    """A property that names a key, also one that is made in the same update."""
    return on(name, [wrap(path, "key"), wrap(path, UNKNOWN)], [{}, wrap(path, "")])


def grant(type: str, role: str, member: str) -> tuple[str, Inputs]:
    if type.endswith("Policy"):
        return type, {"policyData": json.dumps({"bindings": [{"role": role, "members": [member]}]})}
    if type.endswith("Member"):
        return type, {"role": role, "member": member}
    return type, {"role": role, "members": ["user:a@example.com", member]}


def granted(name: str, good: list[tuple[str, str]], bad: list[tuple[str, str]]) -> Case:
    """Grants of a role to a member, by each of the ways of granting."""
    types = BY_NAME[name].types
    return Case(
        name,
        [grant(type, *one) for one in good for type in types],
        [grant(type, *one) for one in bad for type in types],
    )


VIEWER, TEAM = "roles/viewer", "group:ml@example.com"
ACCOUNT = "serviceAccount:train@example.iam.gserviceaccount.com"
EVERYBODY = [(VIEWER, "allUsers"), (VIEWER, "allAuthenticatedUsers")]
PUBLIC = [
    "gcp-iam-no-public-members",
    "gcp-service-account-no-public-members",
    "gcp-storage-no-public-members",
    "gcp-pubsub-no-public-members",
    "gcp-artifact-registry-no-public-members",
    "gcp-bigquery-no-public-members",
    "gcp-cloudrun-no-public-members",
]
ACL, DEFAULT_ACL, ENTRY, DEFAULT_ENTRY = BY_NAME["gcp-storage-no-public-acl"].types
BOTH = {"environment": "prod", "team": "vision"}
LABELS = {
    "gcp-labels-resources": "labels",
    "gcp-labels-clusters": "resourceLabels",
    "gcp-labels-node-pools": "nodeConfig.resourceLabels",
    "gcp-labels-databases": "settings.userLabels",
}


def logged(*types: str) -> Inputs:
    return {"auditLogConfigs": [{"logType": type} for type in types]}


CASES = [
    *(granted(name, [(VIEWER, TEAM)], EVERYBODY) for name in PUBLIC),
    granted(
        "gcp-iam-no-primitive-roles",
        [(VIEWER, TEAM), ("roles/container.developer", TEAM)],
        [("roles/owner", TEAM), ("roles/editor", ACCOUNT)],
    ),
    granted(
        "gcp-iam-no-admin-service-accounts",
        [(VIEWER, ACCOUNT), ("roles/owner", TEAM)],
        [("roles/editor", ACCOUNT), ("roles/iam.securityAdmin", ACCOUNT)],
    ),
    granted(
        "gcp-iam-no-project-wide-impersonation",
        [(VIEWER, TEAM)],
        [("roles/iam.serviceAccountTokenCreator", TEAM), ("roles/iam.serviceAccountUser", ACCOUNT)],
    ),
    keyed("gcp-storage-cmek", "encryption.defaultKmsKeyName"),
    on(
        "gcp-storage-uniform-access",
        [{"uniformBucketLevelAccess": True}],
        [{}, {"uniformBucketLevelAccess": False}],
    ),
    on(
        "gcp-storage-public-access-prevention",
        [{"publicAccessPrevention": "enforced"}],
        [{}, {"publicAccessPrevention": "inherited"}],
    ),
    Case(
        "gcp-storage-no-public-acl",
        [(ACL, {"predefinedAcl": "private"}), (ENTRY, {"entity": "group-ml@example.com", "role": "READER"})],
        [
            (ACL, {"predefinedAcl": "publicRead"}),
            (ACL, {"roleEntities": ["READER:allUsers"]}),
            (DEFAULT_ACL, {"roleEntities": ["READER:allAuthenticatedUsers"]}),
            (ENTRY, {"entity": "allUsers"}),
            (DEFAULT_ENTRY, {"entity": "allAuthenticatedUsers"}),
        ],
    ),
    on(
        "gcp-storage-recoverable",
        [
            {},
            {"softDeletePolicy": {"retentionDurationSeconds": 604_800}},
            {"softDeletePolicy": {"retentionDurationSeconds": 0}, "versioning": {"enabled": True}},
            {"softDeletePolicy": {"retentionDurationSeconds": 0}, "retentionPolicy": {"retentionPeriod": 60}},
        ],
        [{"softDeletePolicy": {"retentionDurationSeconds": 0}}],
    ),
    on(
        "gcp-storage-versioning",
        [{"versioning": {"enabled": True}}],
        [{}, {"versioning": {"enabled": False}}],
    ),
    on(
        "gcp-storage-retention-locked",
        [{}, {"retentionPolicy": {"retentionPeriod": 60, "isLocked": True}}],
        [{"retentionPolicy": {"retentionPeriod": 60}}],
    ),
    on("gcp-storage-access-logs", [{"logging": {"logBucket": "logs"}}], [{}, {"logging": {"logBucket": ""}}]),
    on("gcp-storage-no-force-destroy", [{}, {"forceDestroy": False}], [{"forceDestroy": True}]),
    on(
        "gcp-storage-cors",
        [{}, {"cors": [{"origins": ["https://a.example"]}]}],
        [{"cors": [{"origins": ["https://a.example", "*"]}]}],
    ),
    on(
        "gcp-service-account-no-keys",
        [{"publicKeyData": "LS0tLS1CRUdJTg=="}],
        [{"serviceAccountId": "train"}, {"publicKeyData": ""}],
    ),
    keyed("gcp-pubsub-cmek", "kmsKeyName"),
    keyed("gcp-artifact-registry-cmek", "kmsKeyName"),
    keyed("gcp-bigquery-dataset-cmek", "defaultEncryptionConfiguration.kmsKeyName"),
    keyed("gcp-bigquery-table-cmek", "encryptionConfiguration.kmsKeyName"),
    keyed("gcp-vertex-endpoint-cmek", "encryptionSpec.kmsKeyName"),
    keyed("gcp-dataproc-cmek", "clusterConfig.encryptionConfig.kmsKeyName"),
    keyed("gcp-gke-backup-cmek", "backupConfig.encryptionKey.gcpKmsEncryptionKey"),
    keyed("gcp-logging-bucket-cmek", "cmekSettings.kmsKeyName"),
    on(
        "gcp-artifact-registry-scanning",
        [{}, {"vulnerabilityScanningConfig": {"enablementConfig": "INHERITED"}}],
        [{"vulnerabilityScanningConfig": {"enablementConfig": "DISABLED"}}],
    ),
    on(
        "gcp-artifact-registry-immutable-tags",
        [{"format": "PYTHON"}, {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}],
        [{"format": "DOCKER"}, {"format": "DOCKER", "dockerConfig": {"immutableTags": False}}],
    ),
    on(
        "gcp-bigquery-no-public-access",
        [{}, {"accesses": [{"role": "READER", "groupByEmail": "ml@example.com"}]}],
        [
            {"accesses": [{"role": "READER", "specialGroup": "allAuthenticatedUsers"}]},
            {"accesses": [{"role": "READER", "iamMember": "allUsers"}]},
            {"specialGroup": "allAuthenticatedUsers"},
            {"iamMember": "allUsers"},
        ],
    ),
    on(
        "gcp-bigquery-table-deletion-protection",
        [{}, {"deletionProtection": True}],
        [{"deletionProtection": False}],
    ),
    on(
        "gcp-dataproc-private",
        [wrap("clusterConfig.gceClusterConfig.internalIpOnly", True)],
        [{}, wrap("clusterConfig.gceClusterConfig.internalIpOnly", False)],
    ),
    on("gcp-logging-sink-enabled", [{}, {"disabled": False}], [{"disabled": True}]),
    on(
        "gcp-logging-bucket-retention",
        [{}, {"retentionDays": 30}],
        [{"retentionDays": 29}, {"retentionDays": 1}],
    ),
    on(
        "gcp-audit-all-access",
        [logged("ADMIN_READ", "DATA_READ", "DATA_WRITE")],
        [logged("ADMIN_READ"), logged()],
    ),
    on(
        "gcp-audit-no-exemptions",
        [logged("DATA_READ")],
        [{"auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": ["user:a@example.com"]}]}],
    ),
    *(
        on(
            name,
            [wrap(path, BOTH), wrap(path, {**BOTH, "team": UNKNOWN})],
            [{}, wrap(path, {"team": "vision"})],
        )
        for name, path in LABELS.items()
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES


@pytest.mark.parametrize("type", BY_NAME["gcp-iam-authoritative-policy"].types)
def test_a_policy_that_replaces_all_others_is_told(type: str) -> None:
    rule = BY_NAME["gcp-iam-authoritative-policy"]
    assert isinstance(rule, Rule)
    assert rule.enforcement == "advisory"
    assert violations(findings(rule, type, {"policyData": "{}"}))


@pytest.mark.parametrize(
    ("inputs", "kinds"),
    [
        ({"role": UNKNOWN, "member": TEAM}, ["undetermined"]),
        ({"role": "roles/owner", "member": UNKNOWN}, ["violation"]),
    ],
)
def test_a_role_that_nobody_knows_yet_stays_open(inputs: Inputs, kinds: list[str]) -> None:
    rule = BY_NAME["gcp-iam-no-primitive-roles"]
    assert isinstance(rule, Rule)
    assert [one.kind for one in findings(rule, iam.GRANTS[0], inputs)] == kinds


def test_a_member_that_nobody_knows_yet_stays_open() -> None:
    rule = BY_NAME["gcp-iam-no-admin-service-accounts"]
    assert isinstance(rule, Rule)
    found = findings(rule, iam.GRANTS[0], {"role": "roles/owner", "member": UNKNOWN})
    assert [one.kind for one in found] == ["undetermined"]


def test_labels_of_the_provider_count() -> None:
    rule = BY_NAME["gcp-labels-resources"]
    assert isinstance(rule, Rule)
    bucket = replace(make_resource(BUCKET, {"labels": {"team": "vision"}}), provider={"defaultLabels": BOTH})
    assert list(rule.check(bucket, rule.defaults())) == []
    assert "lacks environment" in findings(rule, BUCKET, {"labels": {"team": "vision"}})[0].message
    assert findings(rule, BUCKET, {"labels": {"team": "a"}}, {"required_labels": ["team"]}) == []
