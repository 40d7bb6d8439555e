"""What a bucket lets in and out, keeps and loses."""

import pytest

from bedplate.core import InputPropertiesError
from bedplate.storage.grants_aws import grant_access
from bedplate.storage.handles import ObjectStoreHandle
from bedplate.storage.object_aws import AwsObjectStore, AwsObjectStoreArgs, Expiration, ObjectLock, Transition

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"
BUCKET = "arn:aws:s3:::data"
SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
SSE_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"


def store(record, key, **args):
    return record(lambda: AwsObjectStore("data", AwsObjectStoreArgs(region="us-east-1", key=key(), **args)))


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"force_destroy": True}, "force_destroy", "deletion_protection"),
        (
            {"force_destroy": True, "deletion_protection": False, "object_lock": {"days": 1}},
            "force_destroy",
            "object_lock",
        ),
        ({"object_lock": {"days": 0}}, "object_lock.days", "at least 1"),
        ({"object_lock": {"days": 1, "mode": "LEGAL"}}, "object_lock.mode", "GOVERNANCE"),
        ({"object_lock": {"days": 1}, "versioning": False}, "versioning", "set it to true"),
        ({"bucket_name": "My_Bucket"}, "bucket_name", "lower-case"),
        ({"access_log_prefix": "x/"}, "access_log_prefix", "access_log_bucket"),
        (
            {"transitions": [{"days": 10, "storage_class": "STANDARD_IA"}]},
            "transitions[0].days",
            "30 or more",
        ),
        ({"transitions": [{"days": 10, "storage_class": "COLD"}]}, "transitions[0].storage_class", "GLACIER"),
        (
            {
                "transitions": [
                    {"days": 40, "storage_class": "GLACIER"},
                    {"days": 90, "storage_class": "STANDARD_IA"},
                ]
            },
            "transitions",
            "GLACIER at 40 days and then STANDARD_IA at 90",
        ),
        (
            {
                "transitions": [{"days": 40, "storage_class": "GLACIER", "prefix": "tmp/"}],
                "expirations": [{"prefix": "tmp/", "days": 40}],
            },
            "expirations",
            "not after the last transition",
        ),
        ({"expirations": [{"prefix": "", "days": 1}]}, "expirations[0].prefix", ""),
        (
            {"expirations": [{"prefix": "a/", "days": 1}, {"prefix": "a/", "days": 2}]},
            "expirations",
            "given twice",
        ),
        ({"noncurrent_version_expiration_days": 0}, "noncurrent_version_expiration_days", "at least 1"),
        ({"encryption": "AES256"}, "encryption", ""),
    ],
)
def test_a_store_that_cannot_be_is_refused(record, key, args: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        store(record, key, **args)
    reasons = {problem.path: problem.reason for problem in refused.value.problems}
    assert path in reasons, reasons
    assert reason in reasons[path]


def test_a_key_is_needed() -> None:
    with pytest.raises(InputPropertiesError, match="key"):
        AwsObjectStoreArgs(region="us-east-1")


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}, "none"),
        ({"aws:SecureTransport": "false"}, "deny"),
        ({"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}, "deny"),
        ({"aws:SecureTransport": "true", "s3:TlsVersion": "1.2"}, "none"),
    ],
)
def test_nothing_is_read_over_weak_transport(record, key, decide, context: dict, expected: str) -> None:
    policy = store(record, key).one("BucketPolicy").document("policy")
    for action, resource in (("s3:GetObject", f"{BUCKET}/x"), ("s3:ListBucket", BUCKET)):
        assert decide(policy, action, resource, context, principal="anyone") == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "none"),
        ({SSE: "aws:kms", SSE_KEY: KEY}, "none"),
        ({SSE: "aws:kms"}, "deny"),
        ({SSE: "AES256"}, "deny"),
        ({SSE: "aws:kms", SSE_KEY: f"{KEY}5"}, "deny"),
        ({SSE_CUSTOMER: "AES256"}, "deny"),
    ],
)
def test_objects_are_stored_under_the_stores_key_only(
    record, key, decide, headers: dict, expected: str
) -> None:
    policy = store(record, key).one("BucketPolicy").document("policy")
    context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **headers}
    assert decide(policy, "s3:PutObject", f"{BUCKET}/x", context, principal="anyone") == expected


def test_objects_are_encrypted_with_the_key_by_default(record, key) -> None:
    (rule,) = store(record, key).one("BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["bucketKeyEnabled"] is True
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}


def test_the_bucket_is_closed_to_the_public(record, key) -> None:
    made = store(record, key)
    block = made.one("BucketPublicAccessBlock").inputs
    for door in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        assert block[door] is True
    assert made.one("BucketOwnershipControls").inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced"


def test_data_is_not_deleted_by_accident(record, key) -> None:
    bucket = store(record, key).one("Bucket")
    assert bucket.protect
    assert bucket.inputs["forceDestroy"] is False
    loose = store(record, key, deletion_protection=False, force_destroy=True).one("Bucket")
    assert not loose.protect
    assert loose.inputs["forceDestroy"] is True


