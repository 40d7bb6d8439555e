"""A project's files: its name, the configuration of an environment, and the state that both engines keep."""

import gzip
import json
from pathlib import Path
from typing import cast

import yaml

from bedplate.sandbox.engine.backend import damaged
from bedplate.sandbox.engine.urns import is_default_provider, urn_name, urn_type
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import PROJECT_FILES, Home
from bedplate.sandbox.outcome import Json


def project(root: Path) -> dict[str, object]:
    """Pulumi.yaml as it stands. Raises UsageError where it is not a mapping with a `name`."""
    file = next(root / name for name in PROJECT_FILES if (root / name).is_file())
    try:
        document = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise UsageError(f"{file}: has no `name`; a Pulumi project starts with `name: <project>`")
    return document


def stack_file(root: Path, environment: str) -> Path:
    """Pulumi.<environment>.yaml. Raises UsageError, naming those that exist, where there is none."""
    directory = root / str(project(root).get("stackConfigDir") or ".")
    file = directory / f"Pulumi.{environment}.yaml"
    if file.is_file():
        return file
    known = sorted(found.name[len("Pulumi.") : -len(".yaml")] for found in directory.glob("Pulumi.*.yaml"))
    choice = f"one of {', '.join(known)}" if known else "none yet"
    raise UsageError(
        f"no environment {environment!r}: {file} does not exist (there is {choice}); "
        "name one of these or write that file"
    )


def checkpoint_file(home: Home, environment: str) -> Path | None:
    """The state of one environment in Pulumi's file backend, or None before the first `up`."""
    stacks = home.backend / ".pulumi" / "stacks" / str(project(home.root)["name"])
    for suffix in (".json", ".json.gz"):
        file = stacks / f"{environment}{suffix}"
        if file.is_file():
            return file
    return None


def deployment(home: Home, environment: str) -> dict[str, Json]:
    """The latest deployment (version 3) of an environment; empty where there is none.

    Raises UsageError for a damaged file.
    """
    file = checkpoint_file(home, environment)
    if file is None:
        return {}
    try:
        text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        latest = json.loads(text)["checkpoint"].get("latest")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(damaged(file)) from error
    return cast("dict[str, Json]", latest or {})


def resource_count(home: Home, environment: str) -> int:
    """How many resources are in the state: the stack and explicit providers too, default providers not."""
    resources = deployment(home, environment).get("resources")
    urns = (
        [str(entry["urn"]) for entry in resources if isinstance(entry, dict)]
        if isinstance(resources, list)
        else []
    )
    return sum(not is_default_provider(urn_type(urn), urn_name(urn)) for urn in urns)
