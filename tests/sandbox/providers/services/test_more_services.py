"""Queues, events, dashboards, registries, file systems, tables, secrets and parameters."""

import json
from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

QUEUE = "aws:sqs/queue:Queue"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
FILES = "aws:efs/fileSystem:FileSystem"
MOUNT = "aws:efs/mountTarget:MountTarget"
TABLE = "aws:dynamodb/table:Table"
SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
PARAMETER = "aws:ssm/parameter:Parameter"

QUEUE_URL = "https://sqs.us-west-2.amazonaws.com/123456789012/jobs"
QUEUE_ARN = "arn:aws:sqs:us-west-2:123456789012:jobs"
KEEP_TEN = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}
TABLE_INPUTS = {
    "name": "locks",
    "hashKey": "id",
    "attributes": [{"name": "id", "type": "S"}, {"name": "day", "type": "N"}],
    "billingMode": "PAY_PER_REQUEST",
    "globalSecondaryIndexes": [{"name": "by-day", "hashKey": "day", "projectionType": "ALL"}],
    "ttl": {"enabled": True, "attributeName": "expires"},
    "pointInTimeRecovery": {"enabled": True},
    "tags": {"team": "ml"},
}


def allow(principal: str, action: str, resource: str = "*") -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_queue_and_policy(driver: Any, ctx: Any) -> None:
    queue = driver.round_trip(
        QUEUE,
        {"name": "jobs", "visibilityTimeoutSeconds": 60, "tags": {"team": "ml"}},
        {"messageRetentionSeconds": 3600, "tags": {"x": "y"}},
    )
    assert (queue.id, queue.outputs["arn"]) == (QUEUE_URL, QUEUE_ARN)
    token = "aws:sqs/queuePolicy:QueuePolicy"
    policy = driver.round_trip(
        token,
        {"queueUrl": queue.id, "policy": allow("events.amazonaws.com", "sqs:SendMessage")},
        {"policy": allow("sns.amazonaws.com", "sqs:SendMessage")},
    )
    assert driver.handler(QUEUE).read(ctx, queue.id, queue.outputs) == queue.outputs
    ctx.client("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"DelaySeconds": "5"})
    assert driver.handler(QUEUE).read(ctx, queue.id, queue.outputs)["delaySeconds"] == 5
    driver.delete(token, policy)
    driver.delete(QUEUE, queue)


def test_event_rule_and_target(driver: Any) -> None:
    rule = driver.round_trip(
        RULE,
        {"name": "health", "eventPattern": '{"source": ["aws.health"]}', "description": "x"},
        {"isEnabled": False, "tags": {"a": "b"}},
    )
    target = driver.round_trip(
        TARGET,
        {"rule": "health", "arn": QUEUE_ARN, "retryPolicy": {"maximumRetryAttempts": 3}},
        {"inputPath": "$.detail"},
    )
    with pytest.raises(CloudError, match="targets"):
        driver.handler(RULE).delete(driver.ctx, rule.id, rule.outputs)
    driver.delete(TARGET, target)
    driver.delete(RULE, rule)


def test_dashboard_and_composite_alarm(driver: Any) -> None:
    dashboard = driver.round_trip(
        DASHBOARD,
        {"dashboardName": "gpu", "dashboardBody": '{"widgets": []}'},
        {"dashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "x"}}]}'},
    )
    driver.delete(DASHBOARD, dashboard)
    alarm = driver.round_trip(
        COMPOSITE,
        {"alarmName": "any", "alarmRule": 'ALARM(cpu) AND NOT (OK("a b") OR FALSE)'},
        {"alarmRule": "ALARM(cpu)", "tags": {"a": "b"}},
    )
    with pytest.raises(CloudError, match="already exists"):
        driver.create(COMPOSITE, {"alarmName": "any", "alarmRule": "TRUE"})
    driver.delete(COMPOSITE, alarm)


def test_repository_and_policies(driver: Any) -> None:
    repository = driver.round_trip(
        REPOSITORY,
        {"name": "team/trainer", "imageTagMutability": "IMMUTABLE", "tags": {"a": "b"}},
        {"imageScanningConfiguration": {"scanOnPush": True}, "tags": {}},
    )
    assert repository.outputs["repositoryUrl"] == "123456789012.dkr.ecr.us-west-2.amazonaws.com/team/trainer"
    lifecycle = driver.round_trip(LIFECYCLE, {"repository": repository.id, "policy": json.dumps(KEEP_TEN)})
    token = "aws:ecr/repositoryPolicy:RepositoryPolicy"
    statement = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    access = driver.round_trip(token, {"repository": repository.id, "policy": policy})
    driver.delete(token, access)
    driver.delete(LIFECYCLE, lifecycle)
    driver.delete(REPOSITORY, repository)


def test_file_system_with_mount_target_and_access_point(driver: Any, ctx: Any) -> None:
    ec2 = ctx.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="efs", Description="efs", VpcId=vpc)["GroupId"]
    files = driver.round_trip(
        FILES,
        {
            "encrypted": True,
            "lifecyclePolicies": [{"transitionToIa": "AFTER_30_DAYS"}],
            "tags": {"Name": "home"},
        },
        {"lifecyclePolicies": [{"transitionToIa": "AFTER_7_DAYS"}], "tags": {"Name": "homes"}},
    )
    mount = driver.round_trip(
        MOUNT, {"fileSystemId": files.id, "subnetId": subnet, "securityGroups": [group]}
    )
    token = "aws:efs/accessPoint:AccessPoint"
    point = driver.round_trip(
        token,
        {
            "fileSystemId": files.id,
            "posixUser": {"uid": 1000, "gid": 1000},
            "rootDirectory": {
                "path": "/home",
                "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0755"},
            },
        },
        {"tags": {"a": "b"}},
    )
    with pytest.raises(CloudError, match="FileSystemInUse"):
        driver.handler(FILES).delete(ctx, files.id, files.outputs)
    driver.delete(token, point)
    driver.delete(MOUNT, mount)
    driver.delete(FILES, files)


