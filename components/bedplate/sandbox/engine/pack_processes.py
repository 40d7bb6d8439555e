"""Processes of policy packs: forked from one that has imported the SDK where they share an interpreter."""

import ast
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

_STARTER = Path(__file__).with_name("pack_starter.py")


class PackProcess(Protocol):
    """What is asked of a pack's process; `subprocess.Popen` has it all."""

    stdout: IO[str] | None
    stderr: IO[str] | None

    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def open_alone(command: Sequence[str], directory: Path, variables: Mapping[str, str]) -> PackProcess:
    """A pack by a command of its own, as Pulumi's language host starts it."""
    return subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C is for the engine alone.
        start_new_session=True,
    )


class PackStarter:
    """The packs of one run that this interpreter runs. Linux only: elsewhere each is opened alone."""

    def __init__(self, programs: Sequence[Path]) -> None:
        self._lock = threading.Lock()
        self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-P", str(_STARTER), str(other.fileno()), *_imports(programs)],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    @staticmethod
    def useful(pythons: Sequence[Path]) -> bool:
        """Whether there are two packs or more to share what is imported."""
        shared = [python for python in pythons if python == Path(sys.executable)]
        return len(shared) > 1 and sys.platform == "linux" and hasattr(os, "pidfd_open")

    def open(self, arguments: Sequence[str], directory: Path, variables: Mapping[str, str]) -> PackProcess:
        """A pack. Raises OSError where the starter has died."""
        request = {
            "arguments": list(arguments),
            "directory": str(directory),
            "environment": dict(variables),
        }
        out, err = os.pipe(), os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._channel, [json.dumps(request).encode()], [out[1], err[1]])
                answer = self._channel.recv(64)
            if not answer:
                raise OSError("the process that starts policy packs has ended")
            # Its parent reaps it, so the number may be another's soon; a descriptor is never another's.
            handle = os.pidfd_open(int(answer))
        except OSError:
            os.close(out[0])
            os.close(err[0])
            raise
        finally:
            os.close(out[1])
            os.close(err[1])
        return _Forked(handle, out[0], err[0])

    def close(self) -> None:
        """End the starter, and with it what it started."""
        self._channel.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Forked:
    """A pack that the starter forked; it ends with the starter at the latest."""

    def __init__(self, handle: int, out: int, err: int) -> None:
        self._handle = handle
        self.stdout: IO[str] | None = os.fdopen(out, encoding="utf-8", errors="replace")
        self.stderr: IO[str] | None = os.fdopen(err, encoding="utf-8", errors="replace")

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end, which is all that is known of it: the status went to the starter."""
        readable, _, _ = select.select([self._handle], [], [], timeout)
        if not readable:
            raise subprocess.TimeoutExpired("policy pack", timeout or 0)
        return 0

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def __del__(self) -> None:
        os.close(self._handle)


def _imports(programs: Sequence[Path]) -> list[str]:
    """The modules that the packs' programs import at their top, each once."""
    found: dict[str, None] = {}
    for program in programs:
        main = program / "__main__.py" if program.is_dir() else program
        try:
            tree = ast.parse(main.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # the pack itself will tell
        for node in tree.body:
            if isinstance(node, ast.Import):
                found.update((name.name, None) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = None
    # What stands beside a program is that pack's own, and another's module may have the same name.
    beside = {one.stem for program in programs for one in _directory(program).iterdir()}
    return [name for name in found if name.partition(".")[0] not in beside]


def _directory(program: Path) -> Path:
    return program if program.is_dir() else program.parent
