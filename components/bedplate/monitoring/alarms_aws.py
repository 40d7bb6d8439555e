"""Alarms as data: what is measured, when it is a problem, and what whoever is woken should do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
from pulumi_aws import cloudwatch

from bedplate.core.tags import merge

Severity = Literal["critical", "warning"]

_PERIOD_SECONDS = 300
PERIOD_MINUTES = _PERIOD_SECONDS // 60


@dataclass(frozen=True)
class Metric:
    """One CloudWatch metric, summed up over each five minutes by `stat`."""

    namespace: str
    name: str
    stat: Literal["Average", "Maximum", "Minimum", "Sum"]
    dimensions: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm, in five-minute periods.

    Attributes:
        subject: What it watches, as a part of the resource's name.
        severity: Part of the name and the description: "critical" wakes somebody, "warning" waits for the
            morning.
        metrics: By the id that `expression` uses.
        expression: CloudWatch metric math over the metrics' ids; the one metric itself where empty.
        comparison: How the value is compared with `threshold`.
        minutes: For how long, in minutes, before the alarm goes off; a multiple of five.
        what: What has happened, as one sentence.
        runbook: What to do about it.
        missing_data: What a period without data means. Machines that are scaled to zero send none, so that
            silence is not a problem unless an alarm says so.
    """

    subject: str
    severity: Severity
    metrics: Mapping[str, Metric]
    expression: str = ""
    comparison: Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]
    threshold: float
    minutes: int
    what: str
    runbook: str
    missing_data: Literal["notBreaching", "breaching", "ignore"] = field(default="notBreaching")


def make_alarm(
    name: str,
    alarm: Alarm,
    *,
    topic_arn: pulumi.Input[str],
    region: str | None,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> cloudwatch.MetricAlarm:
    """The alarm's resource, called `<name>-<severity>-<subject>`; it tells the topic when it goes off and
    when it ends.
    """
    resource_name = f"{name}-{alarm.severity}-{alarm.subject}"
    periods = max(1, alarm.minutes // PERIOD_MINUTES)
    alone = None if alarm.expression else next(iter(alarm.metrics.values()))
    return cloudwatch.MetricAlarm(
        resource_name,
        namespace=alone.namespace if alone else None,
        metric_name=alone.name if alone else None,
        statistic=alone.stat if alone else None,
        dimensions=alone.dimensions if alone else None,
        period=_PERIOD_SECONDS if alone else None,
        metric_queries=None if alone else _queries(alarm),
        comparison_operator=alarm.comparison,
        threshold=alarm.threshold,
        evaluation_periods=periods,
        datapoints_to_alarm=periods,
        treat_missing_data=alarm.missing_data,
        alarm_description=f"[{alarm.severity}] {alarm.what} What to do: {alarm.runbook}",
        alarm_actions=[topic_arn],
        ok_actions=[topic_arn],
        region=region,
        tags=merge(tags, {"Name": resource_name, "bedplate:severity": alarm.severity}),
        opts=opts,
    )


def _queries(alarm: Alarm) -> list[cloudwatch.MetricAlarmMetricQueryArgs]:
    result = cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=alarm.expression, label=alarm.subject, return_data=True
    )
    return [
        result,
        *(
            cloudwatch.MetricAlarmMetricQueryArgs(
                id=metric_id,
                return_data=False,
                metric=cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace=metric.namespace,
                    metric_name=metric.name,
                    stat=metric.stat,
                    dimensions=metric.dimensions,
                    period=_PERIOD_SECONDS,
                ),
            )
            for metric_id, metric in alarm.metrics.items()
        ),
    ]


