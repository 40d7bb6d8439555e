"""Exactly once: an operation happens wholly or not at all, and a create whose answer was lost is not done
again (ADR 1).
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from bedplate.sandbox.providers.handler import Created, JsonObject
from bedplate.sandbox.server.database import Database
from bedplate.sandbox.server.journal import Journal
from bedplate.sandbox.server.operation import Operation, current_operation

T = TypeVar("T")


@dataclass(frozen=True)
class Known:
    """A create that finished and whose resource no engine has named since."""

    inputs: JsonObject
    fingerprint: str
    created: Created


class Operations:
    """Runs the changes of resources. Two operations on one URN never run at the same time."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._in_flight: dict[str, JsonObject] = {}
        # Asked for at every diff: most have nothing to acknowledge, and need no query for it.
        self._unacknowledged = {str(urn) for (urn,) in database.rows("SELECT urn FROM created")}

    @property
    def busy(self) -> bool:
        """Whether anything is being changed now."""
        return bool(self._in_flight)

    def expected_inputs(self, urn: str) -> JsonObject | None:
        """The inputs of a create that is under way or was never acknowledged: its automatic name is to be
        kept.
        """
        in_flight = self._in_flight.get(urn)
        if in_flight is not None:
            return in_flight
        known = self._known(urn)
        return None if known is None else known.inputs

    def create(
        self,
        urn: str,
        inputs: JsonObject,
        make: Callable[[], Created],
        exists: Callable[[Created], bool],
        remove: Callable[[Created], None],
    ) -> Created:
        """Make a resource, or give the answer again that nobody acknowledged.

        A repeated create waits for the first one. With other inputs than the first time, what was made is
        removed before the new one is made. If `make` raises, nothing of what it did remains.
        """
        fingerprint = _fingerprint(inputs)
        with self._alone(urn, inputs):
            known = self._known(urn)
            if known is not None and exists(known.created):
                if known.fingerprint == fingerprint:
                    return known.created
                stale = known.created
                self._run(Operation(urn), lambda: remove(stale), lambda _: self._forget(urn, stale.id))
            return self._run(
                Operation(urn, json.dumps(inputs)),
                make,
                lambda made: self._remember(urn, inputs, fingerprint, made),
            )

    def update(self, urn: str, id: str, action: Callable[[], T]) -> T:
        """Change a resource; if `action` raises, it is as it was before."""
        with self._alone(urn, {}):
            self.acknowledge(urn, id)
            return self._run(Operation(urn), action, lambda _: None)

    def delete(self, urn: str, id: str, action: Callable[[], None]) -> None:
        """Delete a resource; if `action` raises, it is as it was before."""
        with self._alone(urn, {}):
            self.acknowledge(urn, id)
            self._run(Operation(urn), action, lambda _: self._forget(urn, id))

    def acknowledge(self, urn: str, id: str) -> None:
        """An engine names the resource by its id: it has the answer of the create."""
        if urn not in self._unacknowledged:
            return
        with self._database.transaction() as connection:
            done = connection.execute("DELETE FROM created WHERE urn=? AND id=?", (urn, id)).rowcount
        if done:
            self._unacknowledged.discard(urn)

    def forget_all(self) -> None:
        """After a reset."""
        self._unacknowledged.clear()

    @contextmanager
    def _alone(self, urn: str, inputs: JsonObject) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(urn, threading.Lock())
        with lock:
            self._in_flight[urn] = inputs
            try:
                yield
            finally:
                del self._in_flight[urn]

    def _run(self, operation: Operation, action: Callable[[], T], finish: Callable[[T], None]) -> T:
        token = current_operation.set(operation)
        try:
            result = action()
        except BaseException:
            self._journal.undo(operation)
            raise
        finally:
            current_operation.reset(token)
        with self._database.transaction() as connection:
            if operation.begun:
                connection.execute("DELETE FROM running WHERE operation=?", (operation.id,))
                connection.execute("DELETE FROM object_undo WHERE operation=?", (operation.id,))
            finish(result)
        return result

    def _known(self, urn: str) -> Known | None:
        if urn not in self._unacknowledged:
            return None
        rows = self._database.rows("SELECT inputs, fingerprint, id, outputs FROM created WHERE urn=?", (urn,))
        if not rows:
            return None
        inputs, fingerprint, id, outputs = rows[0]
        return Known(json.loads(str(inputs)), str(fingerprint), Created(str(id), json.loads(str(outputs))))

    def _remember(self, urn: str, inputs: JsonObject, fingerprint: str, made: Created) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO created VALUES (?,?,?,?,?)",
                (urn, json.dumps(inputs), fingerprint, made.id, json.dumps(made.outputs)),
            )
            connection.execute("INSERT OR REPLACE INTO live VALUES (?,?)", (urn, made.id))
        self._unacknowledged.add(urn)

    def _forget(self, urn: str, id: str) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM created WHERE urn=? AND id=?", (urn, id))
            connection.execute("DELETE FROM live WHERE urn=? AND id=?", (urn, id))
        if not self._database.rows("SELECT 1 FROM created WHERE urn=?", (urn,)):
            self._unacknowledged.discard(urn)


def _fingerprint(inputs: JsonObject) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
