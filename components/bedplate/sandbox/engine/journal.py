"""The journal beside the checkpoint: one line of JSON per step, so that a step costs the same in a stack of
any size.

A line is written with one `write` to a file opened for appending and not synced: it survives the death of the
process (the kernel has it), which is what ADR 3 asks for, not the loss of power.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TypedDict

from .resources import Document


class Record(TypedDict, total=False):
    """What one step changes. Every part is optional; all parts of a line happen together."""

    put: list[tuple[str, Document]]  # the resource at a key: replaced there, else added at the end
    move: list[
        tuple[str, str]
    ]  # [old key, new key]: the resource is unchanged and takes its place among the new
    drop: list[str]
    begin: tuple[str, Document]  # a pending operation: its number, {"type": ..., "resource": ...}
    end: str
    alias: tuple[str, str]  # [old URN, new URN]
    secrets: str  # the salt of a new secrets manager


class Journal:
    """Appends records; the first line names the checkpoint that they belong to."""

    def __init__(self, path: Path, checkpoint_digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = Lock()
        self._size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._line({"journal": 1, "checkpoint": checkpoint_digest})

    def _line(self, content: object) -> None:
        data = json.dumps(content, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                written = os.write(self._file, data)
                while written < len(data):
                    written += os.write(self._file, data[written:])
            except OSError:
                # A full disk may have taken a part of the line, which would spoil the one after it.
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(data)

    def append(self, record: Record) -> None:
        self._line(record)

    def close(self, remove: bool) -> None:
        """Stop; `remove` once the checkpoint holds everything."""
        os.close(self._file)
        if remove:
            self._path.unlink(missing_ok=True)


def replay(path: Path, checkpoint_digest: str) -> Iterator[Record]:
    """The records that an interrupted run left for this checkpoint; none if there are none or they were
    folded.

    A last line that was cut off by the kill never happened.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.readline()
        if not header.endswith(b"\n") or json.loads(header).get("checkpoint") != checkpoint_digest:
            return
        for line in file:
            if not line.endswith(b"\n"):
                return
            record: Record = json.loads(line)
            yield record
