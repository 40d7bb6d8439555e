"""Placement groups and capacity reservations: moto has neither."""

import secrets
from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, StoredHandler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, between, enum, matching
from bedplate.sandbox.providers.aws.handlers.ec2_machine import machine_of
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject


def new_id(prefix: str) -> str:
    """An identifier of EC2's form."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


@REGISTRY.register
class PlacementGroup(StoredHandler):
    token = "aws:ec2/placementGroup:PlacementGroup"
    kind = token
    tag_type = "placement-group"
    arn_type = "placement-group"
    auto_name = AutoName("name", 255)
    replace_on = REGION | {"name", "strategy", "partitionCount", "spreadLevel"}
    # EC2 user guide, "Placement groups" (from memory).
    checks: ClassVar = {
        "name": matching(r"[\x20-\x7e]{1,255}", "use 1 to 255 ASCII characters"),
        "strategy": enum("cluster", "partition", "spread"),
        "partitionCount": between(1, 7),
        "spreadLevel": enum("host", "rack"),
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        strategy, problems = inputs.get("strategy"), []
        for name, owner in (("partitionCount", "partition"), ("spreadLevel", "spread")):
            if inputs.get(name) and strategy not in (None, owner):
                problems.append(
                    (name, f"only a group with strategy {owner} has it; leave it out for {strategy}")
                )
        return problems

    def id_of(self, ctx: Context, inputs: JsonObject) -> str:
        name = str(inputs["name"])
        if ctx.store.get(self.kind, f"{ctx.region}/{name}"):
            raise CloudError(
                "InvalidPlacementGroup.Duplicate",
                f"The placement group '{name}' already exists in {ctx.region}; choose another name",
            )
        return name

    def made(self, ctx: Context, id: str, inputs: JsonObject) -> JsonObject:
        strategy = inputs["strategy"]
        return {
            "placementGroupId": new_id("pg"),
            "partitionCount": inputs.get("partitionCount", 2 if strategy == "partition" else 0),
            "spreadLevel": inputs.get("spreadLevel", "rack" if strategy == "spread" else ""),
        }


@REGISTRY.register
class CapacityReservation(StoredHandler):
    """An on-demand capacity reservation; a capacity block is bought, not made."""

    token = "aws:ec2/capacityReservation:CapacityReservation"
    kind = token
    tag_type = "capacity-reservation"
    arn_type = "capacity-reservation"
    replace_on = REGION | {
        "availabilityZone",
        "ebsOptimized",
        "ephemeralStorage",
        "instanceMatchCriteria",
        "instancePlatform",
        "instanceType",
        "outpostArn",
        "placementGroupArn",
        "tenancy",
    }
    defaults: ClassVar = {
        "ebsOptimized": False,
        "endDateType": "unlimited",
        "ephemeralStorage": False,
        "instanceMatchCriteria": "open",
        "tenancy": "default",
    }
    # EC2 API reference, CreateCapacityReservation (from memory).
    checks: ClassVar = {
        "endDateType": enum("unlimited", "limited"),
        "instanceMatchCriteria": enum("open", "targeted"),
        "tenancy": enum("default", "dedicated"),
        "instanceCount": between(1, 1000),
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        if inputs.get("instanceType"):
            problems += machine_of(ctx, inputs["instanceType"])[1]
        zone = inputs.get("availabilityZone")
        if zone and not str(zone).startswith(ctx.region):
            problems.append(
                ("availabilityZone", f"{zone!r} is not in {ctx.region}; choose a zone of that region")
            )
        limited = inputs.get("endDateType") == "limited"
        if limited != bool(inputs.get("endDate")) and "endDate" not in ctx.unknown:
            reason = "is missing; a limited reservation needs one" if limited else "needs endDateType limited"
            problems.append(("endDate", reason))
        return problems

    def id_of(self, ctx: Context, inputs: JsonObject) -> str:
        return new_id("cr")

    def made(self, ctx: Context, id: str, inputs: JsonObject) -> JsonObject:
        return {"ownerId": ctx.account_id}


@REGISTRY.register
class InstanceMetadataDefaults(StoredHandler):
    """The account's IMDS defaults in one region; a delete sets them back."""

    token = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
    kind = token
    replace_on = REGION
    defaults: ClassVar = {
        "httpEndpoint": "no-preference",
        "httpPutResponseHopLimit": -1,
        "httpTokens": "no-preference",
        "instanceMetadataTags": "no-preference",
    }
    checks: ClassVar = {
        "httpEndpoint": enum("enabled", "disabled", "no-preference"),
        "httpTokens": enum("required", "optional", "no-preference"),
        "instanceMetadataTags": enum("enabled", "disabled", "no-preference"),
        "httpPutResponseHopLimit": enum(-1, *range(1, 65)),
    }

    def id_of(self, ctx: Context, inputs: JsonObject) -> str:
        return ctx.region
