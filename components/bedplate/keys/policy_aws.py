"""Who may use a KMS key: its policy, as data."""

from collections.abc import Mapping, Sequence
from typing import Literal

Statement = dict[str, object]

KeyService = Literal["logs", "cloudwatch", "budgets", "autoscaling"]
"""Services that use a key on an account's behalf and not with the permissions of a person or role in it."""

# What a service needs to encrypt and read back.
_USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]

# An administrator runs the key and cannot read what it protects.
_ADMINISTER = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:Describe*",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:Get*",
    "kms:List*",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
]


def key_policy(
    *,
    account: str,
    partition: str,
    region: str,
    services: Sequence[KeyService] = (),
    administrator_arns: Sequence[str] = (),
    user_arns: Sequence[str] = (),
) -> Mapping[str, object]:
    """The key's policy document.

    The account itself always administers the key. Without that statement a key whose administrators are
    deleted is lost for good, and permissions in IAM would have no effect on it:
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html (2026-11)
    """
    statements = [
        _allow(
            "AccountAdministersKeyThroughIam",
            {"AWS": f"arn:{partition}:iam::{account}:root"},
            ["kms:*"],
        )
    ]
    if administrator_arns:
        statements.append(_allow("Administrators", {"AWS": _sorted(administrator_arns)}, _ADMINISTER))
    if user_arns:
        statements.append(_allow("Users", {"AWS": _sorted(user_arns)}, _USE))
        statements.append(_grants_for_services("UsersGrantToServices", {"AWS": _sorted(user_arns)}))
    for service in sorted(set(services)):
        statements += _service_statements(service, account=account, partition=partition, region=region)
    return {"Version": "2012-10-17", "Statement": statements}


def _service_statements(service: KeyService, *, account: str, partition: str, region: str) -> list[Statement]:
    if service == "logs":
        # Only for log groups of this account and region:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html (2026-11)
        groups = f"arn:{partition}:logs:{region}:{account}:log-group:*"
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return [
            _allow(
                "CloudWatchLogs",
                {"Service": f"logs.{region}.{suffix}"},
                _USE,
                {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        ]
    if service == "autoscaling":
        # Encrypted volumes of machines that an Auto Scaling group starts are made by its service-linked role,
        # whose own policy has no KMS permission:
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
        # (2026-11)
        role = (
            f"arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/"
            "AWSServiceRoleForAutoScaling"
        )
        return [
            _allow("AutoScaling", {"AWS": role}, _USE),
            _grants_for_services("AutoScalingGrants", {"AWS": role}),
        ]
    # Publishing to an encrypted topic:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html (2026-11)
    return [
        _allow(
            {"cloudwatch": "CloudWatchAlarms", "budgets": "Budgets"}[service],
            {"Service": f"{service}.amazonaws.com"},
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            {"StringEquals": {"aws:SourceAccount": account}},
        )
    ]


def _grants_for_services(sid: str, principal: Mapping[str, object]) -> Statement:
    return _allow(sid, principal, ["kms:CreateGrant"], {"Bool": {"kms:GrantIsForAWSResource": "true"}})


def _allow(
    sid: str,
    principal: Mapping[str, object],
    actions: Sequence[str],
    condition: Mapping[str, Mapping[str, str]] | None = None,
) -> Statement:
    # "*" as the resource of a key's policy is the key itself.
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": dict(principal),
        "Action": list(actions),
        "Resource": "*",
    }
    if condition is not None:
        statement["Condition"] = {operator: dict(pairs) for operator, pairs in condition.items()}
    return statement


def _sorted(arns: Sequence[str]) -> list[str]:
    return sorted(set(arns))
