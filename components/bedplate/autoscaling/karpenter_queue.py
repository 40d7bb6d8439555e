"""The queue by which Karpenter hears of machines that EC2 is about to take away."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, kms, sqs

from bedplate.core.naming import child
from bedplate.keys.handles import KeyHandle

# What Karpenter v1.15.1 understands (pkg/controllers/interruption/messages).
EVENTS: Mapping[str, tuple[str, str]] = {
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "reservation-interruption": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "spot-interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
}

# A warning is of no use once the machine is gone: two minutes for spot
# (Amazon EC2 User Guide, Spot Instance interruption notices; from memory).
_RETENTION_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Interruptions:
    """The queue, and what must be there for messages to come."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]


def interruption_queue(
    name: str,
    *,
    cluster_arn: pulumi.Output[str],
    region: str,
    key: KeyHandle | None,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
) -> Interruptions:
    """An encrypted queue with the rules that fill it.

    Without `key` the queue gets a key of its own: EventBridge writes to it, which the policy of a key that
    encrypts anything else has no reason to allow.
    """
    opts = pulumi.ResourceOptions(parent=parent)
    key_arn = _own_key(name, cluster_arn, region, tags, parent) if key is None else key.arn
    queue = sqs.Queue(
        child(name, "interruptions"),
        message_retention_seconds=_RETENTION_SECONDS,
        kms_master_key_id=key_arn,
        region=region,
        tags=dict(tags),
        opts=opts,
    )
    rules = [
        cloudwatch.EventRule(
            child(name, event),
            description=f"{detail}: to Karpenter",
            event_pattern=json.dumps({"source": [source], "detail-type": [detail]}),
            region=region,
            tags=dict(tags),
            opts=opts,
        )
        for event, (source, detail) in EVENTS.items()
    ]
    policy = sqs.QueuePolicy(
        child(name, "interruptions-policy"),
        queue_url=queue.url,
        policy=pulumi.Output.all(queue.arn, *(rule.arn for rule in rules)).apply(
            lambda arns: json.dumps(queue_policy(arns[0], arns[1:]))
        ),
        region=region,
        opts=opts,
    )
    targets = [
        cloudwatch.EventTarget(
            child(name, f"{event}-to-queue"),
            rule=rule.name,
            arn=queue.arn,
            region=region,
            # EventBridge tries the queue when the target is made.
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[policy]),
        )
        for event, rule in zip(EVENTS, rules, strict=True)
    ]
    return Interruptions(name=queue.name, arn=queue.arn, key_arn=key_arn, ready=(policy, *targets))


def queue_policy(queue_arn: str, rule_arns: list[str]) -> dict[str, object]:
    """Only these rules may send, and nobody without TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RulesSend",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def queue_key_policy(cluster_arn: str) -> dict[str, object]:
    """The account runs the key; EventBridge encrypts with it for rules of the account.

    Amazon EventBridge User Guide, "Using Amazon SQS: encrypted queues" (from memory).
    """
    partition, account = cluster_arn.split(":")[1], cluster_arn.split(":")[4]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountAdministersKeyThroughIam",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "EventBridge",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            },
        ],
    }


def _own_key(
    name: str,
    cluster_arn: pulumi.Output[str],
    region: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    return kms.Key(
        child(name, "interruptions-key"),
        description=f"Encrypts the interruption queue of {name}",
        enable_key_rotation=True,
        # Messages live minutes: nothing is lost with the key but the queue's next message.
        deletion_window_in_days=7,
        policy=cluster_arn.apply(lambda arn: json.dumps(queue_key_policy(arn))),
        region=region,
        tags=dict(tags),
        opts=pulumi.ResourceOptions(parent=parent),
    ).arn
