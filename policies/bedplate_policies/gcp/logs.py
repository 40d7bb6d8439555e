"""Audit logs: that they are written, kept and not thrown away."""

from collections.abc import Iterator

from bedplate_policies.checks import at_least, custom, must_equal, must_not_be_set
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import has_unknown

SINK = (
    "gcp:logging/projectSink:ProjectSink",
    "gcp:logging/folderSink:FolderSink",
    "gcp:logging/organizationSink:OrganizationSink",
)
BUCKET = ("gcp:logging/projectBucketConfig:ProjectBucketConfig",)
AUDIT = (
    "gcp:projects/iAMAuditConfig:IAMAuditConfig",
    "gcp:folder/iamAuditConfig:IamAuditConfig",
    "gcp:organizations/iamAuditConfig:IamAuditConfig",
)
_TYPES = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")


def _all_logs(resource: Resource, config: Config) -> Iterator[Finding]:
    found = [value for _, value in resource.each("auditLogConfigs[].logType")]
    absent = [one for one in _TYPES if one not in found]
    if absent and any(has_unknown(value) for value in found):
        yield Finding.undetermined("auditLogConfigs")
    elif absent:
        yield Finding.violation(f"auditLogConfigs lacks {', '.join(absent)}", "auditLogConfigs")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-logging-sink-enabled",
        description="A sink of logs is not switched off.",
        severity=Severity.MEDIUM,
        remediation="Leave disabled out.",
        controls=(cis("2.2"),),
        types=SINK,
        check=must_equal("disabled", False, missing="ok"),
    ),
    rule(
        name="gcp-logging-bucket-retention",
        description="Logs are kept for at least 30 days.",
        severity=Severity.MEDIUM,
        remediation="Set retention_days to 30 or more.",
        controls=(cis("2.3"),),
        types=BUCKET,
        check=at_least("retentionDays", 30, option="minimum_retention_days", missing="ok"),
    ),
    rule(
        name="gcp-logging-bucket-cmek",
        description="Buckets of logs are encrypted with a key of the customer.",
        severity=Severity.LOW,
        remediation='Set cmek_settings={"kms_key_name": key.id}.',
        controls=(google("Configure CMEK for log buckets"),),
        types=BUCKET,
        group="encryption",
        enforcement="advisory",
        check=key_given("cmekSettings.kmsKeyName"),
    ),
    rule(
        name="gcp-audit-all-access",
        description="Audit configuration records who read and who wrote data, not only who changed settings.",
        severity=Severity.MEDIUM,
        remediation="Name ADMIN_READ, DATA_READ and DATA_WRITE in audit_log_configs.",
        controls=(cis("2.1"),),
        types=AUDIT,
        check=custom(_all_logs, "auditLogConfigs[].logType"),
    ),
    rule(
        name="gcp-audit-no-exemptions",
        description="Nobody is exempt from audit logs.",
        severity=Severity.MEDIUM,
        remediation="Leave exempted_members out of audit_log_configs.",
        controls=(cis("2.1"),),
        types=AUDIT,
        check=must_not_be_set("auditLogConfigs[].exemptedMembers"),
    ),
)
