"""Where a project's sandbox lives: `.bedplate` beside Pulumi.yaml, or the directory BEDPLATE_HOME."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bedplate.sandbox.errors import UsageError

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True)
class Home:
    """The project's root and the directory of its sandbox."""

    root: Path
    path: Path

    @property
    def backend(self) -> Path:
        """The directory of Pulumi's file backend; both engines keep their state in it."""
        return self.path / "state"

    @property
    def backend_url(self) -> str:
        return self.backend.as_uri()

    @property
    def passphrase_file(self) -> Path:
        return self.path / "passphrase"


def find(start: Path | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """Walk up from `start` (default: the current directory) to Pulumi.yaml.

    Raises UsageError where there is none.
    """
    begin = (start or Path.cwd()).resolve()
    if not begin.is_dir():
        raise UsageError(
            f"--root {start}: no such directory; give the directory of the project (with Pulumi.yaml)"
        )
    for directory in (begin, *begin.parents):
        if any((directory / name).is_file() for name in PROJECT_FILES):
            return Home(directory, _path(directory, environ))
    raise UsageError(
        f"no Pulumi.yaml in {begin} or above it; run this inside a Pulumi project or give --root DIR"
    )


def _path(root: Path, environ: Mapping[str, str]) -> Path:
    named = environ.get("BEDPLATE_HOME")
    return Path(named).expanduser().resolve() if named else root / ".bedplate"


def prepare(home: Home) -> None:
    """Make the directories; readable by their owner only, since the sandbox keeps secrets as a cloud does."""
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.backend.mkdir(exist_ok=True)


def passphrase(home: Home, environ: Mapping[str, str] = os.environ) -> str:
    """What encrypts secrets in the state: the user's own where one is set, else a generated one.

    Raises UsageError if PULUMI_CONFIG_PASSPHRASE_FILE names a file that cannot be read.
    """
    if "PULUMI_CONFIG_PASSPHRASE" in environ:
        return environ["PULUMI_CONFIG_PASSPHRASE"]
    named = environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if named:
        try:
            return Path(named).read_text().strip()
        except OSError as error:
            raise UsageError(
                f"PULUMI_CONFIG_PASSPHRASE_FILE={named}: {error.strerror}; name a readable file or unset it"
            ) from error
    return own_passphrase_file(home).read_text().strip()


def passphrase_variable(home: Home, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variable that names the generated passphrase's file; none where the user has set their own
    passphrase.
    """
    if "PULUMI_CONFIG_PASSPHRASE" in environ or environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return {}
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(own_passphrase_file(home))}


def own_passphrase_file(home: Home) -> Path:
    """The file with the generated passphrase; it appears whole, so that two first commands agree on it."""
    file = home.passphrase_file
    if not file.exists():
        prepare(home)
        descriptor, temporary = tempfile.mkstemp(prefix="passphrase.", dir=home.path)  # mode 0600
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(32) + "\n")
        try:
            os.link(temporary, file)
        except FileExistsError:
            pass  # another command was first; its passphrase is the one
        finally:
            os.unlink(temporary)
    return file
