"""A cluster behind a kubeconfig: what is refused, what the layer is told of it, and its nodes' marks."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.cluster.onprem import OnPremCluster, OnPremClusterArgs
from bedplate.cluster.onprem_kubeconfig import check_kubeconfig, server_of
from bedplate.core.errors import ArgsError
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

NODE = GroupKind("", "Node")
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode()
KEY = base64.b64encode(b"-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n").decode()
TOKEN = "t0ken-that-nobody-may-see"


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> str:
    server = {"server": "https://10.0.0.10:6443", "certificate-authority-data": PEM, **(cluster or {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "racks",
        "contexts": [{"name": "racks", "context": {"cluster": "dresden", "user": "admin"}}],
        "clusters": [
            {"name": "dresden", "cluster": {key: value for key, value in server.items() if value is not None}}
        ],
        "users": [{"name": "admin", "user": {"token": TOKEN} if user is None else user}],
        **top,
    }
    return yaml.safe_dump({key: value for key, value in document.items() if value is not None})


def nodes(prefix: str, count: int, racks: int = 4, **rest: Any) -> list[dict[str, Any]]:
    return [{"name": f"{prefix}-{n}", "rack": f"rack-{n % racks}", **rest} for n in range(count)]


def system(count: int = 3) -> dict[str, Any]:
    return {"nodes": nodes("sys", count), "cpu": 32, "memory_gib": 128}


def gpu(count: int = 4, **rest: Any) -> dict[str, Any]:
    return {
        "nodes": nodes("gpu", count),
        "role": "gpu",
        "cpu": 192,
        "memory_gib": 2048,
        "accelerator": {"model": "H100-SXM5-80GB", "count": 8},
        "fabric": {"kind": "infiniband", "devices": 8},
        "disks": [{"kind": "nvme", "count": 8, "size_gb": 3840}],
        **rest,
    }


def args(**changes: Any) -> OnPremClusterArgs:
    given = {
        "kubeconfig": kubeconfig(),
        "version": "1.36",
        "pools": {"system": system(), "train": gpu()},
        **changes,
    }
    return OnPremClusterArgs.model_validate(given)


# The kubeconfig.


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/root/.kube/config", ("not a kubeconfig", "give its content")),
        ("{", ("not YAML",)),
        ("kind: Secret\nclusters: []\n", ("not a kubeconfig",)),
        (kubeconfig(**{"current-context": None}), ("current-context", "give context")),
        (kubeconfig(**{"current-context": "other"}), ("contexts", "'other'", "there are racks")),
        (kubeconfig(clusters=[]), ("clusters", "'dresden'", "there are none")),
        (kubeconfig(users=[]), ("users", "'admin'")),
        (kubeconfig({"insecure-skip-tls-verify": True}), ("insecure-skip-tls-verify", "pose as")),
        (kubeconfig({"certificate-authority-data": None}), ("certificate-authority-data", "none")),
        (kubeconfig({"certificate-authority-data": "AAAA"}), ("certificate-authority-data", "not PEM")),
        (kubeconfig({"certificate-authority": "/etc/ca.crt"}), ("names a file", "--flatten")),
        (kubeconfig({"server": "http://10.0.0.10:6443"}), ("clusters.server", "https")),
        (kubeconfig({"server": None}), ("clusters.server", "https")),
        (kubeconfig(user={}), ("users", "no way to log in")),
        (kubeconfig(user={"username": "a", "password": TOKEN}), ("users.password", "no longer")),
        (kubeconfig(user={"tokenFile": "/run/token"}), ("users.tokenFile", "file of one machine")),
        (kubeconfig(user={"client-certificate-data": PEM}), ("client-key-data", "give both")),
        (
            kubeconfig(user={"exec": {"command": "login", "apiVersion": "v1alpha1"}}),
            ("users.exec", "v1beta1"),
        ),
    ],
)
def test_what_is_no_safe_kubeconfig_is_refused(text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(ArgsError) as refused:
        args(kubeconfig=text)
    for part in parts:
        assert part in str(refused.value)
    assert "kubeconfig" in refused.value.problems[0].path
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "user",
    [
        {"token": TOKEN},
        {"client-certificate-data": PEM, "client-key-data": KEY},
        {"exec": {"command": "kubectl-login", "apiVersion": "client.authentication.k8s.io/v1"}},
    ],
)
def test_each_way_to_log_in_is_taken(user: dict[str, Any]) -> None:
    text = kubeconfig(user=user)
    assert check_kubeconfig(text) == text
    assert server_of(text) == "10.0.0.10:6443"


def test_another_context_is_checked_instead_of_the_current_one() -> None:
    text = kubeconfig(
        contexts=[
            {"name": "racks", "context": {"cluster": "dresden", "user": "admin"}},
            {"name": "far", "context": {"cluster": "unsafe", "user": "admin"}},
        ],
        clusters=[
            {"name": "dresden", "cluster": {"server": "https://a:6443", "certificate-authority-data": PEM}},
            {"name": "unsafe", "cluster": {"server": "https://b:6443", "insecure-skip-tls-verify": True}},
        ],
    )
    assert server_of(text, "racks") == "a:6443"
    with pytest.raises(ArgsError, match="insecure-skip-tls-verify"):
        check_kubeconfig(text, "far")


@given(st.text(max_size=200))
def test_any_text_is_refused_or_passes_without_another_error(text: str) -> None:
    with pytest.raises(ArgsError):
        check_kubeconfig(text)


def test_the_kubeconfig_is_not_in_the_arguments_text() -> None:
    assert TOKEN not in repr(args())


# The inventory.


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"version": "1.36.3"}, "version", ("'1.36.3'", "leave the patch release out")),
        ({"version": "1.28"}, "version", ("'1.28'", "1.32 and newer")),
        ({"pools": {}}, "pools", ("none", "describe the machines")),
        ({"pools": {"system": {**system(), "nodes": []}}}, "pools.system.nodes", ("at least 1",)),
        ({"pools": {"GPU": system()}}, "pools.GPU", ("'GPU'", "lower-case")),
        (
            {"pools": {"system": system(), "more": system()}},
            "pools.more.nodes[0].name",
            ("'sys-0'", "pools.system.nodes[0]", "a machine is in one pool"),
        ),
        (
            {"pools": {"system": {**system(), "nodes": [{"name": "Sys_0", "rack": "a"}]}}},
            "pools.system.nodes[0].name",
            ("'Sys_0'", "rename it"),
        ),
        (
            {
                "pools": {
                    "system": {
                        **system(),
                        "nodes": [
                            {"name": "a", "rack": "r", "zone": "east"},
                            {"name": "b", "rack": "r", "zone": "west"},
                        ],
                    }
                }
            },
            "pools.system.nodes[1].zone",
            ("'west'", "'east'", "one zone"),
        ),
        ({"pools": {"train": gpu()}}, "pools", ("all of them are tainted", "role_taint")),
        ({"control_plane": nodes("cp", 2)}, "control_plane", ("2 machines", "1, 3, 5 or 7")),
        ({"control_plane": nodes("cp", 3, racks=1)}, "control_plane", ("3 of 3", "'rack-0'", "spread")),
        (
            {"pools": {"system": {**system(), "kubelet_version": "1.32"}}},
            "pools.system.kubelet_version",
            ("'1.32'", "4 versions behind", "1.33 to 1.36"),
        ),
        (
            {"pools": {"system": {**system(), "kubelet_version": "1.37"}}},
            "pools.system.kubelet_version",
            ("'1.37'", "newer than"),
        ),
    ],
)
def test_an_inventory_that_cannot_be_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as refused:
        args(**changes)
    reasons = [one.reason for one in refused.value.problems if one.path == path]
    assert reasons, str(refused.value)
    for part in parts:
        assert part in " ".join(reasons)


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"accelerator": None}, "accelerator", ("role is gpu",)),
        ({"role": "storage", "fabric": None}, "role", ("'storage'", "gpu and edge")),
        ({"accelerator": {"model": "H100-SXM-80GB", "count": 8}}, "accelerator.model", ("H100-SXM5-80GB",)),
        ({"accelerator": {"model": "Trainium2", "count": 8}}, "accelerator.model", ("of your own",)),
        ({"accelerator": {"model": "L4", "count": 17}}, "accelerator.count", ("17", "16")),
        ({"accelerator": {"model": "L4", "count": 0}}, "accelerator.count", ("0", "1")),
        ({"fabric": {"kind": "roce", "devices": 3}}, "fabric.devices", ("3 for 8", "unevenly")),
        ({"fabric": {"kind": "roce", "devices": 17}}, "fabric.devices", ("17", "16")),
        (
            {"fabric": {"kind": "roce", "devices": 8, "resource": "nvidia.com/x"}},
            "fabric.resource",
            ("rdma/",),
        ),
        ({"role": "edge"}, "fabric", ("at the edge",)),
        ({"labels": {"kubernetes.io/os": "linux"}}, "labels", ("reserved for Kubernetes",)),
        ({"labels": {"bedplate/pool": "x"}}, "labels", ("set from the inventory",)),
        ({"labels": {"example.com/a": "b c"}}, "labels", ("'b c'",)),
        ({"taints": [{"key": "node.kubernetes.io/not-ready"}]}, "taints[0].key", ("Kubernetes itself",)),
        ({"taints": [{"key": "nvidia.com/gpu", "value": "true"}]}, "taints", ("twice",)),
        ({"disks": [{"kind": "nvme", "count": 1, "size_gb": 1}] * 2}, "disks", ("join them",)),
    ],
)
def test_a_pool_that_cannot_be_is_refused(changes: dict[str, Any], path: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(ArgsError) as refused:
        args(pools={"system": system(), "train": gpu(**changes)})
    text = " ".join(
        one.reason for one in refused.value.problems if one.path.startswith(f"pools.train.{path}")
    )
    for part in parts:
        assert part in text, str(refused.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ArgsError) as refused:
        args(control_plane=nodes("sys", 2), kubeconfig=kubeconfig({"insecure-skip-tls-verify": True}))
    paths = {one.path for one in refused.value.problems}
    assert {"control_plane", "kubeconfig.clusters.insecure-skip-tls-verify"} <= paths
    assert any(path.startswith("pools.system.nodes") for path in paths)


NAMES = st.from_regex(re.compile(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?"), fullmatch=True)


@settings(max_examples=40)
@given(st.lists(st.tuples(NAMES, st.sampled_from("abc"), st.sampled_from(["east", "west"])), min_size=1))
def test_names_and_racks_are_unique_or_refused(machines: list[tuple[str, str, str]]) -> None:
    listed = [{"name": name, "rack": rack, "zone": zone} for name, rack, zone in machines]
    twice = len({name for name, _, _ in machines}) < len(machines)
    torn = len({(rack, zone) for _, rack, zone in machines}) > len({rack for _, rack, _ in machines})
    try:
        args(pools={"system": {**system(), "nodes": listed}})
    except ArgsError:
        assert twice or torn
    else:
        assert not twice
        assert not torn


# The handle.


def test_the_layer_is_told_what_the_racks_hold(made: Any) -> None:
    found: list[Any] = []
    made(lambda: found.append(OnPremCluster("racks", args()).handle))
    handle = found[0]
    assert (handle.name, handle.platform, handle.version) == ("racks", "onprem", "1.36")
    train = handle.pool("train")
    assert train.labels == {"bedplate/pool": "train"}
    assert (train.accelerator.resource, train.accelerator.count, train.accelerator.memory_gib) == (
        "nvidia.com/gpu",
        8,
        80,
    )
    assert (train.fabric.kind, train.fabric.resource, train.fabric.count) == (
        "infiniband",
        "rdma/infiniband",
        8,
    )
    assert [(taint.key, taint.value) for taint in train.taints] == [("nvidia.com/gpu", "true")]
    assert train.max_nodes == 4
    assert train.zones == ("rack-0", "rack-1", "rack-2", "rack-3")
    assert handle.topology_levels == ("topology.rook.io/rack", "kubernetes.io/hostname")
    assert [pool.name for pool in handle.gpu_pools] == ["train"]


def test_amd_machines_are_told_by_their_own_resource(made: Any) -> None:
    found: list[Any] = []
    amd = gpu(accelerator={"model": "MI300X", "count": 8}, fabric={"kind": "roce", "devices": 8})
    made(lambda: found.append(OnPremCluster("racks", args(pools={"system": system(), "amd": amd})).handle))
    pool = found[0].pool("amd")
    assert (pool.accelerator.vendor, pool.accelerator.resource) == ("amd", "amd.com/gpu")
    assert pool.accelerator.memory_gib == 192
    assert [taint.key for taint in pool.taints] == ["amd.com/gpu"]


def test_zones_wider_than_racks_are_a_level_of_their_own(made: Any) -> None:
    found: list[Any] = []
    pools = {"system": {**system(), "nodes": nodes("sys", 4, zone="room-1")}}
    made(lambda: found.append(OnPremCluster("racks", args(pools=pools)).handle))
    assert found[0].topology_levels[0] == "topology.kubernetes.io/zone"
    assert found[0].pool("system").zones == ("room-1",)


# Life in the sandbox.


def program(**changes: Any) -> Any:
    def run() -> None:
        config = pulumi.Config()
        cluster = OnPremCluster("racks", args(kubeconfig=config.require_secret("kubeconfig"), **changes))
        pulumi.export("server", cluster.server)

    return run


SECRET = {"kubeconfig": kubeconfig()}


@pytest.mark.xdist_group("cluster-onprem")
def test_the_nodes_carry_their_marks_and_lose_them(sandbox: Any) -> None:
    sandbox.up(program(), secret_config=SECRET)
    assert sandbox.outputs["server"] == "10.0.0.10:6443"
    cluster = sandbox.cluster("10.0.0.10:6443")
    node = cluster.get(NODE, "", "gpu-1")
    assert (
        node["metadata"]["labels"].items()
        >= {
            "bedplate/pool": "train",
            "topology.rook.io/rack": "rack-1",
            "topology.kubernetes.io/zone": "rack-1",
            "node-role.kubernetes.io/gpu": "",
            "bedplate/local-disk": "nvme",
        }.items()
    )
    assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert TOKEN not in json.dumps(sandbox.state())

    again = sandbox.up(secret_config=SECRET)
    assert {key: count for key, count in again.changes.items() if count and key != "same"} == {}

    moved = {"system": system(), "train": gpu(nodes=[{"name": "gpu-1", "rack": "rack-9"}, *nodes("gpu", 1)])}
    sandbox.up(program(pools=moved), secret_config=SECRET)
    assert sandbox.steps("update") == ["racks-node-gpu-1"]
    assert sorted(sandbox.steps("delete")) == ["racks-node-gpu-2", "racks-node-gpu-3"]
    assert cluster.get(NODE, "", "gpu-1")["metadata"]["labels"]["topology.rook.io/rack"] == "rack-9"

    sandbox.destroy()
    assert cluster.objects(NODE, "") == []
    assert sandbox.resources() == []


@pytest.mark.xdist_group("cluster-onprem")
def test_taints_that_something_else_wrote_are_not_overwritten(sandbox: Any) -> None:
    sandbox.up(program(manage_nodes="nothing"), secret_config=SECRET)
    cluster = sandbox.cluster("10.0.0.10:6443")
    broken = [{"key": "example.com/broken", "effect": "NoExecute"}]
    cluster.put(
        NODE,
        "",
        "gpu-0",
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu-0"}, "spec": {"taints": broken}},
    )
    with pytest.raises(SandboxError, match=r"spec\.taints is 'example.com/broken' already"):
        sandbox.up(program(), secret_config=SECRET)
    sandbox.up(program(manage_nodes="labels"), secret_config=SECRET)
    assert cluster.get(NODE, "", "gpu-0")["spec"]["taints"] == broken
    sandbox.destroy()
    left = cluster.get(NODE, "", "gpu-0")
    assert (left["metadata"].get("labels") or {}, left["spec"]["taints"]) == ({}, broken)


@pytest.mark.xdist_group("cluster-onprem")
def test_a_secret_kubeconfig_that_is_refused_is_not_shown(sandbox: Any) -> None:
    bad = {"kubeconfig": kubeconfig({"insecure-skip-tls-verify": True})}
    with pytest.raises(SandboxError) as refused:
        sandbox.up(program(manage_nodes="nothing"), secret_config=bad)
    assert "kubeconfig" in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert PEM not in str(refused.value)
