"""Arguments of AMD's GPU operator."""

from typing import Literal, Self

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.gpu.kubernetes.facts import amd_partitions
from bedplate.gpu.kubernetes.handles import GpuResource, NodeFeaturesHandle
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.kubernetes.names import K8sName

# Device config manager (ROCm/gpu-operator v1.5.1, docs/dcm/applying-partition-profiles.rst).
PARTITION_LABEL = "dcm.amd.com/gpu-config-profile"


class AmdPool(Args):
    """What is done with the GPUs of a pool. By default each is whole and one pod's.

    Attributes:
        compute_partition: How many GPUs pods see in one: SPX one, CPX one per compute die.
        memory_partition: Whether memory is one (NPS1) or four parts (NPS4).
    """

    compute_partition: Literal["SPX", "DPX", "QPX", "CPX"] = "SPX"
    memory_partition: Literal["NPS1", "NPS2", "NPS4"] = "NPS1"

    def profile(self, gpus: int) -> str:
        """The name of the profile for nodes of so many GPUs, which they carry as a label."""
        return f"{self.compute_partition}-{self.memory_partition}-{gpus}".lower()

    @property
    def cut(self) -> bool:
        """Whether GPUs are cut at all."""
        return self != AmdPool()


class AmdGpuOperatorArgs(Args):
    """Arguments of AmdGpuOperator.

    Attributes:
        cluster: Where it runs; its pools with AMD GPUs are served.
        features: Node Feature Discovery, which tells what nodes have AMD GPUs.
        cert_manager: The release of cert-manager, which the operator's webhook needs.
        namespace: The operator's namespace, made here; "kube-amd-gpu" by default.
        pools: What is done with the GPUs of a pool, by the pool's name; whole GPUs where it is not named.
        driver_version: The amdgpu driver that is built and loaded in place of the kernel's own, which is
            kept out then; the kernel's own by default.
        driver_image: Where built drivers are kept, without a tag; needed with driver_version.
        service_monitor: Whether Prometheus' operator is told of the metrics; on by default.
    """

    cluster: InstanceOf[KubernetesHandle]
    features: InstanceOf[NodeFeaturesHandle]
    cert_manager: InstanceOf[pulumi.Resource]
    namespace: K8sName = "kube-amd-gpu"
    pools: dict[str, AmdPool] = Field(default_factory=dict)
    driver_version: str | None = Field(default=None, pattern=r"^\d+(\.\d+){1,3}$")
    driver_image: str | None = Field(default=None, pattern=r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+$")
    service_monitor: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems("AmdGpuOperatorArgs")
        known = {pool.name: pool for pool in self.gpu_pools}
        if not known:
            problems.add(
                "cluster",
                f"{self.cluster.name} has no pool with AMD GPUs; allowed: a cluster with one; leave the "
                "operator out or add a pool",
            )
            problems.raise_if_any()
        for name in self.pools:
            if name not in known:
                problems.add(
                    f"pools.{name}",
                    f"{name!r} is not a pool of {self.cluster.name} with AMD GPUs; allowed: "
                    f"{', '.join(known)}; correct the name",
                )
        for pool in self.gpu_pools:
            self._pool_problems(problems, pool)
        if (self.driver_version is None) != (self.driver_image is None):
            problems.add(
                "driver_image",
                "driver_version and driver_image go together: a driver is built once for a kernel and kept "
                "there; allowed: both or none; give both",
            )
        if self.driver_version is not None and self.cluster.platform != "onprem":
            problems.add(
                "driver_version",
                f"given on {self.cluster.platform}, whose images bring the driver; allowed: on-prem only; "
                "remove it",
            )
        problems.raise_if_any()
        return self

    def _pool_problems(self, problems: Problems, pool: NodePoolHandle) -> None:
        settings = self.settings(pool.name)
        assert pool.accelerator is not None
        model = pool.accelerator.model
        if not settings.cut:
            return
        ways = [one for one in amd_partitions() if one.model == model]
        if not any(
            (one.compute, one.memory) == (settings.compute_partition, settings.memory_partition)
            for one in ways
        ):
            allowed = ", ".join(f"{one.compute} with {one.memory}" for one in ways) or "SPX with NPS1"
            problems.add(
                f"pools.{pool.name}.compute_partition",
                f"{settings.compute_partition} with {settings.memory_partition} is not a partition of "
                f"{model}; allowed: {allowed}; choose one of these",
            )
        profile = settings.profile(pool.accelerator.count)
        if pool.labels.get(PARTITION_LABEL) != profile:
            problems.add(
                f"pools.{pool.name}",
                f"its nodes lack the label {PARTITION_LABEL}={profile}, by which they are cut; "
                "add it to the labels of the node pool",
            )

    def settings(self, pool: str) -> AmdPool:
        """What is done with the GPUs of a pool."""
        return self.pools.get(pool, AmdPool())

    @property
    def gpu_pools(self) -> tuple[NodePoolHandle, ...]:
        """The cluster's pools with AMD GPUs."""
        return tuple(
            pool
            for pool in self.cluster.gpu_pools
            if pool.accelerator is not None and pool.accelerator.vendor == "amd"
        )

    def profiles(self) -> dict[str, str]:
        """The profile of each pool whose GPUs are cut."""
        return {
            pool.name: self.settings(pool.name).profile(pool.accelerator.count)
            for pool in self.gpu_pools
            if pool.accelerator is not None and self.settings(pool.name).cut
        }

    def resources(self) -> tuple[GpuResource, ...]:
        """What pods may ask for, per pool."""
        found: list[GpuResource] = []
        for pool in self.gpu_pools:
            gpus, settings = pool.accelerator, self.settings(pool.name)
            assert gpus is not None
            parts = next(
                (
                    one.per_gpu
                    for one in amd_partitions()
                    if (one.model, one.compute, one.memory)
                    == (gpus.model, settings.compute_partition, settings.memory_partition)
                ),
                1,
            )
            found.append(
                GpuResource(
                    pool=pool.name,
                    name=gpus.resource,
                    per_node=gpus.count * parts,
                    memory_gib=round(gpus.memory_gib / parts, 2),
                )
            )
        return tuple(found)
