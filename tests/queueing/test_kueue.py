"""What KueueQueues makes, what it changes, and in which order it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.queueing.handles import PREFERRED_TOPOLOGY, REQUIRED_TOPOLOGY, QueueHandle
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

TEAMS = [
    {
        "name": "vision",
        "cohort": "research",
        "quotas": [{"pool": "h100", "nodes": 2, "lending_limit": 1}, {"pool": "cpu", "nodes": 4}],
        "groups": ["vision-engineers"],
    },
    {
        "name": "speech",
        "cohort": "research",
        "weight": 2.5,
        "quotas": [{"pool": "h100", "accelerators": 8, "borrowing_limit": 16}],
        "stop_policy": "Hold",
    },
]
COHORTS = [
    {"name": "company", "shared": [{"pool": "h100", "nodes": 1}]},
    {"name": "research", "parent": "company", "weight": 2},
]


def queues(cluster: KubernetesHandle, **changes: Any) -> KueueQueues:
    fields: dict[str, Any] = {
        "teams": TEAMS,
        "cohorts": COHORTS,
        "topology_pools": ["h100", "cpu"],
        "deletion_protection": False,
    }
    args = KueueQueuesArgs(cluster=cluster, **{**fields, **changes})
    return KueueQueues("queues", args, cluster.options())


@pytest.fixture
def made(record: Any, real: Callable[..., KubernetesHandle]) -> Callable[..., Any]:
    return lambda platform="eks", **changes: record(lambda: queues(real(platform=platform), **changes))


def test_a_team_gets_all_that_is_in_its_nodes(made: Any) -> None:
    spec = made().one("ClusterQueue", "queues-queue-vision").inputs["spec"]
    (group,) = spec["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory", "nvidia.com/gpu", "vpc.amazonaws.com/efa"]
    h100, cpu = group["flavors"]
    # 2 nodes of 192 cores and 2048 GiB less 8 percent, 8 GPUs and 32 EFA interfaces each; one may be lent
    assert [(row["nominalQuota"], row["lendingLimit"]) for row in h100["resources"]] == [
        ("353280m", "176640m"),
        ("3858758Mi", "1929379Mi"),
        ("16", "8"),
        ("64", "32"),
    ]
    assert [row["nominalQuota"] for row in cpu["resources"]] == ["58880m", "241172Mi", "0", "0"]
    assert cpu["name"].startswith("cpu-")
    assert spec["cohortName"] == "research"
    assert spec["stopPolicy"] == "None"
    assert made().one("ClusterQueue", "queues-queue-speech").inputs["spec"]["stopPolicy"] == "Hold"


def test_flavors_carry_the_labels_taints_and_topology_of_their_pools(made: Any) -> None:
    program = made()
    h100 = program.one("ResourceFlavor", "queues-flavor-h100").inputs
    topology = program.one("Topology").inputs
    assert h100["metadata"]["name"].startswith("h100-")
    assert h100["spec"]["nodeLabels"] == {"bedplate/pool": "h100"}
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    assert h100["spec"]["nodeTaints"] == [taint]
    assert h100["spec"]["tolerations"] == [{**taint, "operator": "Equal"}]
    assert h100["spec"]["topologyName"] == topology["metadata"]["name"]
    # an autoscaler's pool has no nodes to choose from before work is admitted
    plain = made(topology_pools=None)
    assert plain.of_type("Topology") == []
    h100 = plain.one("ResourceFlavor", "queues-flavor-h100").inputs
    assert h100["metadata"]["name"] == "h100"
    assert "topologyName" not in h100["spec"]
    assert [level["nodeLabel"] for level in topology["spec"]["levels"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]


def test_racks_have_a_topology_unless_said_otherwise(made: Any) -> None:
    assert len(made(topology_pools=None, platform="onprem").of_type("Topology")) == 1


def test_another_topology_makes_new_objects_before_the_old_ones_go(made: Any) -> None:
    plain, layered = made(), made(network_layers=True)
    levels = [level["nodeLabel"] for level in layered.one("Topology").inputs["spec"]["levels"]]
    assert levels == [
        "topology.kubernetes.io/zone",
        *(f"topology.k8s.aws/network-node-layer-{number}" for number in (1, 2, 3)),
        "kubernetes.io/hostname",
    ]
    for kind, name in (("Topology", None), ("ResourceFlavor", "queues-flavor-h100")):
        before, after = (one.one(kind, name).inputs["metadata"]["name"] for one in (plain, layered))
        assert before != after


def test_the_controller_is_told_of_the_teams_namespaces_only(made: Any) -> None:
    values = made().one("Release").inputs["values"]
    config = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
    assert config["manageJobsWithoutQueueName"] is True
    (expression,) = config["managedJobsNamespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["speech", "vision"]
    # the alerts about quota need it
    assert config["metrics"]["enableClusterQueueResources"] is True
    assert config["waitForPodsReady"]["timeout"] == "1800s"
    assert values["controllerManager"]["manager"]["image"]["tag"] == "v0.17.0"


def test_jobs_without_a_queue_are_refused_unless_a_queued_job_made_them(made: Any) -> None:
    spec = made().one("ValidatingAdmissionPolicy").inputs["spec"]
    assert {
        resource for rule in spec["matchConstraints"]["resourceRules"] for resource in rule["resources"]
    } == {
        "jobs",
        "jobsets",
        "trainjobs",
        "pytorchjobs",
    }
    (validation,) = spec["validations"]
    assert "kueue.x-k8s.io/queue-name" in validation["expression"]
    assert "'JobSet'" in validation["expression"]
    assert made(require_queue=False).of_type("ValidatingAdmissionPolicy") == []


@pytest.mark.parametrize(
    ("team", "gpus"),
    [
        ({"quotas": [{"pool": "h100", "nodes": 1}]}, "8"),
        ({"quotas": [{"pool": "h100", "nodes": 1}], "cohort": "research"}, "32"),
        ({"quotas": [{"pool": "h100", "nodes": 1, "borrowing_limit": 2}], "cohort": "research"}, "24"),
        ({"quotas": [{"pool": "h100", "nodes": 1, "borrowing_limit": 9}], "cohort": "research"}, "32"),
    ],
)
def test_pods_that_go_round_the_queue_end_at_what_the_team_could_get(made: Any, team: Any, gpus: str) -> None:
    spec = made(teams=[{"name": "vision", **team}]).one("ResourceQuota").inputs["spec"]
    assert spec["hard"]["requests.nvidia.com/gpu"] == gpus
    assert "requests.cpu" not in spec["hard"]


def test_namespaces_are_protected_unless_said_otherwise(made: Any) -> None:
    assert made(deletion_protection=True).one("Namespace", "queues-namespace-vision").protect
    assert not made().one("Namespace", "queues-namespace-vision").protect


def test_the_handle_says_how_to_submit(record: Any, real: Callable[..., KubernetesHandle]) -> None:
    found: dict[str, QueueHandle] = {}
    record(lambda: found.update(queues(real()).handle.queues))
    vision = found["vision"]
    assert (vision.namespace, vision.queue_name, vision.cluster_queue) == ("vision", "default", "vision")
    assert vision.labels("batch") == {
        "kueue.x-k8s.io/queue-name": "default",
        "kueue.x-k8s.io/priority-class": "batch",
    }
    assert vision.pod_annotations() == {PREFERRED_TOPOLOGY: "topology.kubernetes.io/zone"}
    assert vision.pod_annotations("kubernetes.io/hostname", required=True) == {
        REQUIRED_TOPOLOGY: "kubernetes.io/hostname"
    }
    with pytest.raises(
        ValueError, match=r"no topology level of default; allowed: topology\.kubernetes\.io/zone"
    ):
        vision.pod_annotations("rack")
    assert set(vision.flavors) == {"h100", "cpu"}


def test_life(sandbox: SandboxFixture, real: Callable[..., KubernetesHandle]) -> None:
    sandbox.up(lambda: queues(real()))
    again = sandbox.up(lambda: queues(real())).changes
    assert {what for what, count in again.items() if count} == {"same"}

    held = [{**TEAMS[0], "stop_policy": "HoldAndDrain"}, TEAMS[1]]
    sandbox.up(lambda: queues(real(), teams=held))
    assert sandbox.steps("update") == ["queues-queue-vision"]

    sandbox.destroy()
    assert sandbox.resources() == []
    gone = sandbox.steps("delete")
    order = [
        "queues-local-vision-vision",
        "queues-queue-vision",
        "queues-namespace-vision",
        "queues-kueue",
        "queues-namespace",
    ]
    assert [name for name in gone if name in order] == order
    for earlier, later in (
        ("queues-queue-vision", "queues-cohort-research"),
        ("queues-queue-speech", "queues-flavor-h100"),
        ("queues-cohort-research", "queues-cohort-company"),
        ("queues-flavor-h100", "queues-topology-topology"),
        ("queues-topology-topology", "queues-kueue"),
        ("queues-queue-vision", "queues-require-queue"),
    ):
        assert gone.index(earlier) < gone.index(later)


def test_a_queue_waits_for_its_work_as_long_as_it_is_told(
    sandbox: SandboxFixture, real: Callable[..., KubernetesHandle]
) -> None:
    sandbox.up(lambda: queues(real(), drain_timeout_seconds=7200))
    waits = {
        one["urn"].rsplit("::", 1)[-1]: one["customTimeouts"]["delete"]
        for one in sandbox.resources()
        if (one.get("customTimeouts") or {}).get("delete")
    }
    assert waits == {"queues-queue-vision": 7200, "queues-queue-speech": 7200}


def test_a_teardown_stops_at_running_work_with_everything_that_it_needs(
    sandbox: SandboxFixture, real: Callable[..., KubernetesHandle]
) -> None:
    sandbox.up(lambda: queues(real()))
    running: dict[str, Any] = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {"name": "job-a", "namespace": "vision", "uid": "u"},
        "status": {
            "admission": {"clusterQueue": "vision"},
            "conditions": [{"type": "Admitted", "status": "True"}],
        },
    }
    work = GroupKind("kueue.x-k8s.io", "Workload")
    sandbox.cluster("train").put(work, "vision", "job-a", running)
    with pytest.raises(SandboxError, match="the admitted workloads vision/job-a have not finished"):
        sandbox.destroy()
    left = {one["urn"].rsplit("::", 1)[-1] for one in sandbox.resources()}
    assert "queues-local-vision-vision" not in left
    assert left >= {"queues-queue-vision", "queues-namespace-vision", "queues-flavor-h100", "queues-kueue"}

    running["status"]["conditions"].append({"type": "Finished", "status": "True"})
    sandbox.cluster("train").put(work, "vision", "job-a", running)
    sandbox.destroy()
    assert sandbox.resources() == []
