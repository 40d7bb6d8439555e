"""The objects of a Karpenter node pool, as plain values."""

from collections.abc import Mapping, Sequence

import pulumi

from bedplate.autoscaling.karpenter_pool_args import DisruptionBudget, KarpenterPoolArgs
from bedplate.cluster.nodes import ROOT_DEVICE
from bedplate.kubernetes.handles import POOL_LABEL, NodeAccelerator, NodeFabric, NodePoolHandle

CLASS_API = "karpenter.k8s.aws/v1"
POOL_API = "karpenter.sh/v1"
EFA_RESOURCE = "vpc.amazonaws.com/efa"
GPU_RESOURCE = "nvidia.com/gpu"

_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
_EXPIRE_HOURS = 720
_GRACE_MINUTES = 60


def node_class_spec(
    pool: KarpenterPoolArgs,
    *,
    region: str,
    image_version: str,
    instance_profile: pulumi.Input[str],
    subnet_terms: Sequence[Mapping[str, object]],
    security_group_ids: Sequence[pulumi.Input[str]],
    key_arn: pulumi.Input[str],
    tags: Mapping[str, str],
    placement_group: pulumi.Input[str] | None = None,
) -> dict[str, object]:
    """The EC2NodeClass: how machines of the pool are made."""
    spec: dict[str, object] = {
        # The alias picks the NVIDIA variant of the image for machines with NVIDIA GPUs.
        "amiSelectorTerms": [{"alias": f"al2023@{image_version}"}],
        "instanceProfile": instance_profile,
        "subnetSelectorTerms": [dict(term) for term in subnet_terms],
        "securityGroupSelectorTerms": [{"id": group} for group in security_group_ids],
        "associatePublicIPAddress": False,
        "blockDeviceMappings": [
            {
                "deviceName": ROOT_DEVICE,
                "rootVolume": True,
                "ebs": {
                    "volumeType": "gp3",
                    "volumeSize": f"{pool.volume.size_gib}Gi",
                    "iops": pool.volume.iops,
                    "throughput": pool.volume.throughput_mibps,
                    "encrypted": True,
                    "kmsKeyID": key_arn,
                    "deleteOnTermination": True,
                },
            }
        ],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            # Pods have pod identity; one hop keeps them away from the node's role.
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "detailedMonitoring": True,
    }
    if tags:
        spec["tags"] = dict(tags)
    if any(machine.local_disks is not None for machine in pool.specs(region)):
        spec["instanceStorePolicy"] = "RAID0"
    if pool.max_pods is not None:
        spec["kubelet"] = {"maxPods": pool.max_pods}
    if "reserved" in pool.capacity_types:
        terms: list[dict[str, object]] = [{"id": one} for one in pool.capacity_reservation_ids]
        if pool.capacity_reservation_tags:
            terms.append({"tags": dict(pool.capacity_reservation_tags)})
        spec["capacityReservationSelectorTerms"] = terms
    if placement_group is not None:
        spec["placementGroupSelector"] = {"name": placement_group}
    return spec


def node_pool_spec(
    name: str, pool: KarpenterPoolArgs, *, region: str, zones: Sequence[str]
) -> dict[str, object]:
    """The NodePool: which machines, how many, and when they go. `name` is also its class's."""
    machines = pool.specs(region)
    template: dict[str, object] = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": name},
        "requirements": [
            _among("node.kubernetes.io/instance-type", [machine.name for machine in machines]),
            _among("karpenter.sh/capacity-type", pool.capacity_types),
            _among("topology.kubernetes.io/zone", pool.zones or zones),
            _among("kubernetes.io/arch", [_ARCHITECTURES[machines[0].architecture]]),
            _among("kubernetes.io/os", ["linux"]),
        ],
        "expireAfter": _expire_after(pool),
    }
    grace = _grace(pool)
    if grace is not None:
        template["terminationGracePeriod"] = grace
    for field, taints in (("taints", pool.all_taints()), ("startupTaints", pool.startup_taints)):
        if taints:
            template[field] = [
                {"key": one.key, "effect": one.effect, **({"value": one.value} if one.value else {})}
                for one in taints
            ]
    spec: dict[str, object] = {
        "template": {"metadata": {"labels": pool_labels(name, pool)}, "spec": template},
        "limits": _limits(pool),
        "disruption": {
            "consolidationPolicy": consolidation(pool),
            "consolidateAfter": f"{pool.consolidate_after_seconds}s",
            "budgets": [_budget(one) for one in pool.all_budgets()],
        },
    }
    if pool.weight is not None:
        spec["weight"] = pool.weight
    return spec


