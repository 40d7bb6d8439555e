"""Cloud Storage buckets: who reads them, and what becomes of what was deleted."""

from collections.abc import Iterator, Sequence

from bedplate_policies.checks import (
    all_of,
    custom,
    is_set,
    must_be_set,
    must_equal,
    when,
)
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.identity import EVERYBODY, no_public_member
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, has_unknown

BUCKET = ("gcp:storage/bucket:Bucket",)
_PUBLIC_ACLS = ("publicRead", "publicReadWrite", "authenticatedRead")


def _no_public_acl(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("predefinedAcl", "defaultAcl", "entity"):
        value = resource.get(path)
        if value is UNKNOWN:
            yield Finding.undetermined(path)
        elif value in _PUBLIC_ACLS or value in EVERYBODY:
            yield Finding.violation(f"{path} is {resource.shown(path, (*_PUBLIC_ACLS, *EVERYBODY))}", path)
    for place, value in resource.each("roleEntities[]"):
        if value is UNKNOWN:
            yield Finding.undetermined(place)
        elif isinstance(value, str) and value.partition(":")[2] in EVERYBODY:
            yield Finding.violation(f"{place} grants a role to everybody", place)


def _kept(resource: Resource, config: Config) -> Iterator[Finding]:
    """Versions, a retention policy or a soft delete of a week bring back what was deleted."""
    soft = resource.get("softDeletePolicy.retentionDurationSeconds")
    versions = resource.get("versioning.enabled")
    retention = resource.get("retentionPolicy.retentionPeriod")
    if versions is True or (retention is not MISSING and retention is not UNKNOWN):
        return
    marks = [
        path
        for path, value in (
            ("versioning.enabled", versions),
            ("retentionPolicy.retentionPeriod", retention),
            ("softDeletePolicy.retentionDurationSeconds", soft),
        )
        if value is UNKNOWN
    ]
    if marks:
        yield Finding.undetermined(marks[0])
    elif soft == 0:
        yield Finding.violation(
            "softDeletePolicy.retentionDurationSeconds is 0 and versioning.enabled is not true: "
            "a deleted object is gone at once",
            "softDeletePolicy.retentionDurationSeconds",
        )


def _website(resource: Resource, config: Config) -> Iterator[Finding]:
    for place, value in resource.each("cors[].origins"):
        if has_unknown(value):
            yield Finding.undetermined(place)
        elif isinstance(value, Sequence) and "*" in value:
            yield Finding.violation(f"{place} lets scripts of every site read the bucket", place)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-storage-cmek",
        description="Buckets encrypt new objects with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set encryption={"default_kms_key_name": key.id}.',
        controls=(google("Customer-managed encryption keys (Cloud Storage)"),),
        types=BUCKET,
        group="encryption",
        check=key_given("encryption.defaultKmsKeyName"),
    ),
    rule(
        name="gcp-storage-uniform-access",
        description="IAM alone decides who reads a bucket; its objects have no access lists.",
        severity=Severity.HIGH,
        remediation="Set uniform_bucket_level_access=True.",
        controls=(cis("5.2"),),
        types=BUCKET,
        check=must_equal("uniformBucketLevelAccess", True),
    ),
    rule(
        name="gcp-storage-public-access-prevention",
        description="No bucket can be opened to everybody.",
        severity=Severity.CRITICAL,
        remediation='Set public_access_prevention="enforced".',
        controls=(cis("5.1"),),
        types=BUCKET,
        check=must_equal("publicAccessPrevention", "enforced"),
    ),
    rule(
        name="gcp-storage-no-public-members",
        description="Nothing in a bucket is granted to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name the group, service account or domain in member(s) instead of allUsers.",
        controls=(cis("5.1"),),
        types=(
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "gcp:storage/bucketIAMBinding:BucketIAMBinding",
            "gcp:storage/bucketIAMPolicy:BucketIAMPolicy",
        ),
        check=no_public_member(),
    ),
    rule(
        name="gcp-storage-no-public-acl",
        description="No access list of a bucket or an object names everybody.",
        severity=Severity.CRITICAL,
        remediation="Remove the access list and grant with gcp.storage.BucketIAMMember.",
        controls=(cis("5.1"),),
        types=(
            "gcp:storage/bucketACL:BucketACL",
            "gcp:storage/defaultObjectACL:DefaultObjectACL",
            "gcp:storage/bucketAccessControl:BucketAccessControl",
            "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl",
        ),
        check=custom(_no_public_acl),
    ),
    rule(
        name="gcp-storage-recoverable",
        description="What somebody deletes from a bucket can be brought back.",
        severity=Severity.MEDIUM,
        remediation="Leave soft_delete_policy at its default of a week, or set versioning.enabled=True.",
        controls=(google("Soft delete (Cloud Storage)"),),
        types=BUCKET,
        check=custom(
            _kept,
            "versioning.enabled",
            "retentionPolicy.retentionPeriod",
            "softDeletePolicy.retentionDurationSeconds",
        ),
    ),
    rule(
        name="gcp-storage-versioning",
        description="Buckets keep older versions of their objects.",
        severity=Severity.LOW,
        remediation="Set versioning.enabled=True, with a lifecycle rule that ends old versions.",
        controls=(google("Object Versioning (Cloud Storage)"),),
        types=BUCKET,
        enforcement="advisory",
        check=must_equal("versioning.enabled", True),
    ),
    rule(
        name="gcp-storage-retention-locked",
        description="A retention policy that a bucket has cannot be taken away again.",
        severity=Severity.LOW,
        remediation="Set retention_policy.is_locked=True once its period is right: it can never be unlocked.",
        controls=(cis("2.3"),),
        types=BUCKET,
        enforcement="advisory",
        check=when(is_set("retentionPolicy"), must_equal("retentionPolicy.isLocked", True)),
    ),
    rule(
        name="gcp-storage-access-logs",
        description="Buckets record who read them.",
        severity=Severity.LOW,
        remediation="Set logging.log_bucket, or switch on data access audit logs for Cloud Storage.",
        controls=(google("Usage logs & storage logs (Cloud Storage)"),),
        types=BUCKET,
        enforcement="advisory",
        check=must_be_set("logging.logBucket"),
    ),
    rule(
        name="gcp-storage-no-force-destroy",
        description="A bucket with data in it is not deleted with the stack.",
        severity=Severity.MEDIUM,
        remediation="Leave force_destroy out; empty the bucket by hand when it is to go.",
        controls=(),
        types=BUCKET,
        check=must_equal("forceDestroy", False, missing="ok"),
    ),
    rule(
        name="gcp-storage-cors",
        description="Scripts of foreign sites do not read a bucket.",
        severity=Severity.LOW,
        remediation="Name the sites in cors[].origins.",
        controls=(google("Cross-origin resource sharing (CORS)"),),
        types=BUCKET,
        check=all_of(custom(_website, "cors[].origins")),
    ),
)
