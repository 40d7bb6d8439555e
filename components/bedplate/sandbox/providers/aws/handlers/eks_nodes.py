"""EKS managed node groups and Fargate profiles.

moto shows no update and repair settings and knows no version update: the state and the store have them. No
Auto Scaling group is made behind a node group; its name is the one that moto gives.
"""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.eks_cluster import EXTRAS, cluster_key
from bedplate.sandbox.providers.aws.handlers.eks_facts import find_subnets, need_cluster
from bedplate.sandbox.providers.aws.handlers.eks_node_rules import node_group_problems
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.aws.handlers.service_shape import given, keep
from bedplate.sandbox.providers.handler import AutoName, CloudError, Context, JsonObject, Reference

# Kubernetes version and tags of a node group, by region, cluster and name: what moto cannot change.
_EXTRAS = "eks:nodegroup-extras"
_TEMPLATE_KEYS = ("id", "name", "version")


@REGISTRY.register
class EksNodeGroup(ServiceHandler):
    token = "aws:eks/nodeGroup:NodeGroup"
    service = "eks"
    auto_name = AutoName("nodeGroupName", 63)
    filled_in: ClassVar = frozenset({"launchTemplate.name", "launchTemplate.id"})
    replace_on = frozenset(
        {
            "amiType",
            "capacityType",
            "clusterName",
            "diskSize",
            "instanceTypes",
            "launchTemplate.id",
            "launchTemplate.name",
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "nodeRoleArn",
            "remoteAccess",
            "subnetIds",
        }
    )
    references = (
        Reference("clusterName", "eks:cluster"),
        Reference("nodeRoleArn", "iam:role"),
        Reference("subnetIds[]", "ec2:subnet"),
        Reference("launchTemplate.id", "ec2:launch-template"),
    )
    unordered = frozenset({"subnetIds", "taints"})
    conflicts = (("nodeGroupName", "nodeGroupNamePrefix"),)
    enums: ClassVar = {
        "amiType": "eks.AMITypes",
        "capacityType": "eks.CapacityTypes",
        "taints[].effect": "eks.TaintEffect",
        "updateConfig.updateStrategy": "eks.NodegroupUpdateStrategies",
        "nodeRepairConfig.nodeRepairConfigOverrides[].repairAction": "eks.RepairAction",
    }
    ranges: ClassVar = {
        "scalingConfig.minSize": (0, 10_000),
        "scalingConfig.desiredSize": (0, 10_000),
        "scalingConfig.maxSize": (1, 10_000),
        "updateConfig.maxUnavailable": (1, 100),
        "updateConfig.maxUnavailablePercentage": (1, 100),
        "nodeRepairConfig.maxUnhealthyNodeThresholdPercentage": (1, 100),
        "nodeRepairConfig.maxParallelNodesRepairedPercentage": (1, 100),
    }
    patterns: ClassVar = {
        "nodeGroupName": Pattern(
            r"[0-9A-Za-z][\w-]{0,62}", "1 to 63 of letters, digits, '-' and '_', first a letter or digit"
        ),
        "nodeRoleArn": Pattern(r"arn:[^:]+:iam::\d{12}:role/\S+", "the ARN of an IAM role"),
        "launchTemplate.version": Pattern(
            r"\d+|\$Latest|\$Default", "a version number as text, '$Latest' or '$Default'"
        ),
        "taints[].key": Pattern(
            r"\S{1,63}(/\S{1,63})?", "a Kubernetes key of at most 63 characters after '/'"
        ),
        "taints[].value": Pattern(r"\S{0,63}", "at most 63 characters without spaces"),
    }
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        return node_group_problems(ctx, inputs)

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        eks = ctx.client("eks")
        cluster, name = str(inputs["clusterName"]), str(inputs["nodeGroupName"])
        need_cluster(ctx, cluster)
        facts = ctx.store.get(EXTRAS, cluster_key(ctx, cluster)) or {}
        foreign = [
            subnet["SubnetId"]
            for subnet in find_subnets(ctx, inputs["subnetIds"])
            if facts.get("vpcId") not in (None, subnet["VpcId"])
        ]
        if foreign:
            raise CloudError(
                "InvalidParameterException",
                f"Subnets {', '.join(foreign)} are not in the VPC {facts['vpcId']} of cluster {cluster}; "
                "give subnets of that VPC",
            )
        version = str(inputs.get("version") or facts.get("version") or need_cluster(ctx, cluster)["version"])
        template = inputs.get("launchTemplate")
        eks.create_nodegroup(
            clusterName=cluster,
            nodegroupName=name,
            nodeRole=inputs["nodeRoleArn"],
            subnets=inputs["subnetIds"],
            scalingConfig=inputs["scalingConfig"],
            version=version,
            labels=inputs.get("labels") or {},
            taints=inputs.get("taints") or [],
            tags=inputs["tagsAll"],
            **given(inputs, "amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion"),
            **({"launchTemplate": given(template, *_TEMPLATE_KEYS)} if template else {}),
            **({"updateConfig": inputs["updateConfig"]} if inputs.get("updateConfig") else {}),
            **({"nodeRepairConfig": inputs["nodeRepairConfig"]} if inputs.get("nodeRepairConfig") else {}),
            **({"remoteAccess": _remote(inputs["remoteAccess"])} if inputs.get("remoteAccess") else {}),
        )
        self._keep(ctx, cluster, name, version, inputs)
        return f"{cluster}:{name}"

    def _keep(self, ctx: Context, cluster: str, name: str, version: str, inputs: JsonObject) -> None:
        extras = {"version": version, "tags": inputs["tagsAll"], "template": inputs.get("launchTemplate")}
        ctx.store.put(_EXTRAS, f"{cluster_key(ctx, cluster)}/{name}", extras)

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        cluster, name = id.split(":", 1)
        found: JsonObject = ctx.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)[
            "nodegroup"
        ]
        extras = ctx.store.get(_EXTRAS, f"{cluster_key(ctx, cluster)}/{name}") or {}
        version = extras.get("version") or found["version"]
        template = state.get("launchTemplate") or found.get("launchTemplate")
        groups = [{"name": group["name"]} for group in found["resources"]["autoScalingGroups"]]
        seen: JsonObject = {
            "clusterName": cluster,
            "nodeGroupName": name,
            "arn": found["nodegroupArn"],
            "nodeRoleArn": found["nodeRole"],
            "status": found["status"],
            "version": version,
            "releaseVersion": state.get("releaseVersion") or f"{version}.0-20261101",
            "capacityType": found["capacityType"],
            "amiType": state.get("amiType") or _ami_type(template, found),
            "subnetIds": keep(state.get("subnetIds"), found["subnets"]),
            "scalingConfig": {
                key: found["scalingConfig"][key] for key in ("minSize", "maxSize", "desiredSize")
            },
            "resources": [{"autoscalingGroups": groups, "remoteAccessSecurityGroupId": ""}],
            "updateConfig": state.get("updateConfig") or {"maxUnavailable": 1},
            "tagsAll": extras.get("tags", found.get("tags") or {}),
        }
        if template:
            seen["launchTemplate"] = {**(found.get("launchTemplate") or {}), **template}
        else:
            seen["diskSize"] = state.get("diskSize") or 20
        if not template or state.get("instanceTypes"):
            seen["instanceTypes"] = keep(state.get("instanceTypes"), found.get("instanceTypes") or [])
        for key in ("labels", "taints"):
            if found.get(key) or state.get(key):
                seen[key] = keep(state.get(key), found.get(key) or [])
        return seen

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        cluster, name = id.split(":", 1)
        request: JsonObject = {}
        if "scalingConfig" in changed:
            request["scalingConfig"] = new["scalingConfig"]
        if "labels" in changed:
            was, will = old.get("labels") or {}, new.get("labels") or {}
            request["labels"] = _only(
                addOrUpdateLabels=will, removeLabels=sorted(key for key in was if key not in will)
            )
        if "taints" in changed:
            before, after = old.get("taints") or [], new.get("taints") or []
            kept = {(taint["key"], taint["effect"]) for taint in after}
            gone = [taint for taint in before if (taint["key"], taint["effect"]) not in kept]
            request["taints"] = _only(addOrUpdateTaints=after, removeTaints=gone)
        for key in ("updateConfig", "nodeRepairConfig"):
            if key in changed and new.get(key):
                request[key] = new[key]
        request = {key: value for key, value in request.items() if value}
        if request:
            ctx.client("eks").update_nodegroup_config(clusterName=cluster, nodegroupName=name, **request)
        new.setdefault("version", old.get("version"))
        self._keep(ctx, cluster, name, new["version"], new)

    def retag(self, ctx: Context, id: str, state: JsonObject, put: dict[str, str], drop: list[str]) -> None:
        # moto tags clusters only; `change` keeps the node group's tags.
        return

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        cluster, name = id.split(":", 1)
        ctx.store.delete(_EXTRAS, f"{cluster_key(ctx, cluster)}/{name}")
        ctx.client("eks").delete_nodegroup(clusterName=cluster, nodegroupName=name)


