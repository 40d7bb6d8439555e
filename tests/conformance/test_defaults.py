"""What the real API server keeps of a manifest is what the sandbox keeps."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.client import Client, Manifest
from tests.conformance.server import wait_for
from tests.sandbox.providers.kubernetes.conftest import Api
from tests.sandbox.providers.kubernetes.test_refusals import GOOD

MANIFESTS: dict[str, Manifest] = {
    **GOOD,
    **yaml.safe_load(Path(__file__).with_name("manifests.yaml").read_text(encoding="utf-8")),
}
# Who and when: of every object.
IDENTITY = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "generation")
# Paths that may differ, of a manifest or of all ("*"), and why.
ALLOWED: dict[tuple[str, str], str] = {
    ("*", "spec.clusterIP"): "any free address",
    ("*", "spec.clusterIPs[0]"): "any free address",
    ("*", "spec.ports[0].nodePort"): "any free port",
    ("*", "spec.healthCheckNodePort"): "any free port",
    ("claim", "metadata.finalizers"): "the protection of volumes, which its own controller takes away again",
    ("volume", "metadata.finalizers"): "the protection of volumes, which its own controller takes away again",
    ("attributes", "metadata.finalizers"): "the protection of classes, which its own controller takes away",
    ("daemon", "metadata.annotations"): "a count of the templates, for clients of long ago",
    ("node", "spec.taints"): "of a node that no kubelet has reported; in the sandbox all nodes are ready",
    ("pod", "spec.tolerations"): "of nodes that are away for less than five minutes; no node is",
    ("pod", "spec.containers[1].resources.limits.memory"): "the same amount, spelled 512Mi for 0.5Gi",
    ("pod", "spec.containers[1].resources.requests.memory"): "the same amount, spelled 512Mi for 0.5Gi",
}
# The paths that differ, by manifest.
SEEN: dict[str, set[str]] = {}
# A job's pods are told from others by its uid, which the server puts into selector and labels; the sandbox
# has no pods.
BY_UID = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            below = f"{path}.{key}" if path else key
            yield from differences(theirs.get(key), ours.get(key), below)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif theirs != ours:
        yield path, theirs, ours


def kept(value: Manifest) -> Manifest:
    """Without identity and status."""
    found = deepcopy({key: part for key, part in value.items() if key != "status"})
    for name in IDENTITY:
        found["metadata"].pop(name, None)
    if found["kind"] == "Job":
        found["spec"].pop("selector", None)
        _without_labels(found)
        _without_labels(found["spec"]["template"])
    if found["kind"] == "Pod":
        _without_token(found["spec"])
    return found


def _without_labels(one: Manifest) -> None:
    """Without the labels that name a job, and without what only they are in."""
    metadata = one.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in BY_UID}
    if metadata.get("name"):  # the job itself; the server copies the labels of its template
        metadata.pop("labels", None)
        return
    one["metadata"] = {"labels": labels} if labels else {}


def _without_token(spec: Manifest) -> None:
    """Without the volume of the service account's token, whose name is random."""

    def others(items: list[Manifest] | None) -> list[Manifest]:
        return [one for one in items or () if not one["name"].startswith("kube-api-access-")]

    spec["volumes"] = others(spec.get("volumes"))
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        container["volumeMounts"] = others(container.get("volumeMounts"))


def put(real: Client, name: str) -> Manifest:
    manifest = MANIFESTS[name]
    answer = real.create(manifest)
    assert answer.ok, answer.message
    return answer.body


@pytest.mark.parametrize("name", MANIFESTS)
def test_defaults(real: Client, ours: Api, name: str) -> None:
    theirs = put(real, name)
    try:
        own = ours.create(deepcopy(MANIFESTS[name]))
        found = list(differences(kept(theirs), kept(own)))
        unlisted = [
            f"{path}: the server keeps {one!r}, the sandbox {other!r}"
            for path, one, other in found
            if not {(name, path), ("*", path)} & ALLOWED.keys()
        ]
        assert not unlisted, "\n".join(unlisted)
        paths = {path for path, _, _ in found}
        idle = [path for whose, path in ALLOWED if whose == name and path not in paths]
        assert not idle, f"both keep the same by now; take these off the list: {', '.join(idle)}"
        SEEN[name] = paths
    finally:
        real.delete(MANIFESTS[name])
        wait_for("the end of it", lambda: real.get(MANIFESTS[name]) is None, 30)


def test_what_differs_for_all_is_listed_for_a_reason() -> None:
    if len(SEEN) < len(MANIFESTS):
        pytest.skip("tells only after every manifest")
    idle = {path for whose, path in ALLOWED if whose == "*"} - set().union(*SEEN.values())
    assert not idle, f"both keep the same by now; take these off the list: {', '.join(sorted(idle))}"
