"""Downloads that go on where they stopped, and count only when they are whole."""

import email.message
import errno
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import CorruptError, DiskError, LinkError, RefusedError
from .sigv4 import Credentials, signed_headers

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Store:
    """How `s3://bucket/key` is reached. An https:// URL is taken as it is."""

    region: str = "us-east-1"
    endpoint: str = ""
    path_style: bool = False
    credentials: Credentials | None = None
    plain_http: bool = False

    def url(self, uri: str, query: str = "") -> str:
        """The URL of an object, or of the bucket where `uri` has no key. Raises RefusedError."""
        parts = urllib.parse.urlsplit(uri)
        if parts.scheme == "s3":
            host = self.endpoint or f"https://s3.{self.region}.amazonaws.com"
            base = urllib.parse.urlsplit(host)
            key = urllib.parse.quote(parts.path.lstrip("/"), safe="/-_.~")
            if self.path_style:
                parts = base._replace(path=f"/{parts.netloc}/{key}".rstrip("/"))
            else:
                parts = base._replace(netloc=f"{parts.netloc}.{base.netloc}", path=f"/{key}")
            parts = parts._replace(query=query)
        if parts.scheme != "https" and not (self.plain_http and parts.scheme == "http"):
            raise RefusedError(f"{parts.scheme or 'no scheme'} is not https")
        return urllib.parse.urlunsplit(parts)

    def open(self, uri: str, *, query: str = "", first: int = 0) -> http.client.HTTPResponse:
        """The response from byte `first` on. Raises LinkError, RefusedError."""
        url = self.url(uri, query)
        headers = {"Accept-Encoding": "identity"}
        if uri.startswith("s3://") and self.credentials is not None:
            headers |= signed_headers(url, self.credentials, self.region)
        if first:
            headers["Range"] = f"bytes={first}-"
        try:
            response = _OPENER.open(urllib.request.Request(url, headers=headers), timeout=30)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (408, 429) or error.code >= 500:
                raise LinkError(f"the server answers {error.code}", _retry_after(error.headers)) from None
            raise RefusedError(f"the server answers {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"no connection: {error}") from None
        assert isinstance(response, http.client.HTTPResponse)
        return response


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead to plain HTTP, or take the signature to somebody else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _retry_after(headers: email.message.Message) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), 3600.0) if re.fullmatch(r"\d{1,6}", value) else 0.0


@dataclass(frozen=True)
class Limits:
    """Bytes a second on the link (0: no limit), and bytes that stay free on the disk."""

    bytes_per_second: int = 0
    reserve_bytes: int = 0


NO_LIMITS = Limits()


def fetch(
    store: Store,
    uri: str,
    part: Path,
    *,
    size: int,
    sha256: str = "",
    limits: Limits = NO_LIMITS,
    beat: Callable[[int], None] = lambda received: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """One attempt to complete `part`. What has arrived stays there for the next one, unless it is wrong.

    `beat` is called with the number of bytes that just came. Raises a TransferError.
    """
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    _room(part, size - have, limits.reserve_bytes)
    if have < size or not part.exists():
        _receive(store, uri, part, have, size, limits, beat, sleep)
    if sha256 and file_sha256(part, beat) != sha256:
        part.unlink()
        raise CorruptError(f"{uri} has another sha256 than announced")


def _receive(
    store: Store,
    uri: str,
    part: Path,
    have: int,
    size: int,
    limits: Limits,
    beat: Callable[[int], None],
    sleep: Callable[[float], None],
) -> None:
    with store.open(uri, first=have) as response:
        if have and response.status == 206:
            if not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
                raise CorruptError("the server sends another range than asked for")
        else:
            have = 0  # It does not know ranges: from the beginning.
        started, came = time.monotonic(), 0
        try:
            with part.open("r+b" if have else "wb") as file:
                file.seek(have)
                file.truncate()
                while chunk := _read(response):
                    came += len(chunk)
                    if have + came > size:
                        break
                    file.write(chunk)
                    beat(len(chunk))
                    if limits.bytes_per_second:
                        ahead = came / limits.bytes_per_second - (time.monotonic() - started)
                        if ahead > 0:
                            sleep(min(ahead, 5.0))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            part.unlink()  # What others on this disk need is worth more than half of a model.
            raise DiskError(f"the disk is full after {have + came} of {size} bytes") from None
    if have + came > size:
        part.unlink()
        raise CorruptError(f"{uri} is longer than the announced {size} bytes")
    if have + came < size:
        raise LinkError(f"the link broke after {have + came} of {size} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    """The next bytes; none when the other side or the link has ended it."""
    try:
        return response.read1(_CHUNK)
    except (TimeoutError, ConnectionError, http.client.HTTPException):
        return b""


def _room(part: Path, needed: int, reserve: int) -> None:
    disk = os.statvfs(part.parent)
    free = disk.f_bavail * disk.f_frsize
    if needed + reserve > free:
        raise DiskError(f"{needed} bytes are missing and {reserve} are to stay free; the disk has {free}")


def file_sha256(file: Path, beat: Callable[[int], None] = lambda received: None) -> str:
    """The sha256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            beat(0)
    return digest.hexdigest()


class Backoff:
    """Waits longer after each failure in a row, up to a limit, and never shorter than the server asks."""

    def __init__(self, first_seconds: float = 5.0, longest_seconds: float = 900.0) -> None:
        self._first, self._longest, self._failures = first_seconds, longest_seconds, 0

    def failed(self, retry_after_seconds: float, jitter: float) -> float:
        """Seconds until the next attempt; `jitter` from 0 to 1 spreads a fleet that lost one link."""
        wait = min(self._first * 2.0**self._failures, self._longest)
        self._failures = min(self._failures + 1, 30)
        return max(wait * (0.5 + jitter / 2), retry_after_seconds)

    def succeeded(self) -> None:
        self._failures = 0
