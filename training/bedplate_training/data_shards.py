"""The form of a data set: shards of records of one size, and an index with the checksum of each.

A shard is its records one after the other, compressed as a whole or not. The index is written last: a data
set without one is not there, and one that is half written over is refused by its checksums.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bedplate_training.config import setting
from bedplate_training.store import ObjectMissing, Store

Array = np.ndarray[Any, np.dtype[Any]]
INDEX = "index.json"
_FORMAT = 1
CODECS = ("none", "zstd", "zlib")


class DataError(Exception):
    """A data set that cannot be read as it was written. The text names data set, shard and what to do."""


@dataclass(frozen=True)
class ShardConfig:
    """How a data set is written."""

    records: int = setting(
        256, at_least=1, fix="records in a shard; 16 to 256 MiB a shard suit an object store"
    )
    compression: str = setting("zstd", choices=CODECS)
    level: int = setting(3, at_least=1, at_most=19, fix="zstd's level; zlib takes 9 at most")


@dataclass(frozen=True)
class Column:
    """One field of a record: `shape` values of the numpy type `dtype`."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Shard:
    """One object. Sizes are bytes; `sha256` is of what is stored."""

    key: str
    records: int
    raw_bytes: int
    stored_bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """A data set: its columns, its shards, and what it is made of."""

    columns: tuple[Column, ...]
    compression: str
    shards: tuple[Shard, ...]
    about: Mapping[str, Any]
    format: int = _FORMAT

    @property
    def records(self) -> int:
        return sum(shard.records for shard in self.shards)

    @property
    def stored_bytes(self) -> int:
        return sum(shard.stored_bytes for shard in self.shards)

    @property
    def raw_bytes(self) -> int:
        return sum(shard.raw_bytes for shard in self.shards)

    def record_type(self) -> "np.dtype[Any]":
        return np.dtype([(column.name, column.dtype, column.shape) for column in self.columns])


def compress(data: bytes, codec: str, level: int) -> bytes:
    """`data` as `codec` stores it; ValueError for a codec that is not one of CODECS."""
    if codec == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level=level).compress(data)
    if codec == "zlib":
        return zlib.compress(data, min(level, 9))
    if codec == "none":
        return data
    raise ValueError(f"compression {codec!r}: allowed are {', '.join(CODECS)}")


def decompress(data: bytes, codec: str, raw_bytes: int) -> bytes:
    """What `compress` was given; the caller knows how long it was, so that a bad shard cannot fill the
    memory.
    """
    if codec == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompress(data, max_output_size=raw_bytes)
    if codec == "zlib":
        return zlib.decompressobj().decompress(data, raw_bytes)
    return data


def write_shards(
    store: Store, prefix: str, columns: Mapping[str, Array], about: Mapping[str, Any], config: ShardConfig
) -> Index:
    """Writes the arrays, which have one row for each record, as a data set under `prefix`.

    Raises ValueError for no records or columns of different length, and the store's errors.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if not lengths or len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise ValueError(
            f"data set {prefix}: records by column are {lengths}; all need the same number, 1 or more"
        )
    kinds = tuple(
        Column(name, np.dtype(values.dtype).newbyteorder("<").str, tuple(values.shape[1:]))
        for name, values in columns.items()
    )
    index = Index(kinds, config.compression, (), dict(about))
    rows = np.empty(next(iter(lengths.values())), index.record_type())
    for name, values in columns.items():
        rows[name] = values
    shards = []
    for number, start in enumerate(range(0, len(rows), config.records)):
        raw = rows[start : start + config.records].tobytes()
        stored = compress(raw, config.compression, config.level)
        digest = hashlib.sha256(stored).hexdigest()
        # The name carries the content: a cache, or a run that reads while a new version is written, is never
        # fooled.
        key = f"{prefix}/{number:06d}-{digest[:12]}.shard"
        store.put(key, stored)
        shards.append(Shard(key, len(rows[start : start + config.records]), len(raw), len(stored), digest))
    index = Index(kinds, config.compression, tuple(shards), dict(about))
    store.put(f"{prefix}/{INDEX}", json.dumps(asdict(index), indent=1).encode())
    return index


def read_index(store: Store, prefix: str) -> Index:
    """The data set under `prefix`. Raises DataError where there is none or it is not of this format."""
    where = f"{store.url}/{prefix}/{INDEX}"
    try:
        found = json.loads(store.get(f"{prefix}/{INDEX}"))
        if found["format"] != _FORMAT:
            raise DataError(
                f"{where}: format {found['format']!r}; this version reads {_FORMAT}: write it again"
            )
        index = Index(
            tuple(Column(c["name"], c["dtype"], tuple(c["shape"])) for c in found["columns"]),
            found["compression"],
            tuple(Shard(**shard) for shard in found["shards"]),
            found["about"],
        )
    except ObjectMissing as problem:
        raise DataError(f"{where}: there is no data set; write it first (write_shards)") from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise DataError(f"{where}: not an index ({problem!r}); write the data set again") from problem
    size = index.record_type().itemsize
    wrong = [
        shard.key for shard in index.shards if shard.raw_bytes != shard.records * size or not shard.records
    ]
    if wrong or not index.shards or index.compression not in CODECS:
        raise DataError(
            f"{where}: shards {wrong[:3]} do not fit records of {size} bytes; write the data set again"
        )
    return index


def records_of(index: Index, shard: Shard, stored: bytes) -> Array:
    """The records of a shard, checked. Raises DataError (damaged) where its bytes are not those of the
    index.
    """
    if len(stored) != shard.stored_bytes:
        raise DataError(f"{len(stored)} of {shard.stored_bytes} bytes")
    digest = hashlib.sha256(stored).hexdigest()
    if digest != shard.sha256:
        raise DataError(f"SHA-256 {digest[:12]}, the index says {shard.sha256[:12]}")
    raw = decompress(stored, index.compression, shard.raw_bytes)
    if len(raw) != shard.raw_bytes:
        raise DataError(f"{len(raw)} of {shard.raw_bytes} bytes after decompression")
    return np.frombuffer(raw, index.record_type())


def slot_shard(index: Index, seed: int, slot: int) -> tuple[int, int]:
    """The endless order of shards: slot -> (epoch, number of the shard). Each epoch is a permutation by
    seed.
    """
    epoch, place = divmod(slot, len(index.shards))
    order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(len(index.shards))
    return epoch, int(order[place])


def record_order(index: Index, seed: int, epoch: int, shard: int) -> Array:
    """The order of the records within a shard in an epoch."""
    stream = np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, 1, shard]))
    return stream.permutation(index.shards[shard].records)


def slots_from(first: int) -> Iterator[int]:
    while True:
        yield first
        first += 1
