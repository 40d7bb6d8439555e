"""Rules about keys, disks, file systems, databases and secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from bedplate_policies.gcp import RULES as ALL
from bedplate_policies.gcp import databases, disks, kms, secrets
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULES = (*kms.RULES, *disks.RULES, *databases.RULES, *secrets.RULES)
RULE_NAMES = {rule.name for rule in RULES} - {"gcp-kms-protect"}
BY_NAME = {rule.name: rule for rule in ALL}


def types_of(name: str) -> tuple[str, ...]:
    return BY_NAME[name].types


def on(name: str, good: list[Mapping[str, object]], bad: list[Mapping[str, object]]) -> Case:
    """The same inputs on each type that the rule looks at."""
    return Case(
        name,
        [(type, one) for one in good for type in types_of(name)],
        [(type, one) for one in bad for type in types_of(name)],
    )


def keyed(name: str, path: str) -> Case:
    """A property that names a key, also one that is made in the same update."""
    around, _, leaf = path.rpartition(".")
    empty: list[Mapping[str, object]] = [{}, wrap(around, {leaf: ""})]
    return on(name, [wrap(around, {leaf: "key"}), wrap(around, {leaf: UNKNOWN})], empty)


def wrap(path: str, inner: Mapping[str, object]) -> Mapping[str, object]:
    for step in reversed(path.split(".") if path else []):
        inner = {step: inner}
    return inner


def granted(name: str) -> Case:
    """Members, bindings and policies that name somebody, and that name everybody."""
    good: list[Example] = []
    bad: list[Example] = []
    for type in types_of(name):
        for who, side in (("group:ml@example.com", good), ("allUsers", bad), ("allAuthenticatedUsers", bad)):
            if type.endswith("Member"):
                side.append((type, {"member": who}))
            elif type.endswith("Binding"):
                side.append((type, {"members": ["user:a@example.com", who]}))
            else:
                policy = {"bindings": [{"role": "roles/viewer", "members": [who]}]}
                side.append((type, {"policyData": json.dumps(policy)}))
    return Case(name, good, bad)


SSL = {"ipConfiguration": {"sslMode": "ENCRYPTED_ONLY"}}
AUTO = {"replication": {"auto": {"customerManagedEncryption": {"kmsKeyName": "key"}}}}
REPLICA = {"location": "europe-west4", "customerManagedEncryption": {"kmsKeyName": UNKNOWN}}


def settings(**inner: object) -> Mapping[str, object]:
    return {"settings": inner}


def replicas(*given: Mapping[str, object]) -> Mapping[str, object]:
    return {"replication": {"userManaged": {"replicas": list(given)}}}


# The name of a key alone may be unknown: it is then made in the same update.
GIVEN = {
    ("gcp-filestore-cmek", "kmsKeyName"),
    ("gcp-lustre-cmek", "kmsKey"),
    ("gcp-sql-cmek", "encryptionKeyName"),
    ("gcp-redis-cmek", "customerManagedKey"),
}

CASES = [
    on(
        "gcp-kms-rotation",
        [{"rotationPeriod": "7776000s"}, {"rotationPeriod": "86400s"}, {"purpose": "ASYMMETRIC_SIGN"}],
        [{}, {"rotationPeriod": "7776001s"}, {"rotationPeriod": "soon"}, {"purpose": "ENCRYPT_DECRYPT"}],
    ),
    on(
        "gcp-kms-destroy-wait",
        [{}, {"destroyScheduledDuration": "604800s"}],
        [{"destroyScheduledDuration": "86400s"}, {"destroyScheduledDuration": "604799s"}],
    ),
    on(
        "gcp-kms-hardware",
        [
            {"versionTemplate": {"protectionLevel": "HSM"}},
            {"versionTemplate": {"protectionLevel": "EXTERNAL"}},
        ],
        [{}, {"versionTemplate": {"protectionLevel": "SOFTWARE"}}],
    ),
    granted("gcp-kms-no-public-members"),
    keyed("gcp-disk-cmek", "diskEncryptionKey.kmsKeySelfLink"),
    keyed("gcp-region-disk-cmek", "diskEncryptionKey.kmsKeyName"),
    keyed("gcp-image-cmek", "imageEncryptionKey.kmsKeySelfLink"),
    keyed("gcp-snapshot-cmek", "snapshotEncryptionKey.kmsKeySelfLink"),
    keyed("gcp-filestore-cmek", "kmsKeyName"),
    on(
        "gcp-filestore-root-squash",
        [{"fileShares": {"nfsExportOptions": [{"squashMode": "ROOT_SQUASH"}]}}],
        [
            {"fileShares": {"name": "share"}},
            {"fileShares": {"nfsExportOptions": [{"accessMode": "READ_WRITE"}]}},
        ],
    ),
    on(
        "gcp-filestore-deletion-protection",
        [{"deletionProtectionEnabled": True}],
        [{}, {"deletionProtectionEnabled": False}],
    ),
    keyed("gcp-lustre-cmek", "kmsKey"),
    on(
        "gcp-lustre-squash",
        [{"accessRulesOptions": {"defaultSquashMode": "ROOT_SQUASH"}}],
        [{}, {"accessRulesOptions": {"defaultSquashMode": "NO_SQUASH"}}],
    ),
    on(
        "gcp-parallelstore-scratch-only",
        [{"deploymentType": "SCRATCH"}],
        [{}, {"deploymentType": "PERSISTENT"}],
    ),
    on(
        "gcp-disk-no-raw-key",
        [{}, {"diskEncryptionKey": {"kmsKeySelfLink": "key"}}],
        [{"diskEncryptionKey": {"rawKey": "abcdefgh"}}],
    ),
    keyed("gcp-sql-cmek", "encryptionKeyName"),
    on(
        "gcp-sql-tls",
        [settings(**SSL)],
        [{}, settings(ipConfiguration={"sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"})],
    ),
    on(
        "gcp-sql-private",
        [settings(ipConfiguration={"ipv4Enabled": False})],
        [{}, settings(ipConfiguration={"ipv4Enabled": True})],
    ),
    on(
        "gcp-sql-authorized-networks",
        [settings(**SSL), settings(ipConfiguration={"authorizedNetworks": [{"value": "203.0.113.0/24"}]})],
        [settings(ipConfiguration={"authorizedNetworks": [{"value": "0.0.0.0/0"}]})],
    ),
    on(
        "gcp-sql-backup",
        [settings(backupConfiguration={"enabled": True})],
        [{}, settings(backupConfiguration={"enabled": False})],
    ),
    on(
        "gcp-sql-deletion-protection",
        [settings(deletionProtectionEnabled=True)],
        [{}, {"deletionProtection": False, **settings(deletionProtectionEnabled=True)}],
    ),
    on(
        "gcp-redis-tls",
        [{"transitEncryptionMode": "SERVER_AUTHENTICATION"}],
        [{}, {"transitEncryptionMode": "DISABLED"}],
    ),
    on("gcp-redis-auth", [{"authEnabled": True}], [{}, {"authEnabled": False}]),
    keyed("gcp-redis-cmek", "customerManagedKey"),
    keyed("gcp-alloydb-cmek", "encryptionConfig.kmsKeyName"),
    on(
        "gcp-secret-cmek",
        [AUTO, replicas(REPLICA, REPLICA)],
        [
            {"replication": {"auto": {}}},
            replicas(REPLICA, {"location": "europe-west1"}),
            replicas({"location": "europe-west1", "customerManagedEncryption": {"kmsKeyName": ""}}),
        ],
    ),
    on("gcp-secret-rotation", [{"rotation": {"rotationPeriod": "7776000s"}}], [{}, {"rotation": {}}]),
    granted("gcp-secret-no-public-members"),
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


def test_keys_are_protected_by_the_program() -> None:
    rule = BY_NAME["gcp-kms-protect"]
    assert isinstance(rule, Rule)
    assert violations(findings(rule, kms.KEY[0], {}))
    assert findings(rule, kms.KEY[0], {}, protect=True) == []
    assert findings(rule, kms.KEY[0], {}, retain_on_delete=True) == []


def test_a_longer_rotation_can_be_allowed() -> None:
    rule = BY_NAME["gcp-kms-rotation"]
    assert isinstance(rule, Rule)
    yearly = {"rotationPeriod": f"{365 * 86_400}s"}
    assert findings(rule, kms.KEY[0], yearly, {"maximum_rotation_days": 365}) == []
    assert "365 days" in findings(rule, kms.KEY[0], yearly)[0].message


def test_no_message_shows_the_key_of_a_disk() -> None:
    rule = BY_NAME["gcp-disk-no-raw-key"]
    assert isinstance(rule, Rule)
    found = findings(rule, rule.types[0], {"diskEncryptionKey": {"rawKey": "abcdefgh"}})
    assert "abcdefgh" not in found[0].message
