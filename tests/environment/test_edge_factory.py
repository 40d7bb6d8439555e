"""The environment of edge-factory: its whole life in the sandbox, and what its file may not say."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bedplate import environment
from bedplate.core import ConfigError
from bedplate.core.errors import Problem
from bedplate.edge.cache import ImageCache, ModelCache
from bedplate.edge.camera import Camera, ResultsQueue
from bedplate.edge.fleet import EdgeNode, EdgeSite
from bedplate.edge.metrics import RemoteWrite
from bedplate.edge.update import ModelRelease, UpdateWindow
from bedplate.edge.waves import HealthGate, UpdateWave
from bedplate.environment import edge_models
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate_policies.judge import Judge
from bedplate_policies.kubernetes import RULES
from bedplate_policies.stack import Stack
from bedplate_policies.testing import make_resource

# One emulated cloud per test process.
pytestmark = pytest.mark.xdist_group("environment-edge_factory")

FILE = Path(__file__).parents[2] / "stacks/config/Pulumi.edge-factory.yaml"
STAMPING, DENTS = "edge.lines.stamping", "edge.updates.dents"
PRESS, PAINT = "edge.nodes.sites.0.nodes", "edge.nodes.sites.1.nodes"
CONFIG: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["config"]


def factory(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The environment with values put at dotted paths; numbers count lists, `...` removes."""
    data: dict[str, Any] = copy.deepcopy(CONFIG["bedplate:environment"])
    for path, value in (changes or {}).items():
        *parents, last = (int(part) if part.isdecimal() else part for part in path.split("."))
        inner: Any = data
        for part in parents:
            inner = inner[part] if isinstance(part, int) else inner.setdefault(part, {})
        if value is ...:
            del inner[last]
        elif isinstance(last, int) and last == len(inner):
            inner.append(value)
        else:
            inner[last] = value
    return data


def program(data: dict[str, Any]) -> Callable[[], None]:
    def run() -> None:
        environment.deploy(environment.load(data))

    return run


def changed(sandbox: Any) -> set[str]:
    """What the last operation did something to; what it made has a plus."""
    replaced, made = sandbox.steps("replace"), sandbox.steps("create")
    names = {*replaced, *sandbox.steps("update"), *sandbox.steps("delete"), *(f"+{name}" for name in made)}
    return {name.replace("edge-factory-", "") for name in names}


def objects(sandbox: Any, group: str, kind: str, namespace: str | None = "edge") -> dict[str, dict[str, Any]]:
    found = sandbox.cluster("10.60.0.10:6443").objects(GroupKind(group, kind), namespace)
    return {one["metadata"]["name"]: one for one in found}


# What is changed, and all that changes by it.
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a new version of the model is a new plan, and no server restarts": (
        {f"{DENTS}.release.version": "2026-11-20", f"{DENTS}.release.sha256": "b" * 64},
        {"model-dents-plan"},
    ),
    "another camera restarts the servers of its line": (
        {f"{STAMPING}.cameras.2": {"name": "side", "secret_name": "stamping-cameras"}},
        {"line-stamping-press-0", "line-stamping-press-1"},
    ),
    "a larger cache restarts what fills it": (
        {"edge.cache.models.size_gib": 5},
        {"cache-config", "cache-press-0", "cache-press-1", "cache-paint-0", "cache-paint-1"},
    ),
    "a machine in reserve is scraped, may fetch images, and starts nothing": (
        {
            "cluster.pools.jetson.nodes.2": {"name": "paint-2", "rack": "paint-hall"},
            f"{PAINT}.2": {"hostname": "paint-2", "address": "10.62.0.12", "device": "jetson-orin-nx-16gb"},
        },
        {
            "+cluster-node-paint-2",
            "edge-k3s",
            "metrics-network",
            "metrics-paint-hall-config",
            "metrics-paint-hall",
            "cache-paint-hall-registry-example-com-network",
        },
    ),
}