def test_table(driver: Any, ctx: Any) -> None:
    table = driver.round_trip(
        TABLE, TABLE_INPUTS, {"deletionProtectionEnabled": True, "pointInTimeRecovery": {"enabled": False}}
    )
    with pytest.raises(CloudError, match="protected"):
        driver.handler(TABLE).delete(ctx, table.id, table.outputs)
    ctx.client("dynamodb").update_table(TableName="locks", DeletionProtectionEnabled=False)
    seen = driver.handler(TABLE).read(ctx, table.id, table.outputs)
    assert seen["deletionProtectionEnabled"] is False
    driver.delete(TABLE, table)


def test_secret_and_version(driver: Any, ctx: Any) -> None:
    secret = driver.round_trip(
        SECRET, {"name": "token", "description": "x", "recoveryWindowInDays": 7}, {"tags": {"a": "b"}}
    )
    version = driver.round_trip(VERSION, {"secretId": secret.id, "secretString": "s3cret"})
    assert ctx.client("secretsmanager").get_secret_value(SecretId="token")["SecretString"] == "s3cret"
    assert driver.handler(VERSION).secret_outputs >= {"secretString"}
    hidden = driver.create(
        VERSION, {"secretId": secret.id, "secretStringWo": "other", "secretStringWoVersion": 1}
    )
    assert "other" not in json.dumps(hidden.outputs)
    driver.handler(VERSION).delete(ctx, version.id, version.outputs)
    driver.delete(SECRET, secret)
    assert driver.handler(VERSION).read(ctx, hidden.id, hidden.outputs) is None


def test_parameter(driver: Any, ctx: Any) -> None:
    parameter = driver.round_trip(
        PARAMETER,
        {"name": "/ml/token", "type": "SecureString", "value": "one", "tags": {"a": "b"}},
        {"value": "two", "tags": {}},
    )
    assert parameter.outputs["version"] == 2
    assert "value" in driver.handler(PARAMETER).secret_outputs
    ctx.client("ssm").put_parameter(Name="/ml/token", Value="three", Overwrite=True, Type="SecureString")
    assert driver.handler(PARAMETER).read(ctx, parameter.id, parameter.outputs)["value"] == "three"
    driver.delete(PARAMETER, parameter)


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (QUEUE, {"name": "a", "fifoQueue": True}, "name", ".fifo"),
        (QUEUE, {"name": "a", "visibilityTimeoutSeconds": 90000}, "visibilityTimeoutSeconds", "43200"),
        (RULE, {"name": "a"}, "eventPattern", "scheduleExpression"),
        (RULE, {"name": "a", "scheduleExpression": "every day"}, "scheduleExpression", "cron"),
        (RULE, {"name": "a", "eventPattern": "{"}, "eventPattern", "not JSON"),
        (DASHBOARD, {"dashboardName": "a", "dashboardBody": "{}"}, "dashboardBody", "widgets"),
        (COMPOSITE, {"alarmName": "a", "alarmRule": "ALARM(a) ALARM(b)"}, "alarmRule", "AND or OR"),
        (COMPOSITE, {"alarmName": "a", "alarmRule": "(ALARM(a)"}, "alarmRule", "ends too early"),
        (COMPOSITE, {"alarmName": "a", "alarmRule": "cpu is high"}, "alarmRule", "cannot be read"),
        (REPOSITORY, {"name": "Team/Trainer"}, "name", "lower-case"),
        (LIFECYCLE, {"repository": "a", "policy": '{"rules": []}'}, "policy", "at least one rule"),
        (LIFECYCLE, {"repository": "a", "policy": '{"rules": [{}]}'}, "policy", "tagStatus"),
        (FILES, {"throughputMode": "provisioned"}, "provisionedThroughputInMibps", "missing"),
        (
            FILES,
            {"lifecyclePolicies": [{"transitionToIa": "AFTER_2_DAYS"}]},
            "lifecyclePolicies[0].transitionToIa",
            "AFTER_7_DAYS",
        ),
        (TABLE, {**TABLE_INPUTS, "billingMode": "PROVISIONED"}, "readCapacity", "PAY_PER_REQUEST"),
        (TABLE, {**TABLE_INPUTS, "hashKey": "key"}, "attributes", "'key' is a key and not defined"),
        (TABLE, {**TABLE_INPUTS, "globalSecondaryIndexes": []}, "attributes", "'day' is not a key"),
        (SECRET, {"name": "a", "recoveryWindowInDays": 3}, "recoveryWindowInDays", "7 to 30"),
        (VERSION, {"secretId": "a"}, "secretString", "missing"),
        (PARAMETER, {"name": "/aws/x", "type": "String", "value": "a"}, "name", "reserved"),
        (PARAMETER, {"name": "x", "type": "Text", "value": "a"}, "type", "SecureString"),
        (PARAMETER, {"name": "x", "type": "String", "value": "a" * 5000}, "value", "Advanced"),
    ],
)
def test_refused(rules: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = rules.problems(token, inputs)
    assert any(at == path and words in reason for at, reason in problems), problems
