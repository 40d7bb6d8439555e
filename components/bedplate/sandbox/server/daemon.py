"""The daemon of a directory, from its clients' side: start it, find it, stop it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bedplate.sandbox.errors import ServerError
from bedplate.sandbox.server import files
from bedplate.sandbox.server.info import ServerInfo
from bedplate.sandbox.server.version import code_version

# Replaying a journal of 10,000 calls takes about half a minute.
_START_SECONDS = 180.0
_STOP_SECONDS = 15.0
_DYING_SECONDS = 5.0


def running(home: Path) -> ServerInfo | None:
    """The daemon of a directory if one is alive and ready."""
    info = files.read_info(home)
    deadline = time.monotonic() + _DYING_SECONDS
    while info is not None and files.is_locked(home):
        if _answers(info):
            return info
        # A process that is killed closes its sockets before it lets go of its lock.
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    return None


def _answers(info: ServerInfo) -> bool:
    """Whether something listens at each of the daemon's ports."""
    for port in info.providers.values():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
    return True


def ensure_daemon(home: Path) -> ServerInfo:
    """The running daemon, else a new one; one that runs other code than what is installed is replaced.

    Raises ServerError with the end of its log if it does not start.
    """
    home = home.absolute()
    files.prepare(home)
    version = code_version()
    info = running(home)
    if info is not None and info.version == version:
        return info
    with files.starting(home):
        info = running(home)
        if info is not None and info.version == version:
            return info
        if files.is_locked(home):
            stop_daemon(home)
        return _start(home)


def stop_daemon(home: Path) -> bool:
    """Stop the daemon; False if none ran. What it holds is on disk, and the next start brings it back.

    Raises ServerError if it neither stops nor says which process it is.
    """
    home = home.absolute()
    if not home.exists() or not files.is_locked(home):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    while (info := files.read_info(home)) is None and files.is_locked(home):
        # It is starting: it says which process it is when it is ready.
        if time.monotonic() > deadline:
            raise ServerError(
                f"{home}: a sandbox server holds {home / 'server.lock'} and does not say which it is"
            )
        time.sleep(0.05)
    if info is None:
        return True
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            break
        if _until_free(home):
            break
    files.remove_info(home)
    return True


def _until_free(home: Path) -> bool:
    deadline = time.monotonic() + _STOP_SECONDS
    while files.is_locked(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _start(home: Path) -> ServerInfo:
    files.remove_info(home)
    log = os.open(home / files.LOG, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        # Its own session and its own output: it outlives the command, and holds none of the caller's pipes
        # open.
        process = subprocess.Popen(
            [sys.executable, "-m", "bedplate.sandbox.server", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=home,
            env=_environment(),
        )
    finally:
        os.close(log)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        info = running(home)
        if info is not None and info.pid == process.pid:
            # Somebody must take its exit status when it ends, or it stays a zombie as long as the caller
            # lives.
            threading.Thread(target=process.wait, daemon=True).start()
            return info
        if process.poll() is not None:
            raise ServerError(
                f"the sandbox server stopped with code {process.returncode} at its start:\n{_log_end(home)}"
            )
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise ServerError(f"the sandbox server was not ready after {_START_SECONDS:.0f} s:\n{_log_end(home)}")


def _environment() -> dict[str, str]:
    """The caller's, without what would turn moto or its clients to another account, profile or endpoint."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "PULUMI_"))
    }


def _log_end(home: Path) -> str:
    lines = (home / files.LOG).read_text(errors="replace").splitlines()
    return "\n".join(lines[-20:])
