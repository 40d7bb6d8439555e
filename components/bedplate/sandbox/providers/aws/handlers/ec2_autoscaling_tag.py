"""Single tags of Auto Scaling groups that something else made, as EKS makes those of its node groups.

moto makes no group behind a node group: tags of such a group are kept in the sandbox's own store.
"""

from typing import Any, ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.service_base import ServiceHandler
from bedplate.sandbox.providers.aws.handlers.service_rules import Pattern, Problem
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject

_KIND = "autoscaling:group-tag"
# CreateOrUpdateTags (botocore 1.44.8, service model autoscaling; the prefix from memory).
_KEY = Pattern(r"(?!aws:)[\s\S]{1,128}", "1 to 128 characters, not beginning with 'aws:'")
_VALUE = Pattern(r"[\s\S]{0,256}", "at most 256 characters")


@REGISTRY.register
class AutoscalingGroupTag(ServiceHandler):
    token = "aws:autoscaling/tag:Tag"
    service = "autoscaling"
    replace_on = frozenset({"autoscalingGroupName", "tag.key"})
    patterns: ClassVar = {"tag.key": _KEY, "tag.value": _VALUE}

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        if "autoscalingGroupName" in inputs and not inputs["autoscalingGroupName"]:
            return [("autoscalingGroupName", "is empty; give the name of an Auto Scaling group")]
        return []

    def make(self, ctx: Context, inputs: JsonObject) -> str:
        group = str(inputs["autoscalingGroupName"])
        if not self._put(ctx, group, inputs["tag"]):
            raise CloudError(
                "ValidationError",
                f"AutoScalingGroup name not found - AutoScalingGroup '{group}' not found; name one that is "
                "there, such as the one in `resources` of a node group",
            )
        return f"{group},{inputs['tag']['key']}"

    def look(self, ctx: Context, id: str, state: JsonObject) -> JsonObject | None:
        group, key = id.split(",", 1)
        if _of_node_group(ctx, group):
            kept = ctx.store.get(_KIND, f"{ctx.region}/{id}")
            return None if kept is None else {"autoscalingGroupName": group, "tag": kept}
        filters = [{"Name": "auto-scaling-group", "Values": [group]}, {"Name": "key", "Values": [key]}]
        for found in ctx.client("autoscaling").describe_tags(Filters=filters)["Tags"]:
            if (found["ResourceId"], found["Key"]) == (group, key):
                tag = {"key": key, "value": found["Value"], "propagateAtLaunch": found["PropagateAtLaunch"]}
                return {"autoscalingGroupName": group, "tag": tag}
        return None

    def change(
        self, ctx: Context, id: str, old: JsonObject, new: JsonObject, changed: frozenset[str]
    ) -> None:
        self._put(ctx, id.split(",", 1)[0], new["tag"])

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        group, key = id.split(",", 1)
        ctx.store.delete(_KIND, f"{ctx.region}/{id}")
        if _in_moto(ctx, group):
            gone = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key}
            ctx.client("autoscaling").delete_tags(Tags=[gone])

    def _put(self, ctx: Context, group: str, tag: JsonObject) -> bool:
        """Sets the tag; False where there is no such group."""
        if _of_node_group(ctx, group):
            ctx.store.put(_KIND, f"{ctx.region}/{group},{tag['key']}", dict(tag))
            return True
        if not _in_moto(ctx, group):
            return False
        call = {
            "ResourceId": group,
            "ResourceType": "auto-scaling-group",
            "Key": tag["key"],
            "Value": tag["value"],
            "PropagateAtLaunch": bool(tag["propagateAtLaunch"]),
        }
        ctx.client("autoscaling").create_or_update_tags(Tags=[call])
        return True


def _in_moto(ctx: Context, group: str) -> bool:
    found = ctx.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return bool(found["AutoScalingGroups"])


def _of_node_group(ctx: Context, group: str) -> bool:
    """Whether EKS would have made a group of that name."""
    from moto.eks.models import eks_backends

    clusters: Any = eks_backends[ctx.account_id][ctx.region].clusters
    return any(
        group == made["name"]
        for cluster in clusters.values()
        for nodes in cluster.nodegroups.values()
        for made in nodes.resources["autoScalingGroups"]
    )
