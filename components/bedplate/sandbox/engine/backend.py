"""The directory that holds the state: the layout of Pulumi's file backend (version 1, stacks grouped by
project).

.pulumi/meta.yaml                                  version: 1
.pulumi/stacks/<project>/<stack>.json              the checkpoint; .bak the one before it
.pulumi/locks/organization/<project>/<stack>/*.json  who works on the stack
.pulumi/journals/<project>/<stack>.jsonl           the steps since the checkpoint (ADR 3)
"""

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from .resources import Document, now
from .stack_id import StackId


class StateError(Exception):
    """The state cannot be used: locked, or in a form that this engine does not know."""


def damaged(path: Path) -> str:
    """What to do about a state file that cannot be read."""
    backup = path.with_name(f"{path.name}.bak")
    advice = (
        f"{backup} has the state before it: copy that over it, then run `refresh`; "
        if backup.exists()
        else ""
    )
    return (
        f"{path} is damaged: it is no Pulumi deployment. {advice}or import an export of the stack with "
        "`pulumi stack import`. Nothing was changed"
    )


class FileBackend:
    """Paths, lock and checkpoint of one stack."""

    def __init__(self, root: Path, stack: StackId) -> None:
        self.root = root / ".pulumi"
        self.stack = stack
        self.checkpoint_path = self.root / "stacks" / stack.project / f"{stack.stack}.json"
        self.journal_path = self.root / "journals" / stack.project / f"{stack.stack}.jsonl"
        self._locks = self.root / "locks" / stack.organization / stack.project / stack.stack
        self.digest = ""

    def load(self) -> Document | None:
        """The deployment of the checkpoint, None for a new stack. Raises StateError for one of another
        version, and for a damaged file, which stays as it is.
        """
        for suffix in (".gz", ".zst"):
            packed = self.checkpoint_path.with_name(self.checkpoint_path.name + suffix)
            if packed.exists():
                raise StateError(
                    f"{packed} is compressed; export it with `pulumi stack export` and import it again"
                )
        if not self.checkpoint_path.exists():
            return None
        data = self.checkpoint_path.read_bytes()
        self.digest = sha256(data).hexdigest()
        try:
            content = json.loads(data)
            version = content.get("version")
            latest: Document | None = content["checkpoint"].get("latest") if version == 3 else None
            whole = all(item["urn"] and item["type"] for item in (latest or {}).get("resources") or ())
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise StateError(damaged(self.checkpoint_path))
        if version != 3:
            raise StateError(
                f"{self.checkpoint_path} has version {version!r}; the offline engine reads version 3"
            )
        return latest

    def save(self, deployment: Document) -> None:
        """Write the checkpoint by an atomic rename; the one before it stays as `.bak`."""
        meta = self.root / "meta.yaml"
        if not meta.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            meta.write_text("version: 1\n", encoding="utf-8")
        name = f"{self.stack.organization}/{self.stack.project}/{self.stack.stack}"
        content = {"version": 3, "checkpoint": {"stack": name, "latest": deployment}}
        data = json.dumps(content, indent=4).encode()
        path = self.checkpoint_path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            backup = path.with_name(f"{path.name}.bak")
            temporary = path.with_name(f"{path.name}.bak.{os.getpid()}")
            temporary.write_bytes(path.read_bytes())
            temporary.replace(backup)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        self.digest = sha256(data).hexdigest()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the stack. Raises StateError naming who holds it; the lock of a process that is gone is
        removed.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        own = self._locks / f"{uuid4()}.json"
        self._refuse_if_locked(own)
        content = {
            "pid": os.getpid(),
            "username": _user(),
            "hostname": socket.gethostname(),
            "timestamp": now(),
        }
        own.write_text(json.dumps(content), encoding="utf-8")
        try:
            # Looked at again after writing: of two that started together at least one now sees the other.
            self._refuse_if_locked(own)
            yield
        finally:
            own.unlink(missing_ok=True)

    def _refuse_if_locked(self, own: Path) -> None:
        for path in self._locks.glob("*.json"):
            if path == own:
                continue
            try:
                holder = json.loads(path.read_text(encoding="utf-8"))
                pid, host = int(holder["pid"]), str(holder["hostname"])
            except FileNotFoundError:
                continue
            except (ValueError, KeyError):
                # Cut off while it was written, by a kill: its owner cannot be alive and holding it.
                path.unlink(missing_ok=True)
                continue
            if host == socket.gethostname() and not _alive(pid, path.stat().st_mtime):
                path.unlink(missing_ok=True)
                continue
            raise StateError(
                f"the stack {self.stack.project}/{self.stack.stack} is locked by "
                f"{holder.get('username')}@{host} (pid {pid}) since {holder.get('timestamp')}; wait for it "
                f"to end, or delete {path} if it is no more"
            )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _alive(pid: int, locked_at: float) -> bool:
    """Whether the process that took a lock at that time still runs; a later one with the same number is
    another.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return True  # no /proc here: trust the number
    import time

    started = time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] != "Z" and started < locked_at + 2
