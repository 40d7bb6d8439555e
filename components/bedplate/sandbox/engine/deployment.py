"""What all parts of a run share: the state, the providers, who has been seen, what changed, and whether it
failed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event, Lock, Semaphore
from typing import TYPE_CHECKING

from .events import DiagnosticEvent, PolicyEvent, PropertyChange, ResourceEvent, Severity, StepOp
from .events import Event as RunEvent
from .goal import Goal
from .provider_client import ProviderError
from .providers import Providers
from .resources import Resource
from .stack_id import StackId
from .state import State
from .urns import reference

if TYPE_CHECKING:
    from .analyzers import Analyzers


class Aborted(Exception):
    """The run has failed; what asks for more is turned away."""


@dataclass
class Seen:
    """What the program has registered so far. Guarded by `Deployment.lock`."""

    urns: set[str] = field(default_factory=set)
    goals: dict[str, Goal] = field(default_factory=dict)
    component_providers: dict[str, dict[str, str]] = field(default_factory=dict)
    news: dict[str, Resource] = field(default_factory=dict)
    # URNs with a decided step; the state's entries of those are not deleted at the end.
    operated: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    # Deleted already, because something that they depend on was deleted before its replacement.
    deleted: set[str] = field(default_factory=set)
    old_of: dict[str, str] = field(default_factory=dict)  # new URN -> old URN that an alias matched
    new_of: dict[str, str] = field(default_factory=dict)  # the opposite


class Deployment:
    """One run. Nothing in here holds a lock while a provider works."""

    def __init__(
        self,
        stack: StackId,
        state: State,
        addresses: Mapping[str, str],
        on_event: Callable[[RunEvent], None],
        preview: bool,
        parallel: int,
        config: Mapping[str, str],
        secret_keys: frozenset[str],
        directory: Path,
    ) -> None:
        self.stack = stack
        self.state = state
        self.preview = preview
        self.parallel = max(1, parallel)
        self.config = config
        self.secret_keys = secret_keys
        self.directory = directory
        self.lock = Lock()
        self.seen = Seen()
        self.failed = Event()
        self.analyzers: Analyzers | None = None
        self.errors: list[str] = []
        self.changes: Counter[str] = Counter()
        self.old_providers = {
            reference(item.urn, item.id): item
            for item in state.olds
            if item.type.startswith("pulumi:providers:")
        }
        self.providers = Providers(addresses, self._find_old_provider)
        self._on_event = on_event
        self._event_lock = Lock()
        self._slots = Semaphore(self.parallel)
        self._active = 0
        self._idle = Condition()

    def _find_old_provider(self, urn: str, id: str) -> Resource | None:
        found = self.old_providers.get(reference(urn, id))
        if found is None:
            found = self.old_providers.get(reference(self.seen.old_of.get(urn, urn), id))
        return found

    def current_reference(self, ref: str) -> str:
        """The provider reference with the provider's URN of this run, where an alias renamed it."""
        urn, _, id = ref.rpartition("::")
        return reference(self.seen.new_of.get(urn, urn), id) if ref else ref

    def emit(self, event: RunEvent) -> None:
        with self._event_lock:
            self._on_event(event)

    def diagnose(self, severity: Severity, message: str, urn: str = "") -> None:
        """A message for the user; one of severity error makes the run fail."""
        if severity == "error":
            with self.lock:
                self.errors.append(message)
            self.failed.set()
        self.emit(DiagnosticEvent(severity, message, urn))

    def policy(self, event: PolicyEvent, stops: bool) -> None:
        """A finding of a policy pack; a mandatory one fails the run, at its end or, if it `stops`, now."""
        if event.level == "mandatory":
            with self.lock:
                self.errors.append(event.text())
            if stops:
                self.failed.set()
        self.emit(event)

    def fail(self, message: str, urn: str = "") -> Aborted:
        """Report an error; to be raised by the caller: `raise deployment.fail(...)`."""
        self.diagnose("error", message, urn)
        return Aborted(message)

    def check_running(self) -> None:
        if self.failed.is_set():
            raise Aborted("the run has failed")

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Whatever ends the block early, an interruption included, ends the run: nothing new starts."""
        try:
            yield
        except BaseException:
            self.failed.set()
            raise

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts what is in flight, so that the end can wait for it."""
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def wait_idle(self) -> None:
        """Wait until nothing is in flight."""
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Room for one call of a provider. Raises Aborted if the run fails before there is some."""
        with self._slots:
            self.check_running()
            yield

    def step(
        self,
        op: StepOp,
        resource: Resource,
        work: Callable[[], None],
        reason: str = "",
        diff: tuple[PropertyChange, ...] = (),
        count: str | None = None,
    ) -> None:
        """Do one step and tell of it. Raises Aborted where it fails; a provider's error has been reported
        then.
        """
        shown = not resource.internal
        details = (op, resource.urn, resource.type, resource.name, reason, diff)
        self.check_running()
        if shown and op != "same":
            self.emit(ResourceEvent("start", *details))
        started = time.monotonic()
        try:
            work()
        except ProviderError as error:
            if shown:
                self.emit(ResourceEvent("failed", *details, seconds=time.monotonic() - started))
            raise self.fail(str(error), resource.urn) from error
        if shown:
            with self.lock:
                if count != "":
                    self.changes[count or op] += 1
            self.emit(ResourceEvent("done", *details, seconds=time.monotonic() - started))
