"""The NVIDIA operator on each platform: what it is told, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core.errors import ArgsError
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.gpu.kubernetes.nvidia_values import operator_values
from bedplate.kubernetes.handles import Taint
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings


def values(args: NvidiaGpuOperatorArgs) -> Any:
    return json.loads(json.dumps(operator_values(args)))


@pytest.mark.parametrize(
    ("platform", "driver", "toolkit", "plugin"),
    [("eks", False, False, True), ("gke", False, True, False), ("onprem", True, True, True)],
)
def test_the_platform_decides_who_brings_the_driver(
    cluster, platform: str, driver: bool, toolkit: bool, plugin: bool
) -> None:
    made = values(NvidiaGpuOperatorArgs(cluster=cluster(platform=platform)))
    assert made["driver"]["enabled"] is driver
    assert made["toolkit"]["enabled"] is toolkit
    assert made["devicePlugin"]["enabled"] is plugin


def test_gke_gets_its_own_paths_and_the_plugin_where_its_own_is_kept_away(cluster, pool) -> None:
    label = {"gke-no-default-nvidia-gpu-device-plugin": "true"}
    made = values(NvidiaGpuOperatorArgs(cluster=cluster(pool(labels=label), platform="gke")))
    assert made["hostPaths"] == {"driverInstallDir": "/home/kubernetes/bin/nvidia"}
    assert made["devicePlugin"]["enabled"] is True


@pytest.mark.parametrize(
    ("models", "modules"),
    [
        (("A100-SXM4-80GB",), "auto"),
        (("L4", "T4"), "auto"),
        (("H100-SXM5-80GB",), "open"),
        (("A100-SXM4-80GB", "B200"), "open"),
    ],
)
def test_the_newest_gpu_decides_the_kernel_modules(
    cluster, pool, models: tuple[str, ...], modules: str
) -> None:
    pools = [pool(f"p{index}", model) for index, model in enumerate(models)]
    made = values(NvidiaGpuOperatorArgs(cluster=cluster(*pools)))
    assert made["driver"]["kernelModuleType"] == modules
    assert made["driver"]["version"] == "595.91.07"


def test_the_daemons_stand_the_taints_of_every_pool_with_nvidia_gpus(cluster, pool) -> None:
    batch = Taint(key="team", value="batch", effect="NoExecute")
    pools = (pool("a"), pool("b", taints=(batch,)), pool("cpu", None))
    made = values(NvidiaGpuOperatorArgs(cluster=cluster(*pools)))
    tolerated = made["daemonsets"]["tolerations"]
    assert {"key": "team", "operator": "Equal", "value": "batch", "effect": "NoExecute"} in tolerated
    assert len(tolerated) == len({json.dumps(one, sort_keys=True) for one in tolerated})
    assert tolerated[0]["key"] == "nvidia.com/gpu"
    assert made["node-feature-discovery"]["worker"]["tolerations"][1:] == tolerated


def test_slices_are_asked_for_by_name(cluster, pool) -> None:
    args = NvidiaGpuOperatorArgs(cluster=cluster(), pools={"h100": {"mig_profile": "all-1g.10gb"}})
    (one,) = args.resources()
    assert (one.name, one.per_node, one.memory_gib) == ("nvidia.com/mig-1g.10gb", 56, 10)
    assert values(args)["mig"] == {"strategy": "mixed"}
    assert values(args)["migManager"] == {"enabled": True, "config": {"default": "all-1g.10gb"}, "env": []}
    # One layout for all nodes is the default and needs no label.
    assert args.node_labels("h100") == {}


def test_a_balanced_layout_offers_three_kinds(cluster) -> None:
    args = NvidiaGpuOperatorArgs(cluster=cluster(), pools={"h100": {"mig_profile": "all-balanced"}})
    assert {one.name: one.per_node for one in args.resources()} == {
        "nvidia.com/mig-1g.10gb": 16,
        "nvidia.com/mig-2g.20gb": 8,
        "nvidia.com/mig-3g.40gb": 8,
    }


def test_slices_may_go_by_the_name_of_gpus_and_be_shared_then(cluster) -> None:
    args = NvidiaGpuOperatorArgs(
        cluster=cluster(),
        mig_strategy="single",
        pools={"h100": {"mig_profile": "all-3g.40gb", "time_slices": 4}},
    )
    (one,) = args.resources()
    assert (one.name, one.per_node, one.memory_gib, one.sharers) == ("nvidia.com/gpu", 64, 40, 4)
    configs = values(args)["devicePlugin"]["config"]
    assert configs["default"] == "time-slices-4"
    assert json.loads(configs["data"]["time-slices-4"]) == {
        "version": "v1",
        "flags": {"migStrategy": "single"},
        "sharing": {
            "timeSlicing": {
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
            }
        },
    }


def test_a_layout_of_ones_own_is_written_out_under_the_pools_label(cluster, pool) -> None:
    label = {"nvidia.com/mig.config": "cut-layout"}
    args = NvidiaGpuOperatorArgs(
        cluster=cluster(pool("cut", labels=label), pool("whole")),
        pools={"cut": {"mig_instances": {"3g.40gb": 1, "1g.10gb": 4}}},
    )
    config = values(args)["migManager"]["config"]
    assert config["default"] == "all-disabled"
    layouts = json.loads(config["data"]["config.yaml"])["mig-configs"]
    assert layouts["cut-layout"] == [
        {"devices": "all", "mig-enabled": True, "mig-devices": {"1g.10gb": 4, "3g.40gb": 1}}
    ]
    assert args.node_labels("cut") == label
    assert args.node_labels("whole") == {}
    assert {one.pool: one.per_node for one in args.resources() if one.name == "nvidia.com/gpu"} == {
        "whole": 8
    }


def test_a_mps_share_has_a_part_of_the_memory_and_a_time_slice_all_of_it(cluster) -> None:
    mps = NvidiaGpuOperatorArgs(cluster=cluster(), pools={"h100": {"mps_clients": 4}}).resources()[0]
    turns = NvidiaGpuOperatorArgs(cluster=cluster(), pools={"h100": {"time_slices": 4}}).resources()[0]
    assert (mps.memory_gib, turns.memory_gib) == (20, 80)
    assert mps.per_node == turns.per_node == 32


def test_cloud_machines_are_rebooted_for_mig(cluster, pool) -> None:
    args = NvidiaGpuOperatorArgs(
        cluster=cluster(platform="eks"), pools={"h100": {"mig_profile": "all-7g.80gb"}}
    )
    assert values(args)["migManager"]["env"] == [{"name": "WITH_REBOOT", "value": "true"}]


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("no gpus", {"pools": [("cpu", None)]}, {}, "cluster", "racks has no pool with NVIDIA GPUs"),
    ("unknown pool", {}, {"pools": {"h200": {}}}, "pools.h200", "allowed: h100; correct the name"),
    (
        "pool without gpu",
        {"pools": [("a", "L4"), ("cpu", None)]},
        {"pools": {"cpu": {}}},
        "pools.cpu",
        "'cpu'",
    ),
    (
        "mig on l4",
        {"pools": [("l4", "L4")]},
        {"pools": {"l4": {"mig_profile": "all-1g.10gb"}}},
        "pools.l4.mig_profile",
        "L4 has no MIG",
    ),
    (
        "profile of another gpu",
        {},
        {"pools": {"h100": {"mig_profile": "all-1g.5gb"}}},
        "pools.h100.mig_profile",
        "allowed: all-1g.10gb",
    ),
    (
        "more than seven",
        {},
        {"pools": {"h100": {"mig_instances": {"4g.40gb": 1, "2g.20gb": 2}}}},
        "pools.h100.mig_instances",
        "8 compute slices",
    ),
    (
        "two layouts",
        {},
        {"pools": {"h100": {"mig_profile": "all-1g.10gb", "mig_instances": {"1g.10gb": 1}}}},
        "pools.h100.mig_instances",
        "one of the two",
    ),
    (
        "time slices of mixed",
        {},
        {"pools": {"h100": {"mig_profile": "all-1g.10gb", "time_slices": 2}}},
        "pools.h100.time_slices",
        "strategy mixed",
    ),
    (
        "mps on mig",
        {},
        {"mig_strategy": "single", "pools": {"h100": {"mig_profile": "all-1g.10gb", "mps_clients": 2}}},
        "pools.h100.mps_clients",
        "no MPS on MIG",
    ),
    (
        "both ways",
        {},
        {"pools": {"h100": {"time_slices": 2, "mps_clients": 2}}},
        "pools.h100.mps_clients",
        "one way of sharing",
    ),
    (
        "single of three",
        {},
        {"mig_strategy": "single", "pools": {"h100": {"mig_profile": "all-balanced"}}},
        "pools.h100.mig_profile",
        "strategy single cannot",
    ),
    ("strategy of nothing", {}, {"mig_strategy": "mixed"}, "mig_strategy", "no pool has a MIG layout"),
    (
        "driver on eks",
        {"platform": "eks"},
        {"driver": "operator"},
        "driver",
        "AL2023 NVIDIA image brings the driver",
    ),
    ("driver on gke", {"platform": "gke"}, {"driver": "operator"}, "driver", "GKE serves h100 itself"),
    ("plugin on gke", {"platform": "gke"}, {"device_plugin": True}, "device_plugin", "GKE's own plugin"),
    (
        "mig on gke",
        {"platform": "gke"},
        {"pools": {"h100": {"mig_profile": "all-1g.10gb"}}},
        "pools.h100",
        "GKE's own settings",
    ),
    (
        "version of another's driver",
        {"platform": "eks"},
        {"driver_version": "595.91.07"},
        "driver_version",
        "brings the driver",
    ),
    (
        "modules of another's driver",
        {"platform": "eks"},
        {"kernel_modules": "open"},
        "kernel_modules",
        "brings the driver",
    ),
    (
        "upgrades of another's driver",
        {"platform": "eks"},
        {"driver_upgrades": {}},
        "driver_upgrades",
        "brings the driver",
    ),
    ("gdrcopy without driver", {"platform": "eks"}, {"gdrcopy": True}, "gdrcopy", "brings the driver"),
    (
        "rdma without driver",
        {"platform": "eks", "fabric": "efa"},
        {"gpudirect_rdma": True},
        "gpudirect_rdma",
        "brings the driver",
    ),
    ("rdma without fabric", {}, {"gpudirect_rdma": True}, "gpudirect_rdma", "have no fabric"),
    ("rdma over efa", {"fabric": "efa"}, {"gpudirect_rdma": True}, "gpudirect_rdma", "have only efa"),
    (
        "mofed without rdma",
        {"fabric": "infiniband"},
        {"host_mofed": True},
        "host_mofed",
        "without gpudirect_rdma",
    ),
    (
        "proprietary on blackwell",
        {"pools": [("b", "B200")]},
        {"kernel_modules": "proprietary"},
        "kernel_modules",
        "does not drive B200",
    ),
    (
        "old driver",
        {"pools": [("b", "B300")]},
        {"driver_version": "570.86.15"},
        "driver_version",
        "allowed: branch 580",
    ),
    ("not a version", {}, {"driver_version": "latest"}, "driver_version", "latest"),
    ("one share", {}, {"pools": {"h100": {"time_slices": 1}}}, "pools.h100.time_slices", "1"),
    (
        "label is missing",
        {"pools": [("a", "L4"), ("b", "L4")]},
        {"pools": {"a": {"time_slices": 4}}},
        "pools.a",
        "lack the label nvidia.com/device-plugin.config=time-slices-4",
    ),
    ("amd beside", {"amd": True}, {}, "features", "give the handle of one NodeFeatureDiscovery to both"),
]


@pytest.mark.parametrize(
    ("setup", "given_args", "path", "text"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_what_cannot_be_is_refused(
    cluster, pool, refused, setup: dict[str, Any], given_args: dict[str, Any], path: str, text: str
) -> None:
    pools = [pool(name, model) for name, model in setup.get("pools", [])] or [
        pool(fabric=setup.get("fabric"))
    ]
    if setup.get("amd"):
        pools.append(pool("mi300x", "MI300X", vendor="amd"))
    where = cluster(*pools, platform=setup.get("platform", "onprem"))
    problems = refused(lambda: NvidiaGpuOperatorArgs(cluster=where, **given_args))
    assert path in problems, problems
    assert text in problems[path]


def test_gpus_that_nobody_would_serve_are_refused(cluster, pool, refused) -> None:
    label = {"gke-no-default-nvidia-gpu-device-plugin": "true"}
    where = cluster(pool("a", labels=label), pool("b"), platform="gke")
    problems = refused(lambda: NvidiaGpuOperatorArgs(cluster=where))
    assert "nobody would serve its GPUs" in problems["device_plugin"]
    # By claims, somebody else does.
    assert not NvidiaGpuOperatorArgs(cluster=where, device_plugin=False).serves_resources


def test_a_label_that_says_something_else_is_refused(cluster, pool, refused) -> None:
    where = cluster(pool(labels={"nvidia.com/mig.config": "all-7g.80gb"}))
    problems = refused(
        lambda: NvidiaGpuOperatorArgs(cluster=where, pools={"h100": {"mig_profile": "all-1g.10gb"}})
    )
    assert (
        "carry the label nvidia.com/mig.config=all-7g.80gb; allowed here: all-1g.10gb"
        in (problems["pools.h100"])
    )


def test_a_name_that_means_two_layouts_is_refused_beside_one_of_ones_own(cluster, pool, refused) -> None:
    pools = (
        pool("a", "H100-SXM5-80GB", labels={"nvidia.com/mig.config": "all-balanced"}),
        pool("b", "A100-SXM4-40GB", labels={"nvidia.com/mig.config": "all-balanced"}),
        pool("c", labels={"nvidia.com/mig.config": "c-layout"}),
    )
    settings = {
        "a": {"mig_profile": "all-balanced"},
        "b": {"mig_profile": "all-balanced"},
        "c": {"mig_instances": {"1g.10gb": 3}},
    }
    problems = refused(lambda: NvidiaGpuOperatorArgs(cluster=cluster(*pools), pools=settings))
    assert list(problems) == ["pools.b.mig_profile"]


@given(
    platform=st.sampled_from(["eks", "gke", "onprem"]),
    model=st.sampled_from(["L4", "T4", "A100-SXM4-40GB", "H100-SXM5-80GB", "B200"]),
    count=st.integers(1, 16),
    slices=st.none() | st.integers(2, 48),
    profile=st.none() | st.sampled_from(["all-1g.10gb", "all-balanced", "all-7g.80gb"]),
    flags=st.fixed_dictionaries(
        {}, optional={name: st.booleans() for name in ("gpudirect_rdma", "gdrcopy", "host_mofed")}
    ),
)
def test_what_is_accepted_can_be(cluster, pool, platform, model, count, slices, profile, flags) -> None:
    where = cluster(pool("p", model, count=count, fabric="infiniband"), platform=platform)
    settings = {"time_slices": slices, "mig_profile": profile}
    try:
        args = NvidiaGpuOperatorArgs(cluster=where, pools={"p": settings}, **flags)
    except ArgsError as error:
        assert error.problems  # noqa: PT017
        assert all("allowed" in one.reason for one in error.problems)  # noqa: PT017
        return
    made = values(args)
    assert made["driver"]["enabled"] is (platform == "onprem")
    assert not made["gdrcopy"]["enabled"] or made["driver"]["enabled"]
    assert not (slices and profile)
    assert sum(one.per_node for one in args.resources()) >= count
    assert sum(one.per_node * one.memory_gib for one in args.resources()) > 0


@pytest.mark.parametrize("platform", ["eks", "gke", "onprem"])
def test_the_policies_find_nothing(record, cluster, platform: str) -> None:
    made = record(
        lambda: NvidiaGpuOperator("gpus", NvidiaGpuOperatorArgs(cluster=cluster(platform=platform)))
    )
    objects = [one for one in made.made if one.type.startswith("kubernetes:")]
    assert made.one("Namespace").inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == (
        "privileged"
    )
    assert bool(made.of_type("ResourceQuota")) is (platform == "gke")
    found = [
        f"{one.name}: {rule.name}: {finding.message}"
        for one in objects
        for rule in RULES
        if isinstance(rule, Rule) and one.type in rule.types
        for finding in findings(rule, one.type, one.inputs)
    ]
    assert found == []


def test_the_handle_tells_pods_what_to_ask_for(record, cluster) -> None:
    handles: list[Any] = []
    record(lambda: handles.append(NvidiaGpuOperator("gpus", NvidiaGpuOperatorArgs(cluster=cluster())).handle))
    (handle,) = handles
    assert handle.of_pool("h100")[0].per_node == 8
    assert handle.dcgm_service == "gpu-operator/nvidia-dcgm:5555"
    assert handle.after == (handle.release,)
    with pytest.raises(ValueError, match="'h200' is not a pool with GPUs; allowed: h100"):
        handle.of_pool("h200")
