"""How PyTorch's distributed checkpoint writes to and reads from an object store.

A process writes its tensors into parts of up to `part_bytes`. The plan of who writes what, the deduplication
of replicas and reading into another number of processes are PyTorch's.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    StorageMeta,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import (
    LoadItemType,
    LoadPlan,
    LoadPlanner,
    ReadItem,
    SavePlan,
    SavePlanner,
    WriteItem,
    WriteItemType,
)
from torch.distributed.checkpoint.storage import StorageReader, StorageWriter, WriteResult
from torch.futures import Future

from bedplate_training.errors import CheckpointError
from bedplate_training.store import ObjectMissing, Store


@dataclass(frozen=True)
class Slice:
    """Where an item lies: bytes `offset` to `offset + length - 1` of a part with this digest."""

    key: str
    sha256: str
    offset: int
    length: int


class StoreWriter(StorageWriter):
    """Writes one checkpoint's parts below `prefix`."""

    def __init__(self, store: Store, prefix: str, rank: int, part_bytes: int):
        self.store, self.prefix, self.rank, self.part_bytes = store, prefix, rank, part_bytes

    def reset(self, checkpoint_id: str | PathLike[str] | None = None) -> None:
        return

    def set_up_storage_writer(self, is_coordinator: bool, *arguments: Any, **named: Any) -> None:
        return

    def prepare_local_plan(self, plan: SavePlan) -> SavePlan:
        return plan

    def prepare_global_plan(self, plans: list[SavePlan]) -> list[SavePlan]:
        return plans

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        results: list[WriteResult] = []
        for number, items in enumerate(self._bundles(plan.items)):
            body, places = io.BytesIO(), []
            for item in items:
                start = body.tell()
                value = planner.resolve_data(item)
                if item.type == WriteItemType.BYTE_IO:
                    body.write(cast(io.BytesIO, value).getbuffer())
                else:
                    # A view would take its whole storage with it.
                    torch.save(cast(Tensor, value).detach().cpu().contiguous().clone(), body)
                places.append((item.index, start, body.tell() - start))
            data = body.getvalue()
            digest = hashlib.sha256(data).hexdigest()
            key = f"{self.prefix}/rank-{self.rank:05d}-part-{number:05d}"
            self.store.put(key, data)
            results += [
                WriteResult(index, length, Slice(key, digest, start, length))
                for index, start, length in places
            ]
        done: Future[list[WriteResult]] = Future()
        done.set_result(results)
        return done

    def _bundles(self, items: list[WriteItem]) -> Iterator[list[WriteItem]]:
        bundle: list[WriteItem] = []
        size = 0
        for item in items:
            length = item.tensor_storage_size() or 0
            if bundle and size + length > self.part_bytes:
                yield bundle
                bundle, size = [], 0
            bundle.append(item)
            size += length
        if bundle:
            yield bundle

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        metadata.storage_data = {result.index: result.storage_data for part in results for result in part}
        parts = {place.key: place.sha256 for place in metadata.storage_data.values()}
        self.commit(parts, metadata_to_data(metadata))

    def commit(self, parts: dict[str, str], metadata: dict[str, Any]) -> None:
        """Called by the first process when all have written: the digests, and where all is."""

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | PathLike[str]) -> bool:
        return False

    def storage_meta(self) -> StorageMeta | None:
        return None


class StoreReader(StorageReader):
    """Reads a committed checkpoint and holds each part to its digest."""

    def __init__(self, store: Store, metadata: Metadata):
        self.store, self.metadata = store, metadata

    def reset(self, checkpoint_id: str | PathLike[str] | None = None) -> None:
        return

    def read_metadata(self, *arguments: Any, **named: Any) -> Metadata:
        return self.metadata

    def set_up_storage_reader(
        self, metadata: Metadata, is_coordinator: bool, *arguments: Any, **named: Any
    ) -> None:
        return

    def prepare_local_plan(self, plan: LoadPlan) -> LoadPlan:
        return plan

    def prepare_global_plan(self, plans: list[LoadPlan]) -> list[LoadPlan]:
        return plans

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        assert self.metadata.storage_data is not None
        by_part: dict[tuple[str, str], list[tuple[ReadItem, Slice]]] = {}
        for item in plan.items:
            place: Slice = self.metadata.storage_data[item.storage_index]
            by_part.setdefault((place.key, place.sha256), []).append((item, place))
        for (key, digest), wanted in by_part.items():
            data = read_part(self.store, key, digest)
            for item, place in wanted:
                self._load(item, data[place.offset : place.offset + place.length], planner)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def _load(self, item: ReadItem, data: bytes, planner: LoadPlanner) -> None:
        if item.type == LoadItemType.BYTE_IO:
            planner.load_bytes(item, io.BytesIO(data))
            return
        tensor = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        for dimension, (start, length) in enumerate(zip(item.storage_offsets, item.lengths, strict=True)):
            tensor = tensor.narrow(dimension, start, length)
        target = planner.resolve_tensor(item).detach()
        target.copy_(tensor)
        planner.commit_tensor(item, target)

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | PathLike[str]) -> bool:
        return False


class SafeLoadPlanner(DefaultLoadPlanner):
    """Never runs code that a checkpoint brings."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        self.state_dict[read_item.dest_index.fqn] = torch.load(value, map_location="cpu", weights_only=True)


def read_part(store: Store, key: str, sha256: str) -> bytes:
    """A part whose content is what was written.

    Raises:
        CheckpointError: it is missing or another.
    """
    try:
        data = store.get(key)
    except ObjectMissing as error:
        raise CheckpointError(
            f"{key}: the checkpoint's manifest names it, but it is missing: {error}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise CheckpointError(f"{key}: {len(data)} bytes with SHA-256 {found}, but {sha256} was written")
    return data


def metadata_to_data(metadata: Metadata) -> dict[str, Any]:
    """PyTorch's metadata as JSON-able data: its own form is a pickle, which runs code when it is read."""
    entries: dict[str, Any] = {}
    for name, entry in metadata.state_dict_metadata.items():
        if isinstance(entry, TensorStorageMetadata):
            entries[name] = {
                "dtype": str(entry.properties.dtype).removeprefix("torch."),
                "size": list(entry.size),
                "chunks": [[list(chunk.offsets), list(chunk.sizes)] for chunk in entry.chunks],
            }
        else:
            entries[name] = None
    assert metadata.storage_data is not None
    places = [
        [
            index.fqn,
            None if index.offset is None else list(index.offset),
            place.key,
            place.offset,
            place.length,
        ]
        for index, place in metadata.storage_data.items()
    ]
    return {"entries": entries, "places": places}


def metadata_from_data(data: dict[str, Any], parts: dict[str, str]) -> Metadata:
    """The inverse; `parts` holds the digest of each part."""
    entries: dict[str, TensorStorageMetadata | BytesStorageMetadata] = {}
    for name, entry in data["entries"].items():
        if entry is None:
            entries[name] = BytesStorageMetadata()
            continue
        chunks = [
            ChunkStorageMetadata(torch.Size(offsets), torch.Size(sizes)) for offsets, sizes in entry["chunks"]
        ]
        properties = TensorProperties(dtype=getattr(torch, entry["dtype"]))
        entries[name] = TensorStorageMetadata(properties, torch.Size(entry["size"]), chunks)
    places = {
        MetadataIndex(fqn, None if offset is None else torch.Size(offset)): Slice(
            key, parts[key], start, length
        )
        for fqn, offset, key, start, length in data["places"]
    }
    return Metadata(state_dict_metadata=cast(Any, entries), storage_data=places)
