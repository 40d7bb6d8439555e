"""What people are told, by whom, and when."""

from dataclasses import dataclass
from decimal import Decimal

import pulumi
import pytest

from bedplate.core import InputPropertiesError
from bedplate.monitoring.aws import AwsAlarms, AwsAlarmsArgs, MonthlyBudget, Subscription
from bedplate.network.handles import NetworkHandle

ACCOUNT = "123456789012"
TOPIC = "alarms"


@dataclass(frozen=True)
class Pool:
    name: str
    autoscaling_group_names: pulumi.Output[list[str]]


def pool(name: str = "h100", *groups: str) -> Pool:
    return Pool(name, pulumi.Output.from_input(list(groups or (f"eks-{name}",))))


def network(*gateways: str) -> NetworkHandle:
    return NetworkHandle.from_existing(
        region="us-east-1",
        vpc_id="vpc-1",
        cidr_block="10.0.0.0/16",
        private_subnet_id_by_zone={"us-east-1a": "subnet-1"},
        nat_gateway_ids=gateways,
    )


def alarms(record, key, **args):
    """`args` may be callables, which are called inside of the program."""
    return record(
        lambda: AwsAlarms(
            "alarms",
            AwsAlarmsArgs(
                key=key(), **{name: value() if callable(value) else value for name, value in args.items()}
            ),
        )
    )


