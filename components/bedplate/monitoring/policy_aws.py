"""Who may publish to a topic of alarms."""

import json


def topic_policy(*, topic_arn: str, account: str, partition: str) -> str:
    """CloudWatch alarms and budgets of this account may publish, and nobody over plain HTTP.

    The account's own roles need no statement: their permissions in IAM are enough. The conditions keep the
    services from publishing on another account's behalf:
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html (2026-11)
    """
    publishers = {
        "CloudWatchAlarms": ("cloudwatch.amazonaws.com", f"arn:{partition}:cloudwatch:*:{account}:alarm:*"),
        "Budgets": ("budgets.amazonaws.com", f"arn:{partition}:budgets::{account}:*"),
    }
    statements: list[dict[str, object]] = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": source},
            },
        }
        for sid, (service, source) in publishers.items()
    ]
    statements.append(
        {
            "Sid": "DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
