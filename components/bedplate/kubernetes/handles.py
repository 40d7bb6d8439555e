"""What the Kubernetes layer needs to know of a cluster, whichever cloud or rack it is in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

Platform = Literal["eks", "gke", "onprem"]
TaintEffect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
AcceleratorVendor = Literal["nvidia", "amd"]

# The label that every node of a pool of Bedplate's carries.
POOL_LABEL = "bedplate/pool"


@dataclass(frozen=True, kw_only=True)
class Taint:
    """A taint of every node of a pool, as Kubernetes spells it."""

    key: str
    effect: TaintEffect
    value: str = ""

    def toleration(self) -> dict[str, str]:
        """The toleration of a pod that may run there all the same."""
        if not self.value:
            return {"key": self.key, "operator": "Exists", "effect": self.effect}
        return {"key": self.key, "operator": "Equal", "value": self.value, "effect": self.effect}


@dataclass(frozen=True, kw_only=True)
class NodeAccelerator:
    """The accelerators of one node.

    Attributes:
        vendor: Whose operator drives them.
        model: The catalogue's name, such as H100-SXM5-80GB.
        count: How many a node has.
        memory_gib: Memory of each, in GiB.
        resource: The extended resource that pods ask for, `nvidia.com/gpu` or `amd.com/gpu`.
    """

    vendor: AcceleratorVendor
    model: str
    count: int
    memory_gib: float
    resource: str


@dataclass(frozen=True, kw_only=True)
class NodeFabric:
    """What joins the nodes of a pool for collectives.

    Attributes:
        kind: The fabric.
        resource: The extended resource that pods ask for, such as `vpc.amazonaws.com/efa`.
        count: How many a node has.
    """

    kind: Literal["efa", "infiniband", "roce", "gpudirect-tcpx", "gpudirect-rdma"]
    resource: str
    count: int


@dataclass(frozen=True, kw_only=True)
class NodePoolHandle:
    """A pool of like nodes.

    Attributes:
        name: The pool's name, unique in the cluster.
        labels: What tells its nodes from others; a pod that selects all of them runs on this pool only.
        taints: The taints of every node.
        max_nodes: Never more nodes than this.
        cpu: Cores of a node.
        memory_gib: Memory of a node, in GiB.
        architecture: Of the CPU.
        accelerator: The node's accelerators; None where it has none.
        fabric: The node's fabric; None for plain Ethernet.
        zones: Zones (racks on-prem) that its nodes are in.
        edge: Whether its nodes are at the edge, behind a link that may be down.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    max_nodes: int
    cpu: float
    memory_gib: float
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    accelerator: NodeAccelerator | None = None
    fabric: NodeFabric | None = None
    zones: tuple[str, ...] = ()
    edge: bool = False

    def tolerations(self) -> list[dict[str, str]]:
        """The tolerations of a pod that may run on the pool."""
        return [taint.toleration() for taint in self.taints]


@dataclass(frozen=True, kw_only=True)
class KubernetesHandle:
    """A Kubernetes cluster, as everything that runs on it sees it.

    Attributes:
        name: The cluster's name.
        platform: Where it runs; decides topology, storage and identity.
        version: The Kubernetes minor version, such as "1.36".
        provider: The Pulumi provider that makes objects in it. Components get it by
            `pulumi.ResourceOptions(provider=handle.provider)` and hand it on to their children.
        pools: Its node pools.
        topology_levels: Node labels from the widest to the narrowest level, ending with
            kubernetes.io/hostname; topology-aware scheduling keeps a job within as few of each as it can.
        storage_class: The class of plain block volumes; None where the cluster's default will do.
        ready: What must be there before anything can run: nodes, the network.
    """

    name: str
    platform: Platform
    version: str
    provider: pulumi.ProviderResource
    pools: tuple[NodePoolHandle, ...] = ()
    topology_levels: tuple[str, ...] = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    storage_class: str | None = None
    ready: tuple[pulumi.Resource, ...] = field(default=())

    @property
    def gpu_pools(self) -> tuple[NodePoolHandle, ...]:
        """The pools with accelerators."""
        return tuple(pool for pool in self.pools if pool.accelerator is not None)

    def pool(self, name: str) -> NodePoolHandle:
        """The pool of that name. Raises ValueError with the names that there are."""
        for pool in self.pools:
            if pool.name == name:
                return pool
        known = ", ".join(pool.name for pool in self.pools) or "none"
        raise ValueError(f"{name!r} is not a pool of {self.name}; allowed: {known}; correct the name")

    def options(self) -> pulumi.ResourceOptions:
        """The options of a component that runs on the cluster."""
        return pulumi.ResourceOptions(provider=self.provider, depends_on=list(self.ready))
