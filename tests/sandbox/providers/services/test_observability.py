"""Logs, alarms, topics and budgets."""

import json
from typing import Any

import pytest

GROUP = "aws:cloudwatch/logGroup:LogGroup"
STREAM = "aws:cloudwatch/logStream:LogStream"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
BUDGET = "aws:budgets/budget:Budget"
TOPIC_ARN = "arn:aws:sns:us-west-2:123456789012:alarms"

PLAIN = {
    "name": "cpu",
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 2,
    "threshold": 80,
    "namespace": "AWS/EC2",
    "metricName": "CPUUtilization",
    "period": 300,
    "statistic": "Average",
    "dimensions": {"AutoScalingGroupName": "x"},
    "alarmActions": [TOPIC_ARN],
    "alarmDescription": "busy",
}
MATH = {
    "name": "ratio",
    "comparisonOperator": "LessThanThreshold",
    "evaluationPeriods": 3,
    "threshold": 0.5,
    "metricQueries": [
        {"id": "r", "expression": "m1 / FILL(m2, 1)", "label": "ratio", "returnData": True},
        {"id": "m1", "metric": {"namespace": "A", "metricName": "a", "period": 60, "stat": "Sum"}},
        {
            "id": "m2",
            "metric": {
                "namespace": "A",
                "metricName": "b",
                "period": 60,
                "stat": "Sum",
                "dimensions": {"Pool": "gpu"},
            },
        },
    ],
}
COST = {
    "name": "monthly",
    "budgetType": "COST",
    "timeUnit": "MONTHLY",
    "limitAmount": "1200",
    "limitUnit": "USD",
    "costFilters": [{"name": "TagKeyValue", "values": ["user:team$ml"]}],
    "notifications": [
        {
            "comparisonOperator": "GREATER_THAN",
            "notificationType": "ACTUAL",
            "threshold": 80,
            "thresholdType": "PERCENTAGE",
            "subscriberSnsTopicArns": [TOPIC_ARN],
        }
    ],
}


def topic_policy(action: str = "sns:Publish") -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": action,
        "Resource": TOPIC_ARN,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_log_group_and_stream(driver: Any, ctx: Any) -> None:
    group = driver.round_trip(
        GROUP,
        {"name": "/eks/dev", "retentionInDays": 30, "tags": {"team": "ml"}},
        {"retentionInDays": 7, "tags": {"x": "y"}},
    )
    assert group.outputs["arn"] == "arn:aws:logs:us-west-2:123456789012:log-group:/eks/dev"
    stream = driver.round_trip(STREAM, {"name": "s", "logGroupName": "/eks/dev"})
    ctx.client("logs").put_retention_policy(logGroupName="/eks/dev", retentionInDays=1)
    assert driver.handler(GROUP).read(ctx, group.id, group.outputs)["retentionInDays"] == 1
    driver.delete(STREAM, stream)
    driver.delete(GROUP, group)


def test_a_log_group_needs_a_key_that_logs_may_use(driver: Any) -> None:
    key = driver.create("aws:kms/key:Key", {})
    problems = driver.problems(GROUP, {"name": "g", "kmsKeyId": key.outputs["arn"]})
    assert [at for at, _ in problems] == ["kmsKeyId"]
    assert "logs.us-west-2.amazonaws.com" in problems[0][1]
    policy = json.loads(key.outputs["policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-west-2.amazonaws.com"},
            "Action": "kms:*",
            "Resource": "*",
        }
    )
    key = driver.create("aws:kms/key:Key", {"policy": json.dumps(policy)})
    group = driver.round_trip(GROUP, {"name": "g", "kmsKeyId": key.outputs["arn"]})
    driver.delete(GROUP, group)


@pytest.mark.parametrize(
    ("inputs", "change"),
    [
        (PLAIN, {"threshold": 90, "okActions": [TOPIC_ARN], "tags": {"a": "b"}}),
        (MATH, {"treatMissingData": "breaching", "alarmDescription": "ratio"}),
    ],
)
def test_metric_alarm(driver: Any, ctx: Any, inputs: Any, change: Any) -> None:
    alarm = driver.round_trip(ALARM, inputs, change)
    assert alarm.outputs["arn"].endswith(f":alarm:{inputs['name']}")
    shown = ctx.client("cloudwatch").describe_alarms(AlarmNames=[alarm.id])["MetricAlarms"]
    assert len(shown) == 1
    driver.delete(ALARM, alarm)


def test_alarm_changed_behind_the_back(driver: Any, ctx: Any) -> None:
    alarm = driver.create(ALARM, MATH)
    ctx.client("cloudwatch").put_metric_alarm(
        AlarmName="ratio",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=3,
        Threshold=0.1,
        Namespace="A",
        MetricName="a",
        Period=60,
        Statistic="Sum",
    )
    seen = driver.handler(ALARM).read(ctx, alarm.id, alarm.outputs)
    assert (seen["threshold"], seen["metricName"], seen["metricQueries"]) == (0.1, "a", [])


