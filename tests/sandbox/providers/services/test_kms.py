"""KMS: keys rotate, are never left without anybody who may change them, and go the way AWS deletes them."""

import json
from typing import Any

import pytest

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"


def key_policy(account: str = "123456789012", action: str = "kms:*") -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": action,
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_key_and_alias(driver: Any, ctx: Any) -> None:
    key = driver.round_trip(
        KEY,
        {
            "description": "data",
            "enableKeyRotation": True,
            "rotationPeriodInDays": 180,
            "deletionWindowInDays": 7,
            "policy": key_policy(),
            "tags": {"team": "ml"},
        },
        {"description": "more data", "rotationPeriodInDays": 90, "tags": None},
    )
    assert key.outputs["arn"].endswith(f":key/{key.id}")
    other = driver.create(KEY, {})
    alias = driver.round_trip(ALIAS, {"name": "alias/data", "targetKeyId": key.id}, {"targetKeyId": other.id})
    assert alias.outputs["targetKeyArn"] == other.outputs["arn"]
    unnamed = driver.create(ALIAS, {"targetKeyId": key.id})
    assert unnamed.id.startswith("alias/name-")
    driver.delete(ALIAS, unnamed)
    driver.delete(ALIAS, alias)
    driver.delete(KEY, key)
    assert ctx.client("kms").describe_key(KeyId=key.id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_rotation_switched_off_behind_the_back(driver: Any, ctx: Any) -> None:
    key = driver.create(KEY, {"enableKeyRotation": True})
    ctx.client("kms").disable_key_rotation(KeyId=key.id)
    assert driver.handler(KEY).read(ctx, key.id, key.outputs)["enableKeyRotation"] is False


def test_key_policy_and_grant(driver: Any) -> None:
    key = driver.create(KEY, {})
    policy = driver.round_trip(
        "aws:kms/keyPolicy:KeyPolicy",
        {"keyId": key.id, "policy": key_policy()},
        {"policy": key_policy(action="*")},
    )
    grant = driver.round_trip(
        "aws:kms/grant:Grant",
        {
            "keyId": key.id,
            "granteePrincipal": "arn:aws:iam::123456789012:role/x",
            "operations": ["Encrypt", "Decrypt"],
        },
    )
    driver.delete("aws:kms/grant:Grant", grant)
    driver.delete("aws:kms/keyPolicy:KeyPolicy", policy)


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (KEY, {"deletionWindowInDays": 5}, "deletionWindowInDays", "7 to 30"),
        (KEY, {"rotationPeriodInDays": 30, "enableKeyRotation": True}, "rotationPeriodInDays", "90 to 2560"),
        (KEY, {"rotationPeriodInDays": 90}, "rotationPeriodInDays", "enableKeyRotation"),
        (KEY, {"policy": key_policy(account="999999999999")}, "policy", "will not allow you to update"),
        (KEY, {"policy": key_policy(action="kms:Encrypt")}, "policy", "bypassPolicyLockoutSafetyCheck"),
        (KEY, {"keyUsage": "ENCRYPT"}, "keyUsage", "SIGN_VERIFY"),
        (
            KEY,
            {"customerMasterKeySpec": "RSA_2048", "enableKeyRotation": True},
            "enableKeyRotation",
            "SYMMETRIC",
        ),
        (ALIAS, {"name": "data", "targetKeyId": "x"}, "name", "alias/"),
        (ALIAS, {"name": "alias/aws/s3", "targetKeyId": "x"}, "name", "reserved"),
        (
            "aws:kms/grant:Grant",
            {"keyId": "x", "granteePrincipal": "y", "operations": ["Read"]},
            "operations[0]",
            "Decrypt",
        ),
    ],
)
def test_refused(rules: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = rules.problems(token, inputs)
    assert any(at == path and words in reason for at, reason in problems), problems
