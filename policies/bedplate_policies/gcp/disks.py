"""Disks, images and file systems: the key that encrypts them, and what keeps them from being deleted."""

from bedplate_policies.checks import all_of, must_be_set, must_equal, must_not_be_set
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.rule import AnyRule, Severity, rule

RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-disk-cmek",
        description="Persistent disks are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set disk_encryption_key={"kms_key_self_link": key.id}.',
        controls=(cis("4.7"),),
        types=("gcp:compute/disk:Disk",),
        group="encryption",
        check=key_given("diskEncryptionKey.kmsKeySelfLink"),
    ),
    rule(
        name="gcp-region-disk-cmek",
        description="Regional persistent disks are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set disk_encryption_key={"kms_key_name": key.id}.',
        controls=(cis("4.7"),),
        types=("gcp:compute/regionDisk:RegionDisk",),
        group="encryption",
        check=key_given("diskEncryptionKey.kmsKeyName"),
    ),
    rule(
        name="gcp-image-cmek",
        description="Images are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set image_encryption_key={"kms_key_self_link": key.id}.',
        controls=(cis("4.7"),),
        types=("gcp:compute/image:Image",),
        group="encryption",
        check=key_given("imageEncryptionKey.kmsKeySelfLink"),
    ),
    rule(
        name="gcp-snapshot-cmek",
        description="Snapshots of disks are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation='Set snapshot_encryption_key={"kms_key_self_link": key.id}.',
        controls=(cis("4.7"),),
        types=("gcp:compute/snapshot:Snapshot",),
        group="encryption",
        check=key_given("snapshotEncryptionKey.kmsKeySelfLink"),
    ),
    rule(
        name="gcp-filestore-cmek",
        description="Filestore instances are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation="Set kms_key_name to a key from Cloud KMS; basic tiers take none, so use ZONAL, "
        "REGIONAL or "
        "ENTERPRISE.",
        controls=(google("Customer-managed encryption keys (Filestore)"),),
        types=("gcp:filestore/instance:Instance",),
        group="encryption",
        check=key_given("kmsKeyName"),
    ),
    rule(
        name="gcp-filestore-root-squash",
        description="Root of a client is not root on a Filestore share.",
        severity=Severity.MEDIUM,
        remediation='Set file_shares.nfs_export_options[].squash_mode="ROOT_SQUASH".',
        controls=(google("Access control (Filestore)"),),
        types=("gcp:filestore/instance:Instance",),
        enforcement="advisory",
        check=all_of(
            must_be_set("fileShares.nfsExportOptions"),
            must_equal("fileShares.nfsExportOptions[].squashMode", "ROOT_SQUASH"),
        ),
    ),
    rule(
        name="gcp-filestore-deletion-protection",
        description="Filestore instances are protected from deletion.",
        severity=Severity.MEDIUM,
        remediation="Set deletion_protection_enabled=True.",
        controls=(google("Deletion protection (Filestore)"),),
        types=("gcp:filestore/instance:Instance",),
        check=must_equal("deletionProtectionEnabled", True),
    ),
    rule(
        name="gcp-lustre-cmek",
        description="Managed Lustre instances are encrypted with a key of the customer.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key to a key from Cloud KMS.",
        controls=(google("Customer-managed encryption keys (Managed Lustre)"),),
        types=("gcp:lustre/instance:Instance",),
        group="encryption",
        check=key_given("kmsKey"),
    ),
    rule(
        name="gcp-lustre-squash",
        description="Root of a client that no rule names is not root on a Managed Lustre instance.",
        severity=Severity.LOW,
        remediation='Set access_rules_options={"default_squash_mode": "ROOT_SQUASH", "access_rules": [...]}.',
        controls=(google("IP-based access control (Managed Lustre)"),),
        types=("gcp:lustre/instance:Instance",),
        enforcement="advisory",
        check=must_equal("accessRulesOptions.defaultSquashMode", "ROOT_SQUASH"),
    ),
    rule(
        name="gcp-parallelstore-scratch-only",
        description="Parallelstore takes no key of the customer, so it holds scratch data only.",
        severity=Severity.LOW,
        remediation='Set deployment_type="SCRATCH" and keep datasets and checkpoints in a bucket or in '
        "Managed "
        "Lustre, which take a key.",
        controls=(google("Parallelstore overview"),),
        types=("gcp:parallelstore/instance:Instance",),
        group="encryption",
        enforcement="advisory",
        check=must_equal("deploymentType", "SCRATCH"),
    ),
    rule(
        name="gcp-disk-no-raw-key",
        description="No program carries the key of a disk in plain text.",
        severity=Severity.HIGH,
        remediation="Use disk_encryption_key.kms_key_self_link instead of raw_key.",
        controls=(google("Customer-supplied encryption keys"),),
        types=("gcp:compute/disk:Disk", "gcp:compute/regionDisk:RegionDisk"),
        group="encryption",
        check=must_not_be_set("diskEncryptionKey.rawKey"),
    ),
)
