"""Services that stand beside an AI stack on Google Cloud: keys, addresses, and who is let in."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.checks import (
    all_of,
    any_of,
    custom,
    must_be_one_of,
    must_be_set,
    must_equal,
)
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.identity import no_public_member, own_service_account
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import UNKNOWN, same

_SPANNER = "gcp:spanner/database:Database"
_BIGTABLE = "gcp:bigtable/instance:Instance"
_DATAFLOW = "gcp:dataflow/job:Job"
_FUSION = "gcp:datafusion/instance:Instance"
_DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"

# Flags that let a database's user out of the database, and the value that closes each.
_CLOSED_FLAGS = {
    "local_infile": "off",
    "cross db ownership chaining": "off",
    "contained database authentication": "off",
    "external scripts enabled": "off",
}
# What PostgreSQL must be told to write down (CIS Google Cloud 3.0, 6.2).
_LOG_FLAGS = {"log_connections": "on", "log_disconnections": "on", "cloudsql.enable_pgaudit": "on"}


def _flags(resource: Resource) -> dict[object, object] | None:
    """The flags of a database by name; None where they are not known yet."""
    found: dict[object, object] = {}
    for flag in resource.at("settings.databaseFlags[]"):
        name, value = flag.get("name"), flag.get("value")
        if flag.is_unknown or name is UNKNOWN or value is UNKNOWN:
            return None
        if isinstance(name, str):
            found[name] = value
    return found


def _closed(resource: Resource, _: Config) -> Iterator[Finding]:
    flags = _flags(resource)
    if flags is None:
        yield Finding.undetermined("settings.databaseFlags")
        return
    for name, value in _CLOSED_FLAGS.items():
        if name in flags and not same(flags[name], value):
            yield Finding.violation(f'the flag "{name}" is not {value}', "settings.databaseFlags")


def _logs(resource: Resource, _: Config) -> Iterator[Finding]:
    version = resource.get("databaseVersion")
    if isinstance(version, str) and not version.startswith("POSTGRES"):
        return
    flags = _flags(resource)
    if flags is None or version is UNKNOWN:
        yield Finding.undetermined("settings.databaseFlags")
        return
    absent = [name for name, value in _LOG_FLAGS.items() if not same(flags.get(name), value)]
    if absent and isinstance(version, str):
        yield Finding.violation(f"{', '.join(absent)} is not on", "settings.databaseFlags")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-vertex-cmek",
        description="Data sets, metadata, features and indexes of Vertex AI have a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set encryption_spec.kms_key_name to a key from Cloud KMS.",
        controls=(google("Customer-managed encryption keys (Vertex AI)"),),
        types=(
            "gcp:vertex/aiDataset:AiDataset",
            "gcp:vertex/aiMetadataStore:AiMetadataStore",
            "gcp:vertex/aiFeatureStore:AiFeatureStore",
            "gcp:vertex/aiTensorboard:AiTensorboard",
        ),
        group="encryption",
        check=key_given("encryptionSpec.kmsKeyName"),
    ),
    rule(
        name="gcp-spanner-cmek",
        description="Spanner's databases are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set encryption_config.kms_key_name (or kms_key_names) to a key from Cloud KMS.",
        controls=(google("Customer-managed encryption keys (Spanner)"),),
        types=(_SPANNER,),
        group="encryption",
        check=any_of(key_given("encryptionConfig.kmsKeyName"), must_be_set("encryptionConfig.kmsKeyNames")),
    ),
    rule(
        name="gcp-spanner-drop-protection",
        description="A Spanner database is deleted neither by a program nor by the console.",
        severity=Severity.MEDIUM,
        remediation="Set enable_drop_protection=True and leave deletion_protection on.",
        controls=(google("Prevent accidental database deletion (Spanner)"),),
        types=(_SPANNER,),
        check=all_of(
            must_equal("enableDropProtection", True), must_equal("deletionProtection", True, missing="ok")
        ),
    ),
    rule(
        name="gcp-bigtable-cmek",
        description="Bigtable's clusters are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_name in each of clusters.",
        controls=(google("Customer-managed encryption keys (Bigtable)"),),
        types=(_BIGTABLE,),
        group="encryption",
        check=key_given("clusters[].kmsKeyName"),
    ),
    rule(
        name="gcp-bigtable-deletion-protection",
        description="A Bigtable instance is not deleted by accident.",
        severity=Severity.MEDIUM,
        remediation="Leave deletion_protection on.",
        controls=(google("Delete an instance (Bigtable)"),),
        types=(_BIGTABLE,),
        check=must_equal("deletionProtection", True, missing="ok"),
    ),
    rule(
        name="gcp-dataflow-cmek",
        description="Dataflow's jobs keep their state with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_name to a key from Cloud KMS.",
        controls=(google("Use customer-managed encryption keys (Dataflow)"),),
        types=(_DATAFLOW, "gcp:dataflow/flexTemplateJob:FlexTemplateJob"),
        group="encryption",
        check=key_given("kmsKeyName"),
    ),
    rule(
        name="gcp-dataflow-private",
        description="Workers of Dataflow have no public address.",
        severity=Severity.HIGH,
        remediation='Set ip_configuration="WORKER_IP_PRIVATE".',
        controls=(google("Configure internet access and firewall rules (Dataflow)"),),
        types=(_DATAFLOW, "gcp:dataflow/flexTemplateJob:FlexTemplateJob"),
        check=must_equal("ipConfiguration", "WORKER_IP_PRIVATE"),
    ),
    rule(
        name="gcp-datafusion-private",
        description="Data Fusion has no public address.",
        severity=Severity.HIGH,
        remediation="Set private_instance=True and network_config.",
        controls=(google("Create a private instance (Cloud Data Fusion)"),),
        types=(_FUSION,),
        check=must_equal("privateInstance", True),
    ),
    rule(
        name="gcp-datafusion-logs",
        description="Data Fusion writes logs and metrics.",
        severity=Severity.LOW,
        remediation="Set enable_stackdriver_logging and enable_stackdriver_monitoring to True.",
        controls=(google("Cloud Data Fusion logs"),),
        types=(_FUSION,),
        check=all_of(
            must_equal("enableStackdriverLogging", True), must_equal("enableStackdriverMonitoring", True)
        ),
    ),
    rule(
        name="gcp-cloudbuild-worker-private",
        description="Machines that build have no public address.",
        severity=Severity.MEDIUM,
        remediation="Set worker_config.no_external_ip=True.",
        controls=(google("Private pools (Cloud Build)"),),
        types=("gcp:cloudbuild/workerPool:WorkerPool",),
        check=must_equal("workerConfig.noExternalIp", True),
    ),
    rule(
        name="gcp-function-ingress",
        description="Functions are reached from the project's networks or a load balancer only.",
        severity=Severity.MEDIUM,
        remediation='Set ingress_settings="ALLOW_INTERNAL_ONLY" or "ALLOW_INTERNAL_AND_GCLB".',
        controls=(google("Configure network settings (Cloud Run functions)"),),
        types=("gcp:cloudfunctions/function:Function",),
        check=must_be_one_of("ingressSettings", ("ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB")),
    ),
    rule(
        name="gcp-side-services-no-public-members",
        description="Nobody unnamed calls a function or a service, or uses a Dataproc cluster.",
        severity=Severity.CRITICAL,
        remediation="Name a service account or group in member(s) instead of allUsers.",
        controls=(google("Access control with IAM (Cloud Run functions)"),),
        types=(
            "gcp:cloudfunctions/functionIamMember:FunctionIamMember",
            "gcp:cloudfunctions/functionIamBinding:FunctionIamBinding",
            "gcp:cloudrun/iamMember:IamMember",
            "gcp:cloudrun/iamBinding:IamBinding",
            "gcp:dataproc/clusterIAMMember:ClusterIAMMember",
            "gcp:dataproc/clusterIAMBinding:ClusterIAMBinding",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-iam-federation-condition",
        description="Identities from elsewhere are let in by a condition, not all that the issuer knows.",
        severity=Severity.HIGH,
        remediation="Set attribute_condition, e.g. \"assertion.repository_owner_id == '1234'\" for GitHub.",
        controls=(google("Best practices for using workload identity federation"),),
        types=("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",),
        check=any_of(must_be_set("attributeCondition"), must_be_set("aws.accountId")),
    ),
    rule(
        name="gcp-instance-from-template-service-account",
        description="Machines made from a template do not fall back to the default service account.",
        severity=Severity.HIGH,
        remediation="Set service_account.email to an account made for these machines, or leave it out.",
        controls=(cis("4.1"),),
        types=("gcp:compute/instanceFromTemplate:InstanceFromTemplate",),
        check=own_service_account("serviceAccount.email", missing="ok"),
    ),
    rule(
        name="gcp-sql-flags-closed",
        description="No flag lets a database's users reach files, other databases or scripts.",
        severity=Severity.MEDIUM,
        remediation="Set the flag to off in settings.database_flags, or leave it out.",
        controls=(cis("6.1.3"), cis("6.3.1"), cis("6.3.2"), cis("6.3.6")),
        types=(_DATABASE,),
        check=custom(_closed, "settings.databaseFlags[].name", "settings.databaseFlags[].value"),
    ),
    rule(
        name="gcp-sql-log-flags",
        description="PostgreSQL writes down who comes, who goes and what they did.",
        severity=Severity.LOW,
        remediation="Set the flags to on in settings.database_flags.",
        controls=(cis("6.2.2"), cis("6.2.3"), cis("6.2.8")),
        types=(_DATABASE,),
        enforcement="advisory",
        check=custom(
            _logs,
            "databaseVersion",
            "settings.databaseFlags[].name",
            "settings.databaseFlags[].value",
        ),
    ),
)
