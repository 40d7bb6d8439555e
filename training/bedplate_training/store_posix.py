"""A directory as an object store: a local disk, or a shared file system (Lustre, CephFS, NFS, EFS)."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bedplate_training.store import (
    AccessDenied,
    Caller,
    ObjectInfo,
    ObjectMissing,
    StoreError,
    StoreFull,
    Transient,
    checked_key,
)

T = TypeVar("T")
_PART = ".bedplate-part-"  # never listed: a write that was killed leaves one behind
_STALE_PARTS_SECONDS = 24 * 3600
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A shared file system's server that went away for a moment.
_TRANSIENT = (errno.EIO, errno.ETIMEDOUT, errno.ESTALE, errno.EAGAIN, errno.EINTR, errno.EBUSY)


def sync_directory(directory: Path) -> None:
    """Makes a rename in it last through a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` (fsync, then rename) unless the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f"{_PART}{uuid.uuid4().hex}"
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
        sync_directory(path.parent)
    finally:
        part.unlink(missing_ok=True)


class PosixStore:
    """`Store` on a directory."""

    def __init__(self, root: Path, caller: Caller) -> None:
        self.root = root.absolute()
        self.url = self.root.as_uri()
        self.name, self.counters, self._caller = caller.name, caller.counters, caller

    def put(self, key: str, data: bytes) -> None:
        def write() -> int:
            with whole_file(self._path(key)) as part:
                part.write_bytes(data)
            return len(data)

        self._call("put", key, write, int)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        path = self._path(key)

        def write() -> bool:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.parent / f"{_PART}{uuid.uuid4().hex}"
            try:
                with part.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    # A rename would replace; a link fails if another writer was first.
                    os.link(part, path)
                except FileExistsError:
                    return False
                sync_directory(path.parent)
                return True
            finally:
                part.unlink(missing_ok=True)

        return self._call("put", key, write, lambda written: len(data) if written else 0)

    def put_file(self, key: str, path: Path) -> int:
        def write() -> int:
            with whole_file(self._path(key)) as part:
                shutil.copyfile(path, part)
                return part.stat().st_size

        return self._call("put", key, write, int)

    def get(self, key: str) -> bytes:
        return self._call("get", key, self._path(key).read_bytes, len)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        def read() -> bytes:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(length)

        return self._call("get", key, read, len)

    def get_file(self, key: str, path: Path) -> int:
        def read() -> int:
            with whole_file(path) as part:
                shutil.copyfile(self._path(key), part)
                return part.stat().st_size

        return self._call("get", key, read, int)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        yield from self._call("list", prefix, lambda: list(self._walk(prefix)), lambda _: 0)

    def delete(self, key: str) -> None:
        self._call("delete", key, lambda: self._path(key).unlink(missing_ok=True), lambda _: 0)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            return self._call("head", key, lambda: self._info(key, self._path(key)), lambda _: 0)
        except ObjectMissing:
            return None

    def close(self) -> None:
        """Nothing is open between calls."""

    def remove_stale_parts(self, older_than_seconds: float = _STALE_PARTS_SECONDS) -> int:
        """Removes what killed writers left; the number of files removed."""
        limit = time.time() - older_than_seconds
        stale = [path for path in self.root.rglob(f"{_PART}*") if path.stat().st_mtime < limit]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    def _info(self, key: str, path: Path) -> ObjectInfo:
        status = path.stat()
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "not a file", str(path))
        return ObjectInfo(key, status.st_size, f"{status.st_mtime_ns:x}-{status.st_size:x}", status.st_mtime)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        # Whole parts of the prefix are directories: the rest of the tree need not be read.
        top = self.root / prefix.rpartition("/")[0]
        keys = sorted(
            path.relative_to(self.root).as_posix()
            for path in top.rglob("*")
            if not path.name.startswith(_PART) and path.is_file()
        )
        for key in keys:
            if key.startswith(prefix):
                try:
                    yield self._info(key, self.root / key)
                except FileNotFoundError:
                    continue  # deleted since

    def _call(self, operation: str, key: str, action: Callable[[], T], size: Callable[[T], int]) -> T:
        where = f"{self.url}/{key}"

        def attempt() -> T:
            try:
                return action()
            except OSError as problem:
                raise _translated(problem, operation, where) from problem

        return self._caller.call(operation, where, key, attempt, size)


def _translated(problem: OSError, operation: str, where: str) -> Exception:
    reason = problem.strerror or str(problem)
    if isinstance(problem, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return ObjectMissing(operation, where, reason, "check the path, and that the file system is mounted")
    if isinstance(problem, PermissionError) or problem.errno == errno.EROFS:
        return AccessDenied(
            operation, where, reason, "the run's user needs read and write access to the directory"
        )
    if problem.errno in _FULL:
        return StoreFull(
            operation, where, reason, "free space or raise the quota; what was there is untouched"
        )
    if problem.errno in _TRANSIENT:
        return Transient(reason)
    return StoreError(operation, where, reason, "look at the file system and the kernel's log")
