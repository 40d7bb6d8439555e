"""How many copies of the data there are, and what that costs: arithmetic, and the spec that Rook takes."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from bedplate.core import Args
from bedplate.core.errors import Problems

FailureDomain = Literal["host", "rack", "zone"]
DeviceClass = Literal["hdd", "ssd", "nvme"]


class Replicated(Args):
    """Whole copies of every object, each in a failure domain of its own.

    Attributes:
        size: Number of copies; 3 by default and at least 3: with two, the loss of one disk stops writes or
            risks the only copy that is left.
    """

    size: int = Field(default=3, ge=3, le=9)


class ErasureCoded(Args):
    """Every object cut into data chunks, with coding chunks that make up for lost ones.

    Attributes:
        data_chunks: The chunks (k) that the data is cut into.
        coding_chunks: How many chunks (m) may be lost without a loss of data; 2 by default and at least 2, as
            with three copies.
    """

    data_chunks: int = Field(ge=2, le=16)
    coding_chunks: int = Field(default=2, ge=2, le=8)


Redundancy = Replicated | ErasureCoded


def pieces(redundancy: Redundancy) -> int:
    """The number of failure domains that hold something of each object."""
    if isinstance(redundancy, Replicated):
        return redundancy.size
    return redundancy.data_chunks + redundancy.coding_chunks


def survives(redundancy: Redundancy) -> int:
    """How many failure domains may be lost at once without a loss of data."""
    if isinstance(redundancy, Replicated):
        return redundancy.size - 1
    return redundancy.coding_chunks


def usable_fraction(redundancy: Redundancy) -> float:
    """The share of the raw capacity that holds data rather than copies of it."""
    if isinstance(redundancy, Replicated):
        return 1 / redundancy.size
    return redundancy.data_chunks / pieces(redundancy)


def heals(redundancy: Redundancy, domains: int) -> bool:
    """Whether a lost failure domain is made up for in the others, without waiting for its repair."""
    return domains > pieces(redundancy)


def recommended(domains: int | None) -> Redundancy:
    """For data sets: the erasure coding that still heals with one domain lost, or else three copies.

    `None` stands for a cluster whose layout is not known.
    """
    if domains is not None and domains >= 7:
        return ErasureCoded(data_chunks=4, coding_chunks=2)
    if domains is not None and domains >= 5:
        return ErasureCoded(data_chunks=2, coding_chunks=2)
    return Replicated()


def usable_gib(raw_gib_by_domain: Sequence[float], redundancy: Redundancy) -> float:
    """The data that fits into failure domains of these raw sizes; 0 where there are too few of them.

    No domain holds two pieces of one object, so a large domain among small ones is never filled: of n pieces
    of size t each, domain i can take at most t, and so sum(min(raw_i, t)) must be n * t or more.
    """
    count = pieces(redundancy)
    sizes = sorted(raw_gib_by_domain, reverse=True)
    if len(sizes) < count:
        return 0.0
    # sum(min(raw_i, t)) is the least, over c, of c * t and the sum of all but the c largest sizes; so each c
    # below n sets a bound on t, and the smallest bound is the answer.
    piece = min(sum(sizes[capped:]) / (count - capped) for capped in range(count))
    return piece * (1 if isinstance(redundancy, Replicated) else redundancy.data_chunks)


def check_fits(
    problems: Problems, path: str, redundancy: Redundancy, domains: int | None, domain: FailureDomain
) -> None:
    """Note a redundancy that needs more failure domains than the cluster has; an unknown number passes."""
    needed = pieces(redundancy)
    if domains is None or needed <= domains:
        return
    given = (
        f"{needed} copies"
        if isinstance(redundancy, Replicated)
        else f"{redundancy.data_chunks}+{redundancy.coding_chunks} chunks"
    )
    if domains >= 4 and isinstance(redundancy, ErasureCoded):
        advice = f"use at most {domains - 2}+2, or a smaller failure domain"
    elif domains >= 3:
        advice = "use three copies, or a smaller failure domain"
    else:
        advice = f"a cluster needs at least 3 failure domains; add a {domain}"
    problems.add(
        path,
        f"{given} need {needed} failure domains of kind {domain}, and the cluster has {domains}; {advice}",
    )


def pool_spec(
    redundancy: Redundancy, domain: FailureDomain, device_class: DeviceClass | None = None
) -> dict[str, object]:
    """A pool as Rook's custom resources hold it."""
    spec: dict[str, object] = {"failureDomain": domain}
    if device_class is not None:
        spec["deviceClass"] = device_class
    if isinstance(redundancy, Replicated):
        return {**spec, "replicated": {"size": redundancy.size, "requireSafeReplicaSize": True}}
    chunks: Mapping[str, int] = {
        "dataChunks": redundancy.data_chunks,
        "codingChunks": redundancy.coding_chunks,
    }
    return {**spec, "erasureCoded": dict(chunks)}
