"""`bedplate sandbox serve|stop|reset`: the sandbox as a service for Pulumi's own command or an SDK."""

import json
import shlex
import shutil
import signal
import sys
import threading

from bedplate.cli.parser import Arguments
from bedplate.sandbox import home as homes
from bedplate.sandbox import variables


def serve(arguments: Arguments) -> int:
    """Print `export NAME=value` lines for a shell's eval (or one JSON object); the daemon goes on running."""
    home = homes.find(arguments.root)
    found = variables.for_pulumi(home)
    if arguments.json:
        print(json.dumps(found), flush=True)
    else:
        for name, value in sorted(found.items()):
            print(f"export {name}={shlex.quote(value)}", flush=True)
    if arguments.foreground:
        _wait()
        _stop(arguments)
    return 0


def _wait() -> None:
    """Until Ctrl-C or a service manager's SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        print("The sandbox is running; Ctrl-C stops it.", file=sys.stderr, flush=True)
        ended.wait()
    except KeyboardInterrupt:
        print(file=sys.stderr)


def stop(arguments: Arguments) -> int:
    """Stop the daemon. The sandbox's content and every state stay; the next command starts it again."""
    stopped = _stop(arguments)
    if arguments.json:
        print(json.dumps({"stopped": stopped}))
    return 0


def _stop(arguments: Arguments) -> bool:
    from bedplate.sandbox.server import stop_daemon

    home = homes.find(arguments.root)
    stopped = stop_daemon(home.path) if home.path.is_dir() else False
    print("The sandbox has stopped." if stopped else "No sandbox was running.", file=sys.stderr)
    return stopped


def reset(arguments: Arguments) -> int:
    """Delete what the emulated clouds hold and the state of every environment; configuration files stay."""
    home = homes.find(arguments.root)
    if not home.path.is_dir():
        print(f"Nothing to delete: {home.path} does not exist.", file=sys.stderr)
        return 0
    if not arguments.yes:
        if not sys.stdin.isatty():
            print(f"bedplate: this deletes {home.path}; add --yes", file=sys.stderr)
            return 2
        answer = input(f"Delete {home.path}: the emulated clouds' content and every state in it? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was deleted.", file=sys.stderr)
            return 1
    _stop(arguments)
    shutil.rmtree(home.path)
    print(f"Deleted {home.path}.", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"deleted": str(home.path)}))
    return 0
