"""Where kube-scheduler puts pods on nodes that are made from pools' handles. KWOK plays the kubelets."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance import programs
from tests.conformance.client import Client, Manifest
from tests.conformance.server import Plane, wait_for

from bedplate.kubernetes.handles import POOL_LABEL, NodeAccelerator, NodePoolHandle, Taint

GPU = "nvidia.com/gpu"
NUMBERS = itertools.count()
ZONE = "topology.kubernetes.io/zone"
RACK = "topology.kubernetes.io/rack"
H100 = NodeAccelerator(vendor="nvidia", model="H100-SXM5-80GB", count=8, memory_gib=80, resource=GPU)
POOL = NodePoolHandle(
    name="h100",
    labels={POOL_LABEL: "h100"},
    taints=(Taint(key=GPU, effect="NoSchedule", value="present"),),
    max_nodes=4,
    cpu=96,
    memory_gib=1024,
    accelerator=H100,
    zones=("a", "b"),
)
PLAIN = NodePoolHandle(
    name="system", labels={POOL_LABEL: "system"}, max_nodes=1, cpu=8, memory_gib=32, zones=("a",)
)


def nodes(pool: NodePoolHandle) -> Iterator[Manifest]:
    """The pool's nodes at its largest, over its zones, two in a rack."""
    places = itertools.islice(itertools.cycle(pool.zones), pool.max_nodes)
    for number, zone in enumerate(sorted(places)):
        capacity = {"cpu": f"{pool.cpu:g}", "memory": f"{pool.memory_gib:g}Gi", "pods": "110"}
        if pool.accelerator is not None:
            capacity[pool.accelerator.resource] = str(pool.accelerator.count)
        name = f"{pool.name}-{number}"
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    **pool.labels,
                    "kubernetes.io/hostname": name,
                    ZONE: zone,
                    RACK: f"{zone}-{number // 2}",
                },
            },
            "spec": {
                "taints": [
                    {"key": one.key, "effect": one.effect, **({"value": one.value} if one.value else {})}
                    for one in pool.taints
                ]
            },
            "status": {"capacity": capacity, "allocatable": capacity},
        }


@pytest.fixture(scope="module")
def pools(control_plane: Plane) -> Iterator[Client]:
    """The server with a scheduler, and the nodes of both pools, ready."""
    real = control_plane.client
    scheduler, kwok = programs.built("kube-scheduler"), programs.built("kwok")
    control_plane.run(
        "kube-scheduler", scheduler,
        f"--kubeconfig={control_plane.kubeconfig}", "--leader-elect=false", "--secure-port=0",
        f"--authentication-kubeconfig={control_plane.kubeconfig}",
        f"--authorization-kubeconfig={control_plane.kubeconfig}",
    )  # fmt: skip
    control_plane.run(
        "kwok", kwok, f"--kubeconfig={control_plane.kubeconfig}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-ip=127.0.0.1",
        f"--config={Path(__file__).with_name('kwok.yaml')}",
    )  # fmt: skip
    made = [*nodes(POOL), *nodes(PLAIN)]
    for node in made:
        answer = real.create(node)
        assert answer.ok, answer.message

    def ready() -> bool:
        return all(condition(real.get(node) or {}, "Ready") == "True" for node in made)

    control_plane.wait("kwok", ready, 60)
    for node in made:
        # Nobody runs the controller that takes this taint from a node that has become ready.
        live = real.get(node)
        assert live is not None
        live["spec"]["taints"] = node["spec"]["taints"]
        answer = real.replace(live)
        assert answer.ok, answer.message
    yield real
    control_plane.end("kube-scheduler")
    control_plane.end("kwok")
    for node in made:
        real.delete(node)


def condition(value: Manifest, kind: str, part: str = "status") -> str:
    for one in value.get("status", {}).get("conditions") or ():
        if one["type"] == kind:
            return str(one.get(part, ""))
    return ""


@pytest.fixture
def pod(pools: Client, request: pytest.FixtureRequest) -> Iterator[Callable[..., Manifest]]:
    """Makes a pod; it is gone after the test."""
    made: list[Manifest] = []

    def make(gpus: int = 1, labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
        amounts = {"cpu": "1", **({GPU: str(gpus)} if gpus else {})}
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{next(NUMBERS)}", "labels": labels or {}},
            "spec": {
                "containers": [
                    {"name": "train", "image": "registry.invalid/train:1",
                     "resources": {"limits": amounts, "requests": amounts}},
                ],
                **spec,
            },
        }  # fmt: skip
        answer = pools.create(manifest)
        assert answer.ok, answer.message
        made.append(manifest)
        return manifest

    yield make
    for one in made:
        pools.delete(one)
    wait_for("the pods' end", lambda: not any(pools.get(one) for one in made), 30)


