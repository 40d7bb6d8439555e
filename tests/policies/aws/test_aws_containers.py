"""Examples for the rules of ECS, Batch and EMR, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from bedplate_policies.aws.containers import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case


def _task(**container: object) -> dict[str, object]:
    return {"containerDefinitions": json.dumps([{"name": "app", "image": "app:1", **container}])}


def _job(**container: object) -> dict[str, object]:
    return {"containerProperties": json.dumps({"image": "app:1", **container})}


PLAIN = [{"name": "LEVEL", "value": "info"}]
NAMED_LIKE_A_SECRET = [*PLAIN, {"name": "DB_PASSWORD", "value": "hunter2"}]

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-ecs-container-insights": (
        [{"settings": [{"name": "containerInsights", "value": "enabled"}]}],
        [{}, {"settings": [{"name": "containerInsights", "value": "disabled"}]}],
    ),
    "aws-ecs-service-no-public-ip": (
        [{}, {"networkConfiguration": {"assignPublicIp": False}}],
        [{"networkConfiguration": {"assignPublicIp": True}}],
    ),
    "aws-ecs-service-no-exec": (
        [{}, {"enableExecuteCommand": False}],
        [{"enableExecuteCommand": True}],
    ),
    "aws-ecs-task-not-host": (
        [{"networkMode": "awsvpc"}],
        [{"networkMode": "host"}, {"pidMode": "host"}, {"ipcMode": "host"}],
    ),
    "aws-ecs-task-not-privileged": (
        [_task(), _task(privileged=False)],
        [_task(privileged=True), {"containerDefinitions": "no JSON"}],
    ),
    "aws-ecs-task-read-only": (
        [_task(readonlyRootFilesystem=True)],
        [_task(), _task(readonlyRootFilesystem=False)],
    ),
    "aws-ecs-task-no-secrets": (
        [_task(), _task(environment=PLAIN, secrets=[{"name": "DB_PASSWORD", "valueFrom": "arn"}])],
        [_task(environment=NAMED_LIKE_A_SECRET)],
    ),
    "aws-ecs-task-logs": ([_task(logConfiguration={"logDriver": "awslogs"})], [_task()]),
    "aws-ecs-task-efs-tls": (
        [
            {},
            {"volumes": [{"name": "scratch"}]},
            {"volumes": [{"efsVolumeConfiguration": {"transitEncryption": "ENABLED"}}]},
        ],
        [
            {"volumes": [{"efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
            {"volumes": [{"efsVolumeConfiguration": {"transitEncryption": "DISABLED"}}]},
        ],
    ),
    "aws-batch-job-not-privileged": ([{}, _job()], [_job(privileged=True)]),
    "aws-batch-job-no-secrets": ([_job(environment=PLAIN)], [_job(environment=NAMED_LIKE_A_SECRET)]),
    "aws-batch-job-timeout": ([{"timeout": {"attemptDurationSeconds": 86400}}], [{}]),
    "aws-batch-launch-template": (
        [
            {"computeResources": {"type": "FARGATE"}},
            {"computeResources": {"type": "EC2", "launchTemplate": {"launchTemplateId": "lt-1"}}},
        ],
        [{"computeResources": {"type": "EC2"}}, {"computeResources": {"type": "SPOT"}}],
    ),
    "aws-emr-security-configuration": ([{"securityConfiguration": "encrypted"}], [{}]),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
