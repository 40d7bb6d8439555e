"""The machines of your own racks: pools of like nodes, where each stands, and what Kubernetes is told of
them.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bedplate.cluster.onprem_accelerators import RESOURCES, accelerator_facts
from bedplate.cluster.onprem_labels import NodeLabelKey, NodeLabelValue, NodeTaint
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import (
    POOL_LABEL,
    NodeAccelerator,
    NodeFabric,
    NodePoolHandle,
    Taint,
)
from bedplate.kubernetes.names import K8sLabel, K8sName

PoolRole = Literal["system", "gpu", "storage", "edge"]
RACK_LABEL = "topology.rook.io/rack"
ZONE_LABEL = "topology.kubernetes.io/zone"
HOST_LABEL = "kubernetes.io/hostname"
DISK_LABEL = "bedplate/local-disk"


def _catalogue_name(model: str) -> str:
    accelerator_facts(model)
    return model


class OnPremNode(Args):
    """A machine.

    Attributes:
        name: The node's name in Kubernetes, which is its host's name.
        rack: The rack that it stands in.
        zone: What the rack belongs to (a room, a power feed); the rack itself by default.
    """

    name: K8sName
    rack: K8sLabel
    zone: K8sLabel | None = None

    @property
    def where(self) -> str:
        """The zone, in the sense of Kubernetes."""
        return self.zone or self.rack


class PoolAccelerator(Args):
    """The accelerators of each node.

    Attributes:
        model: The catalogue's name, such as H100-SXM5-80GB.
        count: How many a node has; 1 to 16.
    """

    model: Annotated[str, AfterValidator(_catalogue_name)]
    count: int = Field(ge=1, le=16)


class PoolFabric(Args):
    """The adapters of each node that join it to the others for collectives.

    Attributes:
        kind: InfiniBand, or Ethernet with RDMA (RoCE v2).
        devices: Adapters (ports that carry collectives) of a node; those for storage or management are not
            counted. 1 to 16.
        resource: The extended resource that pods ask for; "rdma/infiniband" or "rdma/roce" by default. A
            pool with other adapters needs another name.
    """

    kind: Literal["infiniband", "roce"]
    devices: int = Field(ge=1, le=16)
    resource: str | None = Field(default=None, pattern=r"^rdma/[a-z0-9]([a-z0-9_]{0,58}[a-z0-9])?$")

    @property
    def resource_name(self) -> str:
        return self.resource or f"rdma/{self.kind}"


class PoolDisks(Args):
    """Local disks of each node, beside the one that it boots from.

    Attributes:
        kind: What they are.
        count: How many.
        size_gb: Size of each, in GB (10^9 bytes).
    """

    kind: Literal["nvme", "ssd", "hdd"]
    count: int = Field(ge=1, le=128)
    size_gb: int = Field(ge=1)


class OnPremPool(Args):
    """A pool of like machines.

    Attributes:
        nodes: The machines; one or more.
        cpu: Cores of a node.
        memory_gib: Memory of a node, in GiB.
        role: What they are for; "system" by default: everything without a place of its own. The nodes carry
            it as the label node-role.kubernetes.io/<role>.
        architecture: Of the CPU; x86_64 by default.
        accelerator: The accelerators of a node; none by default. Needed by, and only for, the roles gpu and
            edge.
        fabric: The fabric of a node; plain Ethernet by default.
        disks: Local disks of a node; none by default. The fastest kind is the nodes' label
            bedplate/local-disk.
        labels: Further labels.
        taints: Further taints.
        role_taint: Whether pods that do not tolerate the role are kept away (gpu: the vendor's resource, as
            nvidia.com/gpu=true:NoSchedule; storage and edge: node-role.kubernetes.io/<role>:NoSchedule); on
            by default.
        kubelet_version: The kubelets' minor version; the control plane's by default.
    """

    nodes: tuple[OnPremNode, ...] = Field(min_length=1)
    cpu: float = Field(gt=0, le=4096)
    memory_gib: float = Field(gt=0, le=65536)
    role: PoolRole = "system"
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    accelerator: PoolAccelerator | None = None
    fabric: PoolFabric | None = None
    disks: tuple[PoolDisks, ...] = ()
    labels: dict[NodeLabelKey, NodeLabelValue] = Field(default_factory=dict)
    taints: tuple[NodeTaint, ...] = ()
    role_taint: bool = True
    kubelet_version: str | None = Field(default=None, pattern=r"^1\.\d{1,2}$")

    @model_validator(mode="after")
    def _check_pool(self) -> "OnPremPool":
        problems = Problems("OnPremPool")
        if self.role == "gpu" and self.accelerator is None:
            problems.add("accelerator", "none, and role is gpu; allowed: one; give it, or another role")
        if self.role in ("system", "storage") and self.accelerator is not None:
            problems.add(
                "role",
                f"{self.role!r} with accelerators, which pods that need none would then block; allowed: gpu "
                "and edge; change it",
            )
        if self.role == "storage" and not self.disks:
            problems.add("disks", "none, and role is storage; allowed: one kind or more; give them")
        if self.fabric is not None:
            if self.role == "edge":
                problems.add("fabric", f"{self.fabric.kind} at the edge; allowed: none; remove it")
            gpus = self.accelerator.count if self.accelerator else 0
            devices = self.fabric.devices
            if gpus and max(gpus, devices) % min(gpus, devices):
                problems.add(
                    "fabric.devices",
                    f"{devices} for {gpus} accelerators, which would share them unevenly; allowed: a "
                    f"multiple or a divisor of {gpus}; count only the adapters that carry collectives",
                )
        kinds = [disk.kind for disk in self.disks]
        if len(set(kinds)) < len(kinds):
            problems.add("disks", "one kind is given twice; allowed: one entry per kind; join them")
        keys = [(taint.key, taint.effect) for taint in self.all_taints]
        for key, effect in sorted({key for key in keys if keys.count(key) > 1}):
            problems.add("taints", f"{key}:{effect} is there twice (role_taint adds one); remove one")
        problems.raise_if_any()
        return self

    @property
    def all_taints(self) -> tuple[Taint, ...]:
        """The taints of every node, that of the role first."""
        own = tuple(taint.taint() for taint in self.taints)
        return (*self._role_taints, *own) if self.role_taint else own

    @property
    def _role_taints(self) -> tuple[Taint, ...]:
        if self.role == "gpu" and self.accelerator is not None:
            vendor = accelerator_facts(self.accelerator.model).vendor
            return (Taint(key=RESOURCES[vendor], value="true", effect="NoSchedule"),)
        if self.role in ("storage", "edge"):
            return (Taint(key=f"node-role.kubernetes.io/{self.role}", effect="NoSchedule"),)
        return ()

    @property
    def pool_labels(self) -> dict[str, str]:
        """The labels that all nodes of the pool have in common, without the pool's own name."""
        speed = ("nvme", "ssd", "hdd")
        found = sorted((disk.kind for disk in self.disks), key=speed.index)
        disk = {DISK_LABEL: found[0]} if found else {}
        return {f"node-role.kubernetes.io/{self.role}": "", **disk, **self.labels}


