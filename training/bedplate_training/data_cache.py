"""A directory on the node's disk that keeps shards, up to a limit, for all processes of the node."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bedplate_training.data_shards import Shard
from bedplate_training.store import Store
from bedplate_training.store_posix import whole_file


class ShardCache:
    """Least recently used goes first. Files are named by their content, so that data sets may share a
    directory.
    """

    def __init__(self, directory: Path, limit_mib: int) -> None:
        if limit_mib < 1:
            raise ValueError(f"cache limit_mib is {limit_mib}; allowed is 1 or more (no cache: no directory)")
        self._directory, self._limit_bytes = directory, limit_mib * 2**20
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def get(self, store: Store, shard: Shard) -> bytes:
        """The shard's bytes as they were stored, from the disk or else from the store; they are not
        checked.
        """
        path = self._path(shard)
        with self._locked(shard):
            try:
                data = path.read_bytes()
                os.utime(path)
            except FileNotFoundError:
                data = store.get(shard.key)
                self._keep(path, data)
                with self._lock:
                    self.misses += 1
            else:
                with self._lock:
                    self.hits += 1
        return data

    def drop(self, shard: Shard) -> None:
        """Forgets a shard: its copy is damaged."""
        with self._locked(shard):
            self._path(shard).unlink(missing_ok=True)

    def _path(self, shard: Shard) -> Path:
        return self._directory / f"{shard.sha256}.shard"

    def _keep(self, path: Path, data: bytes) -> None:
        if len(data) > self._limit_bytes:
            return
        with self._exclusive("evict"):
            kept = sorted(
                (s.st_mtime_ns, s.st_size, p) for p in self._directory.glob("*.shard") if (s := _stat(p))
            )
            excess = sum(size for _, size, _ in kept) + len(data) - self._limit_bytes
            for _, size, old in kept:
                if excess <= 0:
                    break
                old.unlink(missing_ok=True)
                excess -= size
            with whole_file(path) as part:
                part.write_bytes(data)

    def _locked(self, shard: Shard) -> AbstractContextManager[None]:
        # One download a node, however many ranks ask. Few lock files, so that they need not be removed.
        return self._exclusive(f"{int(shard.sha256[:2], 16) % 64:02d}")

    @contextmanager
    def _exclusive(self, name: str) -> Iterator[None]:
        with (self._directory / f".lock-{name}").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
