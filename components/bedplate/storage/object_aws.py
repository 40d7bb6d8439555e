"""An object store on AWS: an S3 bucket that is private, encrypted with a key of the customer's, and
versioned.
"""

from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi_aws import s3
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.core.naming import child, validate_bucket_name
from bedplate.core.tags import Tags, merge
from bedplate.keys.handles import KeyHandle
from bedplate.storage.grants_aws import grant_access
from bedplate.storage.handles import ObjectStoreHandle
from bedplate.storage.lifecycle_aws import (
    MOST_DAYS,
    Expiration,
    Transition,
    check_lifecycle,
    lifecycle_rules,
)
from bedplate.storage.policy_aws import bucket_policy

__all__ = ["AwsObjectStore", "AwsObjectStoreArgs", "Expiration", "ObjectLock", "Transition"]


class ObjectLock(Args):
    """Objects cannot be changed or deleted for a time after they were written.

    Attributes:
        days: How long, in days.
        mode: "GOVERNANCE" (default): roles with a permission of its own can lift it. "COMPLIANCE": nobody
            can, the account's root included.
    """

    days: int = Field(ge=1, le=36500)
    mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"


class AwsObjectStoreArgs(Args):
    """Arguments of AwsObjectStore.

    Attributes:
        region: The bucket's region.
        key: The key that every object is encrypted with.
        bucket_name: The bucket's name, unique in the whole of AWS; made from the component's name by default.
        versioning: Whether overwritten and deleted objects are kept as versions; on by default. Large
            checkpoints that are only ever replaced are cheaper without.
        noncurrent_version_expiration_days: How long such versions are kept; 30 by default, None for ever.
        abort_incomplete_multipart_upload_days: When uploads that were never finished are removed; they are
            charged and not listed. 7 by default.
        transitions: When objects move to cheaper storage classes; never by default.
        expirations: When objects under a prefix are deleted; never by default.
        object_lock: Write once, read many; off by default. Cannot be switched off later.
        access_log_bucket: A bucket of the same region that requests are logged to. It must be encrypted with
            S3's own keys, as S3 delivers logs to no other, and its policy must let `logging.s3.amazonaws.com`
            write.
        access_log_prefix: The prefix of the log's keys; the component's name by default.
        deletion_protection: Whether Pulumi refuses to delete the bucket (`protect`); on by default. Switch it
            off and run `up` before a `destroy`.
        force_destroy: Whether the bucket is deleted with everything in it; off by default. Not together with
            deletion_protection or object_lock.
        tags: Tags of the bucket, over those of the provider.
    """

    region: str = Field(min_length=1)
    key: InstanceOf[KeyHandle]
    bucket_name: Annotated[str, AfterValidator(validate_bucket_name)] | None = None
    versioning: bool = True
    noncurrent_version_expiration_days: int | None = Field(default=30, ge=1, le=MOST_DAYS)
    abort_incomplete_multipart_upload_days: int = Field(default=7, ge=1, le=MOST_DAYS)
    transitions: tuple[Transition, ...] = ()
    expirations: tuple[Expiration, ...] = ()
    object_lock: ObjectLock | None = None
    access_log_bucket: In[str] | None = None
    access_log_prefix: str | None = None
    deletion_protection: bool = True
    force_destroy: bool = False
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "AwsObjectStoreArgs":
        problems = Problems("AwsObjectStoreArgs")
        if self.force_destroy and self.deletion_protection:
            problems.add(
                "force_destroy",
                "true together with deletion_protection; a store is either kept or deleted with its content; "
                "set one of the two to false",
            )
        if self.force_destroy and self.object_lock is not None:
            problems.add(
                "force_destroy",
                "true together with object_lock, under which objects cannot be deleted; set it to false",
            )
        if self.object_lock is not None and not self.versioning:
            problems.add(
                "versioning", "false together with object_lock, which needs versions; set it to true"
            )
        if self.access_log_prefix is not None and self.access_log_bucket is None:
            problems.add(
                "access_log_prefix", "given without access_log_bucket; give the bucket or remove the prefix"
            )
        check_lifecycle(problems, self.transitions, self.expirations)
        problems.raise_if_any()
        return self


