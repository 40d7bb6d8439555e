"""The two figures of merit.

Utilisation  R = (T_train + T_inference) / (T_train + T_inference + T_transfer), without unit, 0 to 1.
Composite    P = C_train/T_train + C_inference/T_inference + S/T_transfer.

T_train      seconds of forward, backward and optimiser steps T_inference  seconds of forward passes
without training: inference and evaluation T_transfer   seconds in which computing waited for data,
collectives or checkpoints; what is hidden behind computing does not count C            FLOP done in
T_train or T_inference: of the model (a multiplication and an addition are two), not of what is computed
twice to save memory S            bytes moved: shards read, gradients and weights exchanged, checkpoints
written, hidden or not Other        seconds that belong to none (start of a step, logging); the parts and
Other add up to wall time

The terms of P have different units. It is stated in 10^9 per second, GFLOP/s + GFLOP/s + GB/s, and says
something only beside another P of the same workload. The form with peaks has no unit: each term is divided
by what a probe measured on the same machine at the same time (matmul FLOP/s, store or network B/s).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

_ADD_UP = 0.02
# Exposed time below this share of the wall is hidden as far as a clock can tell: bytes by it would be a
# number without
# sense.
_HIDDEN = 1e-6

# Phases of the loop's clock -> part.
_PARTS = {
    "compute": "training",
    "inference": "inference",
    "evaluation": "inference",
    "data_wait": "transfer",
    "collective": "transfer",
    "checkpoint": "transfer",
    "other": "other",
}


@dataclass(frozen=True)
class Parts:
    """Seconds by part, and wall time as another clock told it.

    Raises ValueError for a negative time and for parts that miss wall time by more than 2%.
    """

    training_seconds: float
    inference_seconds: float
    transfer_seconds: float
    other_seconds: float
    wall_seconds: float

    def __post_init__(self) -> None:
        negative = {name: value for name, value in asdict(self).items() if not value >= 0}
        if negative:
            raise ValueError(f"parts of wall time: {negative}; allowed is 0 or more")
        if abs(self.sum_seconds - self.wall_seconds) > _ADD_UP * self.wall_seconds:
            raise ValueError(
                f"parts add up to {self.sum_seconds:.6g} s, wall time is {self.wall_seconds:.6g} s; "
                f"allowed is a difference of {_ADD_UP:.0%}: a part is missing or counted twice"
            )

    @property
    def sum_seconds(self) -> float:
        return self.training_seconds + self.inference_seconds + self.transfer_seconds + self.other_seconds


def parts_of(phases: Mapping[str, float], wall_seconds: float) -> Parts:
    """Parts from the seconds of each phase of the loop's clock; ValueError for a phase that is not known."""
    unknown = sorted(set(phases) - set(_PARTS))
    if unknown:
        raise ValueError(f"phases {unknown}: known are {', '.join(_PARTS)}")
    sums = dict.fromkeys(("training", "inference", "transfer", "other"), 0.0)
    for phase, seconds in phases.items():
        sums[_PARTS[phase]] += seconds
    return Parts(sums["training"], sums["inference"], sums["transfer"], sums["other"], wall_seconds)


def utilisation(parts: Parts) -> float:
    """R. 0 where nothing was computed."""
    computing = parts.training_seconds + parts.inference_seconds
    total = computing + parts.transfer_seconds
    return computing / total if total else 0.0


@dataclass(frozen=True)
class Work:
    """What was done in the parts: FLOP and bytes, of the same ranks as the seconds (all, or one)."""

    training_flop: float
    inference_flop: float
    moved_bytes: float

    def __post_init__(self) -> None:
        negative = {name: value for name, value in asdict(self).items() if not value >= 0}
        if negative:
            raise ValueError(f"work done: {negative}; allowed is 0 or more")


@dataclass(frozen=True)
class Peaks:
    """What probes measured on the same machine, for as many ranks as the work."""

    flop_per_second: float
    bytes_per_second: float

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in asdict(self).items() if not value > 0}
        if wrong:
            raise ValueError(f"measured peaks: {wrong}; allowed is above 0")


@dataclass(frozen=True)
class Composite:
    """P and its terms. `transfer` is None where all transfer was hidden: it is left out of the sum then."""

    training: float
    inference: float
    transfer: float | None

    @property
    def total(self) -> float:
        return self.training + self.inference + (self.transfer or 0.0)

    def as_data(self) -> dict[str, float | None]:
        return asdict(self) | {"total": self.total}


def composite(work: Work, parts: Parts) -> Composite:
    """P in 10^9 per second: GFLOP/s, GFLOP/s, GB/s."""
    return Composite(
        _rate(work.training_flop, parts.training_seconds) / 1e9,
        _rate(work.inference_flop, parts.inference_seconds) / 1e9,
        None if _hidden(work, parts) else _rate(work.moved_bytes, parts.transfer_seconds) / 1e9,
    )


def composite_of_peaks(work: Work, parts: Parts, peaks: Peaks) -> Composite:
    """P with each term as a fraction of its measured peak.

    The computing terms are 0 to 1 (MFU of training, and of inference). The transfer term is above 1 where
    a part of the transfer is hidden: that is what prefetching is for.
    """
    plain = composite(work, parts)
    return Composite(
        plain.training * 1e9 / peaks.flop_per_second,
        plain.inference * 1e9 / peaks.flop_per_second,
        None if plain.transfer is None else plain.transfer * 1e9 / peaks.bytes_per_second,
    )


def _hidden(work: Work, parts: Parts) -> bool:
    return parts.transfer_seconds <= _HIDDEN * parts.wall_seconds and work.moved_bytes > 0


def _rate(amount: float, seconds: float) -> float:
    if not seconds:
        if amount:
            raise ValueError(f"{amount:.6g} FLOP in 0 s: work and parts are not of the same run")
        return 0.0
    return amount / seconds
