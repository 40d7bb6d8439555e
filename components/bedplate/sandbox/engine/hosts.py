"""Running the program: in a child process, or a function in this one."""

import asyncio
import contextvars
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from .deployment import Deployment
from .program import TOLD, report


@dataclass(frozen=True)
class PathProgram:
    """A program on disk: `main` is the directory (with a `__main__.py`) or file, `root` the directory of
    Pulumi.yaml.
    """

    main: Path
    root: Path


@dataclass(frozen=True)
class InlineProgram:
    """A function of this process, as in Pulumi's automation API."""

    func: Callable[[], None]


class Host(Protocol):
    """A running program."""

    def ended(self) -> bool: ...

    def succeeded(self) -> bool:
        """Whether it ended without an error; reports an error that it did not tell itself."""
        ...

    def stop(self) -> None:
        """End it; it has been turned away by the monitor already."""
        ...


class ChildHost:
    """The program in a child process; its output lines become messages."""

    def __init__(self, program: PathProgram, monitor: str, deployment: Deployment) -> None:
        self._d = deployment
        command = [
            sys.executable,
            "-m",
            "bedplate.sandbox.engine.program",
            "--monitor",
            monitor,
            "--root",
            str(program.root.resolve()),
            "--parent",
            str(os.getpid()),
            str(program.main.resolve()),
        ]
        package_root = str(Path(__file__).resolve().parents[3])
        paths = [package_root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Ctrl-C is for the engine alone: it lets what is under way finish and then ends the program.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._last: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, keep), daemon=True)
            for stream, keep in ((self._process.stdout, False), (self._process.stderr, True))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], keep: bool) -> None:
        for line in stream:
            text = line.rstrip("\n")
            if keep:
                self._last = [*self._last[-19:], text]
            self._d.diagnose("info", text)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def succeeded(self) -> bool:
        status = self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        if status == 0:
            return True
        if status != TOLD or not self._d.failed.is_set():
            last = "\n".join(self._last)
            self._d.diagnose("error", f"the program ended with status {status}\n{last}".rstrip())
        return False

    def stop(self) -> None:
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class InlineHost:
    """The program as a function, on an event loop of its own in a thread, in its own context variables."""

    def __init__(self, program: InlineProgram, monitor: str, deployment: Deployment) -> None:
        self._d = deployment
        self._ok = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run, program.func, monitor), daemon=True, name="program"
        )
        self._thread.start()

    def _run(self, func: Callable[[], None], monitor: str) -> None:
        from pulumi.runtime import run_in_stack

        from .sdk import configure

        d = self._d
        configure(
            d.stack,
            monitor,
            str(d.directory),
            d.config,
            sorted(d.secret_keys),
            preview=d.preview,
            parallel=d.parallel,
        )
        loop = asyncio.new_event_loop()
        executor = ThreadPoolExecutor(max_workers=d.parallel * 4)
        loop.set_default_executor(executor)
        loop.set_exception_handler(lambda *_: None)  # what nobody awaits after a failure is no news
        try:
            with _quiet_asyncio():
                loop.run_until_complete(run_in_stack(func))
            self._ok = True
        except Exception as error:  # noqa: BLE001 a program may raise anything; it is reported
            if not d.failed.is_set():
                report(error, Path(func.__code__.co_filename).parent)
                d.failed.set()
        finally:
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    loop.run_until_complete(task)
            executor.shutdown(wait=False, cancel_futures=True)
            loop.close()

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def succeeded(self) -> bool:
        self._thread.join()
        return self._ok

    def stop(self) -> None:
        self._thread.join(timeout=5)


@contextmanager
def _quiet_asyncio() -> Iterator[None]:
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def start(program: PathProgram | InlineProgram, monitor: str, deployment: Deployment) -> Host:
    """Start the program against a monitor that already listens."""
    if isinstance(program, PathProgram):
        return ChildHost(program, monitor, deployment)
    return InlineHost(program, monitor, deployment)