def test_up_changes_only_what_it_must_and_leaves_nothing(sandbox: Any) -> None:
    kubeconfig = {"bedplate:kubeconfig": CONFIG["bedplate:kubeconfig"]}
    sandbox.up(program(factory()), secret_config=kubeconfig)
    _check_what_is_there(sandbox)
    _check_policies(sandbox)
    again = sandbox.up()
    assert {op for op, count in again.changes.items() if count} == {"same"}
    drift = sandbox.refresh()
    assert {op for op, count in drift.changes.items() if count} == {"same"}
    for what, (changes, touched) in list(CHANGES.items())[:2]:
        sandbox.preview(program(factory(changes)))
        assert changed(sandbox) == touched, what
    sandbox.up(program(factory({path: value for one, _ in CHANGES.values() for path, value in one.items()})))
    assert changed(sandbox) == {name for _, touched in CHANGES.values() for name in touched}
    again = sandbox.up()
    assert {op for op, count in again.changes.items() if count} == {"same"}

    sandbox.destroy()
    assert sandbox.resources() == []
    for group, kind in (("", "PersistentVolume"), ("apps", "Deployment"), ("", "ConfigMap")):
        left = objects(sandbox, group, kind, None)
        assert not [name for name in left if name.startswith("edge-factory")], kind
    assert {"edge", "quality", "monitoring"}.isdisjoint(objects(sandbox, "", "Namespace", None))


def test_a_bucket_of_the_environment_comes_after_the_namespace_of_its_key(sandbox: Any) -> None:
    disks = [{"name": f"server-{n}", "devices": [f"/dev/disk/by-id/nvme-SAMPLE_{n}A"]} for n in range(3)]
    data = factory(
        {
            "ceph": {
                "cluster": {"nodes": disks},
                "object_stores": {"objects": {"certificate_secret_name": "objects-tls"}},
            },
            "buckets.results": {"namespace": "edge"},
            f"{STAMPING}.store": "results",
            "edge.cache": ...,
            "edge.updates": ...,
            "kubernetes.monitoring": ...,
        }
    )
    sandbox.up(program(data), secret_config={"bedplate:kubeconfig": CONFIG["bedplate:kubeconfig"]})
    made = {one["urn"].rsplit("::")[-1].removeprefix("edge-factory-"): one for one in sandbox.resources()}
    assert made["results-claim"]["parent"] == made["results"]["urn"]
    assert made["edge-namespace"]["urn"] in made["results"]["dependencies"]
    pod = objects(sandbox, "apps", "Deployment")["edge-factory-line-stamping-press-0"]["spec"]["template"][
        "spec"
    ]
    env = {one["name"]: one for one in pod["containers"][1]["env"]}
    assert env["TARGET"]["value"] == "store:edge-factory-results/results/stamping/press-0"
    assert env["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"]["name"] == "edge-factory-results"


def _check_what_is_there(sandbox: Any) -> None:
    assert len(sandbox.resources()) >= 110
    # Lines, copies of models, updaters, their coordinator, image caches, metrics.
    assert len(objects(sandbox, "apps", "Deployment")) == 4 + 4 + 4 + 1 + 2 + 2
    maps = {name: one["data"] for name, one in objects(sandbox, "", "ConfigMap").items()}
    assert '"bucket": "example-factory-models"' in maps["edge-factory-cache-config"]["config.json"]
    # Nodes are told of their own pool, and of their own site's cache only.
    files = {name: yaml.safe_load(text) for name, text in maps["edge-factory-edge-k3s"].items()}
    asked = {
        host: files[f"{host}.registries.yaml"]["mirrors"]["registry.example.com"]
        for host in ("press-0", "paint-0")
    }
    assert asked == {
        "press-0": {"endpoint": ["http://10.43.200.10:5000"]},
        "paint-0": {"endpoint": ["http://10.43.200.11:5000"]},
    }
    assert "bedplate/pool=jetson" in files["paint-1.config.yaml"]["node-label"]
    assert "bedplate/pool=l4" in files["press-1.config.yaml"]["node-label"]
    server = objects(sandbox, "apps", "Deployment")["edge-factory-line-stamping-press-0"]
    keys = {
        one["valueFrom"]["secretKeyRef"]["name"]
        for container in server["spec"]["template"]["spec"]["containers"]
        for one in container["env"]
        if "secretKeyRef" in one.get("valueFrom", {})
    }
    assert keys == {"stamping-cameras", "models-key"}


