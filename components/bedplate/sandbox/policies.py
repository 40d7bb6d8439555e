"""Which policy packs a run has: those that were named, else the project's own."""

from collections.abc import Sequence
from pathlib import Path

from bedplate.sandbox.errors import UsageError

Packs = tuple[tuple[Path, Path | None], ...]


def packs(root: Path, named: Sequence[Path] | None, configs: Sequence[Path] | None, *, off: bool) -> Packs:
    """The packs with their configuration files. Raises UsageError for what cannot be meant."""
    if off:
        if named or configs:
            raise UsageError("--no-policies goes with no --policy-pack and no --policy-pack-config")
        return ()
    found = [_pack(path) for path in named] if named else own(root)
    given = list(configs or ())
    if len(given) > len(found):
        raise UsageError(f"{len(given)} --policy-pack-config for {len(found)} policy packs: one each at most")
    for file in given:
        if not file.is_file():
            raise UsageError(f"--policy-pack-config {file}: no such file")
    return tuple(
        (path, given[index].resolve() if index < len(given) else None) for index, path in enumerate(found)
    )


def own(root: Path) -> list[Path]:
    """The packs in the project's `policies/`, by name."""
    return sorted(file.parent for file in (root / "policies").glob("*/PulumiPolicy.yaml"))


def told(packs: Packs) -> str:
    """The packs in a few words."""
    return ", ".join(path.name for path, _ in packs) or "none"


def _pack(path: Path) -> Path:
    if not (path / "PulumiPolicy.yaml").is_file():
        raise UsageError(f"--policy-pack {path}: no PulumiPolicy.yaml in it; give the directory of a pack")
    return path.resolve()
