"""One operation with the offline engine, shown as Pulumi's command would show it."""

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from bedplate.sandbox import home as homes
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import Home
from bedplate.sandbox.outcome import Json, Outcome
from bedplate.sandbox.stack_files import stack_file
from bedplate.sandbox.task import Task

if TYPE_CHECKING:
    from bedplate.sandbox.engine.events import Event, ResourceEvent


def run(home: Home, task: Task, people: TextIO, machine: TextIO) -> Outcome:
    """The time in the outcome is all of it: the start of the sandbox is included.

    Raises UsageError for files that cannot be read or secrets that the passphrase does not open.
    """
    began = time.monotonic()
    stack_file(home.root, task.environment)
    secret = homes.passphrase(home)
    # Where the engine, as Pulumi itself, looks for what opens the secrets of the configuration.
    os.environ.update(homes.passphrase_variable(home))
    # The server's start and the engine's imports take a second each: one happens during the other.
    with ThreadPoolExecutor(max_workers=1) as pool:
        from bedplate.sandbox.server import ensure_daemon

        starting = pool.submit(ensure_daemon, home.path)

        from bedplate.sandbox.display import Display
        from bedplate.sandbox.engine import PolicyPack, Request, StackId, project
        from bedplate.sandbox.engine import run as run_engine
        from bedplate.sandbox.engine.events import PolicyEvent, ResourceEvent
        from bedplate.sandbox.engine.secrets import PassphraseError

        try:
            loaded = project.load(home.root, task.environment)
        except (project.ProjectError, PassphraseError) as error:
            raise UsageError(str(error)) from error
        server = starting.result()
    display = Display(people, task.operation, color=task.color, full_diff=task.full_diff)
    display.start(task.environment)

    def show(event: "Event") -> None:
        display.event(event)
        if task.machine and isinstance(event, ResourceEvent):
            print(json.dumps(_line(event)), file=machine, flush=True)
        elif task.machine and isinstance(event, PolicyEvent):
            print(json.dumps({"event": "policy", **asdict(event)}), file=machine, flush=True)

    interrupted = _notice_interruption()
    result = run_engine(
        Request(
            operation=task.operation,
            stack=StackId(loaded.name, task.environment),
            program=loaded.program,
            backend=home.backend,
            config=loaded.stack_config,
            config_secret_keys=loaded.secret_keys,
            providers={name: f"127.0.0.1:{port}" for name, port in server.providers.items()},
            passphrase=secret,
            parallel=task.parallel,
            policy_packs=tuple(PolicyPack(path, config) for path, config in task.policy_packs),
            on_event=show,
        )
    )
    outcome = Outcome(
        engine="offline",
        ok=result.ok,
        changes=result.changes,
        resources=result.resources,
        outputs=result.outputs,
        duration_seconds=time.monotonic() - began,
        errors=tuple(result.errors),
        interrupted=interrupted.is_set() and not result.ok,
    )
    display.finish(outcome)
    return outcome


def _notice_interruption() -> threading.Event:
    """Set at Ctrl-C, which the engine gets as ever: it finishes what is under way and returns."""
    interrupted = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, handle)
    return interrupted


def _line(event: "ResourceEvent") -> dict[str, Json]:
    from bedplate.sandbox.values import plain

    return {
        "event": "resource",
        "phase": event.phase,
        "op": event.op,
        "urn": event.urn,
        "type": event.type,
        "name": event.name,
        "reason": event.reason,
        "changed": [
            {"path": change.path, "kind": change.kind, "old": plain(change.old), "new": plain(change.new),
             "replaces": change.forces_replace}
            for change in event.diff
        ],
    }  # fmt: skip
