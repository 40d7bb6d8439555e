"""Fleets, caches, buffers and updates that could not work are refused, with what to do."""

from __future__ import annotations

import copy
import dataclasses
import shutil
import subprocess
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core import ArgsError
from bedplate.edge.buffer import log_bytes
from bedplate.edge.cache import EdgeCacheArgs, ImageCache
from bedplate.edge.camera import CameraLineArgs, CameraLineHandle
from bedplate.edge.fleet import EdgeSite
from bedplate.edge.handles import EdgeHandle, link_tolerations
from bedplate.edge.k3s import K3sSettings
from bedplate.edge.metrics import EdgeMetricsArgs, prometheus_config
from bedplate.edge.nodes import EdgeNodesArgs, k3s_files
from bedplate.edge.update import ModelUpdateArgs
from bedplate.edge.waves import HealthGate, UpdateWave, plan_waves

URL = "https://k3s.example.com:6443"


def set_in(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(tree)
    place = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((0, "nodes"), [], "none at dresden; allowed: one or more"),
        ((1, "nodes", 0, "hostname"), "dd-1", "'dd-1' is also sites[0].nodes[0]"),
        ((0, "nodes", 1, "address"), "10.1.0.1", "10.1.0.1 is also dd-1's"),
        ((0, "nodes", 0, "address"), "127.0.0.1", "no address of a machine"),
        ((0, "nodes", 0, "device"), "nvidia-l5", "allowed: nvidia-l4"),
        ((1, "name"), "dresden", "'dresden' is also sites[0]"),
        ((1, "nodes", 0, "lines"), ["doors"], "line 'doors' is also at dresden"),
        ((1, "nodes", 0, "gpus"), 2, "2 in a jetson-orin-nx-16gb, which has one"),
        (
            (0, "nodes", 0),
            {"hostname": "a", "address": "10.1.0.9", "device": "cpu", "gpus": 1},
            "cpu has none",
        ),
    ],
)
def test_an_inventory_that_cannot_be(cluster, sites, path, value, says: str) -> None:
    with pytest.raises(ArgsError) as caught:
        EdgeNodesArgs(cluster=cluster(), sites=set_in(sites, path, value))
    assert says in str(caught.value)


def test_the_gpu_operator_does_not_serve_jetsons(cluster, sites) -> None:
    with pytest.raises(ArgsError, match=r"sites\[1\]\.nodes\[0\]\.device: jetson.*does not serve Jetsons"):
        EdgeNodesArgs(cluster=cluster(), sites=sites, gpus="gpu-operator")
    EdgeNodesArgs(cluster=cluster(), sites=sites[:1], gpus="gpu-operator")


def test_nodes_need_a_pool_of_their_kind_with_room(cluster, sites) -> None:
    pcs = dataclasses.replace(cluster(), pools=cluster().pools[:1])
    with pytest.raises(ArgsError, match=r"is arm64; plants's edge pools: pcs \(x86_64\)"):
        EdgeNodesArgs(cluster=pcs, sites=sites)
    tight = tuple(dataclasses.replace(pool, max_nodes=1) for pool in cluster().pools)
    with pytest.raises(ArgsError, match="3 nodes; the edge pools of plants hold 2"):
        EdgeNodesArgs(cluster=dataclasses.replace(cluster(), pools=tight), sites=sites)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"grace_seconds": 60}, "allowed: 80 or more"),
        ({"image_gc_percent": (75, 85)}, "the first above the second"),
        ({"image_gc_percent": (95, 75)}, "at most 90"),
        ({"mirror_endpoints": {"gcr.io": ("http://10.43.0.9:5000",)}}, "'gcr.io' is not among mirrors"),
        ({"server_url": "http://k3s:6443"}, "server_url"),
    ],
)
def test_k3s_settings_that_would_fail(change: dict, says: str) -> None:
    with pytest.raises(ArgsError) as caught:
        K3sSettings(**{"server_url": URL, **change})
    assert says in str(caught.value)


