"""The provider's functions (`aws.get_...`): a table of small functions by token."""

import difflib
from collections.abc import Callable
from typing import Any

from bedplate.sandbox.providers.aws import invokes_lookup, invokes_policy
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

Function = Callable[[Context, JsonObject], JsonObject]


def invoke(ctx: Context, token: str, args: JsonObject) -> JsonObject:
    """Raises CloudError for a function that the sandbox does not know, or that finds nothing."""
    function = FUNCTIONS.get(token)
    if function is None:
        near = difflib.get_close_matches(token, FUNCTIONS, n=2)
        known = (
            "did you mean " + " or ".join(near) + "?" if near else "known are " + ", ".join(sorted(FUNCTIONS))
        )
        raise CloudError("UnknownFunction", f"the sandbox does not know the function {token}; {known}")
    return function(ctx, args)


def _caller_identity(ctx: Context, args: JsonObject) -> JsonObject:
    answer: dict[str, Any] = ctx.client("sts").get_caller_identity()
    return {
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "id": answer["Account"],
        "userId": answer["UserId"],
    }


def _partition(ctx: Context, args: JsonObject) -> JsonObject:
    suffix = "amazonaws.com.cn" if ctx.partition == "aws-cn" else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": ctx.partition, "partition": ctx.partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _region(ctx: Context, args: JsonObject) -> JsonObject:
    name = args.get("region") or args.get("name") or ctx.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
        "description": name,
    }


def _regions(ctx: Context, args: JsonObject) -> JsonObject:
    answer = ctx.client("ec2").describe_regions(AllRegions=bool(args.get("allRegions")))
    return {"id": ctx.partition, "names": sorted(region["RegionName"] for region in answer["Regions"])}


def _availability_zones(ctx: Context, args: JsonObject) -> JsonObject:
    zones = ctx.client("ec2").describe_availability_zones()["AvailabilityZones"]
    wanted = args.get("state")
    excluded = set(args.get("excludeNames") or ()), set(args.get("excludeZoneIds") or ())
    zones = [
        zone
        for zone in sorted(zones, key=lambda zone: str(zone["ZoneName"]))
        if (wanted is None or zone["State"] == wanted)
        and zone["ZoneName"] not in excluded[0]
        and zone["ZoneId"] not in excluded[1]
    ]
    return {
        "id": ctx.region,
        "region": ctx.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName", ctx.region) for zone in zones}),
        "state": wanted,
    }


def _default_tags(ctx: Context, args: JsonObject) -> JsonObject:
    return {"id": ctx.partition, "tags": ctx.tags({})}


FUNCTIONS: dict[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getRegions:getRegions": _regions,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:iam/getPolicyDocument:getPolicyDocument": invokes_policy.policy_document,
    "aws:ec2/getVpc:getVpc": invokes_lookup.vpc,
    "aws:ec2/getSubnet:getSubnet": invokes_lookup.subnet,
    "aws:ec2/getSubnets:getSubnets": invokes_lookup.subnets,
    "aws:ec2/getAmi:getAmi": invokes_lookup.ami,
    "aws:ssm/getParameter:getParameter": invokes_lookup.parameter,
    "aws:eks/getCluster:getCluster": invokes_lookup.cluster,
    "aws:eks/getAddonVersion:getAddonVersion": invokes_lookup.addon_version,
    "aws:s3/getBucket:getBucket": invokes_lookup.bucket,
    "aws:kms/getKey:getKey": invokes_lookup.key,
    "aws:kms/getAlias:getAlias": invokes_lookup.alias,
}
