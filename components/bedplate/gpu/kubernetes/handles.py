"""What other capabilities need to know of the GPU layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from bedplate.kubernetes.handles import AcceleratorVendor


@dataclass(frozen=True, kw_only=True)
class GpuResource:
    """What pods may ask for on a node of a pool.

    Attributes:
        pool: The pool's name.
        name: The extended resource, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb.
        per_node: How many a node has.
        memory_gib: GPU memory that each can reach, in GiB; shared where `sharers` is above 1.
        sharers: How many of them are one device.
    """

    pool: str
    name: str
    per_node: int
    memory_gib: float
    sharers: int = 1


@dataclass(frozen=True, kw_only=True)
class NodeFeaturesHandle:
    """Node Feature Discovery, as operators that read its labels see it.

    Attributes:
        namespace: Where it runs.
        release: Its release; what reads its labels or brings rules of its own waits for it.
        labels: The labels that Bedplate's own rules give: name -> meaning.
    """

    namespace: str
    release: pulumi.Resource
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GpuLayerHandle:
    """The GPUs of one vendor, ready for pods.

    Attributes:
        vendor: Whose they are.
        namespace: Where the operator and its daemons run.
        release: The operator's release; what needs GPUs waits for it.
        resources: What pods ask for, per pool.
        node_labels: The labels that nodes of a pool need for what was asked of them.
        device_plugin: Whether the device plugin serves the GPUs as extended resources.
        driver_root: Where the driver's files are on a node.
        driver_preinstalled: Whether the node's image brought the driver.
        dcgm_service: The service `namespace/name:port` of the standalone DCGM; None where it does not run.
        metrics_service: The service `namespace/name:port` with the GPUs' metrics; None where there is none.
        after: Everything that must be there before a pod can use a GPU.
    """

    vendor: AcceleratorVendor
    namespace: str
    release: pulumi.Resource
    resources: tuple[GpuResource, ...]
    node_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    device_plugin: bool = True
    driver_root: str = "/"
    driver_preinstalled: bool = False
    dcgm_service: str | None = None
    metrics_service: str | None = None
    after: tuple[pulumi.Resource, ...] = ()

    def of_pool(self, pool: str) -> tuple[GpuResource, ...]:
        """What pods may ask for on nodes of the pool. Raises ValueError with the pools that there are."""
        found = tuple(one for one in self.resources if one.pool == pool)
        if not found:
            known = ", ".join(dict.fromkeys(one.pool for one in self.resources)) or "none"
            raise ValueError(f"{pool!r} is not a pool with GPUs; allowed: {known}; correct the name")
        return found