class AwsObjectStore(pulumi.ComponentResource):
    """A bucket that nobody reaches without a grant, over anything but TLS 1.2, or with objects under another
    key.
    """

    handle: ObjectStoreHandle
    bucket_name: pulumi.Output[str]
    """The bucket's name."""
    uri: pulumi.Output[str]
    """`s3://<name>`."""

    def __init__(
        self, name: str, args: AwsObjectStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:AwsObjectStore", name, None, opts)
        self._name = name
        self._region = args.region
        options = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            bucket=args.bucket_name,
            force_destroy=args.force_destroy,
            object_lock_enabled=True if args.object_lock is not None else None,
            region=args.region,
            tags=merge(args.tags, {"Name": args.bucket_name or name}),
            opts=pulumi.ResourceOptions(parent=self, protect=args.deletion_protection),
        )
        closed = s3.BucketPublicAccessBlock(
            child(name, "closed"),
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=args.region,
            opts=options,
        )
        s3.BucketOwnershipControls(
            child(name, "ownership"),
            bucket=bucket.bucket,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            region=args.region,
            opts=options,
        )
        s3.BucketServerSideEncryptionConfiguration(
            child(name, "encryption"),
            bucket=bucket.bucket,
            rules=[
                s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=args.key.arn
                        )
                    ),
                    bucket_key_enabled=True,
                )
            ],
            region=args.region,
            opts=options,
        )
        s3.BucketPolicy(
            child(name, "policy"),
            bucket=bucket.bucket,
            policy=pulumi.Output.all(bucket.arn, args.key.arn).apply(
                lambda arns: bucket_policy(bucket_arn=arns[0], key_arn=arns[1])
            ),
            region=args.region,
            # S3 refuses two changes of a bucket's access at the same moment.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        versioning = s3.BucketVersioning(
            child(name, "versioning"),
            bucket=bucket.bucket,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled" if args.versioning else "Suspended"
            ),
            region=args.region,
            opts=options,
        )
        after_versioning = pulumi.ResourceOptions(parent=self, depends_on=[versioning])
        s3.BucketLifecycleConfiguration(
            child(name, "lifecycle"),
            bucket=bucket.bucket,
            rules=lifecycle_rules(
                abort_incomplete_multipart_upload_days=args.abort_incomplete_multipart_upload_days,
                noncurrent_version_expiration_days=args.noncurrent_version_expiration_days,
                transitions=args.transitions,
                expirations=args.expirations,
            ),
            region=args.region,
            opts=after_versioning,
        )
        if args.object_lock is not None:
            s3.BucketObjectLockConfiguration(
                child(name, "lock"),
                bucket=bucket.bucket,
                rule=s3.BucketObjectLockConfigurationRuleArgs(
                    default_retention=s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                        mode=args.object_lock.mode, days=args.object_lock.days
                    )
                ),
                region=args.region,
                opts=after_versioning,
            )
        if args.access_log_bucket is not None:
            s3.BucketLogging(
                child(name, "access-log"),
                bucket=bucket.bucket,
                target_bucket=args.access_log_bucket,
                target_prefix=f"{name}/" if args.access_log_prefix is None else args.access_log_prefix,
                region=args.region,
                opts=options,
            )
        self.bucket_name = bucket.bucket
        self.uri = bucket.bucket.apply(lambda value: f"s3://{value}")
        self.handle = ObjectStoreHandle(
            name=bucket.bucket, uri=self.uri, region=args.region, arn=bucket.arn, key=args.key
        )
        self.register_outputs({"bucket_name": self.bucket_name, "uri": self.uri})

    def grant_read(
        self, grantee: str, role_name: pulumi.Input[str], *, prefix: str = ""
    ) -> aws.iam.RolePolicy:
        """Let a role list and read objects, all of them or those under a prefix.

        `grantee` names the grant among this store's (a resource's name is made of it), `role_name` is the
        role's name, `prefix` names whole folders and ends with a slash.

        Raises:
            ValueError: the prefix does not.
        """
        return grant_access(
            child(self._name, f"{grantee}-read"),
            self.handle,
            role_name,
            access="read",
            prefix=prefix,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def grant_write(
        self, grantee: str, role_name: pulumi.Input[str], *, prefix: str = "", delete: bool = False
    ) -> aws.iam.RolePolicy:
        """Let a role write objects, in parts too, without reading them; and delete them where `delete` says
        so.
        """
        return grant_access(
            child(self._name, f"{grantee}-write"),
            self.handle,
            role_name,
            access="write",
            prefix=prefix,
            delete=delete,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def grant_read_write(
        self, grantee: str, role_name: pulumi.Input[str], *, prefix: str = "", delete: bool = False
    ) -> aws.iam.RolePolicy:
        """Both `grant_read` and `grant_write`, as one policy."""
        return grant_access(
            child(self._name, f"{grantee}-read-write"),
            self.handle,
            role_name,
            access="read-write",
            prefix=prefix,
            delete=delete,
            opts=pulumi.ResourceOptions(parent=self),
        )
