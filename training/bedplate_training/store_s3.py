"""S3: AWS, a Ceph object gateway, the sandbox."""

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import boto3
import botocore.exceptions as aws
import urllib3.exceptions as http
from botocore.config import Config

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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
_THROTTLED = (
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
    "ServiceBusy",
)
_FULL = ("QuotaExceeded", "InsufficientCapacity", "StorageFull")
_BROKEN = (
    aws.HTTPClientError,
    aws.ConnectionError,
    aws.IncompleteReadError,
    aws.ResponseStreamingError,
    http.HTTPError,
    ConnectionError,
    TimeoutError,
)


class S3Store:
    """`Store` on a bucket."""

    def __init__(self, bucket: str, prefix: str, caller: Caller) -> None:
        self.bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.name, self.counters, self._caller = caller.name, caller.counters, caller
        options = caller.options
        endpoint = options.endpoint_url or None
        own = bool(endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
        path_style = own if options.path_style is None else options.path_style
        self._client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=options.region or os.environ.get("AWS_REGION") or ("us-east-1" if own else None),
            config=Config(
                connect_timeout=options.connect_timeout_seconds,
                read_timeout=options.read_timeout_seconds,
                # Attempts are ours: botocore's would not be counted.
                retries={"total_max_attempts": 1, "mode": "standard"},
                max_pool_connections=max(10, 4 * options.parallel_parts),
                s3={"addressing_style": "path" if path_style else "auto"},
                # Gateways before Ceph Squid refuse the trailing checksums that boto3 adds since 1.36.
                request_checksum_calculation="when_required" if own else "when_supported",
                response_checksum_validation="when_required" if own else "when_supported",
            ),
        )
        self._pool = ThreadPoolExecutor(options.parallel_parts, thread_name_prefix=f"store-{self.name}")

    def put(self, key: str, data: bytes) -> None:
        name = self._key(key)
        self._call(
            "put",
            key,
            lambda: self._client.put_object(Bucket=self.bucket, Key=name, Body=data),
            lambda _: len(data),
        )

    def put_if_absent(self, key: str, data: bytes) -> bool:
        name = self._key(key)
        attempts = 0

        def write() -> bool:
            nonlocal attempts
            attempts += 1
            try:
                self._client.put_object(Bucket=self.bucket, Key=name, Body=data, IfNoneMatch="*")
            except aws.ClientError as problem:
                if problem.response.get("Error", {}).get("Code") not in ("PreconditionFailed", "412"):
                    raise
                return False
            return True

        if self._call("put", key, write, lambda written: len(data) if written else 0):
            return True
        # An attempt whose answer was lost may have been ours.
        return attempts > 1 and self.get(key) == data

    def put_file(self, key: str, path: Path) -> int:
        size, part = path.stat().st_size, self._caller.options.part_mib * 2**20
        if size <= part:
            self.put(key, path.read_bytes())
            return size
        name = self._key(key)
        part = max(part, -(-size // 10_000))  # S3 takes 10,000 parts
        upload = self._call(
            "put",
            key,
            lambda: self._client.create_multipart_upload(Bucket=self.bucket, Key=name)["UploadId"],
            lambda _: 0,
        )

        def send(number: int) -> str:
            with path.open("rb") as file:
                file.seek((number - 1) * part)
                data = file.read(part)
            return self._call(
                "put",
                key,
                lambda: self._client.upload_part(
                    Bucket=self.bucket, Key=name, UploadId=upload, PartNumber=number, Body=data
                )["ETag"],
                lambda _: len(data),
            )

        try:
            tags = list(self._pool.map(send, range(1, -(-size // part) + 1)))
            parts = [{"ETag": tag, "PartNumber": number} for number, tag in enumerate(tags, 1)]
            self._call(
                "put",
                key,
                lambda: self._client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=name,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
                ),
                lambda _: 0,
            )
        except BaseException:
            # Parts without an end cost money until a lifecycle rule finds them.
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=name, UploadId=upload)
            raise
        return size

    def get(self, key: str) -> bytes:
        name = self._key(key)
        return self._call(
            "get", key, lambda: self._client.get_object(Bucket=self.bucket, Key=name)["Body"].read(), len
        )

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._range(key, start, length, "")[0]

    def get_file(self, key: str, path: Path) -> int:
        part = self._caller.options.part_mib * 2**20
        first, size, etag = self._range(key, 0, part, "")
        try:
            with whole_file(path) as target, target.open("wb") as file:
                file.write(first)
                starts = range(len(first), size, part)
                # As many parts in memory as are read at once, however large the object.
                for at in range(0, len(starts), self._caller.options.parallel_parts):
                    batch = starts[at : at + self._caller.options.parallel_parts]
                    for data, _, _ in self._pool.map(
                        lambda start: self._range(key, start, part, etag), batch
                    ):
                        file.write(data)
                if file.tell() != size:
                    raise StoreError(
                        "get",
                        self._where(key),
                        f"{file.tell()} of {size} bytes came",
                        "look at the store's health",
                    )
        except OSError as problem:
            if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StoreFull(
                "get",
                self._where(key),
                f"no space left for {path}",
                "free the disk or lower the cache's limit",
            ) from problem
        return size

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        token = ""
        while True:
            more = {"ContinuationToken": token} if token else {}
            page = self._call(
                "list",
                prefix,
                lambda more=more: self._client.list_objects_v2(  # type: ignore[misc]
                    Bucket=self.bucket, Prefix=self._prefix + prefix, **more
                ),
                lambda _: 0,
            )
            for item in page.get("Contents", []):
                yield ObjectInfo(
                    item["Key"].removeprefix(self._prefix),
                    item["Size"],
                    item["ETag"].strip('"'),
                    item["LastModified"].timestamp(),
                )
            token = page.get("NextContinuationToken", "")
            if not token:
                return

    def delete(self, key: str) -> None:
        name = self._key(key)
        self._call(
            "delete", key, lambda: self._client.delete_object(Bucket=self.bucket, Key=name), lambda _: 0
        )

    def head(self, key: str) -> ObjectInfo | None:
        name = self._key(key)
        try:
            found = self._call(
                "head", key, lambda: self._client.head_object(Bucket=self.bucket, Key=name), lambda _: 0
            )
        except ObjectMissing:
            return None
        return ObjectInfo(
            key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].timestamp()
        )

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()

    def __getstate__(self) -> dict[str, object]:
        raise TypeError("a store has connections and threads: open it in each process with open_store(url)")

    def _key(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _where(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._prefix}{key}"

    def _range(self, key: str, start: int, length: int, etag: str) -> tuple[bytes, int, str]:
        """The bytes, the size of the whole object and its mark; another mark than `etag` is an error."""
        if length <= 0:
            return b"", 0, etag
        name = self._key(key)

        def read() -> tuple[bytes, int, str]:
            try:
                answer = self._client.get_object(
                    Bucket=self.bucket,
                    Key=name,
                    Range=f"bytes={start}-{start + length - 1}",
                    **({"IfMatch": etag} if etag else {}),  # type: ignore[arg-type]
                )
            except aws.ClientError as problem:
                if problem.response.get("Error", {}).get("Code") in ("InvalidRange", "416"):
                    return b"", start, etag  # the object ends at or before `start`
                raise
            data = answer["Body"].read()
            total = int(answer.get("ContentRange", f"/{len(data)}").rpartition("/")[2])
            return data, total, answer["ETag"]

        return self._call("get", key, read, lambda found: len(found[0]))

    def _call(self, operation: str, key: str, action: Callable[[], T], size: Callable[[T], int]) -> T:
        where = self._where(key)

        def attempt() -> T:
            try:
                return action()
            except (aws.BotoCoreError, aws.ClientError, http.HTTPError, OSError) as problem:
                raise _translated(problem, operation, where) from problem

        return self._caller.call(operation, where, key, attempt, size)


def _translated(problem: Exception, operation: str, where: str) -> Exception:
    if isinstance(problem, aws.ClientError):
        return _refusal(problem, operation, where)
    if isinstance(problem, aws.NoCredentialsError | aws.PartialCredentialsError | aws.TokenRetrievalError):
        return AccessDenied(
            operation,
            where,
            "no credentials were found",
            "give the pod a service account with access to the bucket",
        )
    if isinstance(problem, _BROKEN):
        return Transient(f"{type(problem).__name__}: {problem}")
    return StoreError(
        operation, where, f"{type(problem).__name__}: {problem}", "check address and configuration"
    )


def _refusal(problem: aws.ClientError, operation: str, where: str) -> Exception:
    error = problem.response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    status = int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reason = f"{status} {code} {message}".strip()
    if code in _FULL or status == 507:
        return StoreFull(operation, where, reason, "free space or raise the quota of the bucket or its owner")
    if code in _THROTTLED or status in (429, 503):
        return Transient(reason, throttled=True)
    # A request that was cut off before its body came, or whose clock is a retry away.
    if status >= 500 or code in ("RequestTimeout", "InternalError"):
        return Transient(reason)
    if status in (401, 403):
        advice = "allow the run's role to use the bucket (and its key), and check the node's clock"
        return AccessDenied(operation, where, reason, advice)
    if status == 404:
        advice = (
            "the bucket does not exist or is in another region" if code == "NoSuchBucket" else "check the key"
        )
        return ObjectMissing(operation, where, reason, advice)
    if status == 412:
        return StoreError(
            operation, where, "the object changed while it was read", "do not write to a data set in use"
        )
    return StoreError(operation, where, reason, "check address, region and bucket")
