"""Google Cloud Storage by its own client, with the pod's workload identity."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import requests.exceptions as web
from google.api_core import exceptions as cloud
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.resumable_media import common as media

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
from bedplate_training.store_posix import whole_file

T = TypeVar("T")


class GcsStore:
    """`Store` on a bucket. With `endpoint_url` (an emulator) it asks without credentials."""

    def __init__(self, bucket: str, prefix: str, caller: Caller) -> None:
        options = caller.options
        self.url = f"gs://{bucket}/{prefix}".rstrip("/")
        self.name, self.counters, self._caller = caller.name, caller.counters, caller
        self._root, self._prefix = f"gs://{bucket}/", f"{prefix}/" if prefix else ""
        self._timeout = (options.connect_timeout_seconds, options.read_timeout_seconds)
        if options.endpoint_url:
            client = storage.Client(
                project="none",
                credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
                client_options={"api_endpoint": options.endpoint_url},
            )
        else:
            try:
                client = storage.Client()
            except (auth.GoogleAuthError, OSError) as problem:
                advice = "give the pod a service account with workload identity"
                raise AccessDenied("open", self._root, str(problem), advice) from problem
        self._client = client
        self._bucket = client.bucket(bucket)
        # A resumable upload moves in parts of this size; the library wants multiples of 256 KiB.
        self._part_bytes = options.part_mib * 2**20

    def put(self, key: str, data: bytes) -> None:
        self._call("put", key, lambda: self._upload(key, data, None), lambda _: len(data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        attempts = 0

        def write() -> bool:
            nonlocal attempts
            attempts += 1
            try:
                self._upload(key, data, 0)
            except cloud.PreconditionFailed:
                return False
            return True

        if self._call("put", key, write, lambda written: len(data) if written else 0):
            return True
        # An attempt whose answer was lost may have been ours.
        return attempts > 1 and self.get(key) == data

    def put_file(self, key: str, path: Path) -> int:
        size = path.stat().st_size

        def write() -> int:
            blob = self._bucket.blob(self._key(key), chunk_size=self._part_bytes)
            blob.upload_from_filename(str(path), checksum="crc32c", timeout=self._timeout, retry=None)
            return size

        return self._call("put", key, write, int)

    def get(self, key: str) -> bytes:
        return self._call("get", key, lambda: self._download(key, None, None), len)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if length <= 0:
            return b""

        def read() -> bytes:
            try:
                return self._download(key, start, start + length - 1)
            except cloud.RequestRangeNotSatisfiable:
                return b""  # the object ends at or before `start`

        return self._call("get", key, read, len)

    def get_file(self, key: str, path: Path) -> int:
        def read() -> int:
            with whole_file(path) as target:
                blob = self._bucket.blob(self._key(key))
                blob.download_to_filename(str(target), checksum="auto", timeout=self._timeout, retry=None)
                return target.stat().st_size

        return self._call("get", key, read, int)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        token: str | None = None
        while True:

            def page(token: str | None = token) -> tuple[tuple[ObjectInfo, ...], str | None]:
                found = self._client.list_blobs(
                    self._bucket,
                    prefix=self._prefix + prefix,
                    page_token=token,
                    max_results=1000,
                    timeout=self._timeout,
                    retry=None,
                )
                return tuple(self._info(blob) for blob in next(found.pages, ())), found.next_page_token

            infos, token = self._call("list", prefix, page, lambda _: 0)
            yield from infos
            if not token:
                return

    def delete(self, key: str) -> None:
        blob = self._bucket.blob(self._key(key))
        try:
            self._call("delete", key, lambda: blob.delete(timeout=self._timeout, retry=None), lambda _: 0)
        except ObjectMissing:
            return

    def head(self, key: str) -> ObjectInfo | None:
        name = self._key(key)
        blob = self._call(
            "head", key, lambda: self._bucket.get_blob(name, timeout=self._timeout, retry=None), lambda _: 0
        )
        return None if blob is None else self._info(blob)

    def close(self) -> None:
        self._client.close()

    def __getstate__(self) -> dict[str, object]:
        raise TypeError("a store has connections: open it in each process with open_store(url)")

    def _key(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _info(self, blob: "storage.Blob") -> ObjectInfo:
        modified = blob.updated.timestamp() if blob.updated else 0.0
        return ObjectInfo(blob.name.removeprefix(self._prefix), blob.size or 0, blob.etag or "", modified)

    def _upload(self, key: str, data: bytes, generation: int | None) -> None:
        self._bucket.blob(self._key(key)).upload_from_string(
            data,
            content_type="application/octet-stream",
            if_generation_match=generation,
            checksum="crc32c",
            timeout=self._timeout,
            retry=None,  # attempts are ours: the library's would not be counted
        )

    def _download(self, key: str, start: int | None, end: int | None) -> bytes:
        data: bytes = self._bucket.blob(self._key(key)).download_as_bytes(
            start=start, end=end, timeout=self._timeout, retry=None
        )
        return data

    def _call(self, operation: str, key: str, action: Callable[[], T], size: Callable[[T], int]) -> T:
        where = f"{self._root}{self._prefix}{key}"

        def attempt() -> T:
            try:
                return action()
            except (cloud.GoogleAPICallError, auth.GoogleAuthError, media.DataCorruption, OSError) as problem:
                raise _translated(problem, operation, where) from problem

        return self._caller.call(operation, where, key, attempt, size)


def _translated(problem: Exception, operation: str, where: str) -> Exception:
    reason = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, cloud.TooManyRequests | cloud.ServiceUnavailable):
        return Transient(reason, throttled=True)
    if isinstance(problem, cloud.ServerError | media.DataCorruption | auth.TransportError):
        return Transient(reason)
    if isinstance(problem, cloud.Forbidden | cloud.Unauthorized | auth.GoogleAuthError):
        advice = "allow the run's service account to use the bucket (and its key), and check the node's clock"
        return AccessDenied(operation, where, reason, advice)
    if isinstance(problem, cloud.NotFound):
        return ObjectMissing(operation, where, reason, "check bucket and key")
    if isinstance(problem, web.ConnectionError | web.Timeout | web.ChunkedEncodingError | ConnectionError):
        return Transient(reason)
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(operation, where, reason, "free the disk or lower the cache's limit")
    return StoreError(operation, where, reason, "check address and bucket")
