"""The sandbox's own persisted objects, for what moto does not keep."""

import json

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.server.database import Database
from bedplate.sandbox.server.operation import current_operation


class SqliteObjectStore:
    """An `ObjectStore` in the sandbox's database. Inside an operation every change can be taken back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, kind: str, key: str) -> JsonObject | None:
        text = self._text(kind, key)
        return None if text is None else _decode(text)

    def put(self, kind: str, key: str, value: JsonObject) -> None:
        with self._database.transaction() as connection:
            self._remember(kind, key)
            connection.execute(
                "INSERT OR REPLACE INTO objects VALUES (?,?,?)", (kind, key, json.dumps(value))
            )

    def delete(self, kind: str, key: str) -> None:
        with self._database.transaction() as connection:
            self._remember(kind, key)
            connection.execute("DELETE FROM objects WHERE kind=? AND key=?", (kind, key))

    def items(self, kind: str) -> dict[str, JsonObject]:
        rows = self._database.rows("SELECT key, value FROM objects WHERE kind=? ORDER BY key", (kind,))
        return {str(key): _decode(str(value)) for key, value in rows}

    def _text(self, kind: str, key: str) -> str | None:
        rows = self._database.rows("SELECT value FROM objects WHERE kind=? AND key=?", (kind, key))
        return str(rows[0][0]) if rows else None

    def _remember(self, kind: str, key: str) -> None:
        operation = current_operation.get()
        if operation is None:
            return
        with self._database.transaction() as connection:
            operation.begin(connection)
            connection.execute(
                "INSERT INTO object_undo (operation, kind, key, value) VALUES (?,?,?,?)",
                (operation.id, kind, key, self._text(kind, key)),
            )


def undo_objects(database: Database, operation: str) -> None:
    """Put the objects that an operation changed back to what they were, latest change first."""
    with database.transaction() as connection:
        for kind, key, value in database.rows(
            "SELECT kind, key, value FROM object_undo WHERE operation=? ORDER BY id DESC", (operation,)
        ):
            if value is None:
                connection.execute("DELETE FROM objects WHERE kind=? AND key=?", (kind, key))
            else:
                connection.execute("INSERT OR REPLACE INTO objects VALUES (?,?,?)", (kind, key, value))
        connection.execute("DELETE FROM object_undo WHERE operation=?", (operation,))


def _decode(text: str) -> JsonObject:
    value = json.loads(text)
    assert isinstance(value, dict), "the store holds objects only"
    return value