def _check_policies(sandbox: Any) -> None:
    """What is left is not for the edge to avoid: publishers that print no digests, namespaces of others."""
    judge = Judge(RULES)
    judge.preview = False
    made = [
        make_resource(one["type"], one["inputs"], name=one["urn"].rsplit("::")[-1])
        for one in sandbox.resources()
        if one["type"].startswith("kubernetes:")
    ]
    verdicts = [verdict for one in made for verdict in judge.resource(one)]
    verdicts += judge.stack(Stack(made, "edge-factory", {}))
    assert [one.message for one in verdicts if one.level == "mandatory"] == []
    left = {(one.rule.name, one.urn.rsplit("::")[-1]) for one in verdicts}
    ours = {
        (rule, name) for rule, name in left if re.match("edge-factory-(edge|cache|metrics|line|model)", name)
    }
    assert {rule for rule, _ in ours} <= {"kubernetes-image-digest"}


KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
SECOND = {
    "line": "stamping",
    "model": "burrs",
    "image": "registry.example.com/vision/inspector:2.3.1",
    "cameras": [{"name": "upper", "secret_name": "stamping-cameras"}],
    "camera_networks": ["10.61.8.0/24"],
}
LONG = "a" * 50
UPDATE = copy.deepcopy(CONFIG["bedplate:environment"]["edge"]["updates"]["dents"])

