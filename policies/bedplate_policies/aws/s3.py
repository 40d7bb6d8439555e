"""S3 buckets: encryption, public access, TLS."""

from __future__ import annotations

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import (
    AT_REST,
    BACKUPS,
    KEYS,
    cis,
    fsbp,
    security_hub,
    well_architected,
)
from bedplate_policies.aws.documents import denies_plain_text
from bedplate_policies.checks import (
    all_of,
    equals,
    for_each,
    must_be_given,
    must_be_one_of,
    must_be_set,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule, stack_rule

_BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_VERSIONING = (
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketVersioningV2:BucketVersioningV2",
)
_LOGGING = ("aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2")
_ACL = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
_OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
_LIFECYCLE = (
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
)
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
_EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)
_DEFAULT = "rules[].applyServerSideEncryptionByDefault"
_FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_FLAGS_REMEDY = (
    "Set block_public_acls, block_public_policy, ignore_public_acls and restrict_public_buckets to True."
)

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-s3-encryption-customer-key",
        description="Buckets encrypt with a customer-managed key.",
        severity=Severity.HIGH,
        remediation=(
            'Set sse_algorithm="aws:kms" and kms_master_key_id in apply_server_side_encryption_by_default.'
        ),
        controls=(*security_hub("S3.17"), *KEYS),
        types=_ENCRYPTION,
        group="encryption",
        check=all_of(
            must_be_set("rules"),
            must_be_one_of(f"{_DEFAULT}.sseAlgorithm", ("aws:kms", "aws:kms:dsse")),
            must_be_given(f"{_DEFAULT}.kmsMasterKeyId"),
        ),
    ),
    rule(
        name="aws-s3-bucket-key",
        description="Buckets use a bucket key, which spares nearly all calls to KMS.",
        severity=Severity.LOW,
        remediation="Set bucket_key_enabled=True in rules.",
        controls=well_architected("COST05-BP05"),
        types=_ENCRYPTION,
        group="encryption",
        enforcement="advisory",
        # S3 takes no bucket key for DSSE.
        check=for_each(
            "rules[]",
            when(
                equals("applyServerSideEncryptionByDefault.sseAlgorithm", "aws:kms"),
                must_equal("bucketKeyEnabled", True),
            ),
        ),
    ),
    stack_rule(
        name="aws-s3-bucket-encryption-configured",
        description="Every bucket says how it encrypts.",
        severity=Severity.MEDIUM,
        remediation="Add aws.s3.BucketServerSideEncryptionConfiguration(bucket=bucket.id, rules=[...]).",
        controls=(*security_hub("S3.17"), *AT_REST),
        types=_ENCRYPTION,
        reads=("bucket",),
        group="encryption",
        check=every_has(
            _BUCKETS,
            _ENCRYPTION,
            "bucket",
            "no aws.s3.BucketServerSideEncryptionConfiguration names this bucket",
            inline=("serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations"),
        ),
    ),
    rule(
        name="aws-s3-public-access-block",
        description="S3 buckets block public access in all four ways.",
        severity=Severity.CRITICAL,
        remediation=_FLAGS_REMEDY,
        controls=(*fsbp("S3.8"), *cis("2.1.4")),
        types=(_BLOCK,),
        check=all_of(*(must_equal(flag, True) for flag in _FLAGS)),
    ),
    rule(
        name="aws-s3-account-public-access-block",
        description="An account blocks public access to all of its buckets in all four ways.",
        severity=Severity.CRITICAL,
        remediation=_FLAGS_REMEDY,
        controls=(*fsbp("S3.1"), *cis("2.1.4")),
        types=("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",),
        check=all_of(*(must_equal(flag, True) for flag in _FLAGS)),
    ),
    stack_rule(
        name="aws-s3-bucket-public-access-blocked",
        description="Every bucket has a public access block.",
        severity=Severity.HIGH,
        remediation="Add aws.s3.BucketPublicAccessBlock(bucket=bucket.id, ...) with all four flags True.",
        controls=(*fsbp("S3.8"), *cis("2.1.4")),
        types=(_BLOCK,),
        reads=("bucket",),
        check=every_has(_BUCKETS, (_BLOCK,), "bucket", "no aws.s3.BucketPublicAccessBlock names this bucket"),
    ),
    rule(
        name="aws-s3-policy-tls-only",
        description="Bucket policies deny everybody what does not come over TLS.",
        severity=Severity.HIGH,
        remediation='Add a Deny statement for "s3:*" with the condition Bool "aws:SecureTransport": "false".',
        controls=(*fsbp("S3.5"), *cis("2.1.1")),
        types=(_POLICY,),
        group="encryption",
        check=policy_document("policy", denies_plain_text("s3:GetObject", "s3:PutObject", "s3:ListBucket")),
    ),
    stack_rule(
        name="aws-s3-bucket-has-policy",
        description="Every bucket has a policy: without one, S3 takes requests without TLS.",
        severity=Severity.MEDIUM,
        remediation="Add aws.s3.BucketPolicy(bucket=bucket.id, policy=...) that denies requests without TLS.",
        controls=(*fsbp("S3.5"), *cis("2.1.1")),
        types=(_POLICY,),
        reads=("bucket",),
        group="encryption",
        check=every_has(
            _BUCKETS, (_POLICY,), "bucket", "no aws.s3.BucketPolicy names this bucket", inline=("policy",)
        ),
    ),
    rule(
        name="aws-s3-policy-not-public",
        description="Bucket policies grant nothing to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name principals, or narrow * by a condition such as aws:PrincipalOrgID.",
        controls=fsbp("S3.2", "S3.3"),
        types=(_POLICY, *_BUCKETS),
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-s3-versioning",
        description="Buckets keep former versions of objects.",
        severity=Severity.MEDIUM,
        remediation='Set versioning_configuration.status="Enabled".',
        controls=(*security_hub("S3.14"), *BACKUPS),
        types=_VERSIONING,
        check=must_equal("versioningConfiguration.status", "Enabled"),
    ),
    stack_rule(
        name="aws-s3-bucket-versioned",
        description="Every bucket says whether it keeps former versions.",
        severity=Severity.MEDIUM,
        remediation="Add aws.s3.BucketVersioning(bucket=bucket.id, ...).",
        controls=(*security_hub("S3.14"), *BACKUPS),
        types=_VERSIONING,
        reads=("bucket",),
        check=every_has(
            _BUCKETS,
            _VERSIONING,
            "bucket",
            "no aws.s3.BucketVersioning names this bucket",
            inline=("versioning", "versionings"),
        ),
    ),
    stack_rule(
        name="aws-s3-bucket-logged",
        description="Every bucket records who reads it.",
        severity=Severity.LOW,
        remediation="Add aws.s3.BucketLogging(bucket=bucket.id, target_bucket=..., target_prefix=...).",
        controls=fsbp("S3.9"),
        types=_LOGGING,
        reads=("bucket",),
        # CloudTrail's data events answer the same question, and programs cannot see whether they are on.
        enforcement="advisory",
        check=every_has(
            _BUCKETS,
            _LOGGING,
            "bucket",
            "no aws.s3.BucketLogging names this bucket",
            inline=("logging", "loggings"),
        ),
    ),
    rule(
        name="aws-s3-acl-not-public",
        description="Bucket ACLs grant nothing to everybody.",
        severity=Severity.CRITICAL,
        remediation='Set acl="private", or turn ACLs off with aws.s3.BucketOwnershipControls.',
        controls=fsbp("S3.2", "S3.3"),
        types=_ACL,
        check=all_of(
            must_not_be("acl", *_PUBLIC_ACLS),
            must_not_be("accessControlPolicy.grants[].grantee.uri", *_EVERYBODY),
        ),
    ),
    rule(
        name="aws-s3-bucket-acl-not-public",
        description="Buckets are made without a public ACL.",
        severity=Severity.CRITICAL,
        remediation="Leave acl and grants out.",
        controls=fsbp("S3.2", "S3.3"),
        types=_BUCKETS,
        check=all_of(must_not_be("acl", *_PUBLIC_ACLS), must_not_be("grants[].uri", *_EVERYBODY)),
    ),
    rule(
        name="aws-s3-object-ownership",
        description="Buckets own their objects, so that no ACL counts.",
        severity=Severity.MEDIUM,
        remediation='Set rule.object_ownership="BucketOwnerEnforced".',
        controls=fsbp("S3.12"),
        types=(_OWNERSHIP,),
        check=must_equal("rule.objectOwnership", "BucketOwnerEnforced"),
    ),
    stack_rule(
        name="aws-s3-abort-multipart-uploads",
        description="Buckets tidy up: uploads that broke off cost as much as objects and are not listed.",
        severity=Severity.LOW,
        remediation=(
            "Add aws.s3.BucketLifecycleConfiguration with "
            "abort_incomplete_multipart_upload.days_after_initiation."
        ),
        controls=(*fsbp("S3.13"), *well_architected("COST04-BP03")),
        types=_LIFECYCLE,
        reads=("bucket", "rules[].abortIncompleteMultipartUpload.daysAfterInitiation"),
        enforcement="advisory",
        check=every_has(
            _BUCKETS,
            _LIFECYCLE,
            "bucket",
            "no lifecycle configuration ends this bucket's broken uploads",
            inline=("lifecycleRules",),
            having="rules[].abortIncompleteMultipartUpload.daysAfterInitiation",
        ),
    ),
    rule(
        name="aws-s3-access-point-public-access-block",
        description="Access points block public access in all four ways.",
        severity=Severity.CRITICAL,
        remediation=_FLAGS_REMEDY + " AWS takes True where public_access_block_configuration is left out.",
        controls=fsbp("S3.19"),
        types=("aws:s3/accessPoint:AccessPoint",),
        check=all_of(
            *(must_equal(f"publicAccessBlockConfiguration.{flag}", True, missing="ok") for flag in _FLAGS)
        ),
    ),
)
