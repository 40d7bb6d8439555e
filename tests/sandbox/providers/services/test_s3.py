"""S3: a bucket with its settings, what S3 refuses, and what is seen when somebody else changes a setting."""

import json
from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

BUCKET = "aws:s3/bucket:Bucket"
PAB = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"


def tls_only(bucket: str, sid: str = "tls") -> str:
    statement = {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


RULES = [
    {
        "id": "tidy",
        "status": "Enabled",
        "filter": {"and": {"prefix": "tmp/", "objectSizeGreaterThan": 100, "tags": {"Kind": "scratch"}}},
        "expiration": {"days": 90},
        "transitions": [{"days": 30, "storageClass": "STANDARD_IA"}],
        "noncurrentVersionExpiration": {"noncurrentDays": 7, "newerNoncurrentVersions": 3},
    },
    {"id": "uploads", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}},
]


@pytest.fixture
def bucket(driver: Any) -> Any:
    return driver.create(BUCKET, {"bucket": "bedplate-data", "tags": {"team": "ml"}})


def test_bucket(driver: Any, ctx: Any) -> None:
    made = driver.round_trip(
        BUCKET, {"bucket": "bedplate-data", "tags": {"team": "ml"}}, {"tags": {"team": "infra", "x": "y"}}
    )
    assert made.id == "bedplate-data"
    assert made.outputs["bucketRegionalDomainName"] == "bedplate-data.s3.us-west-2.amazonaws.com"
    assert made.outputs["hostedZoneId"] == "Z3BJ6K6RIION7M"
    ctx.client("s3").put_object(Bucket=made.id, Key="a", Body=b"1")
    with pytest.raises(CloudError, match="BucketNotEmpty"):
        driver.delete(BUCKET, made)
    made.outputs["forceDestroy"] = True
    driver.delete(BUCKET, made)


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_a_bucket_name_is_given_once(driver: Any, ctx: Any, region: str) -> None:
    ctx.region = region
    made = driver.create(BUCKET, {"bucket": "bedplate-data"})
    ctx.urn = ctx.urn + "-other"
    with pytest.raises(CloudError, match="BucketAlready"):
        driver.create(BUCKET, {"bucket": "bedplate-data"})
    driver.delete(BUCKET, made)
    driver.create(BUCKET, {"bucket": "bedplate-data"})


@pytest.mark.parametrize(
    ("token", "inputs", "change"),
    [
        (PAB, {"blockPublicAcls": True, "blockPublicPolicy": True}, {"restrictPublicBuckets": True}),
        (
            ENCRYPTION,
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {
                            "sseAlgorithm": "aws:kms",
                            "kmsMasterKeyId": "k",
                        },
                        "bucketKeyEnabled": True,
                        "blockedEncryptionTypes": ["SSE-C"],
                    }
                ]
            },
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        ),
        (LIFECYCLE, {"rules": RULES}, {"rules": RULES[1:]}),
        (POLICY, {"policy": tls_only("bedplate-data")}, {"policy": tls_only("bedplate-data", "other")}),
        (
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
            {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        ),
        (
            "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
            {
                "corsRules": [
                    {"id": "a", "allowedMethods": ["GET"], "allowedOrigins": ["*"], "maxAgeSeconds": 5}
                ]
            },
            {"corsRules": [{"allowedMethods": ["PUT"], "allowedOrigins": ["https://x"]}]},
        ),
        (
            "aws:s3/bucketNotification:BucketNotification",
            {"eventbridge": True},
            {
                "queues": [
                    {
                        "queueArn": "arn:aws:sqs:us-west-2:123456789012:q",
                        "events": ["s3:ObjectCreated:*"],
                        "filterPrefix": "in/",
                    }
                ]
            },
        ),
    ],
)
def test_settings(driver: Any, bucket: Any, token: str, inputs: Any, change: Any) -> None:
    made = driver.round_trip(token, {"bucket": bucket.id, **inputs}, change)
    assert made.id == bucket.id
    driver.delete(token, made)


def test_versioning_is_suspended_and_logging_needs_its_target(driver: Any, ctx: Any, bucket: Any) -> None:
    versioning = driver.round_trip(
        VERSIONING,
        {"bucket": bucket.id, "versioningConfiguration": {"status": "Enabled"}},
    )
    driver.handler(VERSIONING).delete(ctx, versioning.id, versioning.outputs)
    assert ctx.client("s3").get_bucket_versioning(Bucket=bucket.id)["Status"] == "Suspended"
    token = "aws:s3/bucketLogging:BucketLogging"
    logging = {"bucket": bucket.id, "targetBucket": "bedplate-nowhere", "targetPrefix": "s3/"}
    with pytest.raises(CloudError, match="InvalidTargetBucketForLogging"):
        driver.create(token, logging)


