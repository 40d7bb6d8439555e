"""Auto Scaling groups over a launch template."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, between, enum
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given, stable_id
from bedplate.sandbox.providers.handler import AutoName, Context, JsonObject, Reference

# Inputs that are neither kept by moto nor passed on; given ones are refused rather than dropped.
_UNSUPPORTED = (
    "mixedInstancesPolicy",
    "warmPool",
    "instanceRefresh",
    "trafficSources",
    "launchConfiguration",
)


@REGISTRY.register
class AutoscalingGroup(Ec2Handler):
    token = "aws:autoscaling/group:Group"
    service = "autoscaling"
    describe = ("describe_auto_scaling_groups", "AutoScalingGroupNames", "AutoScalingGroups")
    auto_name = AutoName("name", 255)
    replace_on = REGION | {"name", "namePrefix", "placementGroup"}
    unordered = frozenset({"vpcZoneIdentifiers", "availabilityZones", "targetGroupArns", "tags"})
    defaults: ClassVar = {
        "forceDelete": False,
        "forceDeleteWarmPool": False,
        "healthCheckGracePeriod": 300,
        "ignoreFailedScalingActivities": False,
        "metricsGranularity": "1Minute",
        "protectFromScaleIn": False,
        "waitForCapacityTimeout": "10m",
    }
    references = (
        Reference("launchTemplate.id", "ec2:launch-template"),
        Reference("vpcZoneIdentifiers[]", "ec2:subnet"),
        Reference("placementGroup", "ec2:placement-group"),
    )
    checks: ClassVar = {
        "healthCheckType": enum("EC2", "ELB", "EBS", "VPC_LATTICE"),
        "healthCheckGracePeriod": between(0, 7200),
    }
    shows: ClassVar = {
        "arn": "AutoScalingGroupARN",
        "name": "AutoScalingGroupName",
        "minSize": "MinSize",
        "maxSize": "MaxSize",
        "defaultCooldown": "DefaultCooldown",
        "healthCheckType": "HealthCheckType",
        "healthCheckGracePeriod": "HealthCheckGracePeriod",
        "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
        "availabilityZones": "AvailabilityZones",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = [
            (name, "the sandbox does not keep it; use launchTemplate, or try it on a real account")
            for name in _UNSUPPORTED
            if inputs.get(name)
        ]
        low, high, wanted = (inputs.get(name) for name in ("minSize", "maxSize", "desiredCapacity"))
        if low is not None and high is not None and low > high:
            problems.append(("minSize", f"{low} is above maxSize {high}; lower it, or raise maxSize"))
        elif wanted is not None and low is not None and high is not None and not low <= wanted <= high:
            problems.append(("desiredCapacity", f"{wanted} is not between minSize {low} and maxSize {high}"))
        if not inputs.get("launchTemplate") and "launchTemplate" not in ctx.unknown and not problems:
            problems.append(("launchTemplate", "is missing; give the id of a launch template"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        prefix = inputs.get("namePrefix", "terraform-")
        name = inputs.get("name") or f"{prefix}{stable_id(ctx.urn, length=26)}"
        self.client(ctx).create_auto_scaling_group(
            AutoScalingGroupName=name, Tags=self._tags(name, inputs), **self._call(inputs)
        )
        return name, self.look(ctx, name, inputs) or {}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        tags = [
            {"key": tag["Key"], "value": tag["Value"], "propagateAtLaunch": tag["PropagateAtLaunch"]}
            for tag in seen.get("Tags") or []
        ]
        template = seen.get("LaunchTemplate") or {}
        mine = state.get("launchTemplate") or {}
        shown: JsonObject = {
            # What scaling does to a group whose size the program leaves open is no drift.
            "desiredCapacity": seen["DesiredCapacity"] if "desiredCapacity" in state else None,
            "vpcZoneIdentifiers": [one for one in str(seen.get("VPCZoneIdentifier", "")).split(",") if one],
            "tags": tags,
            "targetGroupArns": seen.get("TargetGroupARNs") or [],
        }
        if template.get("LaunchTemplateId") != mine.get("id") and "id" in mine:
            shown["launchTemplate"] = {**mine, "id": template.get("LaunchTemplateId")}
        return shown

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        autoscaling = self.client(ctx)
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=id, **self._call(new))

    def update(
        self, ctx: Context, id: str, state: JsonObject, old_inputs: JsonObject, inputs: JsonObject
    ) -> JsonObject:
        before = {tag["key"] for tag in old_inputs.get("tags") or []}
        after = {tag["key"] for tag in inputs.get("tags") or []}
        autoscaling = self.client(ctx)
        if before - after:
            gone = [
                {"ResourceId": id, "ResourceType": "auto-scaling-group", "Key": key}
                for key in sorted(before - after)
            ]
            autoscaling.delete_tags(Tags=gone)
        if after:
            autoscaling.create_or_update_tags(Tags=self._tags(id, inputs))
        return super().update(ctx, id, state, old_inputs, inputs)

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        group = self.look(ctx, id, state)
        if group is None:
            return
        self.client(ctx).delete_auto_scaling_group(AutoScalingGroupName=id, ForceDelete=True)

    def _call(self, inputs: JsonObject) -> JsonObject:
        call = given(
            inputs,
            "minSize",
            "maxSize",
            "desiredCapacity",
            "defaultCooldown",
            "healthCheckType",
            "healthCheckGracePeriod",
            "placementGroup",
            "capacityRebalance",
            "terminationPolicies",
        )
        call["NewInstancesProtectedFromScaleIn"] = bool(inputs.get("protectFromScaleIn"))
        template = inputs.get("launchTemplate") or {}
        call["LaunchTemplate"] = given(
            template, LaunchTemplateId="id", LaunchTemplateName="name", Version="version"
        )
        if inputs.get("vpcZoneIdentifiers"):
            call["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
        elif inputs.get("availabilityZones"):
            call["AvailabilityZones"] = inputs["availabilityZones"]
        return call

    def _tags(self, name: str, inputs: JsonObject) -> list[JsonObject]:
        return [
            {
                "ResourceId": name,
                "ResourceType": "auto-scaling-group",
                "Key": tag["key"],
                "Value": tag["value"],
                "PropagateAtLaunch": bool(tag["propagateAtLaunch"]),
            }
            for tag in inputs.get("tags") or []
        ]
