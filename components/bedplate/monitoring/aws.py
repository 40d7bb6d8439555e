"""Alarms on AWS: an encrypted topic that people subscribe to, and what is told to it."""

import functools
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from bedplate.core import checked
from bedplate.core.naming import child
from bedplate.core.tags import merge
from bedplate.monitoring.alarms_aws import Alarm, make_alarm, nat_alarms, node_group_alarms
from bedplate.monitoring.aws_args import (
    AwsAlarmsArgs,
    MonthlyBudget,
    NodeGroup,
    Subscription,
    check_endpoint,
)
from bedplate.monitoring.handles import AlarmTopicHandle
from bedplate.monitoring.policy_aws import topic_policy

__all__ = ["AwsAlarms", "AwsAlarmsArgs", "MonthlyBudget", "NodeGroup", "Subscription"]


class AwsAlarms(pulumi.ComponentResource):
    """An encrypted SNS topic, and the alarms of node groups, NAT gateways and the month's budget.

    Every alarm's name says how urgent it is, its description what to do; its end is told as well.
    """

    handle: AlarmTopicHandle
    topic_arn: pulumi.Output[str]
    """The topic's ARN."""
    alarm_names: pulumi.Output[list[str]]
    """The names of the CloudWatch alarms."""

    def __init__(self, name: str, args: AwsAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsAlarms", name, None, opts)
        self._name = name
        self._args = args
        topic = aws.sns.Topic(
            name,
            kms_master_key_id=args.key.arn,
            region=args.region,
            tags=merge(args.tags, {"Name": name}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = self._topic_policy(topic)
        for subscriber, subscription in args.subscriptions.items():
            aws.sns.TopicSubscription(
                child(name, subscriber),
                topic=topic.arn,
                protocol=subscription.protocol,
                endpoint=checked(
                    subscription.endpoint,
                    functools.partial(check_endpoint, subscription.protocol),
                    f"subscriptions.{subscriber}.endpoint",
                ),
                region=args.region,
                opts=pulumi.ResourceOptions(parent=self),
            )
        alarms = [
            make_alarm(
                name,
                alarm,
                topic_arn=topic.arn,
                region=args.region,
                tags=args.tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for alarm in self._alarms()
        ]
        if args.budget is not None:
            self._budget(args.budget, topic, policy)
        self.topic_arn = topic.arn
        # `Output.all()` of nothing would be an empty dict.
        self.alarm_names = (
            pulumi.Output.all(*(alarm.name for alarm in alarms))
            if alarms
            else pulumi.Output.from_input(list[str]())
        )
        self.handle = AlarmTopicHandle(arn=topic.arn)
        self.register_outputs({"topic_arn": self.topic_arn, "alarm_names": self.alarm_names})

    def _topic_policy(self, topic: aws.sns.Topic) -> aws.sns.TopicPolicy:
        invoke_options = pulumi.InvokeOutputOptions(parent=self)
        return aws.sns.TopicPolicy(
            child(self._name, "policy"),
            arn=topic.arn,
            policy=pulumi.Output.all(
                topic.arn,
                aws.get_caller_identity_output(opts=invoke_options).account_id,
            ).apply(
                lambda known: topic_policy(
                    topic_arn=known[0], account=known[1], partition=known[0].split(":")[1]
                )
            ),
            region=self._args.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alarms(self) -> list[Alarm]:
        args = self._args
        found: list[Alarm] = []
        for group in args.node_groups:
            found += node_group_alarms(
                group.name,
                group.autoscaling_group_names.apply(functools.partial(_only_group, group.name)),
                shortfall_minutes=args.capacity_shortfall_minutes,
                full_minutes=args.full_minutes,
                status_check_minutes=args.status_check_minutes,
            )
        if args.network is not None:
            for index in range(args.network.nat_gateway_count):
                found += nat_alarms(
                    index + 1,
                    args.network.nat_gateway_ids[index],
                    dropped_percent=args.nat_dropped_packets_percent,
                )
        return found

    def _budget(self, budget: MonthlyBudget, topic: aws.sns.Topic, policy: aws.sns.TopicPolicy) -> None:
        def notify(kind: str, percents: Sequence[float]) -> list[aws.budgets.BudgetNotificationArgs]:
            return [
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[topic.arn],
                )
                for percent in percents
            ]

        filters = None
        if budget.tag_key is not None:
            # AWS Budgets writes a tag that a user made as user:<key>$<value>.
            filters = [
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:{budget.tag_key}${budget.tag_value}"]
                )
            ]
        budget_name = child(self._name, "budget")
        aws.budgets.Budget(
            budget_name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{budget.limit_usd:.2f}",
            limit_unit="USD",
            cost_filters=filters,
            notifications=[
                *notify("ACTUAL", budget.actual_percent),
                *notify("FORECASTED", budget.forecast_percent),
            ],
            tags=merge(self._args.tags, {"Name": budget_name}),
            # Budgets checks at once that it may publish to the topic.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )


def _only_group(node_group: str, names: list[str]) -> str:
    if not names:
        raise ValueError(
            f"node group {node_group!r} has no Auto Scaling group to watch; alarms need one; "
            "leave the node group out of node_groups"
        )
    return names[0]