def test_each_node_gets_its_configuration_and_no_secret(cluster, sites) -> None:
    sites[1]["nodes"][0]["server"] = True
    args = EdgeNodesArgs(
        cluster=cluster(),
        sites=sites,
        k3s={"server_url": URL, "mirror_endpoints": {"nvcr.io": ["http://10.43.200.10:5000"]}},
    )
    files = {name: yaml.safe_load(text) for name, text in k3s_files(args).items()}
    assert len(files) == 6
    agent, server = files["dd-1.config.yaml"], files["gz-1.config.yaml"]
    assert agent["token-file"] == "/etc/rancher/k3s/token"
    assert "token" not in agent
    assert agent["node-taint"] == ["node-role.kubernetes.io/edge=:NoSchedule"]
    assert {"bedplate/site=dresden", "line.bedplate/doors=true", "nvidia.com/gpu.present=true"} <= set(
        agent["node-label"]
    )
    # A kubelet may not set these on its own node.
    assert not [one for one in agent["node-label"] if one.startswith("node-role.kubernetes.io")]
    assert "node-status-update-frequency=20s" in agent["kubelet-arg"]
    assert "embedded-registry" not in agent
    assert server["embedded-registry"] is True
    assert server["secrets-encryption"] is True
    assert server["flannel-backend"] == "wireguard-native"
    assert "bedplate/jetson=true" in server["node-label"]
    mirrors = files["dd-1.registries.yaml"]["mirrors"]
    assert mirrors["nvcr.io"] == {"endpoint": ["http://10.43.200.10:5000"]}
    assert mirrors["docker.io"] == {}


def test_a_node_says_the_pool_that_it_is_in_and_a_site_asks_its_own_cache(cluster, sites) -> None:
    plain = cluster()
    first = plain.pools[0]
    twin = dataclasses.replace(first, name="twin")
    sites[0]["nodes"][0]["pool"] = "twin"
    sites[0]["mirror_endpoints"] = {"nvcr.io": ["http://10.43.200.10:5000"]}
    args = EdgeNodesArgs(
        cluster=dataclasses.replace(plain, pools=(*plain.pools, twin)),
        sites=sites,
        k3s={"server_url": URL, "mirror_endpoints": {"nvcr.io": ["http://10.43.200.99:5000"]}},
    )
    files = {name: yaml.safe_load(text) for name, text in k3s_files(args).items()}
    assert "bedplate/pool=twin" in files["dd-1.config.yaml"]["node-label"]
    assert f"bedplate/pool={first.name}" in files["dd-2.config.yaml"]["node-label"]
    asked = {name: files[f"{name}.registries.yaml"]["mirrors"]["nvcr.io"] for name in ("dd-1", "gz-1")}
    assert asked == {
        "dd-1": {"endpoint": ["http://10.43.200.10:5000", "http://10.43.200.99:5000"]},
        "gz-1": {"endpoint": ["http://10.43.200.99:5000"]},
    }
    sites[0]["nodes"][0]["pool"] = "elsewhere"
    sites[0]["mirror_endpoints"] = {"gcr.io": ["http://10.43.200.10:5000"]}
    with pytest.raises(ArgsError) as caught:
        EdgeNodesArgs(cluster=plain, sites=sites, k3s={"server_url": URL})
    text = str(caught.value)
    assert "sites[0].nodes[0].pool: 'elsewhere' is no pool at the edge" in text
    assert "sites[0].mirror_endpoints: 'gcr.io' is not among k3s.mirrors" in text


def test_pods_stay_for_ever_or_as_long_as_asked() -> None:
    assert all("tolerationSeconds" not in one for one in link_tolerations([], None))
    assert {one["tolerationSeconds"] for one in link_tolerations([], 7200)} == {7200}


@pytest.fixture
def edge(sites) -> EdgeHandle:
    return EdgeHandle(
        namespace="edge",
        sites=tuple(EdgeSite(**one).handle() for one in sites),
        tolerations=link_tolerations([], None),
        runtime_class="plants-nvidia",
        resources=(),
    )


@pytest.fixture
def line(edge) -> CameraLineHandle:
    return CameraLineHandle(
        line="doors",
        model="defects",
        nodes=edge.nodes,
        base_url=pulumi.Output.from_input("http://10.43.0.7:8000"),
        server_labels={},
        port=8000,
        health_path="/health/ready",
        reload_path=None,
        idle_path=None,
        resource=None,  # type: ignore[arg-type]
    )