def queries(alarm) -> dict[str, dict]:
    return {query["id"]: query for query in alarm.inputs["metricQueries"]}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"subscriptions": {"oncall": {"protocol": "email", "endpoint": "oncall"}}}, "endpoint", "address"),
        ({"subscriptions": {"x": {"protocol": "https", "endpoint": "http://a.b"}}}, "endpoint", "https://"),
        ({"subscriptions": {"x": {"protocol": "sqs", "endpoint": "queue"}}}, "endpoint", "ARN"),
        ({"subscriptions": {"x": {"protocol": "fax", "endpoint": "1"}}}, "protocol", "email"),
        (
            {"subscriptions": {"On Call": {"protocol": "email", "endpoint": "a@b.co"}}},
            "subscriptions.On Call",
            "on-call",
        ),
        ({"capacity_shortfall_minutes": 7}, "capacity_shortfall_minutes", "multiple of 5"),
        ({"full_minutes": 1445}, "full_minutes", "1440"),
        ({"nat_dropped_packets_percent": 0}, "nat_dropped_packets_percent", "more than 0"),
        ({"budget": {"limit_usd": 0}}, "budget.limit_usd", "more than 0"),
        ({"budget": {"limit_usd": Decimal("10.001")}}, "budget.limit_usd", "2"),
        (
            {"budget": {"limit_usd": 1, "actual_percent": [], "forecast_percent": []}},
            "budget.actual_percent",
            "at least one",
        ),
        ({"budget": {"limit_usd": 1, "actual_percent": [80, 80]}}, "budget.actual_percent", "twice"),
        ({"budget": {"limit_usd": 1, "actual_percent": [-1]}}, "budget.actual_percent[0]", "more than 0"),
        ({"budget": {"limit_usd": 1, "tag_key": "env"}}, "budget.tag_value", "both"),
        ({"node_groups": lambda: (pool(), pool())}, "node_groups", "given twice"),
    ],
)
def test_alarms_that_cannot_be_are_refused(record, key, args: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        alarms(record, key, **args)
    found = [(problem.path, problem.reason) for problem in refused.value.problems]
    assert any(where.endswith(path) and reason in why for where, why in found), found


def test_a_refused_endpoint_is_not_shown_as_it_may_hold_a_token() -> None:
    with pytest.raises(InputPropertiesError) as refused:
        Subscription(protocol="https", endpoint="http://events.example.com/token-123")
    assert "token-123" not in str(refused.value)


def test_the_topic_is_encrypted_and_takes_alarms_of_this_account_only(record, key, decide) -> None:
    made = alarms(record, key)
    assert made.one("Topic").inputs["kmsMasterKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/1234"
    policy_of_topic = made.one("TopicPolicy")
    policy, topic = policy_of_topic.document("policy"), policy_of_topic.inputs["arn"]

    def publishes(service: str, source: str, account: str = ACCOUNT, tls: str = "true") -> str:
        context = {
            "aws:SourceAccount": account,
            "aws:SourceArn": source,
            "aws:SecureTransport": tls,
        }
        return decide(policy, "sns:Publish", topic, context, principal=service)

    alarm = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:x"
    budget = f"arn:aws:budgets::{ACCOUNT}:budget/x"
    assert publishes("cloudwatch.amazonaws.com", alarm) == "allow"
    assert publishes("budgets.amazonaws.com", budget) == "allow"
    assert publishes("cloudwatch.amazonaws.com", alarm, account="999999999999") == "none"
    assert publishes("cloudwatch.amazonaws.com", alarm, tls="false") == "deny"
    assert publishes("events.amazonaws.com", alarm) == "none"


def test_subscribers_get_the_topic(record, key) -> None:
    made = alarms(
        record,
        key,
        subscriptions={"oncall": Subscription(protocol="email", endpoint="oncall@example.com")},
    )
    subscription = made.one("TopicSubscription", "alarms-oncall").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "oncall@example.com")
    assert subscription["topic"] == made.one("TopicPolicy").inputs["arn"]


def test_a_secret_endpoint_stays_secret(record, key) -> None:
    made = alarms(
        record,
        key,
        subscriptions=lambda: {
            "pager": Subscription(
                protocol="https", endpoint=pulumi.Output.secret("https://pager.example.com/token")
            )
        },
    )
    endpoint = made.one("TopicSubscription").inputs["endpoint"]
    assert pulumi.runtime.rpc.is_rpc_secret(endpoint)


def test_a_node_group_that_lacks_machines_is_told(record, key) -> None:
    alarm = alarms(record, key, node_groups=lambda: (pool(),)).one(
        "MetricAlarm", "alarms-critical-h100-capacity"
    )
    used = queries(alarm)
    assert used["result"]["expression"] == "IF(desired > running, desired - running, 0)"
    assert [name for name, query in used.items() if query["returnData"]] == ["result"]
    for metric_id, metric in (("desired", "GroupDesiredCapacity"), ("running", "GroupInServiceInstances")):
        assert used[metric_id]["metric"]["metricName"] == metric
        assert used[metric_id]["metric"]["dimensions"] == {"AutoScalingGroupName": "eks-h100"}
    assert alarm.inputs["evaluationPeriods"] * used["desired"]["metric"]["period"] == 30 * 60


def test_the_minutes_of_the_configuration_are_those_of_the_alarm(record, key) -> None:
    made = alarms(
        record,
        key,
        node_groups=lambda: (pool(),),
        capacity_shortfall_minutes=45,
        full_minutes=120,
        status_check_minutes=5,
    )
    minutes = {one.name: one.inputs["evaluationPeriods"] * 5 for one in made.of_type("MetricAlarm")}
    assert minutes == {
        "alarms-critical-h100-capacity": 45,
        "alarms-warning-h100-full": 120,
        "alarms-critical-h100-machines": 5,
    }


def test_a_pool_scaled_to_zero_raises_no_alarm(record, key) -> None:
    made = alarms(record, key, node_groups=lambda: (pool(),), network=lambda: network("nat-1"))
    assert {one.inputs["treatMissingData"] for one in made.of_type("MetricAlarm")} == {"notBreaching"}


def test_a_failing_machine_is_told(record, key) -> None:
    alarm = alarms(record, key, node_groups=lambda: (pool(),)).one(
        "MetricAlarm", "alarms-critical-h100-machines"
    )
    assert (alarm.inputs["namespace"], alarm.inputs["metricName"]) == ("AWS/EC2", "StatusCheckFailed")
    assert alarm.inputs["dimensions"] == {"AutoScalingGroupName": "eks-h100"}
    assert "metricQueries" not in alarm.inputs


def test_each_nat_gateway_is_watched(record, key) -> None:
    made = alarms(record, key, network=lambda: network("nat-a", "nat-b"))
    ports = [one for one in made.of_type("MetricAlarm") if one.name.endswith("-ports")]
    # Resources are registered in no certain order.
    assert sorted(one.inputs["dimensions"]["NatGatewayId"] for one in ports) == ["nat-a", "nat-b"]
    drops = made.one("MetricAlarm", "alarms-warning-nat-2-drops")
    assert queries(drops)["dropped"]["metric"]["dimensions"] == {"NatGatewayId": "nat-b"}
    assert drops.inputs["threshold"] == 0.01


def test_a_network_without_nat_has_no_nat_alarms(record, key) -> None:
    assert alarms(record, key, network=lambda: network()).of_type("MetricAlarm") == []


def test_every_alarm_says_how_urgent_it_is_what_to_do_and_when_it_is_over(record, key) -> None:
    made = alarms(record, key, node_groups=lambda: (pool(),), network=lambda: network("nat-a"))
    topic = made.one("TopicPolicy").inputs["arn"]
    assert len(made.of_type("MetricAlarm")) == 5
    for one in made.of_type("MetricAlarm"):
        severity = one.inputs["tags"]["bedplate:severity"]
        assert f"-{severity}-" in one.name
        assert one.inputs["alarmDescription"].startswith(f"[{severity}] ")
        assert "What to do: " in one.inputs["alarmDescription"]
        # CloudWatch takes descriptions of up to 1,024 characters.
        assert len(one.inputs["alarmDescription"]) <= 1024
        assert one.inputs["alarmActions"] == one.inputs["okActions"] == [topic]


def test_a_node_group_without_an_auto_scaling_group_is_refused(record, key) -> None:
    empty = pulumi.Output.from_input
    with pytest.raises(ValueError, match="node group 'h100' has no Auto Scaling group"):
        alarms(record, key, node_groups=lambda: (Pool("h100", empty([])),))


def test_spending_is_told_before_and_after_it_happens(record, key) -> None:
    made = alarms(
        record,
        key,
        budget=MonthlyBudget(limit_usd=2500, tag_key="bedplate:environment", tag_value="dev"),
    )
    budget = made.one("Budget")
    assert (budget.inputs["limitAmount"], budget.inputs["limitUnit"]) == ("2500.00", "USD")
    assert budget.inputs["timeUnit"] == "MONTHLY"
    (only,) = budget.inputs["costFilters"]
    assert only == {"name": "TagKeyValue", "values": ["user:bedplate:environment$dev"]}
    told = [(one["notificationType"], one["threshold"]) for one in budget.inputs["notifications"]]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    topic = made.one("TopicPolicy").inputs["arn"]
    assert all(one["subscriberSnsTopicArns"] == [topic] for one in budget.inputs["notifications"])
    # Budgets checks at once that it may publish.
    assert "alarms-policy" in budget.depends_on


def test_a_budget_of_the_whole_account_has_no_filter(record, key) -> None:
    made = alarms(record, key, budget=MonthlyBudget(limit_usd=100))
    assert "costFilters" not in made.one("Budget").inputs
