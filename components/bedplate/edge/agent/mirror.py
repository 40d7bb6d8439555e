"""Keeps a copy of what lies under a prefix of a bucket, within a size: what was used longest ago goes first.

A file appears whole or not at all. While the link is down, or the listing fails, nothing is deleted.
"""

import base64
import hashlib
import os
import random
import time
import urllib.parse
import xml.etree.ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptError, DiskError, LinkError, TransferError
from .fetch import NO_LIMITS, Backoff, Limits, Store, fetch, file_sha256
from .metrics import Metrics

_PART = ".part"


@dataclass(frozen=True)
class Remote:
    """An object of the bucket. The MD5 is empty where the store does not tell it (multipart uploads)."""

    key: str
    size: int
    etag: str
    modified: str

    @property
    def md5(self) -> str:
        return self.etag if len(self.etag) == 32 and "-" not in self.etag else ""


class Mirror:
    """`step` is one turn: list, then fetch what is new, newest first, as far as it fits."""

    def __init__(
        self,
        store: Store,
        bucket: str,
        prefix: str,
        root: Path,
        metrics: Metrics,
        *,
        size_bytes: int,
        limits: Limits = NO_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._bucket, self._prefix = store, bucket, prefix
        self._root, self._metrics, self._size, self._limits = root, metrics, size_bytes, limits
        self._clock, self._backoff, self._next = clock, Backoff(), 0.0
        self._root.mkdir(parents=True, exist_ok=True)

    def step(self) -> None:
        self._metrics.beat()
        if self._clock() < self._next:
            return
        try:
            remote = self._list()
            self._fetch_all(remote)
        except TransferError as error:
            wait = self._backoff.failed(error.retry_after_seconds, random.random())
            self._next = self._clock() + wait
            self._metrics.add("bedplate_edge_cache_failures_total", reason=error.reason)
            print(f"{error}; again in {wait:.0f} s", flush=True)
        else:
            self._backoff.succeeded()
            self._metrics.set("bedplate_edge_cache_last_sync_timestamp_seconds", time.time())
        self._metrics.set("bedplate_edge_cache_bytes", sum(one.stat().st_size for one in self._files()))
        self._metrics.set("bedplate_edge_cache_limit_bytes", self._size)

    def _list(self) -> list[Remote]:
        found: list[Remote] = []
        token = ""
        while True:
            query = {"list-type": "2", "prefix": self._prefix}
            if token:
                query["continuation-token"] = token
            text = urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote, safe="-_.~")
            with self._store.open(f"s3://{self._bucket}", query=text) as response:
                try:
                    tree = xml.etree.ElementTree.fromstring(response.read())
                except (xml.etree.ElementTree.ParseError, OSError) as error:
                    raise LinkError(f"the list of {self._bucket} is not whole: {error}") from None
            for item in tree.iterfind("{*}Contents"):
                key = item.findtext("{*}Key", "")
                if not key.endswith("/"):
                    etag = item.findtext("{*}ETag", "").strip('"')
                    size = int(item.findtext("{*}Size", "0"))
                    found.append(Remote(key, size, etag, item.findtext("{*}LastModified", "")))
            token = tree.findtext("{*}NextContinuationToken", "")
            if not token:
                return found

    def _fetch_all(self, remote: list[Remote]) -> None:
        # What does not fit beside what is newer is not fetched, lest two models push each other out for ever.
        room, chosen = self._size, list[Remote]()
        for one in sorted(remote, key=lambda one: (one.modified, one.key), reverse=True):
            if one.size <= room:
                chosen.append(one)
                room -= one.size
        self._metrics.set("bedplate_edge_cache_skipped_objects", len(remote) - len(chosen))
        wanted = {self._path(one): one for one in chosen}
        known = {part.key for part in remote}
        for part in self._root.rglob(f"*{_PART}"):
            if self._key(part.with_name(part.name.removesuffix(_PART))) not in known:
                part.unlink()
        for path, one in wanted.items():
            if self._same(path, one):
                continue
            old = path.stat().st_size if path.exists() else 0
            self._make_room(one.size - old, set(wanted))
            self._fetch(path, one)

    def _fetch(self, path: Path, one: Remote) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The ETag is part of the name: half of an old object must not be completed by a new one.
        part = path.with_name(f"{path.name}.{_short(one.etag)}{_PART}")
        for other in path.parent.glob(f"{path.name}.*{_PART}"):
            if other != part:
                other.unlink()
        uri = f"s3://{self._bucket}/{one.key}"
        fetch(self._store, uri, part, size=one.size, limits=self._limits, beat=self._received)
        if one.md5 and _md5(part) != one.md5:
            part.unlink()
            raise CorruptError(f"{one.key} has another MD5 than its store says")
        os.chmod(part, 0o644)
        # The note is what a restart believes; without one a file is fetched again. So it comes last.
        note, digest = self._note(path), file_sha256(part)
        note.unlink(missing_ok=True)
        os.rename(part, path)
        note.write_text(f"{one.etag} {one.size} {digest}\n", encoding="utf-8")

    def _received(self, count: int) -> None:
        self._metrics.beat()
        self._metrics.add("bedplate_edge_cache_download_bytes_total", count)

    def _same(self, path: Path, one: Remote) -> bool:
        note = self._note(path)
        if not path.exists() or path.stat().st_size != one.size or not note.exists():
            return False
        return note.read_text(encoding="utf-8").split(" ")[0] == one.etag

    def _make_room(self, needed: int, wanted: set[Path]) -> None:
        files = sorted(self._files(), key=lambda file: max(file.stat().st_atime, file.stat().st_mtime))
        used = sum(file.stat().st_size for file in files)
        for file in [one for one in files if one not in wanted]:
            if used + needed <= self._size:
                return
            used -= file.stat().st_size
            file.unlink()
            self._note(file).unlink(missing_ok=True)
            self._metrics.add("bedplate_edge_cache_evictions_total")
        if used + needed > self._size:
            raise DiskError(f"{needed} bytes more do not fit into {self._size} bytes, {used} are in use")

    def _files(self) -> list[Path]:
        return [
            one
            for one in self._root.rglob("*")
            if one.is_file() and not one.name.endswith(_PART) and not one.name.startswith(".bedplate-")
        ]

    def _path(self, one: Remote) -> Path:
        path = self._root / one.key
        if ".." in Path(one.key).parts or one.key.startswith("/"):
            raise CorruptError(f"the key {one.key!r} leads out of the cache")
        return path

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix().rpartition(".")[0]

    def _note(self, path: Path) -> Path:
        return path.with_name(f".bedplate-{path.name}")


def _short(etag: str) -> str:
    return base64.b32encode(hashlib.sha256(etag.encode()).digest()[:10]).decode().lower()


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
