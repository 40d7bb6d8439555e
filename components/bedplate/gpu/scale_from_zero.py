"""What Cluster Autoscaler must be told of a node group that has no node to look at."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import autoscaling

from bedplate.core.naming import child
from bedplate.gpu.spec import EFA_RESOURCE, GPU_RESOURCE, GpuPoolSettings

# kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/README.md, "Auto-Discovery Setup" (from memory)
PREFIX = "k8s.io/cluster-autoscaler/node-template"
_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}


def template_tags(pool_name: str, settings: GpuPoolSettings) -> dict[str, str]:
    """The tags of the pool's Auto Scaling group: labels, taints, GPUs and EFA interfaces of a node to come.

    Cluster Autoscaler asks EKS for labels and taints too where it may reach it, and knows most GPU machines;
    of EFA it knows nothing but this.
    """
    machine = settings.spec()
    found = {f"{PREFIX}/label/{key}": value for key, value in settings.node_labels(pool_name).items()}
    for taint in settings.all_taints():
        found[f"{PREFIX}/taint/{taint.key}"] = f"{taint.value}:{_EFFECTS[taint.effect]}"
    assert machine.accelerator is not None, "checked with the settings"
    found[f"{PREFIX}/resources/{GPU_RESOURCE}"] = str(machine.accelerator.count)
    if settings.uses_efa and machine.fabric is not None:
        found[f"{PREFIX}/resources/{EFA_RESOURCE}"] = str(machine.fabric.interfaces)
    return found


def tag_groups(
    name: str,
    group_names: pulumi.Output[list[str]],
    tags: Mapping[str, str],
    *,
    region: str,
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    """The tags, on the group that EKS makes for a node group, which does not get those of the latter."""
    # EKS makes exactly one for each node group.
    group = group_names.apply(lambda names: names[0])
    return [
        autoscaling.Tag(
            child(name, key.removeprefix(f"{PREFIX}/").replace("/", "-")),
            autoscaling_group_name=group,
            tag=autoscaling.TagTagArgs(key=key, value=value, propagate_at_launch=False),
            region=region,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for key, value in tags.items()
    ]
