"""A pack's project file and its configuration, read as Pulumi reads them (pkg/resource/analyzer, v3.260)."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .values import Properties

LEVELS = ("advisory", "mandatory", "remediate", "disabled")


class PackError(ValueError):
    """A pack cannot run: the deployment does not go on."""


@dataclass(frozen=True)
class PolicyPack:
    """A pack's directory, and the JSON file with its configuration if there is one."""

    path: Path
    config: Path | None = None


@dataclass
class RuleConfig:
    """How one rule is enforced, and its settings."""

    level: str = ""
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True)
class PackProject:
    """What PulumiPolicy.yaml says: the Python to run, what to run, and the version that counts."""

    python: Path
    main: Path
    version: str


def read_project(path: Path) -> PackProject:
    """Raises PackError for a directory that is no pack, or one that this engine cannot start."""
    file = path / "PulumiPolicy.yaml"
    if not file.is_file():
        raise PackError(f"{path} is no policy pack: it has no PulumiPolicy.yaml")
    try:
        document = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise PackError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise PackError(f"{file}: is no mapping with a `runtime`")
    runtime, options = document.get("runtime"), None
    if isinstance(runtime, dict):
        declared: dict[str, object] = runtime
        runtime, options = declared.get("name"), declared.get("options")
    if runtime != "python":
        raise PackError(f"{file}: runtime {runtime!r}; the offline engine runs packs in Python only")
    named = options.get("virtualenv") if isinstance(options, dict) else None
    python = Path(sys.executable)
    if named:
        # Not resolved: a link is what tells an environment from the Python that it was made of.
        python = Path(os.path.abspath(path / str(named) / "bin" / "python"))
        if not python.is_file():
            raise PackError(
                f"{file}: virtualenv {named!r} has no bin/python; make it, e.g. with `make setup`"
            )
    main = path / str(document.get("main") or "")
    return PackProject(python, main.resolve(), str(document.get("version") or ""))


def read_config(file: Path) -> dict[str, RuleConfig]:
    """The content of a configuration file: a level, or an object with a level and settings, per rule.

    Raises PackError.
    """
    try:
        text = file.read_text()
        document = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise PackError(f"policy configuration {file}: {error.strerror}") from error
    except ValueError as error:
        raise PackError(f"policy configuration {file}: not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise PackError(f"policy configuration {file}: must be an object with an entry per rule")
    found = {}
    for name, value in document.items():
        if isinstance(value, str):
            found[name] = RuleConfig(_level(file, name, value))
        elif isinstance(value, dict):
            properties = dict(value)
            level = properties.pop("enforcementLevel", "")
            found[name] = RuleConfig(_level(file, name, level) if level != "" else "", properties)
        else:
            raise PackError(f"policy configuration {file}: {name} must be a string or an object")
    return found


def _level(file: Path, name: str, level: object) -> str:
    if level not in LEVELS:
        raise PackError(
            f"policy configuration {file}: {name}: {level!r} is not a valid enforcement level; "
            f"it is one of {', '.join(LEVELS)}"
        )
    return str(level)


def reconcile(defaults: Mapping[str, RuleConfig], given: Mapping[str, RuleConfig]) -> dict[str, RuleConfig]:
    """The configuration that a pack gets: its own defaults, then "all", then what each rule was given."""
    found = {name: RuleConfig(one.level, dict(one.properties)) for name, one in defaults.items()}
    common = given.get("all")
    if common is not None and common.level:
        for one in found.values():
            one.level = common.level
    for name, one in given.items():
        # A name that the pack does not have goes there too: the pack is the one to refuse it.
        mine = found.setdefault(name, RuleConfig())
        mine.level = one.level or mine.level
        mine.properties.update(one.properties)
    return found
