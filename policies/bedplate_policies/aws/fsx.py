"""FSx file systems: Lustre, OpenZFS, ONTAP, Windows."""

from __future__ import annotations

from bedplate_policies.aws.controls import BACKUPS, IN_TRANSIT, KEYS, fsbp, well_architected
from bedplate_policies.checks import (
    at_least,
    equals,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
    negated,
    when,
)
from bedplate_policies.rule import AnyRule, Severity, rule

_LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
_OPENZFS = "aws:fsx/openZfsFileSystem:OpenZfsFileSystem"
_ONTAP = "aws:fsx/ontapFileSystem:OntapFileSystem"
_WINDOWS = "aws:fsx/windowsFileSystem:WindowsFileSystem"
_SCRATCH = equals("deploymentType", "SCRATCH_1", "SCRATCH_2")

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-fsx-lustre-customer-key",
        description="Persistent Lustre file systems are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_LUSTRE,),
        group="encryption",
        # Scratch file systems take no key of a customer: AWS encrypts them with its own.
        check=when(negated(_SCRATCH), must_be_given("kmsKeyId")),
    ),
    rule(
        name="aws-fsx-customer-key",
        description="FSx file systems are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_OPENZFS, _ONTAP, _WINDOWS, "aws:fsx/fileCache:FileCache"),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-fsx-lustre-deployment-type",
        description="Lustre file systems are of a type that encrypts traffic of the machines that can.",
        severity=Severity.MEDIUM,
        remediation='Set deployment_type="PERSISTENT_2" (or "SCRATCH_2" for data that can be made again).',
        controls=IN_TRANSIT,
        types=(_LUSTRE,),
        group="encryption",
        check=must_not_be("deploymentType", "SCRATCH_1", missing="violation"),
    ),
    rule(
        name="aws-fsx-lustre-backups",
        description="Persistent Lustre file systems without a data repository are backed up.",
        severity=Severity.LOW,
        remediation="Set automatic_backup_retention_days to 1 or more.",
        controls=BACKUPS,
        types=(_LUSTRE,),
        # A file system linked to a bucket has its data there, and FSx offers it no automatic backups.
        enforcement="advisory",
        check=when(
            equals("deploymentType", "PERSISTENT_1", "PERSISTENT_2"),
            at_least("automaticBackupRetentionDays", 1, option="fewest_days"),
        ),
    ),
    rule(
        name="aws-fsx-backups",
        description="FSx file systems keep backups.",
        severity=Severity.MEDIUM,
        remediation="Set automatic_backup_retention_days to 7 or more.",
        controls=BACKUPS,
        types=(_OPENZFS, _ONTAP, _WINDOWS),
        check=at_least("automaticBackupRetentionDays", 7, option="fewest_days"),
    ),
    rule(
        name="aws-fsx-final-backup",
        description="A deleted file system leaves a last backup.",
        severity=Severity.LOW,
        remediation="Leave skip_final_backup out, or set it to False.",
        controls=BACKUPS,
        types=(_OPENZFS, _WINDOWS),
        enforcement="advisory",
        check=must_not_be("skipFinalBackup", True),
    ),
    rule(
        name="aws-fsx-copy-tags",
        description="Backups of FSx carry the file system's tags, so that somebody pays for them.",
        severity=Severity.LOW,
        remediation="Set copy_tags_to_backups=True.",
        controls=fsbp("FSx.1", "FSx.2"),
        types=(_LUSTRE, _OPENZFS, _WINDOWS),
        enforcement="advisory",
        check=must_equal("copyTagsToBackups", True),
    ),
    rule(
        name="aws-fsx-ontap-multi-az",
        description="ONTAP file systems outlive a zone.",
        severity=Severity.LOW,
        remediation='Set deployment_type="MULTI_AZ_1" or "MULTI_AZ_2".',
        controls=fsbp("FSx.4"),
        types=(_ONTAP,),
        # Training next to its data in one zone is cheaper and faster.
        enforcement="advisory",
        check=must_not_be("deploymentType", "SINGLE_AZ_1", "SINGLE_AZ_2"),
    ),
    rule(
        name="aws-fsx-security-groups",
        description="FSx file systems have security groups of their own, not the VPC's default one.",
        severity=Severity.MEDIUM,
        remediation="Set security_group_ids.",
        controls=well_architected("SEC05-BP02"),
        types=(_LUSTRE, _OPENZFS, _ONTAP, _WINDOWS),
        check=must_be_set("securityGroupIds"),
    ),
    rule(
        name="aws-fsx-lustre-root-squash",
        description="Root on a client is not root on Lustre.",
        severity=Severity.LOW,
        remediation='Set root_squash_configuration.root_squash="65534:65534".',
        controls=well_architected("SEC03-BP02"),
        types=(_LUSTRE,),
        enforcement="advisory",
        check=must_not_be("rootSquashConfiguration.rootSquash", "0:0", missing="violation"),
    ),
)
