"""Tags by which costs are allocated, and budgets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from bedplate_policies.aws.controls import COST_ALLOCATION, well_architected
from bedplate_policies.checks import custom
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, rule, stack_rule
from bedplate_policies.stack import Stack
from bedplate_policies.value import MISSING, UNKNOWN, child

_BUDGET = "aws:budgets/budget:Budget"
_GROUP = "aws:autoscaling/group:Group"

_REQUIRED = {
    "required_tags": Option(
        "array",
        ["bedplate:environment", "bedplate:owner", "bedplate:cost-center"],
        "The keys that every resource that costs money must be tagged with.",
    )
}

# What a bill is made of in AI stacks. Each has `tags`.
TAGGED = (
    "aws:ec2/instance:Instance",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/capacityReservation:CapacityReservation",
    "aws:ec2/capacityBlockReservation:CapacityBlockReservation",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/eip:Eip",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ebs/volume:Volume",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:ecs/cluster:Cluster",
    "aws:ecr/repository:Repository",
    "aws:batch/computeEnvironment:ComputeEnvironment",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketV2:BucketV2",
    "aws:efs/fileSystem:FileSystem",
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem",
    "aws:fsx/ontapFileSystem:OntapFileSystem",
    "aws:fsx/windowsFileSystem:WindowsFileSystem",
    "aws:kms/key:Key",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:dynamodb/table:Table",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:opensearch/domain:Domain",
    "aws:redshift/cluster:Cluster",
    "aws:msk/cluster:Cluster",
    "aws:kinesis/stream:Stream",
    "aws:lambda/function:Function",
    "aws:sagemaker/notebookInstance:NotebookInstance",
    "aws:sagemaker/domain:Domain",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    "aws:secretsmanager/secret:Secret",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
)
# Machines whose cost has no end of its own.
_COSTLY = (
    "aws:eks/nodeGroup:NodeGroup",
    "aws:ec2/instance:Instance",
    "aws:autoscaling/group:Group",
    "aws:batch/computeEnvironment:ComputeEnvironment",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
)


def _default_tags(resource: Resource) -> object:
    """Tags that the provider puts on everything; its configuration holds nested values as JSON text."""
    given = child(resource.provider, "defaultTags")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return MISSING
    return child(given, "tags")


def _tagged(resource: Resource, config: Config) -> Iterator[Finding]:
    tags, defaults = resource.get("tags"), _default_tags(resource)
    own = tags if isinstance(tags, Mapping) else {}
    more = defaults if isinstance(defaults, Mapping) else {}
    absent = [
        key
        for key in config.strings("required_tags")
        if own.get(key) in (None, "") and more.get(key) in (None, "")
    ]
    if absent and UNKNOWN in (tags, defaults):
        yield Finding.undetermined("tags")
    elif absent:
        yield Finding.violation(f"tags lacks {', '.join(absent)}", "tags")


def _group_tagged(resource: Resource, config: Config) -> Iterator[Finding]:
    keys: set[str] = set()
    for tag in resource.at("tags[]"):
        key, propagates = tag.get("key"), tag.get("propagateAtLaunch")
        if tag.is_unknown or key is UNKNOWN or propagates is UNKNOWN:
            yield Finding.undetermined("tags")
            return
        if propagates is True and isinstance(key, str):
            keys.add(key)
    absent = [key for key in config.strings("required_tags") if key not in keys]
    if absent:
        yield Finding.violation(f"tags does not give instances {', '.join(absent)}", "tags")


def _notifies(resource: Resource, _: Config) -> Iterator[Finding]:
    found = 0
    for one in resource.at("notifications[]"):
        found += 1
        reached = [one.get("subscriberSnsTopicArns"), one.get("subscriberEmailAddresses")]
        if all(value in (MISSING, []) for value in reached):
            yield Finding.violation(f"{one.path('')} tells nobody", one.path(""))
    if resource.get("notifications") is UNKNOWN:
        yield Finding.undetermined("notifications")
    elif not found:
        yield Finding.violation("notifications is not set: the budget tells nobody", "notifications")


def _has_budget(stack: Stack, _: Config) -> Iterator[Finding]:
    costly = stack.of_type(*_COSTLY)
    if costly and not stack.of_type(_BUDGET):
        yield Finding.violation(
            "the stack has machines that run until somebody stops them, and no aws.budgets.Budget"
        )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-cost-allocation-tags",
        description="What costs money is tagged with who pays for it.",
        severity=Severity.MEDIUM,
        remediation="Set tags, or default_tags on aws.Provider; the setting required_tags says which keys.",
        controls=COST_ALLOCATION,
        types=TAGGED,
        check=custom(_tagged, "tags", options=_REQUIRED),
    ),
    rule(
        name="aws-autoscaling-cost-allocation-tags",
        description="Auto scaling groups tag the machines that they start with who pays for them.",
        severity=Severity.MEDIUM,
        remediation="Set tags=[{key, value, propagate_at_launch: True}]; required_tags says which keys.",
        controls=COST_ALLOCATION,
        types=(_GROUP,),
        check=custom(_group_tagged, "tags[].key", "tags[].propagateAtLaunch", options=_REQUIRED),
    ),
    rule(
        name="aws-budget-notifies",
        description="Budgets tell somebody before the money is spent.",
        severity=Severity.MEDIUM,
        remediation="Set notifications with subscriber_sns_topic_arns or subscriber_email_addresses.",
        controls=well_architected("COST01-BP05"),
        types=(_BUDGET,),
        check=custom(
            _notifies, "notifications[].subscriberSnsTopicArns", "notifications[].subscriberEmailAddresses"
        ),
    ),
    stack_rule(
        name="aws-budget-exists",
        description="A stack with machines has a budget.",
        severity=Severity.LOW,
        remediation="Add aws.budgets.Budget with cost_filters for the stack's tags.",
        controls=well_architected("COST01-BP05"),
        types=(_BUDGET,),
        reads=("budgetType",),
        enforcement="advisory",
        check=_has_budget,
    ),
)