# name: (changes of edge-factory, path below bedplate:environment, words that the reason must hold)
WRONG: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "typo": ({"edge.line": {}}, "edge.line", ("unknown field", "did you mean lines")),
    "wiring by hand": ({"edge.cache.edge": "edge"}, "edge.cache.edge", ("unknown field",)),
    "machine that the cluster has not": (
        {f"{PRESS}.0.hostname": "press-9"},
        "edge.nodes.sites[0].nodes[0].hostname",
        ("'press-9' is no machine of cluster.pools", "press-0", "role edge"),
    ),
    "machine of the server room": (
        {f"{PRESS}.0.hostname": "server-0"},
        "edge.nodes.sites[0].nodes[0].hostname",
        ("in pool 'general'", "not at the edge", "press-0"),
    ),
    "machine in two pools": (
        {f"{PRESS}.0.pool": "jetson"},
        "edge.nodes.sites[0].nodes[0].pool",
        ("'jetson'", "'l4'", "remove it"),
    ),
    "device of another architecture": (
        {f"{PRESS}.0.device": "jetson-orin-nx-16gb"},
        "edge.nodes.sites[0].nodes[0].device",
        ("arm64", "l4 (x86_64)"),
    ),
    "unknown device": (
        {f"{PRESS}.0.device": "nvidia-l5"},
        "edge.nodes.sites[0].nodes[0].device",
        ("'nvidia-l5'", "nvidia-l4"),
    ),
    "Jetsons and the GPU operator": (
        {"edge.nodes.gpus": "gpu-operator"},
        "edge.nodes.sites[1].nodes[0].device",
        ("JetPack", "device-plugin"),
    ),
    "store of the cache": (
        {"edge.cache.store": "modells"},
        "edge.cache.store",
        ("'modells'", "object_stores", "allowed: models"),
    ),
    "store of a line": (
        {f"{STAMPING}.store": "results"},
        f"{STAMPING}.store",
        ("'results'", "allowed: models"),
    ),
    "store of an update": ({f"{DENTS}.store": "s3"}, f"{DENTS}.store", ("'s3'", "allowed: models")),
    "bucket whose key is elsewhere": (
        {"buckets.results": {"namespace": "quality"}, f"{STAMPING}.store": "results"},
        f"{STAMPING}.store",
        ("namespace 'quality'", "'edge'", "claim it in 'edge'"),
    ),
    "bucket and store of one name": (
        {"buckets.models": {"namespace": "edge"}},
        "edge.object_stores.models",
        ("a bucket of that name", "rename"),
    ),
    "store without a key": (
        {"edge.object_stores.models.credentials": ...},
        "edge.object_stores.models.credentials",
        ("required",),
    ),
    "store without TLS": (
        {"edge.object_stores.models.endpoint": "http://minio.example.com"},
        "edge.object_stores.models.endpoint",
        ("http://minio.example.com",),
    ),
    "results without a store": ({f"{STAMPING}.store": ...}, f"{STAMPING}.store", ("go together",)),
    "line that no machine serves": (
        {f"{STAMPING}.line": "welding"},
        f"{STAMPING}.line",
        ("'welding' is a line of no node", "coating, stamping"),
    ),
    "update of an unknown line": (
        {f"{DENTS}.lines": ["stamping", "welding"]},
        f"{DENTS}.lines[1]",
        ("'welding' is not among lines", "stamping, coating"),
    ),
    "line with two updates": (
        {"edge.updates.again": UPDATE},
        "edge.updates.again.lines[0]",
        ("'stamping'", "updates.dents already", "remove it from one"),
    ),
    "two updates of one file": (
        {
            "edge.lines.burrs": {**SECOND, "model": "dents", "gpus": 0, "idle_path": "/idle"},
            "edge.updates.again": {**UPDATE, "lines": ["burrs"], "waves": []},
        },
        "edge.updates.again.lines[0]",
        ("'burrs' and 'stamping'", "share the model 'dents' on press-0", "join them"),
    ),
    "name too long for a service": (
        {f"edge.lines.{LONG}": SECOND},
        f"edge.lines.{LONG}",
        ("has 68 characters", "allowed: 63", "shorten"),
    ),
    "two networks": (
        {
            "network.plugin": {"api_server": {"host": "10.60.0.10"}, "node_cidrs": ["10.60.0.0/14"]},
            f"{PRESS}.0.server": True,
        },
        "edge.nodes.k3s.flannel_backend",
        ("'wireguard-native'", "network.plugin", "allowed: none"),
    ),
    "two servers for one GPU": (
        {"edge.lines.burrs": SECOND},
        "edge.nodes.sites[0].nodes[0].lines",
        ("stamping, burrs ask for 2", "press-0 has 1"),
    ),
    "site of an image cache": (
        {"edge.cache.images.0.site": "forge"},
        "edge.cache.images[0].site",
        ("'forge'", "press-hall, paint-hall"),
    ),
    "cache that nobody asks": (
        {"edge.cache.images.0.upstream": "https://gcr.io"},
        "edge.cache.images[0].upstream",
        ("'gcr.io'", "nodes.k3s.mirrors", "nvcr.io"),
    ),
    "cache and versions do not fit together": (
        {"edge.cache.models.size_gib": 18},
        "edge.nodes.sites[1].nodes[0].models_gib",
        ("20 GiB", "cache.models 18.0", "updates.dents 2.4", "21.4"),
    ),
    "model larger than the disks": (
        {f"{DENTS}.release.size_bytes": 20 * 10**9},
        f"{DENTS}.release.size_bytes",
        ("paint-0 has 20 GiB",),
    ),
    "buffer smaller than the longest outage": (
        {f"{PAINT}.0.buffer_gib": 1, "edge.metrics.series_per_node": 5000},
        "edge.metrics.buffer_share",
        ("336 h", "paint-hall", "raise buffer_gib"),
    ),
    "metrics without TLS": (
        {"edge.metrics.remote_write.url": "http://metrics.example.com"},
        "edge.metrics.remote_write.url",
        ("http://metrics.example.com",),
    ),
    "hall that never gets the model": (
        {f"{DENTS}.waves": [{"sites": ["press-hall"]}]},
        f"{DENTS}.waves",
        ("paint-hall would never get", "percent 100"),
    ),
    "gate that any answer passes": ({f"{DENTS}.gate.at_most": ...}, f"{DENTS}.gate.at_most", ("any answer",)),
    "window that never opens": (
        {f"{DENTS}.windows": [{"start": "22:00", "end": "22:00"}]},
        f"{DENTS}.windows[0]",
        ("never opens",),
    ),
    "line that cannot tell that it stands": (
        {f"{STAMPING}.idle_path": ...},
        f"{DENTS}.line_idle",
        ("stamping", "idle_path"),
    ),
    "key without a signature": (
        {f"{DENTS}.public_key": KEY},
        f"{DENTS}.release.signature",
        ("sign the model",),
    ),
    "cameras everywhere": (
        {f"{STAMPING}.camera_networks": ["10.0.0.0/8"]},
        f"{STAMPING}.camera_networks[0]",
        ("10.0.0.0/8 is wider", "/16"),
    ),
    "image of no version": (
        {f"{STAMPING}.image": "registry.example.com/vision/inspector"},
        f"{STAMPING}.image",
        ("tomorrow", "add a tag"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_where_it_is_wrong(case: str) -> None:
    changes, path, words = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        environment.load(factory(changes))
    found = [p.reason for p in refused.value.problems if p.path == f"bedplate:environment.{path}"]
    assert found, str(refused.value)
    for word in words:
        assert any(word in reason for reason in found), str(refused.value)


DESCRIBED: tuple[type[BaseModel], ...] = (
    *(edge_models.EdgeSettings, edge_models.ExistingStore, edge_models.StoreCredentials),
    *(edge_models.NodeSettings, edge_models.CachePart, edge_models.MetricSettings, edge_models.LinePart),
    *(edge_models.UpdatePart, EdgeSite, EdgeNode, ModelCache, ImageCache, RemoteWrite, Camera, ResultsQueue),
    *(ModelRelease, UpdateWindow, UpdateWave, HealthGate),
)


def test_the_guide_names_every_field() -> None:
    text = (Path(__file__).parents[2] / "docs/environment.md").read_text(encoding="utf-8")
    section = text.partition("\n## Edge\n")[2].partition("\n## ")[0]
    fields = {field for part in DESCRIBED for field in part.model_fields}
    assert fields - set(re.findall(r"`([a-z_0-9.]+)`", section)) - {"pool"} == set()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_odd_values_are_accepted_or_explained(data: Any) -> None:
    """Nothing but ConfigError comes of a file, whatever is in it, and each reason says what to do."""
    paths = sorted(_paths(factory()["edge"], "edge"))
    odd = st.sampled_from(
        [None, True, "", -1, 0, 1.5, 10**30, [], {}, [None], {"a": None}, "models", "paint-0"]
    )
    changes = data.draw(st.dictionaries(st.sampled_from(paths), odd, min_size=1, max_size=3))
    try:
        found = factory(changes)
    except (TypeError, AttributeError, IndexError, KeyError):
        return  # One change took away what another one is in.
    for problem in _problems(found):
        assert problem.path.startswith("bedplate:environment."), problem
        assert ";" in problem.reason, problem


def _problems(data: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        environment.load(data)
    except ConfigError as refused:
        return refused.problems
    return ()


def _paths(value: object, path: str) -> Iterator[str]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield from _paths(inner, f"{path}.{key}")


def test_one_run_tells_of_all_parts_of_the_edge() -> None:
    data = factory(
        {
            f"{PRESS}.0.hostname": "press-9",
            "edge.cache.store": "modells",
            f"{STAMPING}.line": "welding",
            f"{DENTS}.waves": [{"sites": ["press-hall"]}],
        }
    )
    with pytest.raises(ConfigError) as refused:
        environment.load(data)
    paths = {p.path.removeprefix("bedplate:environment.edge.") for p in refused.value.problems}
    assert {"nodes.sites[0].nodes[0].hostname", "cache.store", "lines.stamping.line"} <= paths
