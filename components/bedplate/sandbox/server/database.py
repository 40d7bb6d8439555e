"""The sandbox's one SQLite file: moto's journal, the sandbox's own objects, and unfinished operations.

The file holds request bodies, secrets included, as a cloud would; only its owner may read it.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT, changes INTEGER NOT NULL, method TEXT NOT NULL,
  url TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, status INTEGER NOT NULL,
  identifiers TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_operation ON journal(operation);
CREATE TABLE IF NOT EXISTS objects (
  kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object_undo (
  id INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  value TEXT
);
CREATE TABLE IF NOT EXISTS running (operation TEXT PRIMARY KEY, urn TEXT NOT NULL, inputs TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS created (
  urn TEXT PRIMARY KEY, inputs TEXT NOT NULL, fingerprint TEXT NOT NULL, id TEXT NOT NULL,
  outputs TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live (urn TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (urn, id)) WITHOUT ROWID;
"""
_LAYOUT = 1


class Database:
    """One connection, used by one thread at a time (`transaction` and `rows` take the lock)."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; None keeps everything in memory.

        Raises ValueError for a damaged file, and when another release of Bedplate wrote the file in a layout
        that this one cannot read.
        """
        if path is not None and not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            str(path) if path is not None else ":memory:", check_same_thread=False, isolation_level=None
        )
        try:
            # WAL and NORMAL: a commit survives the death of the process, and needs no wait for the disk.
            self._connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(
                f"{path}: is damaged or cannot be written ({error}). It holds what the emulated clouds have: "
                "put a copy back, or run `bedplate sandbox reset`, which deletes it and the state of every "
                "environment"
            ) from error
        self._connection.execute("PRAGMA synchronous=NORMAL")
        (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
        if layout not in (0, _LAYOUT):
            self._connection.close()
            raise ValueError(
                f"{path}: written in layout {layout}, this release reads layout {_LAYOUT}; "
                f"destroy the environments with the release that made them, or remove {path}"
            )
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version={_LAYOUT}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it; a block inside another one joins the outer."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
