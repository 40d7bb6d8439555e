"""Launch templates; every change of their data is a new version."""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler, filters
from bedplate.sandbox.providers.aws.handlers.ec2_checks import (
    Check,
    Problem,
    between,
    enum,
    matching,
    resource_id,
    text_bool,
    user_data,
)
from bedplate.sandbox.providers.aws.handlers.ec2_fabric import interface_problems
from bedplate.sandbox.providers.aws.handlers.ec2_machine import machine_of
from bedplate.sandbox.providers.aws.handlers.ec2_shape import given, same, stable_id
from bedplate.sandbox.providers.aws.handlers.ec2_template_data import (
    FIELDS,
    from_cloud,
    template_tags,
    to_cloud,
)
from bedplate.sandbox.providers.aws.handlers.ec2_volume_limits import volume_problems
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject, Reference

# EC2 API reference, RequestLaunchTemplateData and its parts (from memory).
METADATA_CHECKS: dict[str, Check] = {
    "metadataOptions.httpEndpoint": enum("enabled", "disabled"),
    "metadataOptions.httpTokens": enum("required", "optional"),
    "metadataOptions.httpPutResponseHopLimit": between(1, 64),
    "metadataOptions.httpProtocolIpv6": enum("enabled", "disabled"),
    "metadataOptions.instanceMetadataTags": enum("enabled", "disabled"),
}
_TAGGED = (
    "instance",
    "volume",
    "network-interface",
    "spot-instances-request",
    "elastic-gpu",
)