def pool_labels(name: str, pool: KarpenterPoolArgs) -> dict[str, str]:
    """The labels of the pool's nodes: its own, then the user's."""
    own = {POOL_LABEL: name}
    if pool.on_gpus:
        own["nvidia.com/gpu.present"] = "true"
    if pool.uses_efa:
        own["vpc.amazonaws.com/efa.present"] = "true"
    return {**own, **pool.labels}


def consolidation(pool: KarpenterPoolArgs) -> str:
    """When nodes are removed."""
    if pool.consolidation is not None:
        return pool.consolidation
    return "WhenEmpty" if pool.purpose == "training" else "WhenEmptyOrUnderutilized"


def pool_handle(name: str, pool: KarpenterPoolArgs, *, region: str, zones: Sequence[str]) -> NodePoolHandle:
    """The pool as everything else sees it; of machines of several sizes, the figures of the smallest."""
    smallest = min(
        pool.specs(region),
        key=lambda one: (one.accelerator.count if one.accelerator else 0, one.vcpus, one.ram_gib),
    )
    accelerator = smallest.accelerator
    bounds = [
        limit // each
        for limit, each in (
            (pool.max_gpus, accelerator.count if accelerator else 1),
            (pool.max_cpu, smallest.vcpus),
            (pool.max_memory_gib, smallest.ram_gib),
        )
        if limit is not None
    ]
    return NodePoolHandle(
        name=name,
        labels=pool_labels(name, pool),
        taints=tuple(one.taint() for one in pool.all_taints()),
        max_nodes=min(bounds),
        cpu=smallest.vcpus,
        memory_gib=smallest.ram_gib,
        architecture=smallest.architecture,
        accelerator=None
        if accelerator is None
        else NodeAccelerator(
            vendor="nvidia",
            model=accelerator.name,
            count=accelerator.count,
            memory_gib=accelerator.memory_gb * 1e9 / 2**30,
            resource=GPU_RESOURCE,
        ),
        fabric=NodeFabric(kind="efa", resource=EFA_RESOURCE, count=smallest.fabric.interfaces)
        if pool.uses_efa and smallest.fabric is not None
        else None,
        zones=tuple(pool.zones or zones),
    )


def _among(key: str, values: Sequence[str]) -> dict[str, object]:
    return {"key": key, "operator": "In", "values": list(values)}


def _expire_after(pool: KarpenterPoolArgs) -> str:
    if pool.expire_after_hours is not None:
        return f"{pool.expire_after_hours}h"
    # Expiry asks no budget and no pod; a job of weeks would be lost to it.
    return "Never" if pool.purpose == "training" else f"{_EXPIRE_HOURS}h"


def _grace(pool: KarpenterPoolArgs) -> str | None:
    if pool.termination_grace_minutes is not None:
        return f"{pool.termination_grace_minutes}m"
    return None if pool.purpose == "training" else f"{_GRACE_MINUTES}m"


def _limits(pool: KarpenterPoolArgs) -> dict[str, str]:
    limits: dict[str, str] = {}
    if pool.max_gpus is not None:
        limits[GPU_RESOURCE] = str(pool.max_gpus)
    if pool.max_cpu is not None:
        limits["cpu"] = str(pool.max_cpu)
    if pool.max_memory_gib is not None:
        limits["memory"] = f"{pool.max_memory_gib}Gi"
    return limits


def _budget(budget: DisruptionBudget) -> dict[str, object]:
    spec: dict[str, object] = {"nodes": budget.nodes}
    if budget.reasons:
        spec["reasons"] = list(budget.reasons)
    if budget.schedule is not None and budget.duration_minutes is not None:
        spec |= {"schedule": budget.schedule, "duration": f"{budget.duration_minutes}m"}
    return spec
