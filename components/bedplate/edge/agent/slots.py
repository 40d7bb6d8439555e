"""The versions of one model on this node's disk, and which of them is served.

`current` is a symbolic link to a whole, checked version. Every change is one rename, and the
intent is written before: after a power cut or `kill -9` at any point, `current` is the old version or the new
one, and what remains to be done is known.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class State:
    """What must outlive a crash.

    Attributes:
        good: The last version that passed its probation.
        previous: The one before it, for when the whole fleet goes back.
        trial: The version on probation, from just before it is swapped in.
        bad: Versions that failed; they are not tried again.
    """

    good: str | None = None
    previous: str | None = None
    trial: str | None = None
    bad: list[str] = field(default_factory=list)


class Slots:
    """The directory of one model."""

    def __init__(self, root: Path, keep: int = 2) -> None:
        self._root, self._keep = root, keep
        self._versions = root / "versions"
        self._incoming = root / "incoming"
        for directory in (self._versions, self._incoming):
            directory.mkdir(parents=True, exist_ok=True)
        self._clean()
        self.state = self._load()

    def part(self, version: str) -> Path:
        """Where the version is downloaded to."""
        return self._incoming / f"{version}.part"

    def path(self, version: str) -> Path:
        return self._versions / version

    @property
    def current(self) -> str | None:
        """The version that is served."""
        link = self._root / "current"
        return Path(os.readlink(link)).name if link.is_symlink() else None

    def has(self, version: str) -> bool:
        """Whether the version is here, whole."""
        return self.path(version).is_dir()

    @property
    def versions(self) -> list[str]:
        return sorted(one.name for one in self._versions.iterdir() if not one.name.startswith("."))

    def install(self, version: str, file_name: str) -> None:
        """Turn the finished download into a version: it appears whole or not at all."""
        hidden = self._versions / f".{version}"
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir()
        # A link: a crash before the end must not cost the download.
        os.link(self.part(version), hidden / file_name)
        # Servers run as other users than this one.
        (hidden / file_name).chmod(0o644)
        _sync(hidden)
        os.rename(hidden, self.path(version))
        _sync(self._versions)
        self.part(version).unlink()

    def begin(self, version: str) -> None:
        """Serve the version, on probation."""
        assert self.has(version), version
        self.state.trial = version
        self._save()
        self._point(version)

    def passed(self) -> None:
        """The version on probation is good; what is older than `keep` versions goes."""
        if self.state.good != self.state.trial:
            self.state.previous = self.state.good
        self.state.good, self.state.trial = self.state.trial, None
        self._save()
        self.prune()

    def failed(self) -> str | None:
        """Serve the last good version again, which is returned; None where there never was one."""
        bad = self.state.trial
        assert bad is not None
        good = self.state.good
        if good is not None and self.has(good):
            self._point(good)
        else:
            (self._root / "current").unlink(missing_ok=True)
        # After the swap: a crash between the two finds a trial that is not current, and fails it again.
        self.state.trial = None
        if bad not in self.state.bad:
            self.state.bad = [*self.state.bad[-15:], bad]
        self._save()
        return good

    def revert(self) -> str | None:
        """Serve the version before the last good one, which counts as failed; None where there is none."""
        before = self.state.previous
        if before is None or not self.has(before):
            return None
        self.state.trial, self.state.good, self.state.previous = self.state.good, before, None
        self._save()
        return self.failed()

    def prune(self, also: str | None = None) -> None:
        """Delete the oldest versions beyond `keep`, never one that may be served again (or `also`)."""
        needed = {self.current, self.state.good, self.state.previous, self.state.trial, also}
        spare = sorted(
            (one for one in self.versions if one not in needed),
            key=lambda one: self.path(one).stat().st_mtime_ns,
            reverse=True,
        )
        room = max(0, self._keep - len(needed - {None}))
        for version in spare[room:]:
            self.drop(version)

    def drop(self, version: str) -> None:
        # Hidden first: a half deleted directory must not look like a version.
        hidden = self._versions / f".{version}"
        shutil.rmtree(hidden, ignore_errors=True)
        os.rename(self.path(version), hidden)
        shutil.rmtree(hidden)

    def keep_only_part_of(self, version: str | None) -> None:
        """Remove downloads of versions that nobody wants any more."""
        for one in self._incoming.iterdir():
            if version is None or one != self.part(version):
                one.unlink()

    def _clean(self) -> None:
        for left in self._versions.glob(".*"):
            shutil.rmtree(left)
        (self._root / ".current").unlink(missing_ok=True)
        (self._root / ".state.json").unlink(missing_ok=True)

    def _point(self, version: str) -> None:
        fresh = self._root / ".current"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("versions") / version)
        os.rename(fresh, self._root / "current")
        _sync(self._root)

    def _load(self) -> State:
        try:
            read = json.loads((self._root / "state.json").read_text(encoding="utf-8"))
            return State(read["good"], read["previous"], read["trial"], list(read["bad"]))
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError):
            # A disk that lost the file's content: what is served has been good.
            return State(good=self.current)

    def _save(self) -> None:
        fresh = self._root / ".state.json"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self.state), file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, self._root / "state.json")
        _sync(self._root)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