def node_group_alarms(
    pool: str,
    group: pulumi.Output[str],
    *,
    shortfall_minutes: int,
    full_minutes: int,
    status_check_minutes: int,
) -> list[Alarm]:
    """The alarms of one node group, by the name of its Auto Scaling group.

    EKS switches a managed node group's group metrics on by itself:
    https://docs.aws.amazon.com/eks/latest/userguide/enable-asg-metrics.html (2026-11)
    """
    dimensions = {"AutoScalingGroupName": group}

    def size(metric: str, stat: Literal["Average", "Maximum", "Minimum"]) -> Metric:
        return Metric("AWS/AutoScaling", metric, stat, dimensions)

    return [
        Alarm(
            subject=f"{pool}-capacity",
            severity="critical",
            metrics={
                "desired": size("GroupDesiredCapacity", "Minimum"),
                "running": size("GroupInServiceInstances", "Maximum"),
            },
            expression="IF(desired > running, desired - running, 0)",
            comparison="GreaterThanThreshold",
            threshold=0,
            minutes=shortfall_minutes,
            what=f"Node group {pool} has lacked machines that it asks for, for {shortfall_minutes} minutes.",
            runbook=(
                "look at the Auto Scaling group's activity for the reason. InsufficientInstanceCapacity: try "
                "another zone, or reserve the capacity. VcpuLimitExceeded: raise the quota of the instance "
                "family. Machines that start and end again: read their console output."
            ),
        ),
        Alarm(
            subject=f"{pool}-full",
            severity="warning",
            metrics={
                "desired": size("GroupDesiredCapacity", "Minimum"),
                "largest": size("GroupMaxSize", "Maximum"),
            },
            expression="IF(largest > 0, desired / largest, 0)",
            comparison="GreaterThanOrEqualToThreshold",
            threshold=1,
            minutes=full_minutes,
            what=f"Node group {pool} has been at its maximum size for {full_minutes} minutes.",
            runbook=(
                "check whether jobs are waiting (kubectl get pods --field-selector=status.phase=Pending -A); "
                "if they should not wait, raise the node group's maximum in the environment's configuration."
            ),
        ),
        Alarm(
            subject=f"{pool}-machines",
            severity="critical",
            metrics={"failed": Metric("AWS/EC2", "StatusCheckFailed", "Maximum", dimensions)},
            comparison="GreaterThanOrEqualToThreshold",
            threshold=1,
            minutes=status_check_minutes,
            what=f"A machine of node group {pool} fails its status checks.",
            runbook=(
                "find it (aws ec2 describe-instance-status --filters "
                "Name=instance-status.status,Values=impaired), cordon and drain its node, then terminate it: "
                "the group replaces it. Jobs that ran on it go on from their last checkpoint."
            ),
        ),
    ]


def nat_alarms(index: int, gateway: pulumi.Output[str], *, dropped_percent: float) -> list[Alarm]:
    """The alarms of one NAT gateway; `index` counts the network's gateways from 1.

    Thresholds and their meaning:
    https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html (2026-11)
    """
    dimensions = {"NatGatewayId": gateway}

    def packets(metric: str) -> Metric:
        return Metric("AWS/NATGateway", metric, "Sum", dimensions)

    return [
        Alarm(
            subject=f"nat-{index}-ports",
            severity="critical",
            metrics={"errors": packets("ErrorPortAllocation")},
            comparison="GreaterThanThreshold",
            threshold=0,
            minutes=2 * PERIOD_MINUTES,
            what=f"NAT gateway {index} has no ports left for new connections to some destination.",
            runbook=(
                "find the destination in the VPC's flow logs. Reach AWS services through endpoints "
                "(interface_endpoints), pull images through a cache, or use one gateway per zone "
                "(nat: per_zone)."
            ),
        ),
        Alarm(
            subject=f"nat-{index}-drops",
            severity="warning",
            metrics={
                "dropped": packets("PacketsDropCount"),
                "inside": packets("PacketsInFromSource"),
                "outside": packets("PacketsInFromDestination"),
            },
            expression="IF(inside + outside > 0, 100 * dropped / (inside + outside), 0)",
            comparison="GreaterThanThreshold",
            threshold=dropped_percent,
            minutes=3 * PERIOD_MINUTES,
            what=f"NAT gateway {index} drops more than {dropped_percent:g} percent of its packets.",
            runbook=(
                "check the AWS Health dashboard for the gateway's zone; if it is the gateway's bandwidth "
                "(100 Gbit/s), use one gateway per zone (nat: per_zone) and endpoints for AWS services."
            ),
        ),
    ]
