"""One command on one stack: preview, up, refresh or destroy."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from .analyzers_config import PolicyPack
from .backend import FileBackend, StateError
from .deletes import delete_all, everything, unregistered
from .deployment import Aborted, Deployment
from .events import DiagnosticEvent, Event, Operation, Output, Result, Secret
from .hosts import InlineProgram, PathProgram, start
from .monitor import Monitor
from .planner import Planner
from .provider_client import CallMissing, ProviderError
from .recovery import finish_pending
from .refresh import refresh
from .secrets import PassphraseError
from .stack_id import StackId
from .state import State
from .steps import Steps
from .urns import STACK_TYPE, is_default_provider, urn_name
from .values import Value, has_secret, mask, reveal


def _ignore(event: Event) -> None:
    """The default for `on_event`."""


@dataclass(frozen=True)
class Request:
    """What to do. `backend` is the directory that holds `.pulumi/`; `providers` are the emulated ones'
    addresses.

    `config` has the stack's configuration with full keys (`aws:region`); those in `config_secret_keys` are
    secret. `program` is needed by preview and up only.
    """

    operation: Operation
    stack: StackId
    backend: Path
    providers: Mapping[str, str]
    program: PathProgram | InlineProgram | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    config_secret_keys: frozenset[str] = frozenset()
    passphrase: str = ""
    parallel: int = 16
    policy_packs: tuple[PolicyPack, ...] = ()
    on_event: Callable[[Event], None] = _ignore


def run(request: Request) -> Result:
    """Carry out a request. Errors are reported as diagnostics and in the result, never raised.

    Raises ValueError for a request that cannot be meant (a preview without a program).
    """
    started = time.monotonic()
    if request.operation in ("preview", "up") and request.program is None:
        raise ValueError(f"{request.operation} needs a program")
    backend = FileBackend(request.backend, request.stack)
    writes = request.operation != "preview"
    try:
        with backend.lock() if writes else nullcontext():
            state = State(backend, request.passphrase, writes)
            try:
                return _run(request, state, started)
            finally:
                state.close()
    except (StateError, PassphraseError) as error:
        message = str(error)
    except OSError as error:
        message = (
            f"the state cannot be written: {error}. Free space or give the right to write, and run this "
            "again: it goes on from the last step that was recorded"
        )
    request.on_event(DiagnosticEvent("error", message))
    changes = dict.fromkeys(("create", "update", "replace", "delete", "same"), 0)
    return Result(False, request.operation, changes, 0, {}, time.monotonic() - started, [message])


def _run(request: Request, state: State, started: float) -> Result:
    program = request.program
    d = Deployment(
        request.stack,
        state,
        request.providers,
        request.on_event,
        preview=request.operation == "preview",
        parallel=request.parallel,
        config=request.config,
        secret_keys=request.config_secret_keys,
        directory=_directory(program),
    )
    outputs: dict[str, Output] = {}
    try:
        planner = Planner(d)
        monitor = Monitor(d, planner)
        monitor.start()
        try:
            if not d.preview:
                finish_pending(d)
            if request.operation == "destroy":
                delete_all(d, planner.steps, everything(d))
            elif request.operation == "refresh":
                refresh(d)
            else:
                assert program is not None
                if request.policy_packs:
                    from .analyzers import Analyzers

                    d.analyzers = Analyzers(request.policy_packs, d, monitor.address)
                _program(d, monitor, planner.steps, program)
        finally:
            monitor.stop()
            d.wait_idle()
            if d.analyzers is not None:
                d.analyzers.stop()
        if request.operation in ("preview", "up"):
            outputs = _outputs(d)
        elif request.operation == "refresh":
            outputs = _state_outputs(state)
    except Aborted:
        pass  # reported when it happened
    except (ProviderError, CallMissing) as error:
        d.diagnose("error", str(error))
    except KeyboardInterrupt:
        d.diagnose("error", "interrupted; what was under way has been finished and recorded")
        d.wait_idle()
    finally:
        d.providers.close()
    if d.failed.is_set() and not d.preview:
        _forget_lone_stack(d)
    documents = state.snapshot.documents()
    left = sum(not is_default_provider(item["type"], urn_name(item["urn"])) for item in documents)
    changes = {key: d.changes[key] for key in ("create", "update", "replace", "delete", "same")}
    ok = not d.errors and not d.failed.is_set()
    return Result(ok, request.operation, changes, left, outputs, time.monotonic() - started, list(d.errors))


def _forget_lone_stack(d: Deployment) -> None:
    """A program that was refused before it registered anything leaves nothing, not even its new stack.

    The SDK registers the stack before the program's first line; Pulumi's engine keeps it.
    """
    made = list(d.seen.news.values())
    if len(made) == 1 and made[0].type == STACK_TYPE and not d.state.olds and made[0].key:
        d.state.finish(drop=made[0])
        d.changes["create"] -= 1


def _directory(program: PathProgram | InlineProgram | None) -> Path:
    if isinstance(program, PathProgram):
        return program.main if program.main.is_dir() else program.main.parent
    return Path.cwd()


def _program(d: Deployment, monitor: Monitor, steps: Steps, program: PathProgram | InlineProgram) -> None:
    """Run the program, then delete what it no longer has. Raises Aborted after any error."""
    host = start(program, monitor.address, d)
    try:
        with d.stopping():
            while not monitor.idle.wait(0.02):
                if d.failed.is_set() or host.ended():
                    break
            if host.ended() and not monitor.idle.is_set() and not host.succeeded():
                d.failed.set()
            d.check_running()
            delete_all(d, steps, unregistered(d))
            monitor.finished.set()
            if not host.succeeded():
                d.failed.set()
            d.check_running()
            if d.analyzers is not None:
                d.analyzers.analyze_stack()
    finally:
        d.wait_idle()
        monitor.finished.set()
        host.stop()


def _show(value: Value) -> Output:
    plain = reveal(value)
    return Secret(plain) if has_secret(value) else mask(plain)


def _outputs(d: Deployment) -> dict[str, Output]:
    for resource in d.seen.news.values():
        if resource.type == STACK_TYPE:
            return {key: _show(item) for key, item in resource.outputs.items()}
    return {}


def _state_outputs(state: State) -> dict[str, Output]:
    for resource in state.olds:
        if resource.type == STACK_TYPE:
            return {key: _show(item) for key, item in resource.outputs.items()}
    return {}
