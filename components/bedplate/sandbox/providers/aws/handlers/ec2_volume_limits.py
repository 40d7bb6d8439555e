"""Limits of EBS volume types.

Source: EBS user guide, "Amazon EBS volume types" (from memory). Sizes in GiB, throughput in MiB/s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem


@dataclass(frozen=True)
class VolumeType:
    """The ranges of one type; None where a volume of it takes no such setting."""

    size: tuple[int, int]
    iops: tuple[int, int] | None = None
    iops_per_gib: int | None = None
    throughput: tuple[int, int] | None = None
    needs_iops: bool = False


VOLUME_TYPES = {
    "gp3": VolumeType((1, 65536), (3000, 80000), 500, (125, 2000)),
    "gp2": VolumeType((1, 16384)),
    "io1": VolumeType((4, 16384), (100, 64000), 50, needs_iops=True),
    "io2": VolumeType((4, 65536), (100, 256000), 1000, needs_iops=True),
    "st1": VolumeType((125, 16384)),
    "sc1": VolumeType((125, 16384)),
    "standard": VolumeType((1, 1024)),
}
_GP3_BASE_IOPS = 3000
_IOPS_PER_THROUGHPUT = 4


def volume_problems(volume: Mapping[str, Any], at: str, type_key: str, size_key: str) -> list[Problem]:
    """What EBS would refuse; `type_key` and `size_key` are the provider's names for type and size."""
    name = str(volume.get(type_key) or "gp2")
    kind = VOLUME_TYPES.get(name)
    if kind is None:
        return [
            (_path(at, type_key), f"{name!r} is not one of {', '.join(VOLUME_TYPES)}; choose one of these")
        ]
    size, iops, throughput = volume.get(size_key), volume.get("iops"), volume.get("throughput")
    problems = [
        *_range(size, kind.size, _path(at, size_key), f"GiB for {name}"),
        *_setting(iops, kind.iops, _path(at, "iops"), name, "IOPS"),
        *_setting(throughput, kind.throughput, _path(at, "throughput"), name, "MiB/s"),
    ]
    if kind.needs_iops and not iops:
        problems.append(
            (_path(at, "iops"), f"is missing: {name} volumes have no default; give a number of IOPS")
        )
    if problems:
        return problems
    if iops and size and kind.iops_per_gib and iops > kind.iops_per_gib * size and iops > _floor(name):
        problems.append(
            (
                _path(at, "iops"),
                f"{iops} is more than {kind.iops_per_gib} IOPS per GiB of a {size} GiB {name} volume; use at "
                f"most {kind.iops_per_gib * size}, or a larger volume",
            )
        )
    if throughput:
        have = iops or _GP3_BASE_IOPS
        if throughput * _IOPS_PER_THROUGHPUT > have:
            problems.append(
                (
                    _path(at, "throughput"),
                    f"{throughput} MiB/s needs {throughput * _IOPS_PER_THROUGHPUT} IOPS (0.25 MiB/s each), "
                    f"and the volume has {have}; raise iops, or use at most {have // _IOPS_PER_THROUGHPUT}",
                )
            )
    return problems


def _floor(name: str) -> int:
    """What a gp3 volume of any size has."""
    return _GP3_BASE_IOPS if name == "gp3" else 0


def _setting(value: Any, limits: tuple[int, int] | None, path: str, name: str, unit: str) -> list[Problem]:
    if value and limits is None:
        return [(path, f"{value} has no meaning for a {name} volume; leave it out, or use gp3")]
    return _range(value, limits, path, f"{unit} for {name}") if limits else []


def _range(value: Any, limits: tuple[int, int], path: str, what: str) -> list[Problem]:
    if not value or limits[0] <= value <= limits[1]:
        return []
    return [
        (path, f"{value} is not between {limits[0]} and {limits[1]} {what}; choose a value in that range")
    ]


def _path(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
