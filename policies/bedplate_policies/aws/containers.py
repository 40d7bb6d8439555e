"""ECS, AWS Batch and EMR."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from bedplate_policies.aws.controls import (
    HANDS_OFF,
    IN_TRANSIT,
    LOGGING,
    NETWORK,
    STORED_SECRETS,
    fsbp,
    well_architected,
)
from bedplate_policies.checks import (
    BuiltCheck,
    all_of,
    custom,
    equals,
    for_each,
    is_set,
    must_be_given,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, has_unknown

_CLUSTER = "aws:ecs/cluster:Cluster"
_SERVICE = "aws:ecs/service:Service"
_TASK = "aws:ecs/taskDefinition:TaskDefinition"
_JOB = "aws:batch/jobDefinition:JobDefinition"

Container = Mapping[str, object]
_SECRET_NAMES = re.compile(
    r"^(AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|ECS_ENGINE_AUTH_DATA)$|PASSWORD|_TOKEN$"
)


def _containers(path: str, wrong: Callable[[Container], str | None]) -> BuiltCheck:
    """`wrong` of every container in a JSON text (a list of them, or one)."""

    def run(resource: Resource, _: Config) -> Iterator[Finding]:
        text = resource.get(path)
        if text is UNKNOWN:
            yield Finding.undetermined(path)
            return
        if text is MISSING:
            return
        parsed = _parsed(text)
        if parsed is None:
            yield Finding.violation(f"{path} is not JSON", path)
        elif has_unknown(parsed):
            yield Finding.undetermined(path)
        else:
            for number, one in enumerate(parsed):
                message = wrong(one)
                if message is not None:
                    yield Finding.violation(f"{path}: container {number} {message}", path)

    return custom(run, path)


def _parsed(text: object) -> Sequence[Container] | None:
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except ValueError:
            return None
    found = [text] if isinstance(text, Mapping) else text
    if not isinstance(found, Sequence) or isinstance(found, str):
        return None
    return [one for one in found if isinstance(one, Mapping)]


def _secret_in_environment(container: Container) -> str | None:
    variables = container.get("environment")
    for one in variables if isinstance(variables, Sequence) and not isinstance(variables, str) else ():
        if isinstance(one, Mapping) and _SECRET_NAMES.search(str(one.get("name", "")).upper()):
            return "has a variable that is named like a secret: use secrets with valueFrom"
    return None


def _insights(resource: Resource, _: Config) -> Iterator[Finding]:
    for setting in resource.at("settings[]"):
        if setting.is_unknown or UNKNOWN in (setting.get("name"), setting.get("value")):
            yield Finding.undetermined(setting.path(""))
            return
        if setting.get("name") == "containerInsights" and setting.get("value") in ("enabled", "enhanced"):
            return
    yield Finding.violation("settings do not switch containerInsights on", "settings")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ecs-container-insights",
        description="ECS clusters keep metrics of their containers.",
        severity=Severity.LOW,
        remediation='Set settings=[{"name": "containerInsights", "value": "enabled"}].',
        controls=fsbp("ECS.12"),
        types=(_CLUSTER,),
        enforcement="advisory",
        check=custom(_insights, "settings[].name", "settings[].value"),
    ),
    rule(
        name="aws-ecs-service-no-public-ip",
        description="ECS services give tasks no public address.",
        severity=Severity.HIGH,
        remediation="Set network_configuration.assign_public_ip=False.",
        controls=fsbp("ECS.2"),
        types=(_SERVICE,),
        check=must_not_be("networkConfiguration.assignPublicIp", True),
    ),
    rule(
        name="aws-ecs-service-no-exec",
        description="People open shells in tasks knowingly.",
        severity=Severity.LOW,
        remediation="Leave enable_execute_command out, or exempt the service with the reason.",
        controls=HANDS_OFF,
        types=(_SERVICE,),
        enforcement="advisory",
        check=must_not_be("enableExecuteCommand", True),
    ),
    rule(
        name="aws-ecs-task-not-host",
        description="Tasks do not share the machine's processes or network.",
        severity=Severity.HIGH,
        remediation='Leave pid_mode out and set network_mode="awsvpc".',
        controls=fsbp("ECS.3", "ECS.17"),
        types=(_TASK,),
        check=all_of(
            must_not_be("pidMode", "host"), must_not_be("ipcMode", "host"), must_not_be("networkMode", "host")
        ),
    ),
    rule(
        name="aws-ecs-task-not-privileged",
        description="Containers of tasks are not root on the machine.",
        severity=Severity.HIGH,
        remediation='Leave "privileged" out of container_definitions.',
        controls=fsbp("ECS.4"),
        types=(_TASK,),
        check=_containers(
            "containerDefinitions", lambda one: "is privileged" if one.get("privileged") is True else None
        ),
    ),
    rule(
        name="aws-ecs-task-read-only",
        description="Containers of tasks do not write into their image.",
        severity=Severity.MEDIUM,
        remediation='Set "readonlyRootFilesystem": true in container_definitions and mount what is written.',
        controls=fsbp("ECS.5"),
        types=(_TASK,),
        enforcement="advisory",
        check=_containers(
            "containerDefinitions",
            lambda one: None if one.get("readonlyRootFilesystem") is True else "may write into its image",
        ),
    ),
    rule(
        name="aws-ecs-task-no-secrets",
        description="Variables of containers hold no secret.",
        severity=Severity.HIGH,
        remediation='Use "secrets" with "valueFrom" in container_definitions.',
        controls=(*fsbp("ECS.8"), *STORED_SECRETS),
        types=(_TASK,),
        check=_containers("containerDefinitions", _secret_in_environment),
    ),
    rule(
        name="aws-ecs-task-logs",
        description="Containers of tasks send their logs somewhere.",
        severity=Severity.MEDIUM,
        remediation='Set "logConfiguration" in container_definitions.',
        controls=(*fsbp("ECS.9"), *LOGGING),
        types=(_TASK,),
        check=_containers(
            "containerDefinitions",
            lambda one: None if one.get("logConfiguration") else "has no logConfiguration",
        ),
    ),
    rule(
        name="aws-ecs-task-efs-tls",
        description="Tasks mount EFS over TLS.",
        severity=Severity.HIGH,
        remediation='Set volumes[].efs_volume_configuration.transit_encryption="ENABLED".',
        controls=IN_TRANSIT,
        types=(_TASK,),
        group="encryption",
        check=for_each(
            "volumes[]",
            when(
                is_set("efsVolumeConfiguration"),
                must_equal("efsVolumeConfiguration.transitEncryption", "ENABLED"),
            ),
        ),
    ),
    rule(
        name="aws-batch-job-not-privileged",
        description="Containers of jobs are not root on the machine.",
        severity=Severity.HIGH,
        remediation='Leave "privileged" out of container_properties.',
        controls=well_architected("SEC06-BP02"),
        types=(_JOB,),
        check=_containers(
            "containerProperties", lambda one: "is privileged" if one.get("privileged") is True else None
        ),
    ),
    rule(
        name="aws-batch-job-no-secrets",
        description="Variables of jobs hold no secret.",
        severity=Severity.HIGH,
        remediation='Use "secrets" with "valueFrom" in container_properties.',
        controls=STORED_SECRETS,
        types=(_JOB,),
        check=_containers("containerProperties", _secret_in_environment),
    ),
    rule(
        name="aws-batch-job-timeout",
        description="Jobs end by themselves, so that a hung one does not hold its GPUs for days.",
        severity=Severity.LOW,
        remediation="Set timeout.attempt_duration_seconds.",
        controls=well_architected("COST04-BP03"),
        types=(_JOB,),
        enforcement="advisory",
        check=must_be_given("timeout.attemptDurationSeconds"),
    ),
    rule(
        name="aws-batch-launch-template",
        description="Batch takes EC2 machines from a launch template, which sets IMDSv2 and encrypted disks.",
        severity=Severity.MEDIUM,
        remediation="Set compute_resources.launch_template.launch_template_id.",
        controls=NETWORK,
        types=("aws:batch/computeEnvironment:ComputeEnvironment",),
        check=when(
            equals("computeResources.type", "EC2", "SPOT"), must_be_given("computeResources.launchTemplate")
        ),
    ),
    rule(
        name="aws-emr-security-configuration",
        description="EMR clusters have a security configuration, which encrypts disks and traffic.",
        severity=Severity.HIGH,
        remediation="Set security_configuration to the name of an aws.emr.SecurityConfiguration.",
        controls=IN_TRANSIT,
        types=("aws:emr/cluster:Cluster",),
        group="encryption",
        check=must_be_given("securityConfiguration"),
    ),
)
