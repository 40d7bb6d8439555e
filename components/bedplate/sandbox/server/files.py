"""The files of a daemon's home directory: who runs (a lock that dies with its process) and where it
answers.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bedplate.sandbox.server.info import ServerInfo

LOG = "server.log"
_INFO = "server.json"
_LOCK = "server.lock"
_STARTING = "start.lock"


def prepare(home: Path) -> None:
    """Make the directory, readable by its owner only."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def take_lock(home: Path) -> int | None:
    """Become the daemon of the directory until the process ends; None if there is one already."""
    descriptor = os.open(home / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(home: Path) -> bool:
    """Whether a daemon of the directory is alive, ready or not."""
    if not (home / _LOCK).exists():
        return False
    descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Shared: two clients that look at the same time do not take each other for a daemon.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def starting(home: Path) -> Iterator[None]:
    """Held by the one client that starts or replaces the daemon; the others wait."""
    descriptor = os.open(home / _STARTING, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_info(home: Path, info: ServerInfo) -> None:
    """Say where the daemon answers; a reader sees all of it or nothing."""
    text = json.dumps(
        {
            "pid": info.pid,
            "moto_url": info.moto_url,
            "providers": dict(info.providers),
            "version": info.version,
            "warnings": list(info.warnings),
        }
    )
    temporary = home / f"{_INFO}.new"
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(home / _INFO)


def remove_info(home: Path) -> None:
    (home / _INFO).unlink(missing_ok=True)


def read_info(home: Path) -> ServerInfo | None:
    """What the last daemon wrote, be it alive or not."""
    try:
        data = json.loads((home / _INFO).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return ServerInfo(
        data["pid"], data["moto_url"], data["providers"], data["version"], tuple(data["warnings"])
    )
