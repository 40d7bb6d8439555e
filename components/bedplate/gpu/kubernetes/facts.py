"""Facts about GPUs that the layer needs, as the tables beside this file have them."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Architecture = Literal["turing", "ampere", "ada", "hopper", "blackwell"]
XidAction = Literal["drain", "application", "watch"]

_ARCHITECTURES: tuple[Architecture, ...] = ("turing", "ampere", "ada", "hopper", "blackwell")
_ACTIONS: tuple[XidAction, ...] = ("drain", "application", "watch")


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table of this package."""
    text = resources.files("bedplate.gpu.kubernetes").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True, kw_only=True)
class NvidiaGpu:
    """A model of GPU.

    Attributes:
        model: The catalogue's name.
        architecture: Its generation; decides which kernel modules drive it.
        mig_family: Which slices it can be cut into; None where it cannot.
        product_name: What the driver calls it.
        oldest_driver_branch: The first branch of the data center driver that knows it.
        multi_node_nvlink: Whether NVLink joins it to GPUs of other nodes.
    """

    model: str
    architecture: Architecture
    mig_family: str | None
    product_name: str
    oldest_driver_branch: int
    multi_node_nvlink: bool


@dataclass(frozen=True, kw_only=True)
class MigSlice:
    """A kind of MIG instance of a family of GPUs.

    Attributes:
        name: NVIDIA's name, such as 1g.10gb.
        most_per_gpu: How many of it one GPU holds.
        compute_slices: How many of the GPU's compute slices it takes; there are 7, or 4.
        memory_slices: How many of the GPU's memory slices it takes; there are 8, or 4.
        starts: The memory slices at which it may begin.
        memory_gb: Its memory, as its name has it.
    """

    name: str
    most_per_gpu: int
    compute_slices: int
    memory_slices: int
    starts: tuple[int, ...]
    memory_gb: float


@dataclass(frozen=True, kw_only=True)
class Xid:
    """An error number of NVIDIA's driver, and what is done about it.

    `drain`: the GPU is not to be trusted; `application`: a program was at fault; `watch`: reported, no more.
    """

    number: int
    action: XidAction
    meaning: str


@dataclass(frozen=True, kw_only=True)
class AmdPartition:
    """A way in which an AMD GPU can be cut: compute and memory partition, and how many GPUs come of one."""

    model: str
    compute: str
    memory: str
    per_gpu: int


@cache
def nvidia_gpus() -> dict[str, NvidiaGpu]:
    """The models that are known, by name."""
    return {
        row["model"]: NvidiaGpu(
            model=row["model"],
            architecture=next(one for one in _ARCHITECTURES if one == row["architecture"]),
            mig_family=row["mig_family"] or None,
            product_name=row["product_name"],
            oldest_driver_branch=int(row["oldest_driver_branch"]),
            multi_node_nvlink=row["multi_node_nvlink"] == "yes",
        )
        for row in rows("nvidia_gpus.csv")
    }


@cache
def mig_slices(family: str) -> dict[str, MigSlice]:
    """The slices of a family of GPUs, by name."""
    return {
        row["slice"]: MigSlice(
            name=row["slice"],
            most_per_gpu=int(row["most_per_gpu"]),
            compute_slices=int(row["compute_slices"]),
            memory_slices=int(row["memory_slices"]),
            starts=tuple(int(start) for start in row["starts"].split()),
            memory_gb=float(row["memory_gb"]),
        )
        for row in rows("mig_slices.csv")
        if row["family"] == family
    }


@cache
def mig_layouts(family: str) -> dict[str, dict[str, int]]:
    """NVIDIA's own layouts of a family of GPUs: profile -> slice -> how many of it a GPU has."""
    return {
        row["profile"]: {
            name: int(count) for name, count in (part.split("=") for part in row["instances"].split())
        }
        for row in rows("mig_layouts.csv")
        if row["family"] == family
    }


@cache
def xids() -> tuple[Xid, ...]:
    """The XIDs that are known, by number."""
    return tuple(
        Xid(
            number=int(row["xid"]),
            action=next(one for one in _ACTIONS if one == row["action"]),
            meaning=row["meaning"],
        )
        for row in rows("xids.csv")
    )


@cache
def amd_partitions() -> tuple[AmdPartition, ...]:
    """The partitions that AMD supports."""
    return tuple(
        AmdPartition(
            model=row["model"],
            compute=row["compute"],
            memory=row["memory"],
            per_gpu=int(row["partitions_per_gpu"]),
        )
        for row in rows("amd_partitions.csv")
    )


@cache
def dcgm_metrics(*, profiling: bool = True) -> str:
    """The exporter's list of counters: a line each of field, type and help.

    `profiling` adds DCGM's profiling counters, which no other profiler can use at the same time.
    """
    return "\n".join(
        f"{row['field']}, {row['type']}, {row['help']}."
        for row in rows("dcgm_fields.csv")
        if profiling or not row["field"].startswith("DCGM_FI_PROF_")
    )
