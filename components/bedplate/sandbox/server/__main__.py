"""The daemon of one directory: `python -m bedplate.sandbox.server HOME`.

It stops by itself after BEDPLATE_SANDBOX_IDLE_SECONDS (default 3600) without a call.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from bedplate.sandbox.server import files
from bedplate.sandbox.server.info import ServerInfo
from bedplate.sandbox.server.instance import SandboxServer
from bedplate.sandbox.server.version import code_version

_DEFAULT_IDLE_SECONDS = 3600.0


def main(arguments: list[str]) -> int:
    """Serve until a signal or idleness; the exit status. ValueError for a setting that is no number."""
    if len(arguments) != 1:
        print("usage: python -m bedplate.sandbox.server HOME", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A line per call of the emulated services, request bodies included, is nothing for a log file.
    for noisy in ("botocore", "boto3", "werkzeug", "moto"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    idle_seconds = _idle_seconds()
    home = Path(arguments[0]).absolute()
    files.prepare(home)
    os.umask(0o077)
    if files.take_lock(home) is None:
        print(f"a sandbox server of {home} runs already", file=sys.stderr)
        return 1
    # Before the imports: what changes while they run belongs to the next version.
    version = code_version()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = SandboxServer.start(home)
    except ValueError as error:  # the file of another release, or a damaged one
        print(error, file=sys.stderr)
        return 1
    files.write_info(
        home, ServerInfo(os.getpid(), server.moto_url, server.providers, version, tuple(server.warnings))
    )
    while not stop.wait(min(5.0, max(0.2, idle_seconds / 10))):
        if server.idle_seconds > idle_seconds:
            logging.getLogger("bedplate.sandbox").info("stopping: no call for %.0f s", idle_seconds)
            break
    files.remove_info(home)
    server.stop()
    return 0


def _idle_seconds() -> float:
    text = os.environ.get("BEDPLATE_SANDBOX_IDLE_SECONDS")
    if text is None:
        return _DEFAULT_IDLE_SECONDS
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"BEDPLATE_SANDBOX_IDLE_SECONDS is '{text}'; give a number of seconds, e.g. 3600"
        ) from None


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # Worker threads of a call that hangs must not keep the process, and its lock, alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
