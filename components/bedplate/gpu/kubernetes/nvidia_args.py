"""Arguments of the NVIDIA GPU operator, and what the cluster's platform and pools make of them."""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.gpu.kubernetes.facts import nvidia_gpus
from bedplate.gpu.kubernetes.handles import GpuResource, NodeFeaturesHandle
from bedplate.gpu.kubernetes.mig import MIG_LABEL
from bedplate.gpu.kubernetes.nvidia_checks import GKE_OWN_PLUGIN, operator_problems
from bedplate.gpu.kubernetes.sharing import PLUGIN_LABEL, WHOLE, MigStrategy, NvidiaPool, pool_resources
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName

KernelModules = Literal["auto", "open", "proprietary"]


class DriverUpgrades(Args):
    """How a new driver reaches nodes: one after the other, without pods on the GPU.

    Attributes:
        automatic: Whether nodes are upgraded at all, or only when they are made anew.
        most_parallel: How many nodes at once.
        most_unavailable_percent: Never more of the nodes than this without GPUs.
        drain: Whether the node is drained; by default only pods with GPUs are deleted.
        drain_timeout_seconds: How long a node may take for it.
        delete_empty_dirs: Whether pods with emptyDir volumes are evicted, whose data is lost with it.
        wait_for_pods: A label selector of pods whose end is waited for, such as training jobs.
    """

    automatic: bool = True
    most_parallel: int = Field(default=1, ge=1, le=100)
    most_unavailable_percent: int = Field(default=25, ge=1, le=100)
    drain: bool = True
    drain_timeout_seconds: int = Field(default=1800, ge=60, le=86400)
    delete_empty_dirs: bool = False
    wait_for_pods: str = Field(default="", pattern=r"^[A-Za-z0-9./_=,!() -]*$")


class NvidiaGpuOperatorArgs(Args):
    """Arguments of NvidiaGpuOperator.

    Attributes:
        cluster: Where it runs; its pools with NVIDIA GPUs are served.
        namespace: The operator's namespace, made here with privileged pods let in.
        pools: What is done with the GPUs of a pool, by the pool's name; whole GPUs where it is not named.
        mig_strategy: Whether MIG instances are offered as nvidia.com/gpu ("single") or by their own names
            ("mixed"); mixed by default, so that a pod says what it needs.
        driver: Who brings the driver: "operator" in containers, or "preinstalled" by the node's image. By
            default preinstalled on EKS (AL2023 NVIDIA image) and GKE, operator on-prem.
        driver_version: The data center driver's version; that of the pinned chart by default.
        kernel_modules: The driver's kernel modules; open from Hopper on by default, the only ones that
            drive Blackwell, and else as the driver chooses.
        driver_upgrades: How a new driver reaches nodes.
        gpudirect_rdma: Whether network cards reach GPU memory through nvidia-peermem; off by default.
        host_mofed: Whether the node has MLNX_OFED of its own, in place of the NVIDIA network operator's.
        gdrcopy: Whether the GDRCopy module is loaded, which speeds small transfers; off by default.
        device_plugin: Whether GPUs are offered as extended resources; on by default. On GKE only where the
            nodes keep GKE's own plugin away (the label gke-no-default-nvidia-gpu-device-plugin=true).
        service_monitor: Whether Prometheus' operator is told of the metrics; on by default.
        scrape_interval_seconds: How often.
        profiling_metrics: Whether DCGM's profiling counters are read, which keeps other profilers from the
            GPU; on by default.
        standalone_dcgm: Whether DCGM runs as a service of its own, which NodeHealth needs; on by default.
        features: A Node Feature Discovery that is there; the operator's own by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sName = "gpu-operator"
    pools: dict[str, NvidiaPool] = Field(default_factory=dict)
    mig_strategy: MigStrategy | None = None
    driver: Literal["operator", "preinstalled"] | None = None
    driver_version: str | None = Field(default=None, pattern=r"^\d{3}\.\d{1,3}(\.\d{1,3})?$")
    kernel_modules: KernelModules | None = None
    driver_upgrades: DriverUpgrades | None = None
    gpudirect_rdma: bool = False
    host_mofed: bool = False
    gdrcopy: bool = False
    device_plugin: bool | None = None
    service_monitor: bool = True
    scrape_interval_seconds: int = Field(default=15, ge=5, le=300)
    profiling_metrics: bool = True
    standalone_dcgm: bool = True
    features: InstanceOf[NodeFeaturesHandle] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("NvidiaGpuOperatorArgs")
        problems.extend(operator_problems(self))
        problems.raise_if_any()
        return self

    @property
    def gpu_pools(self) -> tuple[NodePoolHandle, ...]:
        """The cluster's pools with NVIDIA GPUs."""
        return tuple(
            pool
            for pool in self.cluster.gpu_pools
            if pool.accelerator is not None and pool.accelerator.vendor == "nvidia"
        )

    def settings(self, pool: str) -> NvidiaPool:
        """What is done with the GPUs of a pool."""
        return self.pools.get(pool, WHOLE)

    @property
    def operator_driver(self) -> bool:
        """Whether the operator brings the driver."""
        return (self.driver or ("operator" if self.cluster.platform == "onprem" else "preinstalled")) == (
            "operator"
        )

    @property
    def serves_resources(self) -> bool:
        """Whether this device plugin offers the GPUs."""
        if self.device_plugin is not None:
            return self.device_plugin
        return self.cluster.platform != "gke" or all(
            pool.labels.get(GKE_OWN_PLUGIN) == "true" for pool in self.gpu_pools
        )

    @property
    def strategy(self) -> MigStrategy:
        """How MIG instances are offered."""
        return self.mig_strategy or "mixed"

    @property
    def cuts(self) -> bool:
        """Whether GPUs of any pool are cut."""
        return any(self.settings(pool.name).cut for pool in self.gpu_pools)

    @property
    def modules(self) -> KernelModules:
        """The kernel modules of the driver. One driver serves all pools."""
        if self.kernel_modules is not None:
            return self.kernel_modules
        known = nvidia_gpus()
        models = [pool.accelerator.model for pool in self.gpu_pools if pool.accelerator is not None]
        newest = {known[model].architecture for model in models if model in known}
        return "open" if newest & {"hopper", "blackwell"} else "auto"

    @property
    def driver_root(self) -> str:
        """Where the driver's files are on a node."""
        if self.operator_driver:
            return "/run/nvidia/driver"
        return "/home/kubernetes/bin/nvidia" if self.cluster.platform == "gke" else "/"

    def mig_default(self) -> str:
        """The layout of nodes without a label of their own."""
        return _common(self.settings(pool.name).mig_config(pool.name) for pool in self.gpu_pools) or (
            "all-disabled"
        )

    def plugin_default(self) -> str:
        """The device plugin's configuration of nodes without a label of their own."""
        return _common(self.settings(pool.name).plugin_config() for pool in self.gpu_pools) or "whole"

    def node_labels(self, pool: str) -> dict[str, str]:
        """The labels that the nodes of a pool need; none where the cluster's default is what it wants."""
        settings = self.settings(pool)
        wanted = {
            MIG_LABEL: (settings.mig_config(pool), self.mig_default()),
            PLUGIN_LABEL: (settings.plugin_config(), self.plugin_default()),
        }
        return {label: value for label, (value, default) in wanted.items() if value != default}

    def resources(self) -> tuple[GpuResource, ...]:
        """What pods may ask for, per pool."""
        return tuple(
            one
            for pool in self.gpu_pools
            for one in pool_resources(pool, self.settings(pool.name), self.strategy)
        )


def _common(values: Iterable[str]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None
