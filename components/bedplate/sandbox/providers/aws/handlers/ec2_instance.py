"""Single instances: enough for a bastion or a build machine."""

import base64
from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum, matching, user_data
from bedplate.sandbox.providers.aws.handlers.ec2_dependents import drop_interfaces
from bedplate.sandbox.providers.aws.handlers.ec2_launch_template import METADATA_CHECKS
from bedplate.sandbox.providers.aws.handlers.ec2_machine import machine_of
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given
from bedplate.sandbox.providers.aws.handlers.ec2_volume_limits import volume_problems
from bedplate.sandbox.providers.aws.handlers.property_names import pascal
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

# Inputs that the sandbox does not pass on; given ones are refused rather than dropped.
_UNSUPPORTED = (
    "ebsBlockDevices",
    "ephemeralBlockDevices",
    "networkInterfaces",
    "primaryNetworkInterface",
    "secondaryNetworkInterfaces",
    "instanceMarketOptions",
    "hostId",
    "hostResourceGroupArn",
)


@REGISTRY.register
class Instance(Ec2Handler):
    token = "aws:ec2/instance:Instance"
    tag_type = "instance"
    arn_type = "instance"
    describe = ("describe_instances", "InstanceIds", "Reservations")
    replace_on = REGION | {
        "ami",
        "associatePublicIpAddress",
        "availabilityZone",
        "keyName",
        "launchTemplate",
        "placementGroup",
        "privateIp",
        "rootBlockDevice.encrypted",
        "rootBlockDevice.kmsKeyId",
        "subnetId",
        "tenancy",
    }
    defaults: ClassVar = {
        "forceDestroy": False,
        "getPasswordData": False,
        "sourceDestCheck": True,
        "userDataReplaceOnChange": False,
    }
    unordered = frozenset({"vpcSecurityGroupIds"})
    references = (
        Reference("launchTemplate.id", "ec2:launch-template"),
        Reference("placementGroup", "ec2:placement-group"),
        Reference("iamInstanceProfile", "iam:instance-profile"),
        Reference("vpcSecurityGroupIds[]", "ec2:security-group"),
    )
    conflicts = (("userData", "userDataBase64"),)
    checks: ClassVar = {
        **METADATA_CHECKS,
        "ami": matching(r"ami-[0-9a-f]{8,17}", "must be ami-..."),
        "userDataBase64": user_data,
        "tenancy": enum("default", "dedicated", "host"),
    }
    shows: ClassVar = {
        "ami": "ImageId",
        "instanceType": "InstanceType",
        "subnetId": "SubnetId",
        "availabilityZone": "Placement.AvailabilityZone",
        "privateIp": "PrivateIpAddress",
        "privateDns": "PrivateDnsName",
        "instanceState": "State.Name",
        "keyName": "KeyName",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = [
            (name, "the sandbox does not keep it for single instances; use a launch template with it")
            for name in _UNSUPPORTED
            if inputs.get(name)
        ]
        if inputs.get("instanceType"):
            problems += machine_of(ctx, inputs["instanceType"])[1]
        if inputs.get("rootBlockDevice"):
            problems += volume_problems(
                inputs["rootBlockDevice"], "rootBlockDevice", "volumeType", "volumeSize"
            )
        for name in ("ami", "instanceType"):
            known = inputs.get(name) or inputs.get("launchTemplate")
            if not known and not ctx.unknown & {name, "launchTemplate"}:
                problems.append((name, "is missing, and there is no launchTemplate that has it; give one"))
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        call = given(
            inputs,
            "instanceType",
            "keyName",
            "ebsOptimized",
            "disableApiTermination",
            ImageId="ami",
            PrivateIpAddress="privateIp",
            SubnetId="subnetId",
            SecurityGroupIds="vpcSecurityGroupIds",
            UserData="userData",
        )
        if inputs.get("userDataBase64"):
            call["UserData"] = base64.b64decode(inputs["userDataBase64"]).decode("latin-1")
        if inputs.get("associatePublicIpAddress") is not None:
            # A public address is asked for on the interface, which then carries subnet and groups, too.
            interface = {
                "DeviceIndex": 0,
                "AssociatePublicIpAddress": bool(inputs["associatePublicIpAddress"]),
            }
            for ours, theirs in (("SubnetId", "SubnetId"), ("SecurityGroupIds", "Groups")):
                if ours in call:
                    interface[theirs] = call.pop(ours)
            call["NetworkInterfaces"] = [interface]
        if inputs.get("iamInstanceProfile"):
            call["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
        if inputs.get("metadataOptions"):
            call["MetadataOptions"] = pascal(inputs["metadataOptions"])
        if inputs.get("monitoring") is not None:
            call["Monitoring"] = {"Enabled": bool(inputs["monitoring"])}
        placement = given(
            inputs, AvailabilityZone="availabilityZone", GroupName="placementGroup", Tenancy="tenancy"
        )
        if placement:
            call["Placement"] = placement
        if inputs.get("launchTemplate"):
            template = inputs["launchTemplate"]
            call["LaunchTemplate"] = given(
                template, LaunchTemplateId="id", LaunchTemplateName="name", Version="version"
            )
        if inputs.get("rootBlockDevice"):
            root = {
                name: value
                for name, value in inputs["rootBlockDevice"].items()
                if not name.startswith("tags")
            }
            call["BlockDeviceMappings"] = [{"DeviceName": "/dev/xvda", "Ebs": pascal(root)}]
        answer = ec2.run_instances(MinCount=1, MaxCount=1, **call, **self.tagging(ctx, inputs))
        id = answer["Instances"][0]["InstanceId"]
        if not inputs.get("sourceDestCheck", True):
            ec2.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
        return id, self.look(ctx, id, inputs) or {}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        reservation = super().look(ctx, id, state)
        instance = dict(reservation["Instances"][0]) if reservation else None
        over = ("terminated", "shutting-down")
        return None if instance is None or instance["State"]["Name"] in over else instance

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        interfaces = seen.get("NetworkInterfaces") or []
        return {
            "vpcSecurityGroupIds": sorted(group["GroupId"] for group in seen.get("SecurityGroups") or []),
            "primaryNetworkInterfaceId": interfaces[0]["NetworkInterfaceId"] if interfaces else "",
            "publicIp": seen.get("PublicIpAddress", ""),
            "publicDns": seen.get("PublicDnsName", ""),
            "tenancy": seen.get("Placement", {}).get("Tenancy") or "default",
            "monitoring": state.get("monitoring", False),
            "ebsOptimized": state.get("ebsOptimized", bool(seen.get("EbsOptimized"))),
            "instanceLifecycle": seen.get("InstanceLifecycle", ""),
            "outpostArn": "",
            "passwordData": "",
            "spotInstanceRequestId": "",
        }

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        if "instanceType" in changed:
            ec2.stop_instances(InstanceIds=[id])
            ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": new["instanceType"]})
            ec2.start_instances(InstanceIds=[id])
        calls: dict[str, tuple[str, Any]] = {
            "sourceDestCheck": ("SourceDestCheck", {"Value": bool(new.get("sourceDestCheck", True))}),
            "vpcSecurityGroupIds": ("Groups", new.get("vpcSecurityGroupIds") or []),
            "disableApiTermination": (
                "DisableApiTermination",
                {"Value": bool(new.get("disableApiTermination"))},
            ),
        }
        for name, (parameter, value) in calls.items():
            if name in changed:
                ec2.modify_instance_attribute(InstanceId=id, **{parameter: value})

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        ec2 = self.client(ctx)
        instance = self.look(ctx, id, state)
        if instance is None:
            return
        if state.get("disableApiTermination") and not state.get("forceDestroy"):
            raise CloudError(
                "OperationNotPermitted",
                f"The instance '{id}' may not be terminated; set disableApiTermination to false first",
            )
        ec2.terminate_instances(InstanceIds=[id])
        drop_interfaces(ec2, [one["NetworkInterfaceId"] for one in instance.get("NetworkInterfaces") or []])