RELEASE = {"version": "v1", "key": "v1.onnx", "sha256": "a" * 64, "size_bytes": 10**9}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"release": {**RELEASE, "size_bytes": 10 * 2**30}}, "need 31.0 GiB; dd-1 has 20 GiB for models"),
        ({"release": {**RELEASE, "sha256": "xyz"}}, "release.sha256"),
        ({"waves": [{"sites": ["graz"]}]}, "dresden would never get the release"),
        ({"waves": [{"sites": ["berlin"]}, {"percent": 100}]}, "'berlin' has no such model"),
        ({"waves": [{"sites": ["graz"]}, {"sites": ["graz"]}]}, "'graz' is in two waves"),
        ({"waves": [{"percent": 60}, {"percent": 40}]}, "40 does not grow from 60"),
        ({"waves": [{"percent": 50}, {"percent": 80}]}, None),
        ({"waves": [{"percent": 50}]}, "graz would never get the release; end with percent 100"),
        ({"waves": [{}]}, "allowed: one of the two"),
        ({"gate": {"at_most": 0.1}}, "give the metric"),
        ({"gate": {"query": "up"}}, "any answer would do"),
        ({"gate": {"query": "up", "at_least": 2, "at_most": 1}}, "no answer would do"),
        ({"gate": {"timeout_minutes": 30}}, "no wave could pass"),
        ({"gate": {"minimum_minutes": 1, "timeout_minutes": 5}}, "is not above the probation of 600 s"),
        ({"windows": [{"start": "22:00", "end": "22:00"}]}, "never opens"),
        ({"windows": [{"start": "22:00", "end": "04:00", "days": []}]}, "never opens"),
        ({"windows": [{"start": "22:00", "end": "04:00", "timezone": "berlin"}]}, "no time zone"),
        ({"line_idle": True}, "has no idle_path that could tell"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----\nx"}, "sign the model"),
        ({"release": {**RELEASE, "signature": "abcd"}}, "nobody checks"),
        ({"keep": 1}, "keep"),
    ],
)
def test_updates_that_could_not_work(edge, line, store, change: dict, says: str | None) -> None:
    arguments = {
        "edge": edge,
        "lines": [line],
        "store": store(),
        "release": RELEASE,
        "prometheus_url": "https://p.example.com",
    }
    ModelUpdateArgs(**arguments)
    if says is None:
        ModelUpdateArgs(**arguments, **change)  # 80% of two sites, rounded up, are both.
        return
    with pytest.raises(ArgsError) as caught:
        ModelUpdateArgs(**{**arguments, **change})
    assert says in str(caught.value)


@given(
    st.integers(1, 40),
    st.lists(st.integers(1, 99), unique=True, max_size=5),
)
def test_shares_give_every_site_once_and_grow(count: int, shares: list[int]) -> None:
    sites = [f"s{number}" for number in range(count)]
    waves = [UpdateWave(percent=share) for share in [*sorted(shares), 100]]
    rounded = [-(-count * share // 100) for share in [*sorted(shares), 100]]
    if len(set(rounded)) < len(rounded):
        with pytest.raises(ArgsError, match="is no more than before"):
            plan_waves(waves, sites, dict.fromkeys(sites, 2))
        return
    planned = plan_waves(waves, sites, dict.fromkeys(sites, 2))
    assert [site for wave in planned for site in wave.sites] == sites
    assert all(wave.nodes == 2 * len(wave.sites) > 0 for wave in planned)
    reached = 0
    for wave, share in zip(planned, [*sorted(shares), 100], strict=True):
        reached += len(wave.sites)
        assert share <= reached * 100 / count < share + 100 / count + 1e-6


def test_a_gate_without_a_metric_asks_for_the_nodes_only() -> None:
    assert (HealthGate().gate().query, HealthGate().gate().ready_percent) == ("", 100)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"models": {"prefix": "a/", "size_gib": 20}}, "20; dd-1 has 20 GiB for models"),
        ({"models": None, "store": None}, "give what to cache"),
        ({"store": None}, "give both, or neither"),
        (
            {"images": [{"site": "rom", "upstream": "https://nvcr.io", "cluster_ip": "10.43.0.9"}]},
            "'rom' is not a site of the fleet; allowed: dresden, graz",
        ),
        (
            {"images": [{"site": "graz", "upstream": "https://nvcr.io", "cluster_ip": "10.43.0.9"}] * 2},
            "is cached there twice",
        ),
        ({"images": [{"site": "graz", "upstream": "http://nvcr.io", "cluster_ip": "10.43.0.9"}]}, "upstream"),
    ],
)
def test_caches_that_could_not_work(edge, store, change: dict, says: str) -> None:
    arguments = {"edge": edge, "models": {"prefix": "a/", "size_gib": 5}, "store": store()}
    EdgeCacheArgs(**arguments)
    with pytest.raises(ArgsError) as caught:
        EdgeCacheArgs(**{**arguments, **change})
    assert says in str(caught.value)


