"""The documents that say who may do what with a bucket: its own policy, and the permissions of a grant."""

import json
import re
from collections.abc import Mapping, Sequence

Statement = dict[str, object]

_SSE = "s3:x-amz-server-side-encryption"
_SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_SSE_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
_OLDEST_TLS = "1.2"

_READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
_WRITE_OBJECTS = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
_DELETE_OBJECTS = ("s3:DeleteObject",)
_PREFIX = re.compile(r"^([A-Za-z0-9!_.'()=-]+/)+$")


def bucket_policy(*, bucket_arn: str, key_arn: str) -> str:
    """What is refused to everyone: plain HTTP, TLS below 1.2, and objects encrypted with anything but the
    key.

    An upload that says nothing of encryption gets the bucket's default, which is the key; so does one that
    names it.
    """
    objects = f"{bucket_arn}/*"
    everything = [bucket_arn, objects]
    return _document(
        [
            _deny("DenyPlainHttp", "s3:*", everything, {"Bool": {"aws:SecureTransport": "false"}}),
            _deny("DenyOldTls", "s3:*", everything, {"NumericLessThan": {"s3:TlsVersion": _OLDEST_TLS}}),
            _deny(
                "DenyOtherEncryption",
                "s3:PutObject",
                [objects],
                {"StringNotEquals": {_SSE: "aws:kms"}, "Null": {_SSE: "false"}},
            ),
            _deny(
                "DenyOtherKey",
                "s3:PutObject",
                [objects],
                {"StringNotEquals": {_SSE_KEY: key_arn}, "Null": {_SSE_KEY: "false"}},
            ),
            # `aws:kms` without a key does not mean the bucket's key but the one that AWS manages:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (2026-11)
            _deny(
                "DenyKeyManagedByAws",
                "s3:PutObject",
                [objects],
                {"StringEquals": {_SSE: "aws:kms"}, "Null": {_SSE_KEY: "true"}},
            ),
            _deny("DenyKeyOfTheCaller", "s3:PutObject", [objects], {"Null": {_SSE_CUSTOMER: "false"}}),
        ]
    )


def grant_policy(
    *,
    bucket_arn: str,
    key_arn: str | None,
    region: str,
    read: bool,
    write: bool,
    delete: bool,
    prefix: str,
) -> str:
    """The permissions that a role needs to read from or write to a bucket, and no more."""
    objects = f"{bucket_arn}/{prefix}*"
    statements: list[Statement] = [_allow(["s3:GetBucketLocation"], bucket_arn)]
    if read:
        condition = {"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}} if prefix else None
        statements.append(_allow(["s3:ListBucket", "s3:ListBucketVersions"], bucket_arn, condition))
    if write and not prefix:
        # This listing cannot be limited to a prefix, and uploads work without it.
        statements.append(_allow(["s3:ListBucketMultipartUploads"], bucket_arn))
    actions = [
        *(_READ_OBJECTS if read else ()),
        *(_WRITE_OBJECTS if write else ()),
        *(_DELETE_OBJECTS if delete else ()),
    ]
    statements.append(_allow(actions, objects))
    if key_arn is not None:
        # A multipart upload decrypts the parts that it joins, so a writer needs both.
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        statements.append(
            _allow(
                ["kms:Decrypt", *(["kms:GenerateDataKey"] if write else [])],
                key_arn,
                {
                    "StringEquals": {"kms:ViaService": f"s3.{region}.{suffix}"},
                    # With a bucket key the context names the bucket, without one the object.
                    "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, f"{bucket_arn}/*"]},
                },
            )
        )
    return _document(statements)


def check_prefix(prefix: str) -> str:
    """The prefix itself, if it is empty or names whole folders.

    Raises:
        ValueError: it does not end with a slash (`data` would also open `data-of-others/`), begins with one,
            or has characters that mean something in a policy.
    """
    if prefix and not _PREFIX.match(prefix):
        raise ValueError(
            f"prefix: {prefix!r} does not name a folder; allowed: letters, digits and !_.'()=- in parts that "
            "each end with a slash, none first; write for example checkpoints/run-1/"
        )
    return prefix


def _allow(
    actions: Sequence[str],
    resource: str,
    condition: Mapping[str, Mapping[str, str | list[str]]] | None = None,
) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition is not None:
        statement["Condition"] = {operator: dict(pairs) for operator, pairs in condition.items()}
    return statement


def _deny(
    sid: str, action: str, resources: Sequence[str], condition: Mapping[str, Mapping[str, str]]
) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": list(resources),
        "Condition": {operator: dict(pairs) for operator, pairs in condition.items()},
    }


def _document(statements: Sequence[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
