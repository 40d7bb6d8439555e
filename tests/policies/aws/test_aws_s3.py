"""Examples for the rules of S3, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bedplate_policies.aws.s3 import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, StackCase

KEY = "arn:aws:kms:eu-west-1:111122223333:key/example"
FLAGS = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def _policy(*statements: dict[str, object]) -> dict[str, object]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def _encryption(**by_default: object) -> dict[str, object]:
    return {"rules": [{"applyServerSideEncryptionByDefault": by_default}]}


TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
NAMED = {**PUBLIC, "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"}}
ORGANISATION = {**PUBLIC, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-s3-encryption-customer-key": (
        [_encryption(sseAlgorithm="aws:kms", kmsMasterKeyId=KEY)],
        [
            {},
            {"rules": []},
            {"rules": [{}]},
            _encryption(sseAlgorithm="AES256"),
            _encryption(sseAlgorithm="aws:kms"),
        ],
    ),
    "aws-s3-bucket-key": (
        [
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms:dsse"}}]},
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"},
                        "bucketKeyEnabled": True,
                    }
                ]
            },
        ],
        [_encryption(sseAlgorithm="aws:kms")],
    ),
    "aws-s3-public-access-block": ([FLAGS], [{}, *({**FLAGS, flag: False} for flag in FLAGS)]),
    "aws-s3-account-public-access-block": ([FLAGS], [{}, *({**FLAGS, flag: False} for flag in FLAGS)]),
    "aws-s3-policy-tls-only": (
        [_policy(TLS), _policy({**TLS, "Principal": {"AWS": "*"}, "Action": ["s3:*"]}, NAMED)],
        [
            _policy(NAMED),
            _policy({**TLS, "Effect": "Allow"}),
            _policy({**TLS, "Action": "s3:GetObject"}),
            _policy({**TLS, "Principal": {"AWS": "111122223333"}}),
            _policy({**TLS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        ],
    ),
    "aws-s3-policy-not-public": (
        [{}, _policy(NAMED, TLS), _policy(ORGANISATION)],
        [_policy(PUBLIC), _policy({**PUBLIC, "Principal": {"AWS": ["*"]}}), {"policy": "no JSON"}],
    ),
    "aws-s3-versioning": (
        [{"versioningConfiguration": {"status": "Enabled"}}],
        [{"versioningConfiguration": {}}, {"versioningConfiguration": {"status": "Suspended"}}],
    ),
    "aws-s3-acl-not-public": (
        [{"acl": "private"}, {"accessControlPolicy": {"grants": [{"grantee": {"id": "owner"}}]}}],
        [
            {"acl": "public-read"},
            {"accessControlPolicy": {"grants": [{"grantee": {"uri": ALL_USERS}}]}},
        ],
    ),
    "aws-s3-bucket-acl-not-public": (
        [{}, {"acl": "private"}],
        [{"acl": "public-read-write"}, {"grants": [{"uri": ALL_USERS}]}],
    ),
    "aws-s3-object-ownership": (
        [{"rule": {"objectOwnership": "BucketOwnerEnforced"}}],
        [{"rule": {}}, {"rule": {"objectOwnership": "ObjectWriter"}}],
    ),
    "aws-s3-access-point-public-access-block": (
        [{}, {"publicAccessBlockConfiguration": FLAGS}],
        [{"publicAccessBlockConfiguration": {**FLAGS, "blockPublicPolicy": False}}],
    ),
}

BUCKET = ("aws:s3/bucket:Bucket", "data", {"bucket": "data-1"})
OF_BUCKET = {"bucket": ["data"]}


def _stacks(token: str, good: dict[str, object], bad: dict[str, object] | None = None) -> tuple[Any, Any]:
    """The companion by dependency (as at preview), by name (as after it), and none."""
    kind = f"aws:s3/{token[0].lower()}{token[1:]}:{token}"
    return (
        [
            [],
            [BUCKET, (kind, "companion", good, OF_BUCKET)],
            [BUCKET, (kind, "companion", {**good, "bucket": "data-1"})],
        ],
        [
            [BUCKET],
            [BUCKET, (kind, "companion", {**good, "bucket": "another"})],
            *([[BUCKET, (kind, "companion", bad, OF_BUCKET)]] if bad is not None else []),
        ],
    )


STACKS = {
    "aws-s3-bucket-encryption-configured": _stacks("BucketServerSideEncryptionConfiguration", {}),
    "aws-s3-bucket-public-access-blocked": _stacks("BucketPublicAccessBlock", {}),
    "aws-s3-bucket-has-policy": _stacks("BucketPolicy", {}),
    "aws-s3-bucket-versioned": _stacks("BucketVersioning", {}),
    "aws-s3-bucket-logged": _stacks("BucketLogging", {}),
    "aws-s3-abort-multipart-uploads": _stacks(
        "BucketLifecycleConfiguration",
        {"rules": [{"abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}]},
        {"rules": [{"status": "Enabled"}]},
    ),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]
STACK_CASES = [
    StackCase(rule.name, good=STACKS[rule.name][0], bad=STACKS[rule.name][1])
    for rule in RULES
    if isinstance(rule, StackRule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
