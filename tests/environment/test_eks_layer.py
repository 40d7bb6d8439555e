"""The Kubernetes layer of an environment on AWS: what is refused, and what it is made of."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bedplate import environment
from bedplate.core import ConfigError

TEAMS = [{"name": "vision", "quotas": [{"pool": "l4", "nodes": 4}]}]


@pytest.fixture
def aws_dev(aws_dev_whole: dict[str, Any]) -> dict[str, Any]:
    """With what runs on the cluster."""
    return aws_dev_whole


def _problems(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as refused:
        environment.load(data, "us-east-1")
    return {
        problem.path.removeprefix("bedplate:environment."): problem.reason
        for problem in refused.value.problems
    }


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"kubernetes.serving.gateway": {"address_pool": "services"}},
            "kubernetes.serving.gateway.address_pool",
            "on eks; allowed: on-prem only",
        ),
        (
            {"kubernetes.scaling.cluster_autoscaler": {"cluster_api_namespace": "machines"}},
            "kubernetes.scaling.cluster_autoscaler.cluster_api_namespace",
            "on eks; allowed: on-prem only",
        ),
        ({"kubernetes.gpu.nvidia": {"driver": "operator"}}, "kubernetes.gpu.nvidia.driver", "on EKS"),
        ({"kubernetes.gpu.nvidia": {"drivr": "x"}}, "kubernetes.gpu.nvidia.drivr", "did you mean driver?"),
        (
            {"kubernetes.queueing.queues": {"teams": TEAMS}, "gpu_pools.l4.max_size": 3},
            "kubernetes.queueing.queues.teams",
            "quota of 4 nodes of pool l4",
        ),
        (
            {"kubernetes.queueing.trainer": {"runtimes": [{"pool": "h100"}]}},
            "kubernetes.queueing.trainer.runtimes[0].image",
            "would train over TCP",
        ),
        ({"kubernetes.monitoring.log_archive": "attic"}, "kubernetes.monitoring.log_archive", "datasets"),
        ({"kubernetes.monitoring.logs": ...}, "kubernetes.monitoring.log_archive", "without logs"),
        (
            {"cluster.addons": {"aws-ebs-csi-driver": {"enabled": False}}},
            "cluster.addons.aws-ebs-csi-driver.enabled",
            "keeps its data on volumes",
        ),
        (
            {"cluster.access.platform-admins": ...},
            "cluster.access",
            "AmazonEKSClusterAdminPolicy",
        ),
        (
            {"workloads.trainer.namespace": "logging", "workloads.trainer.service_account": "vector"},
            "kubernetes.monitoring.log_archive",
            "logging/vector",
        ),
        (
            {
                "gpu_pools.system": {"machine": "g6.xlarge", "max_size": 1},
                "kubernetes.queueing": {},
            },
            "gpu_pools.system",
            "the cluster's own pool",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
    changes: Mapping[str, Any],
    path: str,
    words: str,
) -> None:
    found = _problems(changed(changes))
    assert set(found) == {path}
    assert words in found[path]


def test_nothing_is_blamed_on_pools_that_are_wrong_themselves(
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    assert set(_problems(changed({"gpu_pools.l4.machine": "g6.12xlrge"}))) == {"gpu_pools.l4.machine"}


def test_pools_are_told_apart_by_their_labels_and_know_their_devices(aws_dev: dict[str, Any]) -> None:
    from bedplate.environment.eks_layer import pool_handles
    from bedplate.kubernetes.handles import Taint

    env = environment.load(aws_dev, "us-east-1")
    assert isinstance(env, environment.AwsEnvironment)
    system, l4, h100 = pool_handles(env)
    assert (system.name, system.labels, system.taints) == ("system", {"bedplate/pool": "system"}, ())
    assert h100.labels == {
        "bedplate/pool": "aws-dev-gpu-h100",
        "team.example.com/purpose": "training",
    }
    assert h100.taints == (Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule"),)
    assert h100.accelerator is not None
    assert h100.fabric is not None
    assert (h100.accelerator.resource, h100.accelerator.count) == ("nvidia.com/gpu", 8)
    assert (h100.fabric.resource, h100.fabric.count) == ("vpc.amazonaws.com/efa", 32)
    assert (h100.max_nodes, h100.zones) == (8, ("us-east-1b",))
    # The file keeps its EFA interface off.
    assert l4.fabric is None
    assert len(l4.zones) == 3


def test_the_layer_is_made_with_the_cluster_s_own_token_and_key(
    aws_dev: dict[str, Any], stack_program: Any, made: Any
) -> None:
    recording = made(stack_program(aws_dev))
    provider = recording.one("kubernetes", "aws-dev-kubernetes-provider")
    config = json.loads(provider.inputs["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["args"][2:4] == ["eks", "get-token"]
    assert provider.inputs["clusterIdentifier"].startswith("arn:")
    # Every node, add-on and access entry outlives what runs on the cluster.
    assert {"aws-dev-gpu-h100-nodes", "aws-dev-cluster-system-nodes"} <= provider.depends_on
    assert "aws-dev-cluster-platform-admins-access" in provider.depends_on
    volumes = recording.one("StorageClass")
    parameters = volumes.inputs["parameters"]
    assert (parameters["encrypted"], parameters["kmsKeyId"]) == ("true", recording_key(recording))
    assert "bedplate:owner=platform-team" in parameters.values()
    assert volumes.inputs["volumeBindingMode"] == "WaitForFirstConsumer"


def recording_key(recording: Any) -> str:
    # The key that the nodes' disks are encrypted with.
    mappings = recording.all("LaunchTemplate")[0].inputs["blockDeviceMappings"]
    found: str = mappings[0]["ebs"]["kmsKeyId"]
    return found


def test_log_agents_may_write_to_the_archive_and_read_nothing(
    changed: Any, stack_program: Any, made: Any
) -> None:
    cloudwatch = [{"region": "us-east-1", "log_group": "/aws-dev/pods"}]
    recording = made(stack_program(changed({"kubernetes.monitoring.logs": {"cloudwatch": cloudwatch}})))
    association = recording.one("PodIdentityAssociation", "logging-vector-identity")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("logging", "vector")
    granted = recording.one("RolePolicy", "aws-dev-logs-logs-write").document("policy")
    actions = {
        action
        for statement in granted["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert "s3:PutObject" in actions
    assert not [action for action in actions if "Object" in action and not action.startswith("s3:Put")]
    to_group = recording.one("RolePolicy", "aws-dev-logs-policy").document("policy")["Statement"][0]
    assert to_group["Resource"][0].endswith(":log-group:/aws-dev/pods")


def test_only_pools_with_efa_bring_its_device_plugin(changed: Any, stack_program: Any, made: Any) -> None:
    plugin = "aws-efa-k8s-device-plugin"
    recording = made(stack_program(changed({"kubernetes": {}})))
    (release,) = [one for one in recording.all("Release") if one.inputs["chart"] == plugin]
    labels = release.inputs["values"]["supportedInstanceLabels"]
    assert labels == {"keys": ["vpc.amazonaws.com/efa.present"], "values": ["true"]}
    without = made(stack_program(changed({"gpu_pools.h100.efa": False})))
    assert not [one for one in without.all("Release") if one.inputs["chart"] == plugin]


def test_an_environment_without_a_layer_imports_nothing_of_it(aws_dev: dict[str, Any]) -> None:
    del aws_dev["kubernetes"]
    program = (
        "import json, sys; from bedplate import environment; environment.load(json.load(sys.stdin)); "
        "print([name for name in sys.modules if name.startswith('pulumi_kubernetes')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(aws_dev), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
