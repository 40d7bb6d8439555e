"""Batches of a sharded data set, in an order that seed and number of ranks decide, from a position that can
be kept.

The stream of shards is endless (epoch after epoch, each a permutation), so that no epoch is short: what does
not fill a batch opens the next. Threads read ahead, one queue keeps whole batches ready, and the time in
which the trainer waits is counted.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bedplate_training.config import setting
from bedplate_training.data_cache import ShardCache
from bedplate_training.data_shards import (
    Array,
    DataError,
    Shard,
    read_index,
    record_order,
    records_of,
    slot_shard,
    slots_from,
)
from bedplate_training.errors import Problem
from bedplate_training.store import Store


@dataclass(frozen=True)
class DataConfig:
    """How a data set is read. Every lever that `--ablate` turns on one by one is a field."""

    prefix: str = setting("text/train", fix="the data set's place within the store")
    batch: int = setting(8, at_least=1, fix="records for each rank and step")
    seed: int = setting(1, at_least=0)
    sharded: bool = setting(True, fix="false: every rank reads every shard and keeps its part of the records")
    readers: int = setting(4, at_least=1, at_most=256, fix="threads that fetch, check and decompress shards")
    prefetch_shards: int = setting(4, at_least=0, at_most=4096, fix="shards ahead of the trainer; 0: none")
    prefetch_batches: int = setting(
        4, at_least=0, at_most=4096, fix="whole batches ahead of the trainer; 0: none"
    )
    cache_directory: str = setting("", fix="a directory on the node's disk; empty: no cache")
    cache_mib: int = setting(4096, at_least=1, fix="the cache's limit, for all ranks of a node together")
    damaged_attempts: int = setting(3, at_least=1, at_most=20, fix="reads of a shard whose checksum is wrong")

    def problems(self, path: str) -> list[Problem]:
        if self.prefetch_shards and self.readers > self.prefetch_shards:
            fix = f"raise {path}.prefetch_shards or lower readers"
            return [
                Problem(
                    f"{path}.readers", self.readers, f"at most prefetch_shards ({self.prefetch_shards})", fix
                )
            ]
        return []


@dataclass(frozen=True)
class Position:
    """Where a run is in the stream of shards. Kept in checkpoints; exact for the same number of ranks.

    With another number of ranks the stream goes on where all of the old ranks were: nothing is left out, and
    fewer shards than there were ranks are read twice (none where `sharded` is false).
    """

    slot: int = 0  # of the stream of shards, where this number of ranks began
    skip: int = 0  # records of that slot which were taken before
    taken: int = 0  # records that each rank has taken since
    ranks: int = 1

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, int]) -> "Position":
        return cls(**data)


@dataclass
class DataStats:
    """What reading cost since the reader was made. Bytes are counted once for each time that they were
    moved.
    """

    wait_seconds: float = 0.0  # the trainer's, until a batch was there
    fetch_seconds: float = 0.0  # the reader threads', from the store or the cache
    decode_seconds: float = 0.0  # the reader threads', checksum and decompression
    stored_bytes: int = 0
    raw_bytes: int = 0
    damaged: int = 0  # reads of a shard that had to be repeated
    cache_hits: int = 0
    cache_misses: int = 0


@dataclass(frozen=True)
class Batch:
    """`data` by column, `batch` rows each; `after` is the position once this batch has been trained on."""

    data: dict[str, Any]
    after: Position


class ShardReader:
    """The batches of one rank. Close it, or use it as a context manager: it has threads."""

    def __init__(self, store: Store, config: DataConfig, rank: int = 0, ranks: int = 1) -> None:
        if not 0 <= rank < ranks:
            raise ValueError(f"rank is {rank}; allowed is 0 to {ranks - 1}")
        self._store, self._config, self._rank, self._ranks = store, config, rank, ranks
        self.index = read_index(store, config.prefix)
        self._cache = (
            ShardCache(Path(config.cache_directory), config.cache_mib) if config.cache_directory else None
        )
        self.stats = DataStats()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "ShardReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops reading ahead; waits for requests under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def batches(
        self,
        position: Position | None = None,
        prepare: Callable[[dict[str, Array]], dict[str, Any]] | None = None,
    ) -> Iterator[Batch]:
        """Batches without end from `position`. `prepare` (to tensors, pinned) runs where batches are read
        ahead.

        Raises DataError for a shard that stays damaged, and the store's errors, at the batch that they hold
        up.
        """
        start = self._here(position or Position(ranks=self._ranks))
        made = self._batches(start, prepare or dict)
        ahead: Iterator[Batch] = self._ahead(made) if self._config.prefetch_batches else made
        try:
            while True:
                began = time.perf_counter()
                batch = next(ahead)
                self.stats.wait_seconds += time.perf_counter() - began
                yield batch
        finally:
            self.close()
            self._stop.clear()

    def _here(self, position: Position) -> Position:
        """The position for this number of ranks."""
        if position.ranks == self._ranks:
            return position
        if not self._config.sharded:
            slot, skip = self._walk(position.slot, position.skip + position.taken * position.ranks, 1, 0)
            return Position(slot, skip, 0, self._ranks)
        reached = [
            self._walk(position.slot, position.taken, position.ranks, rank) for rank in range(position.ranks)
        ]
        return Position(min(slot for slot, _ in reached), 0, 0, self._ranks)

    def _walk(self, slot: int, records: int, ranks: int, rank: int) -> tuple[int, int]:
        """The slot of a rank after so many of its records, and the records of it that are gone."""
        slot += rank
        while records >= (
            size := self.index.shards[slot_shard(self.index, self._config.seed, slot)[1]].records
        ):
            records -= size
            slot += ranks
        return slot, records

    def _batches(
        self, start: Position, prepare: Callable[[dict[str, Array]], dict[str, Any]]
    ) -> Generator[Batch, None, None]:
        waiting: list[Array] = []
        count, taken, size = 0, start.taken, self._config.batch
        records = self._records(start)
        try:
            for part in records:
                waiting.append(part)
                count += len(part)
                if count < size:
                    continue
                rows = np.concatenate(waiting)
                for at in range(0, count - size + 1, size):
                    taken += size
                    batch = rows[at : at + size]
                    data = {
                        column.name: np.ascontiguousarray(batch[column.name]) for column in self.index.columns
                    }
                    yield Batch(prepare(data), Position(start.slot, start.skip, taken, start.ranks))
                waiting, count = [rows[count - count % size :]], count % size
        finally:
            records.close()

    def _records(self, start: Position) -> Generator[Array, None, None]:
        """This rank's records, shard by shard, with shards ahead in threads."""
        if self._config.sharded:
            slot, skip = self._walk(start.slot, start.taken, self._ranks, self._rank)
            step = self._ranks
        else:
            slot, skip = self._walk(start.slot, start.skip + start.taken * self._ranks, 1, 0)
            step = 1
        counter = 0  # records of all ranks since `start`, modulo ranks: they take turns
        ahead: deque[Future[Array]] = deque()
        with ThreadPoolExecutor(self._config.readers, thread_name_prefix="data") as pool:
            try:
                for following in slots_from(0):
                    ahead.append(pool.submit(self._shard, slot + following * step))
                    if len(ahead) <= self._config.prefetch_shards:
                        continue
                    rows = ahead.popleft().result()[skip:]
                    skip = 0
                    if self._config.sharded:
                        yield rows
                    else:
                        yield rows[(self._rank - counter) % self._ranks :: self._ranks]
                        counter = (counter + len(rows)) % self._ranks
            finally:
                for future in ahead:
                    future.cancel()

    def _shard(self, slot: int) -> Array:
        epoch, number = slot_shard(self.index, self._config.seed, slot)
        rows = self._read(self.index.shards[number])
        return rows[record_order(self.index, self._config.seed, epoch, number)]

    def _read(self, shard: Shard) -> Array:
        reason = ""
        for _ in range(self._config.damaged_attempts):
            began = time.perf_counter()
            stored = self._cache.get(self._store, shard) if self._cache else self._store.get(shard.key)
            fetched = time.perf_counter()
            try:
                rows = records_of(self.index, shard, stored)
            except DataError as problem:
                reason = str(problem)
                if self._cache:
                    self._cache.drop(shard)
                with self._lock:
                    self.stats.damaged += 1
                continue
            with self._lock:
                self.stats.fetch_seconds += fetched - began
                self.stats.decode_seconds += time.perf_counter() - fetched
                self.stats.stored_bytes += shard.stored_bytes
                self.stats.raw_bytes += shard.raw_bytes
                if self._cache:
                    self.stats.cache_hits, self.stats.cache_misses = self._cache.hits, self._cache.misses
            return rows
        raise DataError(
            f"shard {self._store.url}/{shard.key} is damaged: {reason} "
            f"(read {self._config.damaged_attempts} times); write the data set again and check the store"
        )

    def _ahead(self, source: Generator[Batch, None, None]) -> Iterator[Batch]:
        """`source`, read in a thread, up to `prefetch_batches` ahead; its error comes where its batch
        would.
        """
        ready: queue.Queue[Batch | BaseException] = queue.Queue(self._config.prefetch_batches)

        def hand_over(item: Batch | BaseException) -> bool:
            while not self._stop.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return True
                except queue.Full:
                    continue
            return False

        def fill() -> None:
            try:
                for batch in source:
                    if not hand_over(batch):
                        break
            except BaseException as problem:  # noqa: BLE001 - raised where the batch is asked for
                hand_over(problem)
            finally:
                source.close()

        thread = threading.Thread(target=fill, name="data-ahead", daemon=True)
        self._threads.append(thread)
        thread.start()
        while True:
            try:
                item = ready.get(timeout=0.5)
            except queue.Empty:
                if self._stop.is_set():
                    raise RuntimeError("the reader was closed while its batches were asked for") from None
                continue
            if isinstance(item, BaseException):
                raise item
            yield item