def node_of(real: Client, manifest: Manifest) -> Manifest:
    """The node that a pod runs on, once KWOK says that it runs."""

    def running() -> bool:
        return ((real.get(manifest) or {}).get("status") or {}).get("phase") == "Running"

    try:
        wait_for(f"a place for {manifest['metadata']['name']}", running, 60)
    except TimeoutError as error:
        pytest.fail(f"{error}: {(real.get(manifest) or {}).get('status')}")
    live = real.get(manifest)
    assert live is not None
    node = real.get_object("v1", "Node", "", live["spec"]["nodeName"])
    assert node is not None
    return node


def reason(real: Client, manifest: Manifest) -> str:
    """Why a pod waits."""

    def said() -> bool:
        return condition(real.get(manifest) or {}, "PodScheduled") == "False"

    wait_for(f"a reason why {manifest['metadata']['name']} waits", said, 30)
    live = real.get(manifest) or {}
    assert live["status"]["phase"] == "Pending"
    assert "nodeName" not in live["spec"]
    return condition(live, "PodScheduled", "message")


def test_a_pod_with_the_pools_tolerations_lands_on_the_pool(pools: Client, pod: Any) -> None:
    made = pod(nodeSelector=dict(POOL.labels), tolerations=POOL.tolerations())
    assert node_of(pools, made)["metadata"]["labels"][POOL_LABEL] == "h100"


def test_a_pod_without_them_waits(pools: Client, pod: Any) -> None:
    found = reason(pools, pod(nodeSelector=dict(POOL.labels)))
    assert (
        "4 node(s) had untolerated taint(s)" in found
        or "untolerated taint {nvidia.com/gpu: present}" in found
    )


def test_a_plain_pod_stays_off_the_gpus(pools: Client, pod: Any) -> None:
    assert node_of(pools, pod(gpus=0))["metadata"]["labels"][POOL_LABEL] == "system"


def test_more_gpus_than_a_node_has_wait_for_ever(pools: Client, pod: Any) -> None:
    made = pod(gpus=9, nodeSelector=dict(POOL.labels), tolerations=POOL.tolerations())
    assert "4 Insufficient nvidia.com/gpu" in reason(pools, made)


def test_a_full_pool_takes_no_more(pools: Client, pod: Any) -> None:
    rest = {"nodeSelector": dict(POOL.labels), "tolerations": POOL.tolerations()}
    full = [pod(gpus=8, **rest) for _ in range(POOL.max_nodes)]
    assert len({node_of(pools, one)["metadata"]["name"] for one in full}) == POOL.max_nodes
    assert "4 Insufficient nvidia.com/gpu" in reason(pools, pod(gpus=1, **rest))


def test_a_zone_that_the_pool_has_not(pools: Client, pod: Any) -> None:
    selector = {**POOL.labels, ZONE: "c"}
    found = reason(pools, pod(nodeSelector=selector, tolerations=POOL.tolerations()))
    assert "didn't match Pod's node affinity/selector" in found


def test_a_job_within_one_rack(pools: Client, pod: Any) -> None:
    together = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"job": "one"}}, "topologyKey": RACK}
            ]
        }
    }
    rest = {"tolerations": POOL.tolerations(), "labels": {"job": "one"}, "affinity": together}
    racks = {node_of(pools, pod(gpus=8, **rest))["metadata"]["labels"][RACK] for _ in range(2)}
    assert len(racks) == 1
    assert "didn't match pod affinity rules" in reason(pools, pod(gpus=8, **rest))


def test_replicas_over_the_zones(pools: Client, pod: Any) -> None:
    spread = [
        {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
         "labelSelector": {"matchLabels": {"app": "serve"}}, "nodeTaintsPolicy": "Honor"},
    ]  # fmt: skip
    rest = {
        "tolerations": POOL.tolerations(),
        "labels": {"app": "serve"},
        "topologySpreadConstraints": spread,
    }
    zones = [node_of(pools, pod(**rest))["metadata"]["labels"][ZONE] for _ in range(2)]
    assert sorted(zones) == ["a", "b"]
