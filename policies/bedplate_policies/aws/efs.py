"""EFS file systems."""

from __future__ import annotations

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import IN_TRANSIT, KEYS, PUBLIC_ACCESS, cis, fsbp
from bedplate_policies.aws.documents import denies_plain_text
from bedplate_policies.checks import must_be_given, must_equal, must_not_be, on_values
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule, stack_rule

_FILES = "aws:efs/fileSystem:FileSystem"
_POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"
_BACKUP = "aws:efs/backupPolicy:BackupPolicy"
_ACCESS_POINT = "aws:efs/accessPoint:AccessPoint"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-efs-encrypted",
        description="EFS file systems are encrypted.",
        severity=Severity.HIGH,
        remediation="Set encrypted=True; it cannot be changed later.",
        controls=(*fsbp("EFS.1", "EFS.8"), *cis("2.4.1")),
        types=(_FILES,),
        group="encryption",
        check=must_equal("encrypted", True),
    ),
    rule(
        name="aws-efs-customer-key",
        description="EFS file systems are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=(*fsbp("EFS.1"), *KEYS),
        types=(_FILES,),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-efs-policy-tls-only",
        description="EFS policies deny clients without TLS.",
        severity=Severity.HIGH,
        remediation='Add a Deny statement for "*" with the condition Bool "aws:SecureTransport": "false".',
        controls=IN_TRANSIT,
        types=(_POLICY,),
        group="encryption",
        check=policy_document(
            "policy", denies_plain_text("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")
        ),
    ),
    rule(
        name="aws-efs-policy-not-public",
        description="EFS policies grant nothing to everybody who reaches a mount target.",
        severity=Severity.HIGH,
        remediation='Name principals, or add Bool "elasticfilesystem:AccessedViaMountTarget": "true".',
        controls=PUBLIC_ACCESS,
        types=(_POLICY,),
        check=policy_document("policy", no_public_principal),
    ),
    stack_rule(
        name="aws-efs-has-policy",
        description="Every EFS file system has a policy: without one, clients mount it without TLS.",
        severity=Severity.MEDIUM,
        remediation=(
            "Add aws.efs.FileSystemPolicy(file_system_id=..., policy=...) that denies clients without TLS."
        ),
        controls=IN_TRANSIT,
        types=(_POLICY,),
        reads=("fileSystemId",),
        group="encryption",
        check=every_has(
            (_FILES,), (_POLICY,), "fileSystemId", "no aws.efs.FileSystemPolicy names this file system"
        ),
    ),
    rule(
        name="aws-efs-backup-policy",
        description="Backups of EFS are not switched off.",
        severity=Severity.MEDIUM,
        remediation='Set backup_policy.status="ENABLED".',
        controls=fsbp("EFS.7"),
        types=(_BACKUP,),
        check=must_equal("backupPolicy.status", "ENABLED"),
    ),
    rule(
        name="aws-efs-access-point-root",
        description="Access points open one directory, not the whole file system.",
        severity=Severity.MEDIUM,
        remediation="Set root_directory.path to a directory.",
        controls=fsbp("EFS.3"),
        types=(_ACCESS_POINT,),
        check=on_values(
            "rootDirectory.path",
            lambda value, _: "which is the whole file system" if value in ("", "/") else None,
            expected="so clients see the whole file system",
        ),
    ),
    rule(
        name="aws-efs-access-point-user",
        description=(
            "Access points act as one POSIX user, not as root and not as whom the client claims to be."
        ),
        severity=Severity.MEDIUM,
        remediation="Set posix_user.uid and posix_user.gid to other numbers than 0.",
        controls=fsbp("EFS.4"),
        types=(_ACCESS_POINT,),
        check=must_not_be("posixUser.uid", 0, missing="violation"),
    ),
)
