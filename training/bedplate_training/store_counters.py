"""What a store did, under the metric names of docs/monitoring.md."""

import threading
from dataclasses import dataclass

# Seconds. The alert on slow requests asks for finite buckets beyond its limit of 5 s.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

READS = ("get",)
WRITES = ("put",)


@dataclass(frozen=True)
class Sample:
    """One value of the Prometheus exposition."""

    name: str
    type: str
    labels: dict[str, str]
    value: float


class StoreCounters:
    """Requests, seconds and bytes by operation (`get`, `put`, `list`, `head`, `delete`). Thread-safe."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._bytes: dict[str, int] = {}

    def add(self, operation: str, result: str, seconds: float, size_bytes: int) -> None:
        """One attempt of a request. `result` is `ok`, `error` or `throttled`."""
        assert result in ("ok", "error", "throttled")
        with self._lock:
            self._requests[operation, result] = self._requests.get((operation, result), 0) + 1
            counts = self._buckets.setdefault(operation, [0] * (len(BUCKETS_SECONDS) + 1))
            index = next(
                (i for i, bound in enumerate(BUCKETS_SECONDS) if seconds <= bound), len(BUCKETS_SECONDS)
            )
            counts[index] += 1
            self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds
            self._bytes[operation] = self._bytes.get(operation, 0) + size_bytes

    def requests(self, operation: str = "", result: str = "") -> int:
        """Attempts; empty means any."""
        with self._lock:
            return sum(
                n for (o, r), n in self._requests.items() if operation in ("", o) and result in ("", r)
            )

    def seconds(self, operation: str = "") -> float:
        """Seconds within requests, added over threads."""
        with self._lock:
            return sum(s for o, s in self._seconds.items() if operation in ("", o))

    def read_bytes(self) -> int:
        with self._lock:
            return sum(self._bytes.get(operation, 0) for operation in READS)

    def written_bytes(self) -> int:
        with self._lock:
            return sum(self._bytes.get(operation, 0) for operation in WRITES)

    def samples(self) -> list[Sample]:
        """Everything, for an exporter."""
        out: list[Sample] = []
        with self._lock:
            for (operation, result), count in sorted(self._requests.items()):
                labels = {"store": self.store, "operation": operation, "result": result}
                out.append(Sample("bedplate_object_store_requests_total", "counter", labels, count))
            for operation, size in sorted(self._bytes.items()):
                labels = {"store": self.store, "operation": operation}
                out.append(Sample("bedplate_object_store_bytes_total", "counter", labels, size))
            name = "bedplate_object_store_request_seconds"
            for operation, counts in sorted(self._buckets.items()):
                labels = {"store": self.store, "operation": operation}
                total = 0
                for bound, count in zip((*BUCKETS_SECONDS, float("inf")), counts, strict=True):
                    total += count
                    le = "+Inf" if bound == float("inf") else f"{bound:g}"
                    out.append(Sample(f"{name}_bucket", "histogram", {**labels, "le": le}, total))
                out.append(Sample(f"{name}_sum", "histogram", labels, self._seconds[operation]))
                out.append(Sample(f"{name}_count", "histogram", labels, total))
        return out
