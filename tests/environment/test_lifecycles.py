"""The whole life of environments on your own racks: up, again, drift, change, down; and kill -9 within."""

import copy
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from bedplate.sandbox.engine.events import ResourceEvent
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes import definitions
from bedplate.sandbox.providers.kubernetes.cluster import SYSTEM_NAMESPACES, Cluster
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.server import SandboxServer

pytestmark = pytest.mark.xdist_group("environment-lifecycles")

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("onprem-dev", "onprem-prod")
SERVERS = {"onprem-dev": "10.40.0.10:6443", "onprem-prod": "10.50.0.10:6443"}
Data = dict[str, Any]


class Life:
    """An environment in a sandbox of its own, and ways to run it."""

    def __init__(self, name: str, server: SandboxServer, directory: Path) -> None:
        text = (ROOT / f"stacks/config/Pulumi.{name}.yaml").read_text(encoding="utf-8")
        self.config: Data = yaml.safe_load(text)["config"]
        self.name = name
        self.sandbox = SandboxFixture(server, directory)

    @property
    def cluster(self) -> Cluster:
        return self.sandbox.cluster(SERVERS[self.name])

    def run(self, operation: str, change: Callable[[Data], None] | None = None) -> SandboxFixture:
        """The operation, under the file as it is or changed."""
        environment = copy.deepcopy(self.config["bedplate:environment"])
        if change is not None:
            change(environment)
        config = {
            "bedplate:environment": json.dumps(environment),
            "bedplate:kubeconfig": self.config["bedplate:kubeconfig"],
        }

        def program() -> None:
            pulumi.runtime.set_all_config(config)
            runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")

        if operation == "up":
            self.sandbox.up(program, config)
        else:
            getattr(self.sandbox, operation)(program)
        return self.sandbox

    def changed(self) -> dict[str, str]:
        """What the last operation did to which resource."""
        ops = ("create", "update", "replace", "delete")
        return {name: op for op in ops for name in self.sandbox.steps(op)}

    def existing(self) -> set[tuple[str, str, str]]:
        """Every object in the cluster that did not come with Kubernetes."""
        found = set()
        for kind in self.cluster.kinds():
            for value in self.cluster.objects(kind):
                metadata = value.get("metadata", {})
                name = str(metadata.get("name", value.get("name", "")))
                if kind.kind == "Namespace" and name in SYSTEM_NAMESPACES:
                    continue
                found.add((f"{kind.group}/{kind.kind}", str(metadata.get("namespace", "")), name))
        system = {f"system-{one}-critical" for one in ("cluster", "node")}
        return {one for one in found if one[2] not in system}


def _lifted(environment: Data) -> None:
    """No deletion protection anywhere."""
    ceph, queues = environment["ceph"], environment["kubernetes"]["queueing"]["queues"]
    parts = [
        ceph["cluster"],
        *ceph["block"].values(),
        *ceph["files"].values(),
        *ceph["object_stores"].values(),
    ]
    parts += [*environment["buckets"].values(), queues]
    if "snapshots" in ceph:
        parts.append(ceph["snapshots"])
    for part in parts:
        part["deletion_protection"] = False


def _quota(environment: Data) -> None:
    team = environment["kubernetes"]["queueing"]["queues"]["teams"][-1]
    quota = team["quotas"][0]
    if quota["nodes"] > 1:
        quota["nodes"] -= 1
    else:
        quota["lending_limit"] = 0


def _hotter(environment: Data) -> None:
    environment["kubernetes"]["monitoring"]["alerts"]["thresholds"] = {"gpu": {"temperature_celsius": 70}}


def _larger_bucket(environment: Data) -> None:
    environment["buckets"]["datasets"]["plan"]["max_size_gib"] *= 2


def _another_node(environment: Data) -> None:
    pools = environment["cluster"]["pools"]
    rack = next(iter(pools.values()))["nodes"][0]["rack"]
    next(iter(pools.values()))["nodes"].append({"name": "another", "rack": rack})


