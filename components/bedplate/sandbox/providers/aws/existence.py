"""How to ask whether what a reference names exists: data, one row per kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bedplate.sandbox.providers.aws.base import error_code, not_found
from bedplate.sandbox.providers.handler import CloudError, Context


@dataclass(frozen=True)
class Lookup:
    """A read that fails with `code` (or answers with an empty `result` list) for something that does not
    exist.
    """

    service: str
    call: str
    argument: str
    what: str
    code: str
    many: bool = False
    result: str = ""
    # From the value that an input holds to the one that the call takes.
    convert: Callable[[str], str] = str
    # Values for which there is nothing to ask.
    prefix: str = ""


def _last_part(value: str) -> str:
    return value.rpartition("/")[2]


LOOKUPS = {
    "ec2:vpc": Lookup("ec2", "describe_vpcs", "VpcIds", "VPC", "InvalidVpcID.NotFound", True, "Vpcs"),
    "ec2:subnet": Lookup(
        "ec2", "describe_subnets", "SubnetIds", "subnet", "InvalidSubnetID.NotFound", True, "Subnets"
    ),
    "ec2:security-group": Lookup(
        "ec2",
        "describe_security_groups",
        "GroupIds",
        "security group",
        "InvalidGroup.NotFound",
        True,
        "SecurityGroups",
    ),
    "ec2:route-table": Lookup(
        "ec2",
        "describe_route_tables",
        "RouteTableIds",
        "route table",
        "InvalidRouteTableID.NotFound",
        True,
        "RouteTables",
    ),
    "ec2:internet-gateway": Lookup(
        "ec2",
        "describe_internet_gateways",
        "InternetGatewayIds",
        "internet gateway",
        "InvalidInternetGatewayID.NotFound",
        True,
        "InternetGateways",
    ),
    "ec2:nat-gateway": Lookup(
        "ec2",
        "describe_nat_gateways",
        "NatGatewayIds",
        "NAT gateway",
        "NatGatewayNotFound",
        True,
        "NatGateways",
    ),
    "ec2:eip-allocation": Lookup(
        "ec2",
        "describe_addresses",
        "AllocationIds",
        "Elastic IP",
        "InvalidAllocationID.NotFound",
        True,
        "Addresses",
    ),
    "ec2:launch-template": Lookup(
        "ec2",
        "describe_launch_templates",
        "LaunchTemplateIds",
        "launch template",
        "InvalidLaunchTemplateId.NotFound",
        True,
        "LaunchTemplates",
    ),
    "iam:role": Lookup("iam", "get_role", "RoleName", "IAM role", "NoSuchEntity", convert=_last_part),
    "iam:policy": Lookup("iam", "get_policy", "PolicyArn", "IAM policy", "NoSuchEntity"),
    "iam:instance-profile": Lookup(
        "iam",
        "get_instance_profile",
        "InstanceProfileName",
        "instance profile",
        "NoSuchEntity",
        convert=_last_part,
    ),
    "kms:key": Lookup("kms", "describe_key", "KeyId", "KMS key", "NotFoundException"),
    "s3:bucket": Lookup("s3", "head_bucket", "Bucket", "bucket", "NoSuchBucket"),
    "logs:group": Lookup(
        "logs",
        "describe_log_groups",
        "logGroupNamePrefix",
        "log group",
        "ResourceNotFoundException",
        result="logGroups",
        convert=lambda value: value.partition(":log-group:")[2].removesuffix(":*") or value,
    ),
    "sns:topic": Lookup("sns", "get_topic_attributes", "TopicArn", "SNS topic", "NotFound"),
    "eks:cluster": Lookup("eks", "describe_cluster", "name", "EKS cluster", "ResourceNotFoundException"),
}
# Kinds that moto lacks: the sandbox's own store has them, under the type's token and the given key.
STORED = {
    "ec2:placement-group": (
        "aws:ec2/placementGroup:PlacementGroup",
        "placement group",
        "InvalidPlacementGroup.Unknown",
    )
}


def missing(ctx: Context, kind: str, value: str) -> CloudError | None:
    """The cloud's refusal if `value` names nothing that exists; LookupError for a kind that has no row
    here.
    """
    if kind in STORED:
        token, what, code = STORED[kind]
        if ctx.store.get(token, f"{ctx.region}/{value}") is not None:
            return None
        return _refusal(ctx, what, code, value)
    lookup = LOOKUPS[kind]
    argument: Any = lookup.convert(value)
    try:
        answer = getattr(ctx.client(lookup.service), lookup.call)(
            **{lookup.argument: [argument] if lookup.many else argument}
        )
    except ClientError as exc:
        if not_found(exc) or error_code(exc).endswith(("NotFound", ".Malformed")):
            return _refusal(ctx, lookup.what, lookup.code, value)
        raise
    if lookup.result and not _has(answer[lookup.result], argument, lookup):
        return _refusal(ctx, lookup.what, lookup.code, value)
    if lookup.call == "describe_key" and answer["KeyMetadata"]["KeyState"] == "PendingDeletion":
        return CloudError(
            "KMSInvalidStateException", f"the KMS key '{value}' is pending deletion; use another key"
        )
    return None


def _has(found: list[dict[str, Any]], argument: str, lookup: Lookup) -> bool:
    if lookup.many:
        return bool(found)
    return any(item.get("logGroupName") == argument for item in found)


def _refusal(ctx: Context, what: str, code: str, value: str) -> CloudError:
    return CloudError(
        code, f"the {what} '{value}' does not exist in {ctx.region}; name one that exists, or create it first"
    )