def test_old_versions_and_broken_uploads_go_away(record, key) -> None:
    made = store(record, key)
    assert made.one("BucketVersioning").inputs["versioningConfiguration"]["status"] == "Enabled"
    (tidy,) = made.one("BucketLifecycleConfiguration").inputs["rules"]
    assert tidy["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert tidy["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert tidy["expiration"] == {"expiredObjectDeleteMarker": True}


def test_objects_move_and_expire_by_prefix(record, key) -> None:
    made = store(
        record,
        key,
        versioning=False,
        noncurrent_version_expiration_days=None,
        transitions=(
            Transition(days=180, storage_class="GLACIER", prefix="runs/"),
            Transition(days=30, storage_class="STANDARD_IA", prefix="runs/"),
        ),
        expirations=(Expiration(prefix="runs/", days=365), Expiration(prefix="tmp/", days=3)),
    )
    assert made.one("BucketVersioning").inputs["versioningConfiguration"]["status"] == "Suspended"
    rules = made.one("BucketLifecycleConfiguration").inputs["rules"]
    by_prefix = {rule["filter"]["prefix"]: rule for rule in rules}
    assert "noncurrentVersionExpiration" not in by_prefix[""]
    assert [step["days"] for step in by_prefix["runs/"]["transitions"]] == [30, 180]
    assert by_prefix["runs/"]["expiration"] == {"days": 365}
    assert by_prefix["tmp/"]["expiration"] == {"days": 3}
    assert len({rule["id"] for rule in rules}) == 3


def test_written_once_is_kept(record, key) -> None:
    made = store(record, key, object_lock=ObjectLock(days=30, mode="COMPLIANCE"))
    assert made.one("Bucket").inputs["objectLockEnabled"] is True
    retention = made.one("BucketObjectLockConfiguration").inputs["rule"]["defaultRetention"]
    assert retention == {"mode": "COMPLIANCE", "days": 30}


def test_requests_are_logged_to_another_bucket(record, key) -> None:
    logging = store(record, key, access_log_bucket="logs").one("BucketLogging").inputs
    assert (logging["targetBucket"], logging["targetPrefix"]) == ("logs", "data/")
    assert store(record, key).of_type("BucketLogging") == []


def granted(record, key, grant):
    made = record(lambda: grant(AwsObjectStore("data", AwsObjectStoreArgs(region="us-east-1", key=key()))))
    policy = made.one("RolePolicy")
    assert policy.inputs["role"] == "trainer-role"
    return policy.document("policy")


THROUGH_S3 = {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": BUCKET}


def test_a_reader_reads_and_no_more(record, key, decide) -> None:
    policy = granted(record, key, lambda one: one.grant_read("trainer", "trainer-role"))
    assert decide(policy, "s3:GetObject", f"{BUCKET}/x") == "allow"
    assert decide(policy, "s3:ListBucket", BUCKET) == "allow"
    assert decide(policy, "kms:Decrypt", KEY, THROUGH_S3) == "allow"
    for action, resource in (
        ("s3:PutObject", f"{BUCKET}/x"),
        ("s3:DeleteObject", f"{BUCKET}/x"),
        ("s3:GetObject", "arn:aws:s3:::data-other/x"),
        ("kms:GenerateDataKey", KEY),
    ):
        assert decide(policy, action, resource, THROUGH_S3) == "none"


def test_the_key_is_not_granted_beyond_the_store(record, key, decide) -> None:
    policy = granted(record, key, lambda one: one.grant_read("trainer", "trainer-role"))
    assert decide(policy, "kms:Decrypt", KEY) == "none"
    other = {**THROUGH_S3, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::data-other"}
    assert decide(policy, "kms:Decrypt", KEY, other) == "none"


def test_a_writer_writes_in_parts_without_reading_or_deleting(record, key, decide) -> None:
    policy = granted(record, key, lambda one: one.grant_write("trainer", "trainer-role"))
    for action in ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"):
        assert decide(policy, action, f"{BUCKET}/x") == "allow"
    assert decide(policy, "s3:ListBucketMultipartUploads", BUCKET) == "allow"
    # Parts are decrypted when an upload is completed.
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        assert decide(policy, action, KEY, THROUGH_S3) == "allow"
    for action in ("s3:GetObject", "s3:DeleteObject"):
        assert decide(policy, action, f"{BUCKET}/x") == "none"


def test_a_grant_stays_under_its_prefix(record, key, decide) -> None:
    policy = granted(
        record,
        key,
        lambda one: one.grant_read_write("trainer", "trainer-role", prefix="run-1/", delete=True),
    )
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert decide(policy, action, f"{BUCKET}/run-1/x") == "allow"
        assert decide(policy, action, f"{BUCKET}/run-10/x") == "none"
    assert decide(policy, "s3:ListBucket", BUCKET, {"s3:prefix": "run-1/"}) == "allow"
    assert decide(policy, "s3:ListBucket", BUCKET, {"s3:prefix": "run-10/"}) == "none"
    assert decide(policy, "s3:ListBucket", BUCKET) == "none"


@pytest.mark.parametrize("prefix", ["run-1", "/run-1/", "*/", "run-1//", "${aws:username}/"])
def test_a_prefix_that_would_open_more_is_refused(record, key, prefix: str) -> None:
    with pytest.raises(ValueError, match="does not name a folder"):
        granted(record, key, lambda one: one.grant_read("trainer", "trainer-role", prefix=prefix))


def test_a_store_made_elsewhere_is_granted_in_the_same_way(record, decide) -> None:
    def program() -> None:
        existing = ObjectStoreHandle.from_existing(name="data", region="us-east-1")
        grant_access("trainer", existing, "trainer-role", access="read")

    policy = record(program).one("RolePolicy").document("policy")
    assert decide(policy, "s3:GetObject", f"{BUCKET}/x") == "allow"
    assert decide(policy, "kms:Decrypt", KEY, THROUGH_S3) == "none"


def test_the_handle_says_where_the_data_is(record, key) -> None:
    seen: list[str] = []

    def program() -> None:
        args = AwsObjectStoreArgs(region="us-east-1", key=key(), bucket_name="my-data")
        AwsObjectStore("data", args).handle.uri.apply(seen.append)

    record(program)
    assert seen == ["s3://my-data"]