def test_object_lock_and_objects(driver: Any, ctx: Any) -> None:
    locked = driver.create(
        BUCKET, {"bucket": "bedplate-locked", "objectLockEnabled": True, "forceDestroy": True}
    )
    driver.round_trip(
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        {"bucket": locked.id, "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}},
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 2}}},
    )
    for token in ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"):
        plain = driver.create(BUCKET, {"bucket": "bedplate-plain"})
        made = driver.round_trip(
            token, {"bucket": plain.id, "content": "one", "tags": {"a": "b"}}, {"content": "two"}
        )
        assert made.outputs["key"] == "name"
        body = ctx.client("s3").get_object(Bucket=plain.id, Key="name")["Body"].read()
        assert body == b"two"
        driver.delete(token, made)
        driver.delete(BUCKET, plain)
    driver.delete(BUCKET, locked)


def test_settings_changed_behind_the_back(driver: Any, ctx: Any, bucket: Any) -> None:
    s3 = ctx.client("s3")
    block = driver.create(PAB, {"bucket": bucket.id, "blockPublicAcls": True})
    rules = driver.create(LIFECYCLE, {"bucket": bucket.id, "rules": RULES})
    policy = driver.create(POLICY, {"bucket": bucket.id, "policy": tls_only(bucket.id)})
    s3.put_public_access_block(Bucket=bucket.id, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    assert driver.handler(PAB).read(ctx, block.id, block.outputs)["blockPublicAcls"] is False
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket.id,
        LifecycleConfiguration={
            "Rules": [
                {"ID": "new", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 3}}
            ]
        },
    )
    seen = driver.handler(LIFECYCLE).read(ctx, rules.id, rules.outputs)["rules"]
    assert [(rule["id"], rule["expiration"]["days"]) for rule in seen] == [("new", 3)]
    s3.delete_bucket_policy(Bucket=bucket.id)
    assert driver.handler(POLICY).read(ctx, policy.id, policy.outputs) is None
    s3.delete_bucket(Bucket=bucket.id)
    for token in (BUCKET, PAB, LIFECYCLE, POLICY):
        assert driver.handler(token).read(ctx, bucket.id, {"bucket": bucket.id}) is None


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (BUCKET, {"bucket": "Data_Lake"}, "bucket", "lower-case"),
        (BUCKET, {"bucket": "10.0.0.1"}, "bucket", "IP address"),
        (BUCKET, {"bucket": "ab"}, "bucket", "3 to 63"),
        (BUCKET, {"bucket": "data-s3alias"}, "bucket", "reserves"),
        (BUCKET, {"bucket": "data", "versioning": {"enabled": True}}, "versioning", "BucketVersioning"),
        (
            VERSIONING,
            {"versioningConfiguration": {"status": "On"}},
            "versioningConfiguration.status",
            "Enabled, Suspended",
        ),
        (
            ENCRYPTION,
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "kms"}}]},
            "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm",
            "aws:kms",
        ),
        (POLICY, {"policy": tls_only("another")}, "policy", "invalid resource"),
        (LIFECYCLE, {"rules": [{"id": "a", "status": "Enabled"}]}, "rules[0]", "no action"),
        (LIFECYCLE, {"rules": [RULES[1], RULES[1]]}, "rules[1].id", "unique"),
        (
            LIFECYCLE,
            {"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 0}}]},
            "rules[0].expiration.days",
            "1 to",
        ),
        (
            LIFECYCLE,
            {
                "rules": [
                    {
                        "id": "a",
                        "status": "Enabled",
                        "transitions": [{"days": 10, "storageClass": "STANDARD_IA"}],
                    }
                ]
            },
            "rules[0].transitions[0].days",
            "at least 30",
        ),
        (
            LIFECYCLE,
            {
                "rules": [
                    {
                        "id": "a",
                        "status": "Enabled",
                        "filter": {"prefix": "a", "objectSizeLessThan": 5},
                        "expiration": {"days": 1},
                    }
                ]
            },
            "rules[0].filter",
            "'and'",
        ),
        (LIFECYCLE, {}, "rules", "at least one"),
    ],
)
def test_refused(rules: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = rules.problems(token, {"bucket": "data-lake", **inputs})
    assert any(at == path and words in reason for at, reason in problems), problems
