"""Object stores and directories behind one interface: `open_store("s3://bucket/prefix")`.

Every request has a time-out, is tried again with exponential back-off and jitter where that can help (5xx,
503 SlowDown, 429, broken connections) and never where it cannot (403, 404), and is counted under the names
that docs/monitoring.md gives.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from bedplate_training.store_counters import StoreCounters

T = TypeVar("T")


class StoreError(Exception):
    """A request that failed for good. The text names operation, store, key and what to do."""

    def __init__(self, operation: str, where: str, reason: str, advice: str) -> None:
        self.operation, self.where, self.reason, self.advice = operation, where, reason, advice
        super().__init__(f"{operation} {where}: {reason}; {advice}")

    def __reduce__(self) -> tuple[type["StoreError"], tuple[str, str, str, str]]:
        # Reader processes hand their errors to the trainer.
        return type(self), (self.operation, self.where, self.reason, self.advice)


class ObjectMissing(StoreError):
    """404: the object, or the bucket, is not there."""


class AccessDenied(StoreError):
    """401 or 403."""


class StoreUnavailable(StoreError):
    """The last of several attempts met a 5xx, a throttled answer, a time-out or a broken connection."""


class StoreFull(StoreError):
    """No space or quota is left, in the store or on the local disk that a download goes to."""


class Transient(Exception):
    """Raised by a back end for what another attempt may cure."""

    def __init__(self, reason: str, throttled: bool = False) -> None:
        self.throttled = throttled
        super().__init__(reason)


@dataclass(frozen=True)
class ObjectInfo:
    """One object: key under the store's prefix, bytes, the store's version mark, Unix time of its writing."""

    key: str
    size_bytes: int
    etag: str
    modified_seconds: float


@dataclass(frozen=True)
class StoreOptions:
    """How a store is reached. Credentials come from the environment (workload identity), never from here."""

    endpoint_url: str = ""  # a Ceph object gateway or the sandbox; empty: the cloud's own
    region: str = ""
    path_style: bool | None = None  # None: wherever endpoint_url is set
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 60.0
    attempts: int = 8
    first_delay_seconds: float = 0.1
    longest_delay_seconds: float = 20.0
    part_mib: int = 16  # files above it move in parts of this size
    parallel_parts: int = 4

    def __post_init__(self) -> None:
        low = {
            "connect_timeout_seconds": 0.001,
            "read_timeout_seconds": 0.001,
            "attempts": 1,
            "first_delay_seconds": 0,
            "longest_delay_seconds": self.first_delay_seconds,
            "part_mib": 5,
            "parallel_parts": 1,
        }
        problems = [
            f"{field} is {value}; allowed is {least} or more"
            for field, least in low.items()
            if (value := getattr(self, field)) < least
        ]
        if self.endpoint_url and (urlsplit(self.endpoint_url).scheme not in ("http", "https")):
            problems.append("endpoint_url has no scheme; give http://host:port or https://host")
        if "@" in urlsplit(self.endpoint_url).netloc:
            problems.append("endpoint_url carries credentials; give them by the environment")
        if problems:
            raise ValueError("store options: " + "; ".join(problems))


class Store(Protocol):
    """What the trainer needs of a store. Keys are relative to its prefix; all methods are thread-safe."""

    name: str
    """The label `store` of its metrics."""
    url: str
    """`s3://bucket/prefix`, `gs://bucket/prefix` or `file:///directory`; without credentials."""
    counters: StoreCounters

    def put(self, key: str, data: bytes) -> None:
        """Writes the object as a whole or not at all; an older one of the same key is replaced."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Writes the object unless it exists, atomically over all writers; False if it does."""

    def put_file(self, key: str, path: Path) -> int:
        """Streams a file into an object in parallel parts, whole or not at all; returns its bytes."""

    def get(self, key: str) -> bytes: ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length - 1`; fewer where the object ends before."""

    def get_file(self, key: str, path: Path) -> int:
        """Streams an object into a file, which appears when it is whole; returns its bytes."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects whose key starts with `prefix`, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Also succeeds where there is none."""

    def head(self, key: str) -> ObjectInfo | None:
        """None where there is none."""

    def close(self) -> None: ...


Fault = Callable[[str, str], None]
"""Called with operation and key before each attempt; may sleep or raise `Transient`."""


class Caller:
    """Attempts, back-off and counting: one for each store."""

    def __init__(
        self, name: str, options: StoreOptions, counters: StoreCounters, fault: Fault | None = None
    ) -> None:
        self.name, self.options, self.counters, self.fault = name, options, counters, fault
        self._random = random.Random()  # jitter only: the order of data has a seed of its own
        self._lock = threading.Lock()

    def call(
        self, operation: str, where: str, key: str, action: Callable[[], T], size: Callable[[T], int]
    ) -> T:
        """`action()`, tried up to `attempts` times while it raises `Transient`; each attempt is counted."""
        reason = ""
        for attempt in range(1, self.options.attempts + 1):
            started = time.perf_counter()
            try:
                if self.fault is not None:
                    self.fault(operation, key)
                answer = action()
            except Transient as problem:
                result = "throttled" if problem.throttled else "error"
                self.counters.add(operation, result, time.perf_counter() - started, 0)
                reason = str(problem)
                if attempt < self.options.attempts:
                    time.sleep(self.delay_seconds(attempt))
            except ObjectMissing:
                # The answer to a question that the caller asked: the store works.
                self.counters.add(operation, "ok", time.perf_counter() - started, 0)
                raise
            except Exception:
                self.counters.add(operation, "error", time.perf_counter() - started, 0)
                raise
            else:
                self.counters.add(operation, "ok", time.perf_counter() - started, size(answer))
                return answer
        raise StoreUnavailable(
            operation,
            where,
            f"{reason} (attempt {self.options.attempts} of {self.options.attempts})",
            "look at the store's health and limits, then start again from the last checkpoint",
        )

    def delay_seconds(self, attempt: int) -> float:
        """Between 0 and the doubled delay: ranks that failed together shall not return together."""
        longest = min(
            self.options.longest_delay_seconds, self.options.first_delay_seconds * 2 ** (attempt - 1)
        )
        with self._lock:
            return self._random.uniform(0, longest)


def checked_key(key: str) -> str:
    """The key, or ValueError: empty, absolute, or with a part that a directory would take as a way out."""
    if (
        not key
        or key.startswith("/")
        or any(part in ("", ".", "..") for part in key.split("/"))
        or "\0" in key
    ):
        raise ValueError(f"object key {key!r}: allowed are parts other than '', '.' and '..', joined by '/'")
    return key


def open_store(
    url: str | Path, name: str = "", options: StoreOptions | None = None, fault: Fault | None = None
) -> Store:
    """The store behind `s3://bucket/prefix`, `gs://bucket/prefix`, `file:///directory` or a path.

    `name` is the label `store` of its metrics (default: bucket or directory). No request is made.
    Raises ValueError for another scheme, a missing bucket, or credentials in the address.
    """
    options = options or StoreOptions()
    text = str(url)
    parts = urlsplit(text)
    if parts.scheme not in ("s3", "gs", "file", "") or (parts.scheme and "://" not in text):
        raise ValueError(f"store {parts.scheme}://: allowed are s3://, gs://, file:// and a path")
    if "@" in parts.netloc or parts.query:
        raise ValueError(
            f"store {parts.scheme}:// carries credentials or a query; give them by the environment"
        )
    if parts.scheme in ("file", ""):
        from bedplate_training.store_posix import PosixStore

        if parts.netloc:
            raise ValueError(f"store {text!r} names a host; write file:///directory")
        root = Path(parts.path if parts.scheme else text)
        if not str(url):
            raise ValueError(
                "store '': give s3://bucket/prefix, gs://bucket/prefix, file:///directory or a path"
            )
        counters = StoreCounters(name or root.name or "files")
        return PosixStore(root, Caller(counters.store, options, counters, fault))
    if not parts.netloc:
        raise ValueError(f"store {text!r} has no bucket; write {parts.scheme}://bucket/prefix")
    prefix = parts.path.strip("/")
    counters = StoreCounters(name or parts.netloc)
    caller = Caller(counters.store, options, counters, fault)
    if parts.scheme == "gs":
        from bedplate_training.store_gcs import GcsStore

        return GcsStore(parts.netloc, prefix, caller)
    from bedplate_training.store_s3 import S3Store

    return S3Store(parts.netloc, prefix, caller)