WRITE = {
    "url": "https://mimir.example.com/push",
    "token_secret": "push",
    "ca_secret": "ca",
    "client_secret": "me",
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"series_per_node": 200_000}, "h without a link are"),
        ({"buffer_share": 0.01}, "0.01 of dd-1's 50 GiB are 0.5; raise buffer_gib"),
        ({"external_labels": {"site": "x"}}, "'site' is set"),
        ({"targets": [{"job": "node", "port": 1}]}, "job 'node' is there already"),
        ({"remote_write": {**WRITE, "url": "http://mimir.example.com"}}, "remote_write.url"),
    ],
)
def test_buffers_that_would_lose_metrics(edge, change: dict, says: str) -> None:
    EdgeMetricsArgs(edge=edge, remote_write=WRITE)
    with pytest.raises(ArgsError) as caught:
        EdgeMetricsArgs(**{"edge": edge, "remote_write": WRITE, **change})
    assert says in str(caught.value)


@given(st.integers(1, 100_000), st.integers(5, 600), st.floats(1, 1440))
def test_the_log_grows_with_series_and_hours_and_holds_every_sample(series, interval, hours) -> None:
    size = log_bytes(series, interval, hours)
    assert size >= 13 * series * hours * 3600 / interval
    assert log_bytes(series, interval, hours * 2) > size
    assert log_bytes(series * 2, interval, hours) > size
    assert log_bytes(series, interval * 2, hours) <= size


def test_prometheus_takes_its_configuration(edge, tmp_path) -> None:
    args = EdgeMetricsArgs(
        edge=edge, remote_write=WRITE, targets=[{"job": "dcgm", "port": 9400, "gpu_only": True}]
    )
    config = prometheus_config(args, edge.site("dresden"), "https://mimir.example.com/push")
    assert config["global"]["external_labels"] == {"site": "dresden"}
    nodes = config["scrape_configs"][0]["static_configs"]
    assert [one["targets"] for one in nodes] == [["10.1.0.1:9100"], ["10.1.0.2:9100"]]
    if shutil.which("promtool") is None:
        pytest.fail("needs promtool: sudo apt-get install --no-install-recommends prometheus")
    # Debian's promtool is built without this kind of discovery.
    (pods,) = [job for job in config["scrape_configs"] if "kubernetes_sd_configs" in job]
    pods["static_configs"] = [{"targets": []}]
    del pods["kubernetes_sd_configs"]
    (tmp_path / "p.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    command = ["promtool", "check", "config", "--agent", "--syntax-only", "p.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"line": "roofs"}, "'roofs' is a line of no node; allowed: doors, hoods"),
        ({"image": "registry.example.com/server"}, "is another image tomorrow"),
        ({"image": "registry.example.com/server:latest"}, "is another image tomorrow"),
        ({"camera_networks": ["0.0.0.0/0"]}, "wider than a plant's cameras need"),
        ({"gpus": 2}, "2; dd-1 has 1"),
        ({"model": "cache"}, "'cache' is where EdgeCache keeps its copies"),
        ({"results": {}}, "give both, or neither"),
        ({"cameras": [{"name": "a", "secret_name": "c"}] * 2}, "'a' is given twice"),
    ],
)
def test_lines_that_could_not_work(edge, change: dict, says: str) -> None:
    arguments = {
        "edge": edge,
        "line": "doors",
        "model": "defects",
        "image": "registry.example.com/server:1",
        "cameras": [{"name": "a", "secret_name": "cameras"}],
        "camera_networks": ["10.9.0.0/24"],
    }
    CameraLineArgs(**arguments)
    with pytest.raises(ArgsError) as caught:
        CameraLineArgs(**{**arguments, **change})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("upstream", "registry"),
    [
        ("https://registry-1.docker.io", "docker.io"),
        ("https://nvcr.io", "nvcr.io"),
        ("https://registry.example.com:5000", "registry.example.com:5000"),
    ],
)
def test_a_cache_stands_for_the_registry_as_images_name_it(upstream: str, registry: str) -> None:
    cache = ImageCache(site="dresden", upstream=upstream, cluster_ip="10.43.0.9")
    assert cache.registry == registry
    assert ":" not in cache.object_part
