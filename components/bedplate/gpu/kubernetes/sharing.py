"""How the GPUs of one pool are cut or shared, and what pods ask for then."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from bedplate.core import Args
from bedplate.core.errors import Problem
from bedplate.gpu.kubernetes.facts import mig_slices
from bedplate.gpu.kubernetes.handles import GpuResource
from bedplate.gpu.kubernetes.mig import check_instances, layout, mig_family, resource_name
from bedplate.kubernetes.handles import NodePoolHandle

MigStrategy = Literal["single", "mixed"]
PLUGIN_LABEL = "nvidia.com/device-plugin.config"
NVIDIA_GPU = "nvidia.com/gpu"


class NvidiaPool(Args):
    """What is done with the GPUs of a pool. By default each is whole and one pod's.

    Attributes:
        mig_profile: One of NVIDIA's layouts for every GPU, such as all-1g.10gb or all-balanced.
        mig_instances: A layout of your own for every GPU: slice -> count, in place of `mig_profile`.
        time_slices: How many pods take turns on a GPU, without any wall between their memory. A pod asks for
            one: more would not give it more.
        mps_clients: How many pods share a GPU at once through MPS, with equal parts of memory and threads.
            NVIDIA's limit is 48 (NVIDIA Multi-Process Service, "Client and server limits"; from memory).
    """

    mig_profile: str | None = None
    mig_instances: dict[str, Annotated[int, Field(ge=1, le=7)]] = Field(default_factory=dict)
    time_slices: int | None = Field(default=None, ge=2, le=48)
    mps_clients: int | None = Field(default=None, ge=2, le=48)

    @property
    def cut(self) -> bool:
        """Whether its GPUs are cut into MIG instances."""
        return self.mig_profile is not None or bool(self.mig_instances)

    def mig_config(self, pool: str) -> str:
        """The name of its layout for the MIG manager."""
        return self.mig_profile or (f"{pool}-layout" if self.mig_instances else "all-disabled")

    def plugin_config(self) -> str:
        """The name of its configuration for the device plugin."""
        if self.time_slices is not None:
            return f"time-slices-{self.time_slices}"
        return "whole" if self.mps_clients is None else f"mps-{self.mps_clients}"

    def instances(self, model: str) -> dict[str, int]:
        """What a GPU is cut into; empty where it stays whole. Raises ValueError where it cannot be."""
        if self.mig_profile is not None:
            return layout(model, self.mig_profile)
        if self.mig_instances:
            check_instances(model, self.mig_instances)
        return dict(self.mig_instances)


WHOLE = NvidiaPool()


def pool_problems(pool: NodePoolHandle, settings: NvidiaPool, strategy: MigStrategy) -> Iterator[Problem]:
    """What cannot be done with the GPUs of a pool, with paths relative to its settings."""
    assert pool.accelerator is not None
    model = pool.accelerator.model
    if settings.mig_profile is not None and settings.mig_instances:
        yield Problem(
            "mig_instances",
            f"given together with mig_profile {settings.mig_profile!r}; allowed: one of the two; remove one",
        )
    elif settings.cut:
        try:
            instances = settings.instances(model)
        except ValueError as error:
            where = "mig_profile" if settings.mig_profile is not None else "mig_instances"
            yield Problem(where, str(error))
        else:
            if strategy == "single" and len(instances) > 1:
                yield Problem(
                    "mig_profile" if settings.mig_profile is not None else "mig_instances",
                    f"{' + '.join(instances)} are different slices, which the MIG strategy single cannot "
                    "offer; allowed: one kind of slice; choose another profile or set mig_strategy to mixed",
                )
    if settings.time_slices is not None and settings.mps_clients is not None:
        yield Problem(
            "mps_clients", "given together with time_slices; allowed: one way of sharing; remove one"
        )
    if settings.cut and settings.mps_clients is not None:
        yield Problem(
            "mps_clients",
            f"{settings.mps_clients}, but the device plugin offers no MPS on MIG instances; allowed: MIG or "
            "MPS; remove one",
        )
    if settings.cut and settings.time_slices is not None and strategy == "mixed":
        yield Problem(
            "time_slices",
            f"{settings.time_slices} together with the MIG strategy mixed; allowed: whole GPUs, or "
            "mig_strategy single; remove time_slices or choose smaller slices",
        )


def pool_resources(
    pool: NodePoolHandle, settings: NvidiaPool, strategy: MigStrategy
) -> tuple[GpuResource, ...]:
    """What pods may ask for on a node of the pool."""
    gpus = pool.accelerator
    assert gpus is not None
    sharers = settings.time_slices or settings.mps_clients or 1
    if not settings.cut:
        part = gpus.memory_gib / sharers if settings.mps_clients is not None else gpus.memory_gib
        return (
            GpuResource(
                pool=pool.name,
                name=gpus.resource,
                per_node=gpus.count * sharers,
                memory_gib=round(part, 2),
                sharers=sharers,
            ),
        )
    slices = mig_slices(mig_family(gpus.model))
    return tuple(
        GpuResource(
            pool=pool.name,
            name=gpus.resource if strategy == "single" else resource_name(name),
            per_node=gpus.count * count * sharers,
            memory_gib=slices[name].memory_gb,
            sharers=sharers,
        )
        for name, count in settings.instances(gpus.model).items()
    )


def plugin_configs(settings: list[NvidiaPool], strategy: str) -> dict[str, dict[str, object]]:
    """The device plugin's configurations, by name. A pod that asks for more than one share is refused."""
    found: dict[str, dict[str, object]] = {}
    for one in [WHOLE, *settings]:
        config: dict[str, object] = {"version": "v1", "flags": {"migStrategy": strategy}}
        replicas = one.time_slices or one.mps_clients
        if replicas is not None:
            kind = "timeSlicing" if one.time_slices is not None else "mps"
            shared: dict[str, object] = {"resources": [{"name": NVIDIA_GPU, "replicas": replicas}]}
            if kind == "timeSlicing":
                shared["failRequestsGreaterThanOne"] = True
            config["sharing"] = {kind: shared}
        found[one.plugin_config()] = config
    return found
