"""What EKS refuses in a managed node group, and moto does not."""

from typing import Any

from bedplate.catalog import UnknownMachineError, aws_machine, aws_machines
from bedplate.sandbox.providers.aws.handlers.ec2_fabric import interface_problems
from bedplate.sandbox.providers.aws.handlers.eks_cluster import EXTRAS, cluster_key
from bedplate.sandbox.providers.aws.handlers.eks_facts import minor, trust_problem, version_problem
from bedplate.sandbox.providers.aws.handlers.service_base import optional
from bedplate.sandbox.providers.aws.handlers.service_rules import Problem
from bedplate.sandbox.providers.handler import Context, JsonObject

# "Amazon EKS optimized AMI": the last Kubernetes version with Amazon Linux 2 images (from memory).
_LAST_AL2_MINOR = 32
_VERSION_SKEW = 3


def node_group_problems(ctx: Context, inputs: JsonObject) -> list[Problem]:
    """Every problem of a node group's inputs beyond enums, ranges and patterns."""
    problems = [*_scaling(inputs), *_settings(inputs), *_machines(ctx, inputs), *_versions(ctx, inputs)]
    if inputs.get("nodeRoleArn"):
        reason = trust_problem(ctx, inputs["nodeRoleArn"], "ec2.amazonaws.com")
        problems += [("nodeRoleArn", reason)] if reason else []
    if inputs.get("launchTemplate"):
        problems += _template(ctx, inputs)
    elif inputs.get("capacityType") == "CAPACITY_BLOCK" and "launchTemplate" not in ctx.unknown:
        problems.append(
            ("launchTemplate", "missing; CAPACITY_BLOCK needs one with the reservation and the instance type")
        )
    return problems


def _scaling(inputs: JsonObject) -> list[Problem]:
    sizes = inputs.get("scalingConfig") or {}
    low, wanted, high = (sizes.get(name) for name in ("minSize", "desiredSize", "maxSize"))
    problems: list[Problem] = []
    if low is not None and high is not None and low > high:
        problems.append(
            ("scalingConfig.minSize", f"{low} is greater than maxSize ({high}); lower it or raise maxSize")
        )
    if wanted is not None and low is not None and wanted < low:
        problems.append(("scalingConfig.desiredSize", f"{wanted} is less than minSize ({low}); raise it"))
    if wanted is not None and high is not None and wanted > high:
        problems.append(("scalingConfig.desiredSize", f"{wanted} is greater than maxSize ({high}); lower it"))
    return problems


def _settings(inputs: JsonObject) -> list[Problem]:
    problems: list[Problem] = []
    update = inputs.get("updateConfig") or {}
    if update.get("maxUnavailable") and update.get("maxUnavailablePercentage"):
        problems.append(("updateConfig", "has maxUnavailable and maxUnavailablePercentage; give one"))
    repair = inputs.get("nodeRepairConfig") or {}
    for kind in ("maxUnhealthyNodeThreshold", "maxParallelNodesRepaired"):
        if repair.get(f"{kind}Count") and repair.get(f"{kind}Percentage"):
            problems.append((f"nodeRepairConfig.{kind}Count", f"conflicts with {kind}Percentage; give one"))
    for name, limit in (("taints", 50), ("labels", 50)):
        if len(inputs.get(name) or ()) > limit:
            problems.append((name, f"{len(inputs[name])} {name}, a node group may have {limit}; remove some"))
    seen = set()
    for index, taint in enumerate(inputs.get("taints") or []):
        pair = (taint.get("key"), taint.get("effect"))
        if pair in seen:
            problems.append((f"taints[{index}]", f"{pair[0]} with {pair[1]} is given twice; remove one"))
        seen.add(pair)
    return problems


def _machines(ctx: Context, inputs: JsonObject) -> list[Problem]:
    problems: list[Problem] = []
    ami = str(inputs.get("amiType") or "")
    for index, name in enumerate(inputs.get("instanceTypes") or []):
        at = f"instanceTypes[{index}]"
        try:
            architecture = aws_machine(name).architecture
        except UnknownMachineError as error:
            found = _offered(ctx, name)
            if found is None:
                problems.append((at, f"[{name}] is not a valid instance type: {error}"))
                continue
            architecture = (
                "arm64" if "arm64" in found["ProcessorInfo"]["SupportedArchitectures"] else "x86_64"
            )
        if ami and ami != "CUSTOM" and ("ARM_64" in ami) != (architecture == "arm64"):
            problems.append(
                (at, f"[{name}] ({architecture}) is not a valid instance type for requested amiType {ami}")
            )
    return problems


