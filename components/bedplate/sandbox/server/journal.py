"""The door to moto: one request at a time, each change written down before its answer is given (ADR 2).

The random generator is seeded from the entry's number, so replaying the entries makes the same identifiers.
The first call of a service in a region is written down even if it only reads: it makes what an account has
from the start (the default VPC), with identifiers of its own.
"""

import json
import re
import threading
import time
from collections.abc import Callable

from bedplate.sandbox.server.database import Database
from bedplate.sandbox.server.moto_app import MotoApp
from bedplate.sandbox.server.objects import undo_objects
from bedplate.sandbox.server.operation import Operation, current_operation
from bedplate.sandbox.server.requests import CloudRequest, CloudResponse

_IDENTIFIER = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z]{1,12}-[0-9a-f]{17}|A[A-Z]{3}[A-Z0-9]{16})\b"
)
# Not needed to run a request again.
_DROPPED_HEADERS = frozenset(
    {"user-agent", "connection", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "expect"}
)


class Journal:
    """Serialises requests to moto and keeps what is needed to bring moto back to the same content."""

    def __init__(self, database: Database, app: MotoApp, warn: Callable[[str], None]) -> None:
        self._database = database
        self._app = app
        self._warn = warn
        self._lock = threading.RLock()
        self._touched: set[tuple[str, str]] = set()
        self._next = self._last_entry() + 1
        self.last_used = time.monotonic()

    def handle(self, request: CloudRequest) -> CloudResponse:
        """Run a request on behalf of the current operation, or of somebody outside the provider."""
        operation = current_operation.get()
        with self._lock:
            self.last_used = time.monotonic()
            changes = request.changes
            if request.scope not in self._touched:
                # An entry of its own, so that it stays when the operation that comes first is taken back.
                self._run_and_append(_first_call(request.scope[1]), None, False)
            elif not changes:
                return self._app.run(request)
            return self._run_and_append(request, operation if changes else None, changes)

    def replay(self) -> int:
        """Bring moto to the content of the journal; returns how many entries were run.

        An answer with another status or other identifiers than the first time is reported through `warn`.
        """
        with self._lock:
            self._app.reset()
            self._touched.clear()
            rows = self._database.rows(
                "SELECT seq, method, url, headers, body, status, identifiers FROM journal ORDER BY seq"
            )
            for sequence, method, url, headers, body, status, identifiers in rows:
                assert isinstance(sequence, int)
                assert isinstance(body, bytes)
                pairs = tuple((str(name), str(value)) for name, value in json.loads(str(headers)))
                request = CloudRequest(str(method), str(url), pairs, body)
                self._app.seed(sequence)
                response = self._app.run(request)
                self._touched.add(request.scope)
                if response.status != status or _identifiers(response) != identifiers:
                    call = request.call or f"{request.method} {request.url}"
                    self._warn(
                        f"journal entry {sequence} ({request.scope[0]} {call}) was answered differently when "
                        f"it was replayed: status {status} before, {response.status} now"
                    )
            return len(rows)

    def undo(self, operation: Operation) -> None:
        """Take back everything that an operation did so far."""
        if not operation.begun:
            return
        with self._lock:
            with self._database.transaction() as connection:
                undo_objects(self._database, operation.id)
                taken = connection.execute(
                    "DELETE FROM journal WHERE operation=? AND status < 400", (operation.id,)
                )
                connection.execute("DELETE FROM journal WHERE operation=?", (operation.id,))
                connection.execute("DELETE FROM running WHERE operation=?", (operation.id,))
            operation.begun = False
            if taken.rowcount:
                self.replay()

    def drop_unfinished(self) -> list[str]:
        """Before a replay: take back the operations during which the process was killed; their URNs."""
        with self._database.transaction() as connection:
            unfinished = self._database.rows("SELECT operation, urn FROM running")
            for operation, _ in unfinished:
                undo_objects(self._database, str(operation))
                connection.execute("DELETE FROM journal WHERE operation=?", (operation,))
            connection.execute("DELETE FROM running")
        return [str(urn) for _, urn in unfinished]

    def compact(self) -> bool:
        """Forget the history if nothing is left of it: no live resource, no change from outside the
        provider.
        """
        with self._lock, self._database.transaction() as connection:
            ((live, unfinished, outside),) = self._database.rows(
                "SELECT (SELECT count(*) FROM live), (SELECT count(*) FROM running), "
                "(SELECT count(*) FROM journal WHERE operation IS NULL AND changes)"
            )
            if live or outside or unfinished:
                return False
            connection.execute("DELETE FROM journal")
            connection.execute("DELETE FROM objects")
            return True

    def reset(self) -> None:
        """Begin empty: moto, the journal, the objects, and everything known of operations."""
        with self._lock:
            with self._database.transaction() as connection:
                for table in ("journal", "objects", "object_undo", "running", "created", "live"):
                    connection.execute(f"DELETE FROM {table}")
            self._app.reset()
            self._touched.clear()

    def _run_and_append(
        self, request: CloudRequest, operation: Operation | None, changes: bool
    ) -> CloudResponse:
        sequence = self._next
        self._app.seed(sequence)
        response = self._app.run(request)
        self._next += 1
        self._touched.add(request.scope)
        self._append(sequence, request, response, operation, changes)
        return response

    def _append(
        self,
        sequence: int,
        request: CloudRequest,
        response: CloudResponse,
        operation: Operation | None,
        changes: bool,
    ) -> None:
        headers = [pair for pair in request.headers if pair[0].lower() not in _DROPPED_HEADERS]
        with self._database.transaction() as connection:
            if operation is not None:
                operation.begin(connection)
            connection.execute(
                "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    sequence,
                    None if operation is None else operation.id,
                    int(changes),
                    request.method,
                    request.url,
                    json.dumps(headers),
                    request.body,
                    response.status,
                    _identifiers(response),
                ),
            )

    def _last_entry(self) -> int:
        # The highest ever given, entries taken back included: a number never means two different requests.
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name='journal'")
        return int(str(rows[0][0])) if rows else 0


def _first_call(region: str) -> CloudRequest:
    """A read that makes moto's network of a region, on which other services build."""
    credential = f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/{region}/ec2/aws4_request"
    form = "application/x-www-form-urlencoded"
    headers = (("Authorization", credential), ("Content-Type", form), ("Host", "127.0.0.1"))
    return CloudRequest("POST", "/", headers, b"Action=DescribeVpcs&Version=2016-11-15")


def _identifiers(response: CloudResponse) -> str:
    text = response.body.decode("utf-8", "replace")
    return " ".join(sorted(set(_IDENTIFIER.findall(text))))
