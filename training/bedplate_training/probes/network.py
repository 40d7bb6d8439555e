"""Bus bandwidth of all-reduce and all-gather over message sizes, as nccl-tests defines it.

algbw = bytes / seconds; busbw = algbw * 2(n-1)/n for all-reduce and algbw * (n-1)/n for all-gather, where
bytes is the size of the reduced buffer, or of the gathered one: NVIDIA/nccl-tests, doc/PERFORMANCE.md
(2026-11). It is comparable between numbers of ranks, and with the speed of the link.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from bedplate_training.config import setting
from bedplate_training.probes.measure import Measure, timed

ALL_REDUCE, ALL_GATHER = "all_reduce", "all_gather"


@dataclass(frozen=True)
class NetworkProbeConfig:
    """Message sizes go from `smallest_kib` to `largest_mib`, times four each."""

    smallest_kib: int = setting(4, at_least=1)
    largest_mib: int = setting(64, at_least=1)
    repeats: int = setting(5, at_least=3)


@dataclass(frozen=True)
class Bandwidth:
    """One collective at one size. `seconds` are those of the slowest rank, repeat by repeat."""

    collective: str
    message_bytes: int
    ranks: int
    seconds: tuple[float, ...]

    @property
    def bus_gb_per_second(self) -> float:
        """By the median time; GB are 10^9 bytes."""
        return (
            bus_bytes_per_second(
                self.collective, self.message_bytes, statistics.median(self.seconds), self.ranks
            )
            / 1e9
        )

    def as_data(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "collective": self.collective,
            "message_bytes": self.message_bytes,
            "ranks": self.ranks,
            "seconds": list(self.seconds),
            "bus_gb_per_second": self.bus_gb_per_second,
        }


def bus_bytes_per_second(collective: str, message_bytes: int, seconds: float, ranks: int) -> float:
    """busbw; 0 for one rank, which moves nothing. Raises ValueError for another collective or a time of 0."""
    factors = {ALL_REDUCE: 2 * (ranks - 1) / ranks, ALL_GATHER: (ranks - 1) / ranks}
    if collective not in factors or not seconds > 0:
        raise ValueError(f"{collective} in {seconds} s: allowed are {', '.join(factors)}, and a time above 0")
    return message_bytes / seconds * factors[collective]


def message_sizes(config: NetworkProbeConfig) -> list[int]:
    """Bytes, ascending, the largest included."""
    size, largest, sizes = config.smallest_kib * 1024, config.largest_mib * 2**20, []
    while size < largest:
        sizes.append(size)
        size *= 4
    return [*sizes, largest]


def probe_collectives(config: NetworkProbeConfig, device: torch.device) -> list[Bandwidth]:
    """Every rank of the default group calls it; every rank gets the same answer."""
    ranks = dist.get_world_size()
    out = []
    for size in message_sizes(config):
        count = max(1, size // 4 // ranks) * ranks  # whole parts of float32 for each rank
        whole = torch.zeros(count, device=device)
        part = torch.zeros(count // ranks, device=device)

        def reduce(whole: torch.Tensor = whole) -> None:
            dist.all_reduce(whole)
            _finish(device)

        def gather(whole: torch.Tensor = whole, part: torch.Tensor = part) -> None:
            dist.all_gather_into_tensor(whole, part)
            _finish(device)

        for collective, action in ((ALL_REDUCE, reduce), (ALL_GATHER, gather)):
            dist.barrier()
            seconds = torch.tensor(
                timed(action, config.repeats, warm_up=2), dtype=torch.float64, device=device
            )
            dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
            out.append(Bandwidth(collective, count * 4, ranks, tuple(seconds.tolist())))
    return out


def network_measures(bandwidths: Sequence[Bandwidth]) -> list[Measure]:
    """`network.all_reduce_bus_<ranks>` and `network.all_gather_bus_<ranks>` (GB/s): of the largest
    message.
    """
    out = []
    for collective in (ALL_REDUCE, ALL_GATHER):
        largest = max(
            (found for found in bandwidths if found.collective == collective),
            key=lambda found: found.message_bytes,
        )
        values = tuple(
            bus_bytes_per_second(collective, largest.message_bytes, seconds, largest.ranks) / 1e9
            for seconds in largest.seconds
        )
        about = {"message_bytes": largest.message_bytes, "ranks": largest.ranks}
        out.append(Measure(f"network.{collective}_bus_{largest.ranks}", "GB/s", values, about))
    return out


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