def node_labels(pool_name: str, pool: OnPremPool, node: OnPremNode) -> dict[str, str]:
    """Every label that a node gets."""
    return {POOL_LABEL: pool_name, RACK_LABEL: node.rack, ZONE_LABEL: node.where, **pool.pool_labels}


def pool_handle(name: str, pool: OnPremPool) -> NodePoolHandle:
    """What the Kubernetes layer needs to know of a pool."""
    accelerator = None
    if pool.accelerator is not None:
        facts = accelerator_facts(pool.accelerator.model)
        accelerator = NodeAccelerator(
            vendor=facts.vendor,
            model=facts.name,
            count=pool.accelerator.count,
            memory_gib=facts.memory_gb,
            resource=RESOURCES[facts.vendor],
        )
    fabric = None
    if pool.fabric is not None:
        fabric = NodeFabric(
            kind=pool.fabric.kind, resource=pool.fabric.resource_name, count=pool.fabric.devices
        )
    return NodePoolHandle(
        name=name,
        labels={POOL_LABEL: name},
        taints=pool.all_taints,
        max_nodes=len(pool.nodes),
        cpu=pool.cpu,
        memory_gib=pool.memory_gib,
        architecture=pool.architecture,
        accelerator=accelerator,
        fabric=fabric,
        zones=tuple(sorted({node.where for node in pool.nodes})),
        edge=pool.role == "edge",
    )


def topology_levels(nodes: Iterable[OnPremNode]) -> tuple[str, ...]:
    """From the widest to the narrowest; zones are left out where every rack is one of its own."""
    if all(node.where == node.rack for node in nodes):
        return (RACK_LABEL, HOST_LABEL)
    return (ZONE_LABEL, RACK_LABEL, HOST_LABEL)
