"""Who may do what with a key, and what a key refuses to be."""

import pulumi
import pytest

from bedplate.core import InputPropertiesError
from bedplate.keys.aws import AwsKey, AwsKeyArgs
from bedplate.keys.handles import KeyHandle

ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
USER = f"arn:aws:iam::{ACCOUNT}:role/reader"


def made_key(record, **args):
    return record(lambda: AwsKey("data", AwsKeyArgs(**args)))


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"rotation_period_in_days": 89}, "rotation_period_in_days", "at least 90"),
        ({"rotation_period_in_days": 2561}, "rotation_period_in_days", "at most 2560"),
        ({"deletion_window_in_days": 6}, "deletion_window_in_days", "at least 7"),
        ({"deletion_window_in_days": 31}, "deletion_window_in_days", "at most 30"),
        ({"alias": "aws/mine"}, "alias", "aws/"),
        ({"alias": "my key"}, "alias", "letters"),
        ({"services": ["log"]}, "services[0]", "logs"),
        ({"user_arns": ["*"]}, "user_arns[0]", "not one principal's ARN"),
        ({"user_arns": [f"arn:aws:iam::{ACCOUNT}:role/*"]}, "user_arns[0]", "without wildcards"),
        ({"administrator_arns": ["admin"]}, "administrator_arns[0]", "role/<name>"),
        ({"rotation": False}, "rotation", ""),
    ],
)
def test_a_key_that_cannot_be_is_refused(args: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        AwsKeyArgs(**args)
    reasons = {problem.path: problem.reason for problem in refused.value.problems}
    assert path in reasons, reasons
    assert reason in reasons[path]


def test_a_key_rotates_and_its_deletion_can_be_taken_back_for_a_month(record) -> None:
    key = made_key(record).one("Key").inputs
    assert key["enableKeyRotation"] is True
    assert key["rotationPeriodInDays"] == 365
    assert key["deletionWindowInDays"] == 30
    assert key["multiRegion"] is False


def test_the_alias_is_the_components_name_or_the_one_given(record) -> None:
    assert made_key(record).one("Alias").inputs["name"] == "alias/data"
    assert made_key(record, alias="ml/data").one("Alias").inputs["name"] == "alias/ml/data"


def test_the_account_decides_through_iam_and_nobody_else_by_default(record, decide) -> None:
    policy = made_key(record).one("Key").document("policy")
    assert decide(policy, "kms:Decrypt", principal=ROOT) == "allow"
    for stranger in ("arn:aws:iam::999999999999:root", "logs.us-east-1.amazonaws.com", USER):
        assert decide(policy, "kms:Decrypt", principal=stranger) == "none"


def test_no_principal_is_a_wildcard(record) -> None:
    policy = (
        made_key(
            record,
            services=["logs", "cloudwatch", "budgets", "autoscaling"],
            administrator_arns=[ADMIN],
            user_arns=[USER],
        )
        .one("Key")
        .document("policy")
    )
    for statement in policy["Statement"]:
        assert "*" not in str(statement["Principal"])
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(set(sids)) == len(sids)


def test_log_groups_of_this_account_and_region_can_use_the_key(record, decide) -> None:
    policy = made_key(record, services=["logs"], region="eu-west-1").one("Key").document("policy")

    def group(region: str, account: str) -> dict[str, str]:
        return {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:x"}

    service = "logs.eu-west-1.amazonaws.com"
    mine = group("eu-west-1", ACCOUNT)
    assert decide(policy, "kms:GenerateDataKey", context=mine, principal=service) == "allow"
    for other in (group("eu-west-1", "999999999999"), group("us-east-1", ACCOUNT), {}):
        assert decide(policy, "kms:GenerateDataKey", context=other, principal=service) == "none"


@pytest.mark.parametrize("service", ["cloudwatch", "budgets"])
def test_alarms_and_budgets_publish_for_this_account_only(record, decide, service: str) -> None:
    policy = made_key(record, services=[service]).one("Key").document("policy")
    principal = f"{service}.amazonaws.com"
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        for account, expected in ((ACCOUNT, "allow"), ("999999999999", "none")):
            context = {"aws:SourceAccount": account}
            assert decide(policy, action, context=context, principal=principal) == expected


def test_encrypted_machines_can_be_started_by_auto_scaling(record, decide) -> None:
    policy = made_key(record, services=["autoscaling"]).one("Key").document("policy")
    role = (
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    assert decide(policy, "kms:Decrypt", principal=role) == "allow"
    for_volume = {"kms:GrantIsForAWSResource": "true"}
    assert decide(policy, "kms:CreateGrant", context=for_volume, principal=role) == "allow"
    assert decide(policy, "kms:CreateGrant", principal=role) == "none"


def test_an_administrator_cannot_decrypt_and_a_user_cannot_delete(record, decide) -> None:
    policy = made_key(record, administrator_arns=[ADMIN], user_arns=[USER]).one("Key").document("policy")
    assert decide(policy, "kms:ScheduleKeyDeletion", principal=ADMIN) == "allow"
    assert decide(policy, "kms:Decrypt", principal=ADMIN) == "none"
    assert decide(policy, "kms:Decrypt", principal=USER) == "allow"
    assert decide(policy, "kms:ScheduleKeyDeletion", principal=USER) == "none"


def test_an_arn_that_is_known_late_is_checked_then(record) -> None:
    with pytest.raises(ValueError, match="not one principal's ARN"):
        made_key(record, user_arns=[pulumi.Output.from_input("*")])


def test_a_grant_is_for_this_key_only(record, decide) -> None:
    made = record(lambda: AwsKey("data", AwsKeyArgs()).grant_encrypt_decrypt("trainer", "trainer-role"))
    grant = made.one("RolePolicy")
    assert grant.inputs["role"] == "trainer-role"
    policy = grant.document("policy")
    key_arn = policy["Statement"][0]["Resource"]
    assert key_arn.endswith("key/data")
    assert decide(policy, "kms:GenerateDataKey", key_arn) == "allow"
    assert decide(policy, "kms:Decrypt", f"{key_arn}-other") == "none"
    assert decide(policy, "kms:ScheduleKeyDeletion", key_arn) == "none"


def test_a_key_made_elsewhere_gives_its_id(record) -> None:
    seen: list[str] = []

    def program() -> None:
        handle = KeyHandle.from_existing(arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234-ab")
        handle.key_id.apply(seen.append)

    record(program)
    assert seen == ["1234-ab"]


def test_an_alias_is_not_a_key_made_elsewhere() -> None:
    with pytest.raises(ValueError, match="describe-key"):
        KeyHandle.from_existing(arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/data")


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:kms:us-east-1:1:key/1", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/", "arn:aws:kms:::key/*", ""],
)
def test_an_arn_that_is_no_keys_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="not the ARN of a KMS key; allowed"):
        KeyHandle.from_existing(arn=arn)
