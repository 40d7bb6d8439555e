"""AMD's GPUs, alone and beside NVIDIA's."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.handles import NodeFeaturesHandle
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.handles import NodePoolHandle, Taint

CUT = {"dcm.amd.com/gpu-config-profile": "cpx-nps4-8"}


@pytest.fixture
def mi300x(pool):
    def make(name: str = "mi300x", **more: Any) -> NodePoolHandle:
        taints = (Taint(key="amd.com/gpu", effect="NoSchedule"),)
        return pool(name, "MI300X", vendor="amd", memory=192, taints=taints, **more)

    return make


def both(record, where, **more: Any) -> Any:
    def program() -> None:
        features = NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where)).handle
        manager = pulumi.ComponentResource("test:index:CertManager", "cert-manager")
        if any(pool.accelerator and pool.accelerator.vendor == "nvidia" for pool in where.pools):
            NvidiaGpuOperator("nvidia", NvidiaGpuOperatorArgs(cluster=where, features=features))
        AmdGpuOperator(
            "amd", AmdGpuOperatorArgs(cluster=where, features=features, cert_manager=manager, **more)
        )

    return record(program)


def test_each_vendor_is_served_on_its_own_nodes(record, cluster, pool, mi300x) -> None:
    made = both(record, cluster(pool(), mi300x()))
    config = made.one("DeviceConfig").inputs
    assert config["spec"]["selector"] == {
        "bedplate/pool": "mi300x",
        "feature.node.kubernetes.io/amd-gpu": "true",
    }
    assert config["spec"]["devicePlugin"]["devicePluginTolerations"] == [
        {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    nvidia = made.one("Release", "nvidia-operator").inputs["values"]
    assert "amd.com/gpu" not in json.dumps(nvidia)
    assert nvidia["nfd"] == {"enabled": False}
    amd = made.one("Release", "amd-operator")
    assert amd.inputs["values"]["node-feature-discovery"] == {"enabled": False}
    assert {"nfd-discovery", "amd-namespace"} <= set(amd.depends_on)
    assert made.one("DeviceConfig").depends_on == ("amd-operator",)


def test_no_image_follows_a_tag_that_moves(record, cluster, mi300x) -> None:
    made = both(
        record,
        cluster(mi300x(labels=CUT)),
        pools={"mi300x": {"compute_partition": "CPX", "memory_partition": "NPS4"}},
    )
    text = json.dumps(made.one("DeviceConfig").inputs["spec"])
    assert "latest" not in text
    assert text.count("docker.io/rocm/") == 4


def test_a_cut_gpu_is_many(record, cluster, mi300x) -> None:
    where = cluster(mi300x(labels=CUT), mi300x("whole"))
    cut = {"compute_partition": "CPX", "memory_partition": "NPS4"}
    made = both(record, where, pools={"mi300x": cut})
    profiles = json.loads(made.one("ConfigMap").inputs["data"]["config.json"])["gpu-config-profiles"]
    assert profiles["cpx-nps4-8"]["profiles"] == [
        {"computePartition": "CPX", "memoryPartition": "NPS4", "numGPUsAssigned": 8}
    ]
    managers = {
        one.inputs["metadata"]["name"]: one.inputs["spec"]["configManager"]["enable"]
        for one in made.of_type("DeviceConfig")
    }
    assert managers == {"mi300x": True, "whole": False}


def _args(where, **more: Any) -> AmdGpuOperatorArgs:
    features = NodeFeaturesHandle(namespace="kube-system", release=None, labels={})  # type: ignore[arg-type]
    manager = object.__new__(pulumi.ComponentResource)
    return AmdGpuOperatorArgs(cluster=where, features=features, cert_manager=manager, **more)


def test_a_part_has_its_part_of_the_memory(cluster, mi300x) -> None:
    cut = {"compute_partition": "CPX", "memory_partition": "NPS4"}
    (one,) = _args(cluster(mi300x(labels=CUT)), pools={"mi300x": cut}).resources()
    assert (one.name, one.per_node, one.memory_gib) == ("amd.com/gpu", 64, 24)
    (one,) = _args(cluster(mi300x())).resources()
    assert (one.per_node, one.memory_gib) == (8, 192)


def test_a_driver_of_ones_own_keeps_the_kernels_out(record, cluster, mi300x) -> None:
    made = both(
        record, cluster(mi300x()), driver_version="30.20.1", driver_image="registry.example.com/amd/driver"
    )
    driver = made.one("DeviceConfig").inputs["spec"]["driver"]
    assert (driver["enable"], driver["blacklist"], driver["version"]) == (True, True, "30.20.1")
    assert made.one("Release", "amd-operator").inputs["values"]["kmm"] == {
        "enabled": True,
        "watch": True,
    }


@pytest.mark.parametrize(
    ("platform", "labels", "more", "path", "text"),
    [
        ("onprem", {}, {"pools": {"mi250": {}}}, "pools.mi250", "allowed: mi300x; correct the name"),
        (
            "onprem",
            CUT,
            {"pools": {"mi300x": {"compute_partition": "SPX", "memory_partition": "NPS4"}}},
            "pools.mi300x.compute_partition",
            "SPX with NPS4 is not a partition of MI300X; allowed: SPX with NPS1, CPX with NPS1",
        ),
        (
            "onprem",
            {},
            {"pools": {"mi300x": {"compute_partition": "CPX"}}},
            "pools.mi300x",
            "lack the label dcm.amd.com/gpu-config-profile=cpx-nps1-8",
        ),
        ("onprem", {}, {"driver_version": "30.20.1"}, "driver_image", "go together"),
        ("gke", {}, {"driver_version": "30.20.1", "driver_image": "a.b/c"}, "driver_version", "given on gke"),
    ],
)
def test_what_cannot_be_is_refused(
    cluster, mi300x, refused, platform, labels, more: dict[str, Any], path: str, text: str
) -> None:
    where = cluster(mi300x(labels=labels), platform=platform)
    problems = refused(lambda: _args(where, **more))
    assert text in problems[path]


def test_no_amd_gpus_are_refused(cluster, refused) -> None:
    assert "has no pool with AMD GPUs" in refused(lambda: _args(cluster()))["cluster"]
