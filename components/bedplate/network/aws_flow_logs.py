"""A VPC's flow logs in an encrypted CloudWatch log group, with a role that can write nowhere else."""

import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from bedplate.core.arns import partition
from bedplate.core.naming import child
from bedplate.core.tags import merge
from bedplate.keys.handles import KeyHandle

# Ten minutes is the coarser of the two intervals that AWS offers, and the cheaper one.
_AGGREGATION_SECONDS = 600


def flow_logs(
    name: str,
    *,
    vpc_id: pulumi.Output[str],
    region: str,
    key: KeyHandle,
    traffic_type: str,
    retention_in_days: int,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
    boundary: str | None = None,
) -> None:
    """Log a VPC's traffic. `name` is the network's; the resources are children of `parent`."""
    log_name = child(name, "flow-logs")
    options = pulumi.ResourceOptions(parent=parent)
    invoke_options = pulumi.InvokeOutputOptions(parent=parent)
    own_tags = merge(tags, {"Name": log_name})
    group = aws.cloudwatch.LogGroup(
        log_name,
        kms_key_id=key.arn,
        retention_in_days=retention_in_days,
        region=region,
        tags=own_tags,
        opts=options,
    )
    account = aws.get_caller_identity_output(opts=invoke_options).account_id
    role = aws.iam.Role(
        log_name,
        description=f"Writes the flow logs of {name}",
        assume_role_policy=account.apply(
            lambda known: _trust_policy(account=known, partition=partition(region), region=region)
        ),
        permissions_boundary=boundary,
        tags=own_tags,
        opts=options,
    )
    permission = aws.iam.RolePolicy(
        log_name, role=role.name, policy=group.arn.apply(_write_policy), opts=options
    )
    aws.ec2.FlowLog(
        log_name,
        vpc_id=vpc_id,
        iam_role_arn=role.arn,
        log_destination=group.arn,
        log_destination_type="cloud-watch-logs",
        traffic_type=traffic_type,
        max_aggregation_interval=_AGGREGATION_SECONDS,
        region=region,
        tags=own_tags,
        # Without the permission the log is made and then fails to deliver.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[permission]),
    )


def _trust_policy(*, account: str, partition: str, region: str) -> str:
    # Both conditions keep the service from using the role on another account's behalf:
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html (2026-11)
    source = f"arn:{partition}:ec2:{region}:{account}:vpc-flow-log/*"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": account},
                        "ArnLike": {"aws:SourceArn": source},
                    },
                }
            ],
        }
    )


def _write_policy(group_arn: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    "Resource": [group_arn, f"{group_arn}:*"],
                },
                {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"},
            ],
        }
    )
