"""The process that policy packs are forked from: `python -P pack_starter.py SOCKET MODULE...`.

Each pack is a process of its own, as under Pulumi's engine; but importing Pulumi's SDK is most of what a pack
does, and packs of one interpreter need it once. Run as a file and without this package: a pack must find
nothing loaded that it would not find by itself.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from typing import Any

_LONGEST_REQUEST = 1 << 16
_PR_SET_PDEATHSIG = 1


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    _die_with_parent()
    # Nobody asks how a pack ended; it shows in its closed output.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.set_threshold(100_000, 20, 20)
    for module in ("pulumi.policy", *sys.argv[2:]):
        # A pack that needs what is not there says so itself, with its own stack.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    gc.freeze()
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_REQUEST, 2)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(json.loads(data), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(str(pid).encode())


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """`python -u -m pulumi.policy ENGINE PROGRAM` in this process; does not return."""
    status = 1
    try:
        _die_with_parent()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for own, standard in ((nothing, 0), (descriptors[0], 1), (descriptors[1], 2)):
            os.dup2(own, standard)
            os.close(own)
        os.environ.update(request["environment"])
        os.chdir(request["directory"])
        sys.path.insert(0, request["directory"])
        sys.argv = ["pulumi.policy", *request["arguments"]]
        runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
