"""The open state of one stack during a run: resources in memory, steps to the journal, the checkpoint at the
end.
"""

import itertools
from threading import Lock

from .backend import FileBackend, StateError
from .journal import Journal, Record, replay
from .resources import Resource, from_document, now, to_document
from .secrets import Passphrase
from .snapshot import Snapshot


class State:
    """What the stack had (`olds`) and has now. With `write` False (a preview) nothing on disk changes."""

    def __init__(self, backend: FileBackend, passphrase: str, write: bool) -> None:
        self._backend = backend
        self._write = write
        self._lock = Lock()
        self._numbers = itertools.count()
        self.snapshot = Snapshot(backend.load())
        self.interrupted = False
        for record in replay(backend.journal_path, backend.digest):
            self.snapshot.apply(record)
            self.interrupted = True
        if self.interrupted:
            self.snapshot.prune_missing()
        self.snapshot.settle()
        secrets = self.snapshot.secrets
        if secrets and secrets.get("type") != "passphrase":
            raise StateError(
                f"the state's secrets provider is {secrets.get('type')!r}; the offline engine knows "
                "'passphrase' only"
            )
        salt = secrets["state"]["salt"] if secrets else None
        self.passphrase = Passphrase(passphrase, salt, self._remember_salt)
        if write:
            if self.interrupted:
                backend.save(self.snapshot.deployment())
            self._journal: Journal | None = Journal(backend.journal_path, backend.digest)
        else:
            self._journal = None
        self.olds: list[Resource] = []
        self.by_urn: dict[str, Resource] = {}
        self.reload()

    def reload(self) -> None:
        """Take the resources from the snapshot again (at the start, and after recovery)."""
        self.olds = [
            from_document(document, self.passphrase.decrypt, key)
            for key, document in self.snapshot.olds.items()
        ]
        self.by_urn = {resource.urn: resource for resource in self.olds if not resource.delete}

    def _remember_salt(self, salt: str) -> None:
        self.commit({"secrets": salt})

    def commit(self, record: Record) -> None:
        """Record a step, in the journal and in memory."""
        if self._journal is None:
            return
        with self._lock:
            self._journal.append(record)
            self.snapshot.apply(record)

    def new_key(self, prefix: str = "n") -> str:
        return f"{prefix}{next(self._numbers)}"

    def begin(self, kind: str, resource: Resource) -> str:
        """Note an operation before the provider is called; returns its number."""
        number = self.new_key("p")
        if self._journal is not None:
            document = to_document(resource, self.passphrase.encrypt)
            self.commit({"begin": (number, {"type": kind, "resource": document})})
        return number

    def finish(
        self,
        number: str = "",
        put: Resource | None = None,
        drop: Resource | None = None,
        mark: Resource | None = None,
    ) -> None:
        """End an operation: `put` is the resource as it is now, `drop` is gone, `mark` changed in its
        place.
        """
        record: Record = {}
        puts = []
        if put is not None:
            put.key = put.key or self.new_key()
            puts.append(put)
        if mark is not None:
            puts.append(mark)
        if self._journal is None:
            return
        if puts:
            record["put"] = [(item.key, to_document(item, self.passphrase.encrypt)) for item in puts]
        if drop is not None:
            record["drop"] = [drop.key]
        if number:
            record["end"] = number
        if record:
            self.commit(record)

    def keep(self, old: Resource, new: Resource) -> None:
        """A resource that did not change takes its place among those of this run; only what differs is
        written.
        """
        if old.key.startswith("n"):  # imported in this run: it has its place already
            new.key = old.key
            self.finish(put=new)
            return
        new.key = self.new_key()
        if new == old:
            if self._journal is not None:
                self.commit({"move": [(old.key, new.key)]})
            return
        new.modified = now() if new.custom else new.modified
        self.finish(put=new, drop=old)

    def rename(self, old_urn: str, new_urn: str) -> None:
        self.commit({"alias": (old_urn, new_urn)})

    def prune_missing(self) -> None:
        """See `Snapshot.prune_missing`; loading the state after a kill does it again."""
        with self._lock:
            self.snapshot.prune_missing()

    def close(self) -> None:
        """Fold the journal into the checkpoint."""
        if self._journal is None:
            return
        with self._lock:
            if self.snapshot.changed or not self._backend.checkpoint_path.exists():
                self._backend.save(self.snapshot.deployment())
            self._journal.close(remove=True)
            self._journal = None
