"""Clock and topology of the nodes."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.request import Request, urlopen

from bedplate_training.probes.measure import Measure


@dataclass(frozen=True)
class Topology:
    """One node as a process sees it. `cores` are those that it may use."""

    host: str
    cores: int
    sockets: int
    numa_nodes: int
    memory_gib: float
    infiniband: tuple[str, ...]
    kernel: str


def read_topology(root: Path = Path("/")) -> Topology:
    """From /sys and /proc under `root`; what they do not tell is 1 or 0."""
    cpus = root / "sys/devices/system/cpu"
    sockets = {path.read_text().strip() for path in cpus.glob("cpu[0-9]*/topology/physical_package_id")}
    memory = (root / "proc/meminfo").read_text().splitlines() if (root / "proc/meminfo").exists() else []
    kib = next((int(line.split()[1]) for line in memory if line.startswith("MemTotal:")), 0)
    cards = root / "sys/class/infiniband"
    return Topology(
        platform.node(),
        usable_cores(root),
        max(1, len(sockets)),
        max(1, len(list((root / "sys/devices/system/node").glob("node[0-9]*")))),
        kib / 2**20,
        tuple(sorted(path.name for path in cards.iterdir())) if cards.exists() else (),
        platform.release(),
    )


def usable_cores(root: Path = Path("/")) -> int:
    """Cores by affinity and by the limit of the container, at least 1."""
    affinity = len(os.sched_getaffinity(0))
    limit = root / "sys/fs/cgroup/cpu.max"
    if limit.exists():
        quota, _, period = limit.read_text().partition(" ")
        if quota.strip() != "max":
            return max(1, min(affinity, round(int(quota) / int(period))))
    return affinity


def ranks_clock_offset(gather: Callable[[float], Sequence[float]], repeats: int = 5) -> Measure:
    """`accelerator.clock_offset` (ms): the widest gap between the ranks' clocks.

    `gather` waits for all ranks and hands each one's value to all (all-gather). What is measured includes
    how far apart they leave the barrier: it is an upper bound, good to a few milliseconds, as far as logs
    of nodes can be compared.
    """
    gaps = []
    for _ in range(repeats):
        gather(0.0)  # together
        now = list(gather(time.time()))
        gaps.append((max(now) - min(now)) * 1e3)
    return Measure("accelerator.clock_offset", "ms", (statistics.median(gaps), *gaps))


def server_clock_offset_seconds(url: str, timeout_seconds: float = 5.0) -> float:
    """The clock of an http(s) server (an object store) less ours, good to half a second; OSError where it
    is silent.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"address {url!r}: allowed are http:// and https://")
    before = time.time()
    try:
        with urlopen(Request(url, method="HEAD"), timeout=timeout_seconds) as answer:
            date = answer.headers["Date"]
    except OSError as problem:
        # A refusal has a date as well.
        headers = getattr(problem, "headers", None)
        if headers is None:
            raise
        date = headers["Date"]
    return parsedate_to_datetime(date).timestamp() + 0.5 - (before + time.time()) / 2
