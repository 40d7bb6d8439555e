"""Every object that the repository's programs make in the sandbox is one that a real API server takes.

The programs: every environment under stacks/config, and those of the tests of every area, which run here
once more while a plugin writes down what they make.
"""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from tests.conformance.client import Client, Manifest
from tests.conformance.recorder import kept
from tests.conformance.server import wait_for
from tests.conformance.test_defaults import differences

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted(path.name.split(".")[1] for path in (ROOT / "stacks/config").glob("Pulumi.*.yaml"))
# Tests whose programs make no objects of Bedplate's: the sandbox's own, and those of policies.
ELSEWHERE = ("ceph", "cli", "conformance", "cost", "lifecycle", "policies", "sandbox")
# Objects that are refused, by a pattern of "<kind>: <reason>", and why that is right.
ALLOWED: dict[str, str] = {
    r"EC2NodeClass .*Invalid value: \"[a-z0-9-]+-id\"": "an identifier that Pulumi's mocks made up",
    r"Service \S*cache-.*10\.43\..*not match the current range": "an address of k3s' own range of services",
}


class Session:
    """Puts programs' objects into the real server and takes them away again."""

    def __init__(self, real: Client) -> None:
        self.real = real
        self.spaces: dict[str, Manifest] = {}
        self.seen: set[str] = set()
        self.count = 0

    def put(self, where: str, objects: list[Manifest]) -> list[str]:
        """Apply twice and delete. What the server has against it."""
        found: list[str] = []
        done: list[Manifest] = []
        for manifest in sorted(objects, key=lambda one: _rank(one)):
            text = json.dumps(manifest, sort_keys=True)
            if text in self.seen and manifest["kind"] != "Namespace":
                continue
            self.seen.add(text)
            found += [f"{where}: {reason}" for reason in self._apply(manifest)]
            done.append(manifest)
        for manifest in reversed(done):
            if manifest["kind"] not in ("Namespace", "CustomResourceDefinition"):
                found += [f"{where}: {reason}" for reason in self._delete(manifest)]
        return found

    def _apply(self, manifest: Manifest) -> Iterator[str]:
        name = f"{manifest['kind']} {manifest['metadata'].get('name')}"
        space = manifest["metadata"].get("namespace")
        if manifest["kind"] == "Namespace":
            self.spaces[manifest["metadata"]["name"]] = manifest
        elif space and space not in self.spaces:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
            answer = self.real.apply(namespace)
            assert answer.ok, answer.message
            self.spaces[space] = namespace
        self.count += 1
        try:
            first = self.real.apply(manifest)
        except LookupError as error:
            yield f"{name}: {error}"
            return
        if not first.ok:
            yield f"{name}: {first.message}"
            return
        second = self.real.apply(manifest)
        if not second.ok:
            yield f"{name}: applied again: {second.message}"
            return
        # The first time, admission may have had its say after the manifest.
        third = self.real.apply(manifest)
        for path, before, after in differences(_content(second.body), _content(third.body)):
            yield f"{name}: applied again, {path} changed from {before!r} to {after!r}"

    def _delete(self, manifest: Manifest) -> Iterator[str]:
        try:
            live = self.real.get(manifest)
        except LookupError:
            return
        if live is None:
            return
        if live["metadata"].get("finalizers") and not live["kind"].startswith("PersistentVolume"):
            live["metadata"]["finalizers"] = []
            self.real.replace(live)
        answer = self.real.delete(manifest)
        if not answer.ok and answer.status != 404:
            yield f"{manifest['kind']} {manifest['metadata']['name']}: not deleted: {answer.message}"
            return
        wait_for(
            f"the end of {manifest['kind']} {manifest['metadata']['name']}",
            lambda: not self.real.get(manifest),
            20,
        )

    def end(self) -> None:
        """Delete the namespaces, and wait until they are gone."""
        gone = [one for name, one in self.spaces.items() if name not in ("default", "kube-system")]
        for one in gone:
            self.real.delete(one)
        wait_for("the end of all namespaces", lambda: not any(self.real.get(one) for one in gone), 180)


def _rank(manifest: Manifest) -> int:
    return {"Namespace": 0, "CustomResourceDefinition": 1}.get(manifest["kind"], 2)


# The server counts a new generation whenever an empty list is applied, which it does not keep.
COUNTED = ("generation", "managedFields", "resourceVersion")


def _content(value: Manifest) -> Manifest:
    metadata = {key: part for key, part in value["metadata"].items() if key not in COUNTED}
    return {**value, "metadata": metadata}


@pytest.fixture(scope="module")
def session(with_definitions: Client) -> Iterator[Session]:
    one = Session(with_definitions)
    yield one
    one.end()


# The patterns that something needed, and the tests that have run to their end.
USED: set[str] = set()
RAN: list[str] = []


def _unexplained(found: list[str]) -> list[str]:
    by_pattern = {one: {pattern for pattern in ALLOWED if re.search(pattern, one)} for one in found}
    USED.update(*by_pattern.values())
    return [one for one in found if not by_pattern[one]]


def _unprotected(one: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
    one.opts.protect = False
    return pulumi.ResourceTransformResult(one.props, one.opts)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment(sandbox: Any, session: Session, name: str) -> None:
    text = (ROOT / f"stacks/config/Pulumi.{name}.yaml").read_text(encoding="utf-8")
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in yaml.safe_load(text)["config"].items()
    }

    def program() -> None:
        pulumi.runtime.set_all_config(config)
        # What production protects must go here all the same, when it has been looked at.
        pulumi.runtime.register_resource_transform(_unprotected)
        runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")

    sandbox.up(program, config)
    found = _unexplained(session.put(name, kept(sandbox)))
    RAN.append(name)
    assert not found, "\n".join(found)
    sandbox.destroy()


def _areas() -> list[str]:
    """The test files whose programs make Kubernetes objects."""
    found = []
    for path in sorted((ROOT / "tests").glob("*/**/test_*.py")):
        relative = path.relative_to(ROOT / "tests")
        text = path.read_text(encoding="utf-8").lower()
        if relative.parts[0] not in ELSEWHERE and ("kubernetes" in text or "ceph" in relative.parts):
            found.append(str(path.relative_to(ROOT)))
    return found


def test_the_programs_of_every_area(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "objects.jsonl"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--continue-on-collection-errors",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-p", "tests.conformance.recorder", "--record-objects", str(file), *_areas()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert file.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        program = json.loads(line)
        found += session.put(program["test"], program["objects"])
    assert session.count > 100
    found = _unexplained(found)
    RAN.append("areas")
    assert not found, f"{len(found)} of {session.count} objects:\n" + "\n".join(found)
    assert done.returncode == 0, f"tests of the areas fail:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"


def test_what_is_refused_is_listed_for_a_reason() -> None:
    if len(RAN) < len(ENVIRONMENTS) + 1:
        pytest.skip("tells only after every program")
    assert set(ALLOWED) - USED == set(), "nothing needs these entries; take them off the list"