def _offered(ctx: Context, name: str) -> dict[str, Any] | None:
    """A machine that the catalogue lacks, as moto's list of EC2 instance types has it."""
    from botocore.exceptions import ClientError

    try:
        answer = ctx.client("ec2").describe_instance_types(InstanceTypes=[name])
    except ClientError:
        return None
    return dict(answer["InstanceTypes"][0]) if answer["InstanceTypes"] else None


def _versions(ctx: Context, inputs: JsonObject) -> list[Problem]:
    cluster = inputs.get("clusterName")
    facts = (ctx.store.get(EXTRAS, cluster_key(ctx, cluster)) if cluster else None) or {}
    version = inputs.get("version")
    problems: list[Problem] = []
    if version:
        reason = version_problem(version)
        if reason:
            return [("version", reason)]
        newest = facts.get("version")
        if newest and not minor(newest) - _VERSION_SKEW <= minor(version) <= minor(newest):
            problems.append(
                (
                    "version",
                    f"{version} does not fit the cluster's {newest}: nodes may be up to {_VERSION_SKEW} "
                    "minor versions older, and never newer",
                )
            )
    effective = version or facts.get("version")
    ami = str(inputs.get("amiType") or "")
    if effective and ami.startswith("AL2_") and minor(effective) > _LAST_AL2_MINOR:
        problems.append(
            (
                "amiType",
                f"AMI type {ami} is only for Kubernetes 1.{_LAST_AL2_MINOR} or earlier; use an AL2023 type",
            )
        )
    return problems


def _template(ctx: Context, inputs: JsonObject) -> list[Problem]:
    problems: list[Problem] = []
    template = inputs["launchTemplate"]
    if bool(template.get("id")) == bool(template.get("name")) and "launchTemplate" not in ctx.unknown:
        problems.append(("launchTemplate", "needs exactly one of id and name; give the id"))
    for name in ("diskSize", "remoteAccess"):
        if inputs.get(name):
            problems.append((name, f"{name} must be specified within the launch template; move it there"))
    found = _template_data(ctx, template)
    if found is None:
        return problems
    types = inputs.get("instanceTypes")
    if found.get("InstanceType") and types:
        problems.append(
            (
                "instanceTypes",
                f"You cannot specify an instance type in both the launch template ({found['InstanceType']}) "
                "and the node group; remove one",
            )
        )
    problems += _fabric(types or [found.get("InstanceType")], found.get("NetworkInterfaces") or [])
    if found.get("ImageId") and inputs.get("amiType") not in (None, "CUSTOM"):
        problems.append(
            ("amiType", "not with an image in the launch template; remove amiType or the imageId")
        )
    if any(interface.get("SubnetId") for interface in found.get("NetworkInterfaces") or []):
        problems.append(("launchTemplate", "names a subnet in its networkInterfaces; give subnetIds only"))
    if (found.get("IamInstanceProfile") or {}) != {}:
        problems.append(("launchTemplate", "names an instance profile; EKS makes its own from nodeRoleArn"))
    market = (found.get("InstanceMarketOptions") or {}).get("MarketType")
    if market == "spot":
        problems.append(("launchTemplate", "asks for spot; use capacityType SPOT on the node group instead"))
    if inputs.get("capacityType") == "CAPACITY_BLOCK":
        if not found.get("InstanceType"):
            problems.append(
                ("launchTemplate", "has no instance type, which CAPACITY_BLOCK needs; set it there")
            )
        if market != "capacity-block":
            problems.append(
                (
                    "launchTemplate",
                    "instanceMarketOptions.marketType must be 'capacity-block' for CAPACITY_BLOCK",
                )
            )
    return problems


def _fabric(machines: list[str | None], interfaces: list[JsonObject]) -> list[Problem]:
    """Interfaces of the template that the machines cannot have: the template need not name a machine."""
    asked = [{name[0].lower() + name[1:]: value for name, value in one.items()} for one in interfaces]
    return [
        ("launchTemplate", f"its {at}: {reason}")
        for machine in aws_machines()
        if machine.name in machines
        for at, reason in interface_problems(machine, asked)
    ]


def _template_data(ctx: Context, template: JsonObject) -> JsonObject | None:
    """The data of the template's version; None where it cannot be read yet."""
    named = (
        {"LaunchTemplateId": template["id"]}
        if template.get("id")
        else {"LaunchTemplateName": template.get("name") or ""}
    )
    version = str(template.get("version") or "$Default")
    answer = optional(
        lambda: ctx.client("ec2").describe_launch_template_versions(Versions=[version], **named)
    )
    versions = answer["LaunchTemplateVersions"] if answer else []
    return dict(versions[0]["LaunchTemplateData"]) if versions else None