@REGISTRY.register
class EksFargateProfile(ServiceHandler):
    token = "aws:eks/fargateProfile:FargateProfile"
    service = "eks"
    auto_name = AutoName("fargateProfileName", 63)
    replace_on = frozenset(
        {"clusterName", "fargateProfileName", "podExecutionRoleArn", "selectors", "subnetIds"}
    )
    references = (
        Reference("clusterName", "eks:cluster"),
        Reference("podExecutionRoleArn", "iam:role"),
        Reference("subnetIds[]", "ec2:subnet"),
    )
    unordered = frozenset({"selectors", "subnetIds"})
    tagged = True

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        selectors = inputs.get("selectors") or []
        if "selectors" in ctx.unknown or 1 <= len(selectors) <= 5:
            return []
        return [("selectors", f"{len(selectors)} selectors; a Fargate profile needs 1 to 5")]

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        ctx.client("eks").create_fargate_profile(
            clusterName=inputs["clusterName"],
            fargateProfileName=inputs["fargateProfileName"],
            podExecutionRoleArn=inputs["podExecutionRoleArn"],
            selectors=inputs["selectors"],
            tags=inputs["tagsAll"],
            **given(inputs, subnets="subnetIds"),
        )
        return f"{inputs['clusterName']}:{inputs['fargateProfileName']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        cluster, name = id.split(":", 1)
        answer = ctx.client("eks").describe_fargate_profile(clusterName=cluster, fargateProfileName=name)
        found: dict[str, Any] = answer["fargateProfile"]
        return {
            "clusterName": cluster,
            "fargateProfileName": name,
            "arn": found["fargateProfileArn"],
            "podExecutionRoleArn": found["podExecutionRoleArn"],
            "status": found["status"],
            "selectors": keep(state.get("selectors"), found["selectors"]),
            "subnetIds": keep(state.get("subnetIds"), found.get("subnets") or []),
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        cluster, name = id.split(":", 1)
        ctx.client("eks").delete_fargate_profile(clusterName=cluster, fargateProfileName=name)


def _only(**parts: Any) -> JsonObject:
    return {key: value for key, value in parts.items() if value}


def _remote(asked: JsonObject) -> JsonObject:
    return given(asked, ec2SshKey="ec2SshKey", sourceSecurityGroups="sourceSecurityGroupIds")


def _ami_type(template: JsonObject | None, found: JsonObject) -> str:
    """EKS gives AL2023 where nothing is asked; moto still gives AL2."""
    shown = str(found.get("amiType") or "")
    return shown if shown and not shown.startswith("AL2_") else "AL2023_x86_64_STANDARD"
