"""Which code a daemon runs: a daemon that was started before an upgrade, or before an edit, is not the right
one.
"""

import hashlib
import importlib.metadata
from pathlib import Path

import bedplate


def code_version() -> str:
    """The package's version, moto's, and a digest over the sandbox's source files (names, sizes, times of
    change).
    """
    digest = hashlib.sha256()
    root = Path(bedplate.__file__).parent / "sandbox"
    for part in ("server", "providers"):
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".py", ".gz"):
                stat = path.stat()
                digest.update(f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"{bedplate.__version__}+moto{importlib.metadata.version('moto')}.{digest.hexdigest()[:12]}"