def test_topic_with_policy_and_subscriptions(driver: Any, ctx: Any) -> None:
    topic = driver.round_trip(
        TOPIC,
        {"name": "alarms", "kmsMasterKeyId": "alias/alarms", "tags": {"team": "ml"}},
        {"displayName": "Alarms", "tags": {}},
    )
    assert topic.id == TOPIC_ARN
    policy = driver.round_trip(
        TOPIC_POLICY, {"arn": topic.id, "policy": topic_policy()}, {"policy": topic_policy("SNS:Publish")}
    )
    # The policy of its own is no drift of the topic.
    assert driver.handler(TOPIC).read(ctx, topic.id, topic.outputs) == topic.outputs
    mail = driver.round_trip(
        SUBSCRIPTION, {"topic": topic.id, "protocol": "email", "endpoint": "a@example.com"}
    )
    assert mail.outputs["pendingConfirmation"] is True
    queue = driver.round_trip(
        SUBSCRIPTION,
        {"topic": topic.id, "protocol": "sqs", "endpoint": "arn:aws:sqs:us-west-2:123456789012:q"},
        {"rawMessageDelivery": True, "filterPolicy": '{"kind": ["x"]}'},
    )
    driver.delete(SUBSCRIPTION, queue)
    driver.delete(SUBSCRIPTION, mail)
    driver.delete(TOPIC_POLICY, policy)
    driver.delete(TOPIC, topic)


def test_budget(driver: Any, ctx: Any) -> None:
    budget = driver.round_trip(BUDGET, COST, {"limitAmount": "1500"})
    assert budget.id == "123456789012:monthly"
    client = ctx.client("budgets")
    shown = client.describe_budget(AccountId="123456789012", BudgetName="monthly")["Budget"]
    assert shown["BudgetLimit"]["Amount"] == "1500"
    notifications = client.describe_notifications_for_budget(AccountId="123456789012", BudgetName="monthly")
    client.delete_notification(
        AccountId="123456789012", BudgetName="monthly", Notification=notifications["Notifications"][0]
    )
    assert driver.handler(BUDGET).read(ctx, budget.id, budget.outputs)["notifications"] == []
    driver.delete(BUDGET, budget)


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (GROUP, {"name": "g", "retentionInDays": 10}, "retentionInDays", "7, 14"),
        (GROUP, {"name": "g", "kmsKeyId": "alias/x"}, "kmsKeyId", "ARN of a KMS key"),
        (ALARM, {**PLAIN, "comparisonOperator": ">"}, "comparisonOperator", "GreaterThanThreshold"),
        (ALARM, {**PLAIN, "period": 90}, "period", "multiple of 60"),
        (ALARM, {**PLAIN, "datapointsToAlarm": 3}, "datapointsToAlarm", "evaluationPeriods"),
        (ALARM, {**PLAIN, "statistic": "Mean"}, "statistic", "Average"),
        (ALARM, {**PLAIN, "extendedStatistic": "p99"}, "extendedStatistic", "conflicts"),
        (ALARM, {**PLAIN, "alarmActions": ["topic"]}, "alarmActions[0]", "an ARN"),
        (ALARM, {**PLAIN, "threshold": None}, "threshold", "needs a threshold"),
        (ALARM, {**PLAIN, "treatMissingData": "no"}, "treatMissingData", "notBreaching"),
        (ALARM, {**PLAIN, "period": 300, "evaluationPeriods": 400}, "evaluationPeriods", "86400"),
        (
            ALARM,
            {**MATH, "metricQueries": [{**MATH["metricQueries"][0], "expression": "m1 / m9"}]},
            "metricQueries[0].expression",
            "'m9'",
        ),
        (
            ALARM,
            {**MATH, "metricQueries": [*MATH["metricQueries"][1:], MATH["metricQueries"][1]]},
            "metricQueries[2].id",
            "unique",
        ),
        (ALARM, {**MATH, "metricQueries": MATH["metricQueries"][1:]}, "metricQueries", "returnData"),
        (TOPIC, {"name": "a b"}, "name", "letters"),
        (TOPIC, {"name": "a", "fifoTopic": True}, "name", ".fifo"),
        (SUBSCRIPTION, {"topic": TOPIC_ARN, "protocol": "mail", "endpoint": "x"}, "protocol", "email"),
        (
            SUBSCRIPTION,
            {"topic": TOPIC_ARN, "protocol": "email", "endpoint": "x"},
            "endpoint",
            "e-mail address",
        ),
        (BUDGET, {**COST, "limitAmount": "-5"}, "limitAmount", "number"),
        (BUDGET, {**COST, "limitUnit": "EUR"}, "limitUnit", "USD"),
        (BUDGET, {**COST, "limitAmount": None}, "limitAmount", "missing"),
        (BUDGET, {**COST, "timeUnit": "WEEKLY"}, "timeUnit", "MONTHLY"),
        (
            BUDGET,
            {**COST, "notifications": [{**COST["notifications"][0], "subscriberSnsTopicArns": []}]},
            "notifications[0]",
            "no subscriber",
        ),
        (BUDGET, {**COST, "notifications": COST["notifications"] * 2}, "notifications[1]", "twice"),
    ],
)
def test_refused(rules: Any, token: str, inputs: Any, path: str, words: str) -> None:
    given = {key: value for key, value in inputs.items() if value is not None}
    problems = rules.problems(token, given)
    assert any(at == path and words in reason for at, reason in problems), problems
