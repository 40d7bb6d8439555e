"""A pytest plugin that writes down every Kubernetes object that other tests' programs make.

`python -m pytest -p tests.conformance.recorder --record-objects FILE tests/...` runs those tests as they are.
Objects come from programs on the sandbox (`sandbox.up`: as the sandbox keeps them) and from programs on
Pulumi's mocks (as they are asked for), each line of the file the objects of one program, in the order of
creation.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

IDENTITY = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "generation")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-objects", type=Path, required=False, help="where to write objects, as JSON lines"
    )


def manifest_of(value: dict[str, Any]) -> dict[str, Any]:
    """An object without what a server gives it."""
    found = {key: part for key, part in value.items() if key != "status" and not key.startswith("__")}
    metadata = {key: part for key, part in found.get("metadata", {}).items() if key not in IDENTITY}
    if "annotations" in metadata:
        metadata["annotations"] = dict(metadata["annotations"])
        metadata["annotations"].pop("pulumi.com/autonamed", None)
    return {**found, "metadata": metadata}


def kept(sandbox: Any) -> list[dict[str, Any]]:
    """What a program has made in the sandbox, in the order of creation, as the sandbox's clusters keep it."""
    from bedplate.sandbox.providers.kubernetes.cluster import clusters
    from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, group_of

    found = []
    stores = [sandbox.cluster(name) for name in clusters(sandbox.cluster()._store)]
    for resource in sandbox.resources():
        token = resource["type"]
        outputs = resource.get("outputs") or {}
        if not token.startswith("kubernetes:") or "metadata" not in outputs or ":Release" in token:
            continue
        kind = GroupKind(group_of(outputs["apiVersion"]), outputs["kind"])
        metadata = outputs["metadata"]
        for one in stores:
            live = one.get(kind, metadata.get("namespace", ""), metadata["name"])
            if live is not None and live["metadata"].get("uid") == metadata.get("uid"):
                found.append(manifest_of(live))
    return found


def _mocked(token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any] | None:
    if not token.startswith("kubernetes:") or not isinstance(inputs.get("metadata", {}), dict):
        return None
    api_version, _, kind = token.removeprefix("kubernetes:").rpartition(":")
    if kind == "Release" or api_version.startswith(("helm.sh", "yaml", "kustomize")):
        return None
    api_version = api_version.removeprefix("core/")
    metadata = {"name": name, **inputs.get("metadata", {})}
    return manifest_of({"apiVersion": api_version, "kind": kind, **inputs, "metadata": metadata})


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest) -> Iterator[None]:
    path: Path | None = request.config.getoption("--record-objects")
    if path is None:
        yield
        return
    from pulumi.runtime import mocks, rpc

    from bedplate.sandbox.fixture import SandboxFixture

    programs: list[list[dict[str, Any]]] = []
    asked: list[dict[str, Any]] = []
    up: Any = SandboxFixture.up
    register: Any = mocks.MockMonitor.RegisterResource

    def recorded_up(self: Any, *args: Any, **named: Any) -> Any:
        result = up(self, *args, **named)
        programs.append(kept(self))
        return result

    def recorded_register(self: Any, one: Any) -> Any:
        found = _mocked(one.type, one.name, rpc.deserialize_properties(one.object))
        if found is not None:
            asked.append(found)
        return register(self, one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxFixture, "up", recorded_up)
        patch.setattr(mocks.MockMonitor, "RegisterResource", recorded_register)
        yield
    with path.open("a", encoding="utf-8") as file:
        for objects in (*programs, asked):
            if objects:
                file.write(json.dumps({"test": request.node.nodeid, "objects": objects}, default=str) + "\n")