# What a change of the file does, and to what; nothing else may change. Names without the environment's.
CHANGES: dict[str, tuple[Callable[[Data], None], dict[str, dict[str, str]]]] = {
    "a team's quota": (
        _quota,
        {
            "onprem-dev": {"queues-queue-speech": "update"},
            "onprem-prod": {
                "queues-queue-research": "update",
                # What pods that go round the queue may have at most.
                "queues-namespace-research-backstop": "update",
            },
        },
    ),
    "an alert's threshold": (_hotter, {name: {"alerts-gpu": "update"} for name in ENVIRONMENTS}),
    "a bucket's quota": (_larger_bucket, {name: {"datasets-claim": "update"} for name in ENVIRONMENTS}),
    "one more node": (_another_node, {name: {"cluster-node-another": "create"} for name in ENVIRONMENTS}),
}


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def life(
    request: pytest.FixtureRequest,
    _bedplate_sandbox_server: SandboxServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """Up, once for all tests; the last ones take it down."""
    _bedplate_sandbox_server.reset()
    one = Life(request.param, _bedplate_sandbox_server, tmp_path_factory.mktemp("life"))
    one.run("up")
    return one


def test_up_again_changes_nothing(life: Life) -> None:
    life.run("up")
    assert life.changed() == {}


def test_refresh_finds_no_drift(life: Life) -> None:
    life.run("refresh")
    assert life.changed() == {}


def test_what_was_deleted_behind_the_back_is_found_and_restored(life: Life) -> None:
    before = life.existing()
    queue = next(one for one in sorted(before) if one[0] == "kueue.x-k8s.io/LocalQueue")
    life.cluster.remove(GroupKind("kueue.x-k8s.io", "LocalQueue"), *queue[1:])
    life.run("refresh")
    assert list(life.changed().values()) == ["delete"]
    (name,) = life.changed()
    life.run("up")
    assert life.changed() == {name: "create"}
    assert life.existing() == before


def test_each_change_of_the_file_updates_what_it_must_and_nothing_else(life: Life) -> None:
    made: list[Callable[[Data], None]] = []

    def all_so_far(environment: Data) -> None:
        for one in made:
            one(environment)

    for case, (change, wanted) in CHANGES.items():
        made.append(change)
        life.run("up", all_so_far)
        found = {name.removeprefix(f"{life.name}-"): op for name, op in life.changed().items()}
        assert found == wanted[life.name], case


def test_down(life: Life) -> None:
    """Production goes only once its protection is lifted, and not in part; then in an order that works."""
    if life.name == "onprem-prod":
        before, resources = life.existing(), life.sandbox.resources()
        with pytest.raises(SandboxError, match="protected"):
            life.run("destroy")
        assert life.changed() == {}
        assert life.existing() == before
        assert life.sandbox.resources() == resources
        life.run("up", _lifted)
        assert "delete" not in [
            op for name, op in life.changed().items() if not name.endswith("node-another")
        ]
    life.run("destroy")
    assert life.sandbox.resources() == []
    # Helm leaves what is in a chart's `crds/` where it is.
    assert {
        one for one in life.existing() if one[0] != "apiextensions.k8s.io/CustomResourceDefinition"
    } == set()
    _assert_order(life)


def _assert_order(life: Life) -> None:
    gone = [
        event
        for event in life.sandbox.events
        if isinstance(event, ResourceEvent) and event.phase == "done" and event.op == "delete"
    ]
    at: dict[str, list[int]] = {}
    for index, event in enumerate(gone):
        at.setdefault(event.type.removeprefix("kubernetes:"), []).append(index)
    place = {event.name: index for index, event in enumerate(gone)}
    release = {event.name: index for index, event in enumerate(gone) if event.type.endswith(":Release")}

    def part(name: str) -> int:
        return release[f"{life.name}-{name}"]

    def last(group: str, *kinds: str) -> int:
        return max(place for kind in kinds for place in at[f"{group}:{kind}"])

    def first(group: str, *kinds: str) -> int:
        return min(place for kind in kinds for place in at[f"{group}:{kind}"])

    kueue, rook = "kueue.x-k8s.io/v1beta2", "ceph.rook.io/v1"
    assert last(kueue, "ClusterQueue") < first(kueue, "ResourceFlavor")
    assert last(kueue, "ResourceFlavor", "Cohort", "Topology") < part("queues-kueue")
    env = life.config["bedplate:environment"]
    for team in env["kubernetes"]["queueing"]["queues"]["teams"]:
        for where in team.get("namespaces", [team["name"]]):
            local = place[f"{life.name}-queues-local-{team['name']}-{where}"]
            assert local < place[f"{life.name}-queues-queue-{team['name']}"]
    for name, bucket in env["buckets"].items():
        store = bucket.get("object_store") or next(iter(env["ceph"]["object_stores"]))
        assert place[f"{life.name}-{name}-claim"] < place[f"{life.name}-{store}-store"]
    pools = last(rook, "CephObjectStore", "CephFilesystem", "CephFilesystemSubVolumeGroup", "CephBlockPool")
    assert pools < first(rook, "CephCluster")
    assert last(rook, "CephCluster") < part("rook-operator")
    # A custom resource goes before the release that brings its kind.
    brought = 0
    for index, event in enumerate(gone):
        group, _, kind = event.type.removeprefix("kubernetes:").partition("/")
        origin = definitions.origin(group, kind.partition(":")[2])
        for name, where in release.items() if origin is not None else ():
            if _chart(life, name) in origin.charts:
                brought += 1
                assert index < where, f"{event.name} outlives {name}, which brings {kind}"
    assert brought >= 30
    # Whatever runs in pods goes before the pods' network; what the network was told of goes before it, too.
    assert max(release.values()) == part("network-cilium")
    assert max(at["core/v1:NodePatch"]) > part("network-cilium")


def _chart(life: Life, release: str) -> str:
    return CHARTS.get(release.removeprefix(f"{life.name}-"), "")


# The releases whose charts bring kinds of which the environments make objects.
CHARTS = {
    "queues-kueue": "kueue",
    "rook-operator": "rook-ceph",
    "monitoring-stack": "kube-prometheus-stack",
    "certificates-chart": "cert-manager",
    "gateway-chart": "gateway-helm",
    "addresses-services-metallb": "metallb",
    "network-cilium": "cilium",
    "rdma-operator": "network-operator",
    "gpu-operator-operator": "gpu-operator",
    "node-features-discovery": "node-feature-discovery",
    "trainer-trainer": "kubeflow-trainer",
    "jobset-jobset": "jobset",
    "keda-chart": "keda",
    "snapshots-chart": "snapshot-controller",
}


def test_nodes_carry_the_labels_that_their_gpus_operator_reads() -> None:
    from bedplate.environment import load
    from bedplate.environment.onprem import _labelled

    text = (ROOT / "stacks/config/Pulumi.onprem-prod.yaml").read_text(encoding="utf-8")
    env = load(yaml.safe_load(text)["config"]["bedplate:environment"])
    pools = _labelled(env)
    assert pools["inference"].labels == {"nvidia.com/mig.config": "all-1g.20gb"}
    # Whole GPUs are what nodes without a label have.
    assert pools["h100"].labels == {}
    assert pools["storage"].labels == {}


class Project:
    """onprem-dev in a project directory, run as a user runs it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        (root / "Pulumi.yaml").write_text(yaml.safe_dump({**project, "runtime": "python"}))
        shutil.copytree(ROOT / "stacks", root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))

    def command(self, operation: str) -> list[str]:
        bare = ["--no-policies"] if operation == "up" else []
        place = ["--root", str(self.root), "--engine", "offline"]
        return [sys.executable, "-m", "bedplate.cli", "sandbox", operation, "onprem-dev", *place, *bare]

    def run(self, operation: str) -> dict[str, Any]:
        done = subprocess.run(
            [*self.command(operation), "--json"], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3000:]
        summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return summary

    def kill(self, operation: str, steps: int) -> None:
        """kill -9 the command and all that it started once so many resources are under way."""
        process = subprocess.Popen(
            self.command(operation),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        verb = "creating" if operation == "up" else "deleting"
        for line in process.stdout:
            steps -= verb in line
            if steps <= 0:
                break
        assert steps <= 0, f"{operation} ended by itself"
        os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL

    def made(self) -> dict[str, str]:
        """Each resource in the state with the id of what it stands for."""
        file = next((self.root / ".bedplate").rglob("onprem-dev.json"))
        resources = json.loads(file.read_text())["checkpoint"]["latest"].get("resources") or []
        assert not [one for one in resources if one.get("delete")]
        return {one["urn"]: one.get("id", "") for one in resources}

    def stop(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "bedplate.cli", "sandbox", "stop", "--root", str(self.root)], check=False
        )


def test_killed_up_and_destroy_are_finished_by_the_next(tmp_path: Path) -> None:
    project = Project(tmp_path)
    try:
        project.kill("up", 60)
        assert project.run("up")["changes"]["create"] > 0
        after_kills = project.made()
        project.kill("destroy", 30)
        assert project.run("destroy")["resources"] == 0
        undisturbed = project.run("up")
        assert undisturbed["changes"]["create"] == undisturbed["resources"]
        assert project.made().keys() == after_kills.keys(), "an undisturbed run makes exactly as much"
    finally:
        project.stop()
