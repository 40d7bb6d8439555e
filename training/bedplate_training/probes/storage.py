"""Throughput and small-object latency of a store or a file system, with bytes that do not compress."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from bedplate_training.config import setting
from bedplate_training.probes.measure import Measure, percentile, timed
from bedplate_training.store import Store


@dataclass(frozen=True)
class StorageProbeConfig:
    """What is written, read and removed."""

    object_mib: int = setting(16, at_least=1)
    objects: int = setting(8, at_least=1, fix="objects of each repeat, moved by as many threads as `threads`")
    threads: int = setting(8, at_least=1, at_most=256)
    small_kib: int = setting(4, at_least=1)
    small_objects: int = setting(100, at_least=20, fix="a 99th percentile needs samples")
    repeats: int = setting(3, at_least=3)


def probe_store(store: Store, config: StorageProbeConfig) -> list[Measure]:
    """`storage.write`, `storage.read` (MB/s, 10^6), `storage.small_write_p50`, `..._p99`,
    `storage.small_read_...` (ms).

    What it writes is under `probe-<random>/` and is removed, also after an error. A directory is read back
    from the machine's memory unless it is larger than that: read its figures with `object_mib` times
    `objects` in mind.
    """
    place = f"probe-{uuid.uuid4().hex[:12]}"
    size = config.object_mib * 2**20
    data = os.urandom(size)
    keys = [f"{place}/large-{number}" for number in range(config.objects)]
    small = [f"{place}/small-{number}" for number in range(config.small_objects)]
    about = {
        "store": store.url,
        "object_mib": config.object_mib,
        "objects": config.objects,
        "threads": config.threads,
    }
    try:
        with ThreadPoolExecutor(config.threads) as pool:
            writes = timed(lambda: list(pool.map(lambda key: store.put(key, data), keys)), config.repeats)
            reads = timed(lambda: [len(part) for part in pool.map(store.get, keys)], config.repeats)
        moved = size * len(keys) / 1e6
        out = [
            Measure("storage.write", "MB/s", tuple(moved / seconds for seconds in writes), about),
            Measure("storage.read", "MB/s", tuple(moved / seconds for seconds in reads), about),
        ]
        little = os.urandom(config.small_kib * 1024)
        about = {
            "store": store.url,
            "object_kib": config.small_kib,
            "objects": config.small_objects,
            "threads": 1,
        }
        latencies: dict[str, list[list[float]]] = {"write": [], "read": []}
        for _ in range(config.repeats):
            latencies["write"].append([timed(partial(store.put, key, little), 1, 0)[0] for key in small])
            latencies["read"].append([timed(partial(store.get, key), 1, 0)[0] for key in small])
        for way, repeats in latencies.items():
            for share, name in ((0.5, "p50"), (0.99, "p99")):
                values = tuple(percentile(seconds, share) * 1e3 for seconds in repeats)
                out.append(Measure(f"storage.small_{way}_{name}", "ms", values, about))
        return out
    finally:
        for info in list(store.list(f"{place}/")):
            store.delete(info.key)


def starved(read: Measure, bytes_per_second_needed: float) -> Measure:
    """`storage.read_of_needed`: what was read over what training asks for; below 1 it waits for data."""
    if not bytes_per_second_needed > 0:
        raise ValueError(f"bytes_per_second_needed is {bytes_per_second_needed}; allowed is above 0")
    ratios = tuple(value * 1e6 / bytes_per_second_needed for value in read.repeats)
    return Measure("storage.read_of_needed", "ratio", ratios, read.about)
