"""EBS volumes, snapshots and machine images."""

from __future__ import annotations

from bedplate_policies.aws.controls import AT_REST, KEYS, PUBLIC_ACCESS, cis, fsbp
from bedplate_policies.checks import must_be_given, must_be_one_of, must_equal, must_not_be
from bedplate_policies.rule import AnyRule, Severity, rule

_VOLUME = "aws:ebs/volume:Volume"
_SNAPSHOT_COPY = "aws:ebs/snapshotCopy:SnapshotCopy"
_IMAGE_COPY = "aws:ec2/amiCopy:AmiCopy"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ebs-volume-encrypted",
        description="EBS volumes are encrypted.",
        severity=Severity.HIGH,
        remediation="Set encrypted=True.",
        controls=(*fsbp("EC2.3"), *cis("2.2.1")),
        types=(_VOLUME,),
        group="encryption",
        check=must_equal("encrypted", True),
    ),
    rule(
        name="aws-ebs-volume-customer-key",
        description="EBS volumes are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_VOLUME,),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-ebs-copy-encrypted",
        description="Copies of snapshots and machine images are encrypted.",
        severity=Severity.HIGH,
        remediation="Set encrypted=True, and kms_key_id for a key of yours.",
        controls=(*cis("2.2.1"), *AT_REST),
        types=(_SNAPSHOT_COPY, _IMAGE_COPY),
        group="encryption",
        check=must_equal("encrypted", True),
    ),
    rule(
        name="aws-ebs-encryption-by-default",
        description="An account's encryption of new EBS volumes is not switched off.",
        severity=Severity.HIGH,
        remediation="Set enabled=True on aws.ebs.EncryptionByDefault (or leave it out: it is the default).",
        controls=(*fsbp("EC2.7"), *cis("2.2.1")),
        types=("aws:ebs/encryptionByDefault:EncryptionByDefault",),
        group="encryption",
        check=must_equal("enabled", True, missing="ok"),
    ),
    rule(
        name="aws-ebs-snapshots-block-public-access",
        description="Snapshots cannot be shared with everybody.",
        severity=Severity.CRITICAL,
        remediation='Set state="block-all-sharing" on aws.ebs.SnapshotBlockPublicAccess.',
        controls=(*fsbp("EC2.182"), *PUBLIC_ACCESS),
        types=("aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess",),
        check=must_be_one_of("state", ("block-all-sharing", "block-new-sharing")),
    ),
    rule(
        name="aws-ebs-snapshot-not-public",
        description="No snapshot is shared with everybody.",
        severity=Severity.CRITICAL,
        remediation="Name one account in account_id.",
        controls=fsbp("EC2.1"),
        types=("aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission",),
        check=must_not_be("accountId", "all", "*"),
    ),
    rule(
        name="aws-ec2-image-not-public",
        description="No machine image is shared with everybody.",
        severity=Severity.CRITICAL,
        remediation="Name account_id, organization_arn or organizational_unit_arn and leave group out.",
        controls=PUBLIC_ACCESS,
        types=("aws:ec2/amiLaunchPermission:AmiLaunchPermission",),
        check=must_not_be("group", "all"),
    ),
)