@REGISTRY.register
class LaunchTemplate(Ec2Handler):
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    tag_type = "launch-template"
    arn_type = "launch-template"
    describe = ("describe_launch_templates", "LaunchTemplateIds", "LaunchTemplates")
    auto_name = AutoName("name", 128)
    replace_on = REGION | {"name", "namePrefix"}
    moved_by_update = frozenset({"latestVersion", "defaultVersion"})
    unordered = frozenset({"vpcSecurityGroupIds", "securityGroupNames", "tagSpecifications"})
    references = (
        Reference("placement.groupName", "ec2:placement-group"),
        Reference("iamInstanceProfile.name", "iam:instance-profile"),
    )
    conflicts = (("updateDefaultVersion", "defaultVersion"), ("instanceType", "instanceRequirements"))
    checks: ClassVar = {
        **METADATA_CHECKS,
        "name": matching(r"[A-Za-z0-9()./_-]{3,128}", "use 3 to 128 letters, digits and ()./_-"),
        "userData": user_data,
        "ebsOptimized": text_bool,
        "blockDeviceMappings[].ebs.encrypted": text_bool,
        "blockDeviceMappings[].ebs.deleteOnTermination": text_bool,
        "networkInterfaces[].deleteOnTermination": text_bool,
        "networkInterfaces[].associatePublicIpAddress": text_bool,
        "instanceInitiatedShutdownBehavior": enum("stop", "terminate"),
        "instanceMarketOptions.marketType": enum("spot", "capacity-block"),
        "instanceMarketOptions.spotOptions.spotInstanceType": enum("one-time", "persistent"),
        "capacityReservationSpecification.capacityReservationPreference": enum(
            "open", "none", "capacity-reservations-only"
        ),
        "capacityReservationSpecification.capacityReservationTarget.capacityReservationId": resource_id("cr"),
        "placement.tenancy": enum("default", "dedicated", "host"),
        "tagSpecifications[].resourceType": enum(*_TAGGED),
        "imageId": matching(
            r"ami-[0-9a-f]{8,17}|resolve:ssm:.+", "must be ami-... or resolve:ssm:<parameter>"
        ),
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        problems: list[Problem] = []
        machine = None
        if inputs.get("instanceType"):
            machine, problems = machine_of(ctx, inputs["instanceType"])
        interfaces = inputs.get("networkInterfaces") or []
        problems += interface_problems(machine, interfaces)
        if interfaces and inputs.get("vpcSecurityGroupIds"):
            problems.append(
                (
                    "vpcSecurityGroupIds",
                    "InvalidParameterCombination: network interfaces and instance-level security groups may "
                    "not both be given; write securityGroups on each of networkInterfaces",
                )
            )
        for index, mapping in enumerate(inputs.get("blockDeviceMappings") or []):
            ebs, at = mapping.get("ebs"), f"blockDeviceMappings[{index}].ebs"
            if ebs:
                problems += volume_problems(ebs, at, "volumeType", "volumeSize")
                if ebs.get("kmsKeyId") and str(ebs.get("encrypted")) not in ("true", "True", "1"):
                    problems.append((f"{at}.encrypted", 'a key needs encryption; set encrypted to "true"'))
        market = (inputs.get("instanceMarketOptions") or {}).get("marketType")
        target = (inputs.get("capacityReservationSpecification") or {}).get("capacityReservationTarget") or {}
        undecided = ctx.unknown & {"capacityReservationSpecification"}
        if market == "capacity-block" and not target and not undecided:
            problems.append(
                (
                    "capacityReservationSpecification.capacityReservationTarget",
                    "a capacity block needs its reservation; give the capacityReservationId",
                )
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        ec2 = self.client(ctx)
        self._require_groups(ec2, inputs)
        name = (
            inputs.get("name") or f"{inputs.get('namePrefix', 'terraform-')}{stable_id(ctx.urn, length=26)}"
        )
        template = ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=to_cloud(inputs),
            **given(inputs, VersionDescription="description"),
            **self.tagging(ctx, inputs),
        )["LaunchTemplate"]
        return template["LaunchTemplateId"], {**template, "Same": True}

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        template = super().look(ctx, id, state)
        if template is None:
            return None
        version = self.client(ctx).describe_launch_template_versions(
            LaunchTemplateId=id, Versions=["$Latest"]
        )
        # moto shows the tags of the creation with a template; those of now it keeps apart.
        tags = self.client(ctx).describe_tags(Filters=filters(resource_id=id))["Tags"]
        return {**template, "Tags": tags, "Version": version["LaunchTemplateVersions"][0]}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        shown: JsonObject = {
            "name": seen["LaunchTemplateName"],
            "namePrefix": state.get("namePrefix", ""),
            "defaultVersion": seen["DefaultVersionNumber"],
            "latestVersion": seen["LatestVersionNumber"],
        }
        if "Version" not in seen:
            return shown
        shown["description"] = seen["Version"].get("VersionDescription") or None
        data = dict(seen["Version"]["LaunchTemplateData"])
        data["TagSpecifications"] = template_tags(data)
        if not same(to_cloud(state), data):
            # Someone made a version by hand: every field is shown as it is there.
            theirs = from_cloud(data)
            shown |= {name: theirs.get(name) for name in FIELDS if not _same_field(name, state, data)}
        return shown

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        ec2 = self.client(ctx)
        version = None
        if changed & {*FIELDS, "description"}:
            self._require_groups(ec2, new)
            answer = ec2.create_launch_template_version(
                LaunchTemplateId=id,
                LaunchTemplateData=to_cloud(new),
                **given(new, VersionDescription="description"),
            )
            version = answer["LaunchTemplateVersion"]["VersionNumber"]
        if new.get("updateDefaultVersion"):
            latest = version or (old.get("latestVersion") if "updateDefaultVersion" in changed else None)
        else:
            latest = new.get("defaultVersion") if "defaultVersion" in changed else None
        if latest:
            ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion=str(latest))

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).delete_launch_template(LaunchTemplateId=id)

    def _require_groups(self, ec2: Any, inputs: JsonObject) -> None:
        """EC2 finds a missing group at the first launch only; here it is refused with the template."""
        groups = set(inputs.get("vpcSecurityGroupIds") or ())
        for interface in inputs.get("networkInterfaces") or ():
            groups |= set(interface.get("securityGroups") or ())
        if not groups:
            return
        found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": sorted(groups)}])
        missing = groups - {group["GroupId"] for group in found["SecurityGroups"]}
        if missing:
            raise CloudError(
                "InvalidGroup.NotFound",
                f"The security group '{min(missing)}' does not exist; create it first, or correct its id",
            )


def _same_field(name: str, state: JsonObject, data: JsonObject) -> bool:
    wanted = to_cloud({name: state.get(name)})
    theirs = to_cloud({name: from_cloud(data).get(name)})
    return same(wanted, theirs)
