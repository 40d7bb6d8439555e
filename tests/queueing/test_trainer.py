"""Runtimes follow from the pools; JobSet and the trainer come and go in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from bedplate.kubernetes.handles import KubernetesHandle, NodeFabric
from bedplate.queueing.jobset import JobSetController, JobSetControllerArgs, JobSetHandle
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.queueing.runtimes import fabric_environment
from bedplate.queueing.trainer import KubeflowTrainer, KubeflowTrainerArgs
from bedplate.sandbox.fixture import SandboxFixture

EFA_IMAGE = "registry.example.com/train/pytorch-efa:2.10.0"
RUNTIMES: list[dict[str, Any]] = [{"pool": "h100", "nodes": 2, "image": EFA_IMAGE}, {"pool": "l40s"}]


def trainer(cluster: KubernetesHandle, runtimes: Any = RUNTIMES, *, queued: bool = False) -> KubeflowTrainer:
    options = cluster.options()
    queues = None
    if queued:
        teams = [{"name": "vision", "quotas": [{"pool": "h100", "nodes": 2}]}]
        settings = KueueQueuesArgs(
            cluster=cluster, teams=teams, topology_pools=["h100"], deletion_protection=False
        )
        queues = KueueQueues("queues", settings, options).handle
    jobset = JobSetController("jobset", JobSetControllerArgs(), options).handle
    args = KubeflowTrainerArgs(cluster=cluster, jobset=jobset, queues=queues, runtimes=runtimes)
    return KubeflowTrainer("trainer", args, options)


@pytest.fixture
def runtime(record: Any, real: Callable[..., KubernetesHandle]) -> Callable[..., dict[str, Any]]:
    """The spec of the runtime of a pool."""

    def make(pool: str, **settings: Any) -> dict[str, Any]:
        made = record(lambda: trainer(real(), **settings))
        return made.one("ClusterTrainingRuntime", f"trainer-runtime-torch-distributed-{pool}").inputs["spec"]

    return make


def _template(spec: dict[str, Any]) -> dict[str, Any]:
    (job,) = spec["template"]["spec"]["replicatedJobs"]
    assert job["template"]["metadata"]["labels"] == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    assert job["template"]["spec"]["backoffLimit"] == 0
    return cast(dict[str, Any], job["template"]["spec"]["template"])


def test_a_pod_has_a_node_with_its_fabric_to_itself(runtime: Any) -> None:
    spec = runtime("h100")
    assert spec["mlPolicy"] == {"numNodes": 2, "torch": {}}
    pod = _template(spec)["spec"]
    (container,) = pod["containers"]
    assert container["image"] == EFA_IMAGE
    assert container["resources"]["limits"] == {
        "cpu": "176640m",
        # 2048 GiB less 8 percent, less the huge pages
        "memory": f"{1929379 - 5120}Mi",
        "nvidia.com/gpu": "8",
        "vpc.amazonaws.com/efa": "32",
        "hugepages-2Mi": "5120Mi",
    }
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert {"name": "FI_PROVIDER", "value": "efa"} in container["env"]
    assert pod["nodeSelector"] == {"bedplate/pool": "h100"}
    assert [one["key"] for one in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert pod["volumes"][0] == {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Gi"}}


def test_a_pod_without_a_fabric_does_not_look_for_one(runtime: Any) -> None:
    (container,) = _template(runtime("l40s"))["spec"]["containers"]
    assert {"name": "NCCL_IB_DISABLE", "value": "1"} in container["env"]
    assert "hugepages-2Mi" not in container["resources"]["limits"]
    assert container["image"].startswith("docker.io/pytorch/pytorch:")


def test_pods_stay_close_only_where_kueue_knows_the_topology(runtime: Any) -> None:
    # Kueue never admits work that asks for a topology of a pool that has none.
    assert "metadata" not in _template(runtime("h100"))
    close = _template(runtime("h100", queued=True))["metadata"]["annotations"]
    assert close == {"kueue.x-k8s.io/podset-preferred-topology": "topology.kubernetes.io/zone"}
    assert "metadata" not in _template(runtime("l40s", queued=True))


@pytest.mark.parametrize("kind", ["efa", "infiniband", "roce", "gpudirect-tcpx", "gpudirect-rdma"])
def test_every_fabric_is_known(kind: Any) -> None:
    environment = fabric_environment(NodeFabric(kind=kind, resource="x/y", count=1))
    assert environment["NCCL_SOCKET_IFNAME"]
    assert environment.get("NCCL_IB_DISABLE") != "1"


@pytest.mark.parametrize(
    ("given", "path", "parts"),
    [
        ({"pool": "h200"}, "runtimes[0].pool", ("'h200' is no pool of train", "allowed: h100, l40s, cpu")),
        ({"pool": "cpu"}, "runtimes[0].pool", ("cpu has no accelerators", "choose another")),
        ({"pool": "h100"}, "runtimes[0].image", ("no plugin of NCCL for efa", "would train over TCP")),
        ({"pool": "l40s", "nodes": 11}, "runtimes[0].nodes", ("11", "at most 10", "lower it")),
        (
            {"pool": "l40s", "shared_memory_gib": 1025},
            "runtimes[0].shared_memory_gib",
            ("1025 of the 2048 GiB", "at most half"),
        ),
        (
            {"pool": "l40s", "environment": {"PET_NNODES": "2"}},
            "runtimes[0].environment.PET_NNODES",
            ("set by the trainer itself", "remove it"),
        ),
        ({"pool": "l40s", "image": "pytorch"}, "runtimes[0].image", ("pytorch",)),
    ],
)
def test_refusals(
    cluster: Any, refused: Any, given: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    call = lambda: KubeflowTrainerArgs(cluster=cluster(), jobset=JobSetHandle(), runtimes=[given])  # noqa: E731
    problems = refused(call)
    assert list(problems) == [path]
    for part in parts:
        assert part in problems[path]


def test_life(sandbox: SandboxFixture, real: Callable[..., KubernetesHandle]) -> None:
    sandbox.up(lambda: trainer(real()))
    again = sandbox.up(lambda: trainer(real())).changes
    assert {what for what, count in again.items() if count} == {"same"}
    more = [RUNTIMES[0], {**RUNTIMES[1], "nodes": 3}]
    sandbox.up(lambda: trainer(real(), more))
    assert sandbox.steps("update") == ["trainer-runtime-torch-distributed-l40s"]
    sandbox.destroy()
    assert sandbox.resources() == []
    order = ["trainer-runtime-torch-distributed-h100", "trainer-trainer", "jobset-jobset", "jobset-namespace"]
    assert [name for name in sandbox.steps("delete") if name in order] == order
