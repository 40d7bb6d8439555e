"""Rules about the services beside an AI stack on Google Cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bedplate_policies.gcp import side_services
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case

Outcomes = Callable[[], dict[str, list[Finding]]]
BY_NAME = {rule.name: rule for rule in side_services.RULES}
Inputs = Mapping[str, object]


def on(name: str, good: list[Inputs], bad: list[Inputs]) -> Case:
    """The same inputs on each type that the rule looks at."""
    types = BY_NAME[name].types
    return Case(
        name, [(type, one) for one in good for type in types], [(type, one) for one in bad for type in types]
    )


def flags(version: str, **given: str) -> Inputs:
    listed = [{"name": name.replace("__", " "), "value": value} for name, value in given.items()]
    return {"databaseVersion": version, "settings": {"databaseFlags": listed}}


PUBLIC = "gcp-side-services-no-public-members"
MEMBERS = [type for type in BY_NAME[PUBLIC].types if type.endswith("Member")]
BINDINGS = [type for type in BY_NAME[PUBLIC].types if type.endswith("Binding")]
PGAUDIT = {"name": "cloudsql.enable_pgaudit", "value": "on"}
LOGGED = [{"name": "log_connections", "value": "on"}, {"name": "log_disconnections", "value": "on"}, PGAUDIT]
POSTGRES = "POSTGRES_17"
LOGGING = {"databaseVersion": POSTGRES, "settings": {"databaseFlags": LOGGED}}
CASES = [
    on(
        "gcp-vertex-cmek",
        [{"encryptionSpec": {"kmsKeyName": "key"}}, {"encryptionSpec": {"kmsKeyName": UNKNOWN}}],
        [{}, {"encryptionSpec": {"kmsKeyName": ""}}],
    ),
    on(
        "gcp-spanner-cmek",
        [{"encryptionConfig": {"kmsKeyName": "key"}}, {"encryptionConfig": {"kmsKeyNames": ["a", "b"]}}],
        [{}, {"encryptionConfig": {}}],
    ),
    on(
        "gcp-spanner-drop-protection",
        [{"enableDropProtection": True}],
        [{}, {"enableDropProtection": True, "deletionProtection": False}],
    ),
    on(
        "gcp-bigtable-cmek",
        [{"clusters": [{"kmsKeyName": "key"}]}],
        [{"clusters": [{"kmsKeyName": "key"}, {}]}],
    ),
    on("gcp-bigtable-deletion-protection", [{}], [{"deletionProtection": False}]),
    on("gcp-dataflow-cmek", [{"kmsKeyName": "key"}], [{}]),
    on(
        "gcp-dataflow-private",
        [{"ipConfiguration": "WORKER_IP_PRIVATE"}],
        [{}, {"ipConfiguration": "WORKER_IP_PUBLIC"}],
    ),
    on("gcp-datafusion-private", [{"privateInstance": True}], [{}, {"privateInstance": False}]),
    on(
        "gcp-datafusion-logs",
        [{"enableStackdriverLogging": True, "enableStackdriverMonitoring": True}],
        [{}, {"enableStackdriverLogging": True}],
    ),
    on(
        "gcp-cloudbuild-worker-private",
        [{"workerConfig": {"noExternalIp": True}}],
        [{}, {"workerConfig": {"noExternalIp": False}}],
    ),
    on(
        "gcp-function-ingress",
        [{"ingressSettings": "ALLOW_INTERNAL_ONLY"}],
        [{}, {"ingressSettings": "ALLOW_ALL"}],
    ),
    Case(
        PUBLIC,
        [
            *((type, {"member": "group:ml@example.com"}) for type in MEMBERS),
            *((type, {"members": ["group:ml@example.com"]}) for type in BINDINGS),
        ],
        [
            *((type, {"member": "allUsers"}) for type in MEMBERS),
            *((type, {"members": ["allAuthenticatedUsers"]}) for type in BINDINGS),
        ],
    ),
    on(
        "gcp-iam-federation-condition",
        [{"attributeCondition": "assertion.repository_owner_id == '1'"}, {"aws": {"accountId": "1"}}],
        [{}, {"attributeCondition": ""}, {"oidc": {"issuerUri": "https://example.com"}}],
    ),
    on(
        "gcp-instance-from-template-service-account",
        [{}, {"serviceAccount": {"email": "train@project.iam.gserviceaccount.com"}}],
        [{"serviceAccount": {"email": "1-compute@developer.gserviceaccount.com"}}],
    ),
    on(
        "gcp-sql-flags-closed",
        [{}, flags("MYSQL_8_4", local_infile="off")],
        [flags("MYSQL_8_4", local_infile="on"), flags("SQLSERVER", cross__db__ownership__chaining="on")],
    ),
    on(
        "gcp-sql-log-flags",
        [
            {"databaseVersion": "MYSQL_8_4"},
            {"databaseVersion": POSTGRES, "settings": {"databaseFlags": LOGGED}},
        ],
        [{"databaseVersion": POSTGRES}, flags(POSTGRES, log_connections="on")],
    ),
]
# A key that is made in the same update is a key.
GIVEN = {("gcp-dataflow-cmek", "kmsKeyName")}


def test_a_rule_passes_what_is_right(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_rule_refuses_what_is_wrong(refused: Outcomes) -> None:
    for name, found in refused().items():
        assert [one.kind for one in found], name
        assert all(one.kind == "violation" for one in found), name


def test_what_is_not_known_yet_is_left_open(opened: Outcomes) -> None:
    for name, found in opened().items():
        assert any(one.kind == "undetermined" for one in found), name


def test_a_shape_that_no_provider_takes_breaks_no_rule(mangled: Outcomes) -> None:
    assert mangled()


def test_every_rule_of_the_module_has_a_case() -> None:
    assert {case.rule_name for case in CASES} == {
        rule.name for rule in side_services.RULES if isinstance(rule, Rule)
    }
