"""RDS, Aurora, DocumentDB and Neptune."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.aws.controls import AT_REST, BACKUPS, IN_TRANSIT, KEYS, STORED_SECRETS, cis, fsbp
from bedplate_policies.checks import (
    BuiltCheck,
    at_least,
    custom,
    equals,
    is_set,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
    must_not_be_set,
    negated,
    when,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, rule
from bedplate_policies.value import UNKNOWN, same

_INSTANCE = "aws:rds/instance:Instance"
_CLUSTER = "aws:rds/cluster:Cluster"
_MEMBER = "aws:rds/clusterInstance:ClusterInstance"
_DOCDB = "aws:docdb/cluster:Cluster"
_NEPTUNE = "aws:neptune/cluster:Cluster"
_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
_CLUSTER_PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"

# By the engine's family, the parameter that refuses clients without TLS.
_TLS_PARAMETER = (
    ("postgres", "rds.force_ssl"),
    ("aurora-postgresql", "rds.force_ssl"),
    ("sqlserver", "rds.force_ssl"),
    ("mysql", "require_secure_transport"),
    ("aurora-mysql", "require_secure_transport"),
    ("mariadb", "require_secure_transport"),
)


def _not_replica(check: Check) -> BuiltCheck:
    """Replicas take encryption from the instance that they copy, whose backups are theirs."""
    return when(negated(is_set("replicateSourceDb")), check)


def _forces_tls(resource: Resource, _: Config) -> Iterator[Finding]:
    family = resource.get("family")
    if family is UNKNOWN:
        yield Finding.undetermined("family")
        return
    wanted = next((name for prefix, name in _TLS_PARAMETER if str(family).startswith(prefix)), None)
    if wanted is None:
        return
    for part in resource.at("parameters[]"):
        name, value = part.get("name"), part.get("value")
        if part.is_unknown or name is UNKNOWN or (name == wanted and value is UNKNOWN):
            yield Finding.undetermined("parameters")
            return
        if name == wanted and (same(value, 1) or str(value).lower() in ("on", "true")):
            return
    yield Finding.violation(
        f"parameters do not set {wanted} to 1, so clients may go without TLS", "parameters"
    )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-rds-encrypted",
        description="Database instances are encrypted.",
        severity=Severity.HIGH,
        remediation="Set storage_encrypted=True; it cannot be changed later.",
        controls=(*fsbp("RDS.3"), *cis("2.3.1")),
        types=(_INSTANCE,),
        group="encryption",
        check=_not_replica(must_equal("storageEncrypted", True)),
    ),
    rule(
        name="aws-rds-customer-key",
        description="Database instances are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_INSTANCE,),
        group="encryption",
        check=_not_replica(must_be_given("kmsKeyId")),
    ),
    rule(
        name="aws-rds-cluster-encrypted",
        description="Aurora, DocumentDB and Neptune clusters are encrypted.",
        severity=Severity.HIGH,
        remediation="Set storage_encrypted=True; it cannot be changed later.",
        controls=(*fsbp("RDS.27", "DocumentDB.1", "Neptune.1"), *cis("2.3.1")),
        types=(_CLUSTER, _DOCDB, _NEPTUNE),
        group="encryption",
        check=must_equal("storageEncrypted", True),
    ),
    rule(
        name="aws-rds-cluster-customer-key",
        description="Aurora and DocumentDB clusters are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_CLUSTER, _DOCDB),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-rds-not-public",
        description="Databases have no public address.",
        severity=Severity.CRITICAL,
        remediation="Set publicly_accessible=False.",
        controls=(*fsbp("RDS.2"), *cis("2.3.3")),
        types=(_INSTANCE, _MEMBER),
        check=must_not_be("publiclyAccessible", True),
    ),
    rule(
        name="aws-rds-deletion-protection",
        description="Databases are not deleted by accident.",
        severity=Severity.MEDIUM,
        remediation="Set deletion_protection=True.",
        controls=fsbp("RDS.7", "RDS.8"),
        types=(_INSTANCE, _CLUSTER, _DOCDB, _NEPTUNE),
        check=must_equal("deletionProtection", True),
    ),
    rule(
        name="aws-rds-backups",
        description="Database instances keep backups for a week or more.",
        severity=Severity.MEDIUM,
        remediation="Set backup_retention_period=7 or more.",
        controls=(*fsbp("RDS.11"), *BACKUPS),
        types=(_INSTANCE,),
        check=_not_replica(at_least("backupRetentionPeriod", 7, option="fewest_days")),
    ),
    rule(
        name="aws-rds-cluster-backups",
        description="Database clusters keep backups for a week or more.",
        severity=Severity.MEDIUM,
        remediation="Set backup_retention_period=7 or more.",
        controls=BACKUPS,
        types=(_CLUSTER, _DOCDB, _NEPTUNE),
        check=at_least("backupRetentionPeriod", 7, option="fewest_days"),
    ),
    rule(
        name="aws-rds-final-snapshot",
        description="A deleted database leaves a last snapshot.",
        severity=Severity.LOW,
        remediation="Leave skip_final_snapshot out and set final_snapshot_identifier.",
        controls=BACKUPS,
        types=(_INSTANCE, _CLUSTER, _DOCDB, _NEPTUNE),
        enforcement="advisory",
        check=must_not_be("skipFinalSnapshot", True),
    ),
    rule(
        name="aws-rds-iam-authentication",
        description="Databases take IAM identities, so that no password is handed around.",
        severity=Severity.MEDIUM,
        remediation="Set iam_database_authentication_enabled=True.",
        controls=fsbp("RDS.10", "RDS.12"),
        types=(_INSTANCE, _CLUSTER, _NEPTUNE),
        # Not every engine has it (Oracle and SQL Server do not).
        enforcement="advisory",
        check=must_equal("iamDatabaseAuthenticationEnabled", True),
    ),
    rule(
        name="aws-rds-managed-password",
        description="Secrets Manager makes and rotates the master password; it never enters the state.",
        severity=Severity.MEDIUM,
        remediation="Set manage_master_user_password=True and leave password out.",
        controls=STORED_SECRETS,
        types=(_INSTANCE,),
        check=must_not_be_set("password"),
    ),
    rule(
        name="aws-rds-cluster-managed-password",
        description=(
            "Secrets Manager makes and rotates a cluster's master password; it never enters the state."
        ),
        severity=Severity.MEDIUM,
        remediation="Set manage_master_user_password=True and leave master_password out.",
        controls=STORED_SECRETS,
        types=(_CLUSTER, _DOCDB),
        check=must_not_be_set("masterPassword"),
    ),
    rule(
        name="aws-rds-minor-upgrades",
        description="Databases take minor versions, and with them security fixes, by themselves.",
        severity=Severity.LOW,
        remediation="Leave auto_minor_version_upgrade on.",
        controls=(*fsbp("RDS.13"), *cis("2.3.2")),
        types=(_INSTANCE, _MEMBER),
        check=must_not_be("autoMinorVersionUpgrade", False),
    ),
    rule(
        name="aws-rds-insights-customer-key",
        description="Performance Insights, which keeps queries, is encrypted with a customer-managed key.",
        severity=Severity.LOW,
        remediation="Set performance_insights_kms_key_id.",
        controls=KEYS,
        types=(_INSTANCE, _CLUSTER, _MEMBER),
        group="encryption",
        check=when(equals("performanceInsightsEnabled", True), must_be_given("performanceInsightsKmsKeyId")),
    ),
    rule(
        name="aws-rds-logs",
        description="Databases send their logs to CloudWatch.",
        severity=Severity.LOW,
        remediation='Set enabled_cloudwatch_logs_exports, e.g. ["postgresql", "upgrade"].',
        controls=fsbp("RDS.9", "RDS.34"),
        types=(_INSTANCE, _CLUSTER, _DOCDB),
        enforcement="advisory",
        check=must_be_set("enabledCloudwatchLogsExports"),
    ),
    rule(
        name="aws-rds-copy-tags",
        description="Snapshots carry the database's tags.",
        severity=Severity.LOW,
        remediation="Set copy_tags_to_snapshot=True.",
        controls=fsbp("RDS.16", "RDS.17"),
        types=(_INSTANCE, _CLUSTER, _NEPTUNE),
        enforcement="advisory",
        check=must_equal("copyTagsToSnapshot", True),
    ),
    rule(
        name="aws-rds-multi-az",
        description="Database instances outlive a zone.",
        severity=Severity.LOW,
        remediation="Set multi_az=True.",
        controls=fsbp("RDS.5"),
        types=(_INSTANCE,),
        enforcement="advisory",
        check=_not_replica(must_equal("multiAz", True)),
    ),
    rule(
        name="aws-rds-parameter-tls",
        description="Parameter groups make databases refuse clients without TLS.",
        severity=Severity.HIGH,
        remediation=(
            'Add the parameter "rds.force_ssl" = "1" (MySQL, MariaDB: "require_secure_transport" = "1").'
        ),
        controls=(*fsbp("RDS.38", "RDS.39"), *IN_TRANSIT),
        types=(_PARAMETERS, _CLUSTER_PARAMETERS),
        group="encryption",
        check=custom(_forces_tls, "family", "parameters[].name", "parameters[].value"),
    ),
    rule(
        name="aws-rds-global-cluster-encrypted",
        description="Global databases are encrypted.",
        severity=Severity.HIGH,
        remediation="Set storage_encrypted=True, or source_db_cluster_identifier of an encrypted cluster.",
        controls=AT_REST,
        types=("aws:rds/globalCluster:GlobalCluster",),
        group="encryption",
        check=when(negated(is_set("sourceDbClusterIdentifier")), must_equal("storageEncrypted", True)),
    ),
)
