"""The network of a cluster on your own racks: ranges, routing, load balancers and policies."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.core.errors import ArgsError, Problems
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle
from bedplate.network.onprem import ApiServerAddress, ClusterNetwork, ClusterNetworkArgs, ClusterNetworkHandle
from bedplate.network.onprem_bgp import BgpRouting
from bedplate.network.onprem_calico import calico_values
from bedplate.network.onprem_cilium import cilium_values
from bedplate.network.onprem_load_balancer import LoadBalancerPool, LoadBalancerPoolArgs
from bedplate.network.onprem_policies import DefaultDenyPolicies, DefaultDenyPoliciesArgs, policies
from bedplate.network.onprem_ranges import Named, overlap_problems, parse_block
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

API = {"host": "10.0.0.10"}
ROUTERS = {
    "local_asn": 64512,
    "peers": [
        {"name": "tor-1a", "address": "10.0.1.1", "asn": 64601, "racks": ["rack-1"]},
        {
            "name": "tor-2a",
            "address": "10.0.2.1",
            "asn": 64602,
            "racks": ["rack-2"],
            "password_secret_name": "bgp-auth",
        },
    ],
}


class Far(pulumi.ProviderResource):
    """Stands for a provider where no engine runs."""

    def __init__(self) -> None:
        pass


def cluster(provider: Any = None, nodes: int = 12) -> KubernetesHandle:
    pools = (
        NodePoolHandle(
            name="system", labels={"bedplate/pool": "system"}, max_nodes=nodes, cpu=8, memory_gib=64
        ),
    )
    return KubernetesHandle(
        name="racks", platform="onprem", version="1.36", provider=provider or Far(), pools=pools
    )


def network_args(**changes: Any) -> ClusterNetworkArgs:
    given = {"cluster": cluster(), "api_server": API, "node_cidrs": ["10.0.0.0/16"], **changes}
    return ClusterNetworkArgs.model_validate(given)


def network_handle(**changes: Any) -> ClusterNetworkHandle:
    return ClusterNetworkHandle(
        **{
            "kind": "cilium",
            "pod_cidrs": ("10.244.0.0/16",),
            "service_cidrs": ("10.96.0.0/16",),
            "node_cidrs": ("10.0.0.0/16",),
            "bgp": None,
            "pod_mtu": 1390,
            "api_server": ApiServerAddress(host="10.0.0.10"),
            **changes,
        }
    )


def refused(make: Any, path: str, *parts: str) -> None:
    with pytest.raises(ArgsError) as error:
        make()
    text = " ".join(one.reason for one in error.value.problems if one.path == path)
    for part in parts:
        assert part in text, str(error.value)


# Ranges.

BLOCKS = st.builds(
    lambda number, length: str(ip_network((number >> (32 - length) << (32 - length), length))),
    st.integers(0x0A000000, 0x0AFFFFFF),
    st.integers(9, 30),
)


@settings(max_examples=200)
@given(st.lists(BLOCKS, min_size=1, max_size=4), st.lists(BLOCKS, max_size=4))
def test_ranges_are_told_exactly_when_they_share_an_address(left: list[str], right: list[str]) -> None:
    problems = Problems("ranges")
    overlap_problems(
        problems, (Named("left", "the left", tuple(left)), Named("right", "the right", tuple(right)))
    )
    every = [ip_network(one) for one in (*left, *right)]
    share = any(
        int(one.network_address) <= int(other.broadcast_address)
        and int(other.network_address) <= int(one.broadcast_address)
        for place, one in enumerate(every)
        for other in every[:place]
    )
    assert bool(problems) == share


@settings(max_examples=100)
@given(st.integers(0, 2**20), st.integers(0, 300))
def test_a_block_with_a_hyphen_has_exactly_its_addresses(first: int, more: int) -> None:
    base = int(ip_network("10.0.0.0/8").network_address) + first
    text = f"{ip_network(base).network_address}-{ip_network(base + more).network_address}"
    parts = parse_block(text)
    assert sum(part.num_addresses for part in parts) == more + 1
    assert int(parts[0].network_address) == base


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"pod_cidrs": ["10.0.0.0/20"]}, "pod_cidrs[0]", ("10.0.0.0/20", "the nodes' '10.0.0.0/16'")),
        ({"service_cidrs": ["10.244.8.0/24"]}, "service_cidrs[0]", ("the pods' '10.244.0.0/16'",)),
        ({"pod_cidrs": ["10.244.0.1/16"]}, "pod_cidrs[0]", ("write 10.244.0.0/16",)),
        ({"pod_cidrs": ["10.244.0.0"]}, "pod_cidrs[0]", ("no prefix length",)),
        ({"pod_cidrs": ["pods"]}, "pod_cidrs[0]", ("not a range",)),
        ({"pod_cidrs": ["169.254.0.0/20"]}, "pod_cidrs[0]", ("link-local",)),
        ({"pod_cidrs": ["224.0.0.0/8"]}, "pod_cidrs[0]", ("multicast",)),
        ({"pod_cidrs": ["10.244.0.0/16", "10.245.0.0/16"]}, "pod_cidrs", ("2 ranges",)),
        ({"pod_cidrs": ["10.244.0.0/16", "fd00:1::/64"]}, "service_cidrs", ("other address families",)),
        ({"node_cidrs": []}, "node_cidrs", ("at least 1",)),
        ({"pod_cidrs": ["10.244.0.0/22"]}, "pod_cidrs[0]", ("room for 4 nodes", "has 12")),
        ({"pod_cidrs": ["10.244.0.0/25"]}, "node_prefix_length", ("24 of a /25",)),
        ({"node_mtu": 500}, "node_mtu", ("500", "1280")),
        ({"node_mtu": 10000}, "node_mtu", ("10000", "9216")),
        ({"routing": "native"}, "routing", ("nobody knows the way", "shared_link")),
        ({"shared_link": True}, "shared_link", ("ignores it",)),
        ({"api_server": {"host": "10.96.0.1"}}, "api_server.host", ("a service or pod",)),
        ({"api_server": {"host": "kubernetes.default.svc"}}, "api_server.host", ("is a service",)),
        ({"flow_log": False, "flow_interface": True}, "flow_interface", ("flow_log is off",)),
        (
            {"bgp": {"local_asn": 64512, "peers": [{"name": "r", "address": "10.244.0.1", "asn": 64601}]}},
            "bgp.peers[0].address",
            ("in the pods' range",),
        ),
        (
            {"kind": "calico", "bgp": {**ROUTERS, "local_asn": 4200000000}},
            "bgp.local_asn",
            ("4200000000", "2147483647"),
        ),
        ({"kind": "calico", "node_prefix_length": 18}, "node_prefix_length", ("20 to 28",)),
    ],
)
def test_a_network_that_cannot_work_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    refused(lambda: network_args(**changes), path, *parts)


@pytest.mark.parametrize(
    ("routing", "path", "parts"),
    [
        ({"local_asn": 0, "peers": ROUTERS["peers"]}, "local_asn", ("greater than or equal to 1",)),
        ({"local_asn": 23456, "peers": ROUTERS["peers"]}, "local_asn", ("reserved",)),
        ({"local_asn": 65535, "peers": ROUTERS["peers"]}, "local_asn", ("reserved",)),
        ({"local_asn": 1, "peers": []}, "peers", ("at least 1",)),
        ({"local_asn": 1, "peers": [ROUTERS["peers"][0]] * 2}, "peers[1].name", ("twice",)),
        (
            {"local_asn": 1, "peers": [ROUTERS["peers"][0], {"name": "b", "address": "10.0.9.1", "asn": 2}]},
            "peers",
            ("b without racks",),
        ),
        (
            {"local_asn": 7, "peers": [{"name": "b", "address": "10.0.9.1", "asn": 7, "multihop": 2}]},
            "peers[0].multihop",
            ("only external sessions",),
        ),
        (
            {"local_asn": 7, "peers": [{"name": "b", "address": "tor", "asn": 7}]},
            "peers[0].address",
            ("'tor'",),
        ),
        (
            {"local_asn": 7, "peers": [{"name": "b", "address": "10.0.9.1", "asn": 7, "hold_seconds": 2}]},
            "peers[0].hold_seconds",
            ("3",),
        ),
    ],
)
def test_routers_that_cannot_be_are_refused(routing: Any, path: str, parts: tuple[str, ...]) -> None:
    if "greater" in parts[0]:
        parts = ("0", "1")
    refused(lambda: BgpRouting.model_validate(routing), path, *parts)


@pytest.mark.parametrize(
    ("changes", "mtu"),
    [
        ({}, 1500 - 50 - 60),
        ({"node_mtu": 9000}, 9000 - 50 - 60),
        ({"encryption": False}, 1450),
        ({"routing": "native", "shared_link": True}, 1440),
        ({"routing": "native", "shared_link": True, "encryption": False}, 1500),
        ({"kind": "calico"}, 1440),
        ({"kind": "calico", "encryption": False}, 1450),
        ({"node_cidrs": ["10.0.0.0/16", "fd00:9::/64"]}, 1500 - 70 - 80),
    ],
)
def test_a_pods_packets_fit_after_wrapping(changes: dict[str, Any], mtu: int) -> None:
    assert network_args(**changes).pod_mtu == mtu


def test_safe_values_are_the_default() -> None:
    values: Any = cilium_values(network_args())
    assert values["encryption"] == {"enabled": True, "type": "wireguard"}
    assert values["kubeProxyReplacement"] is True
    assert values["policyCIDRMatchMode"] == ["nodes"]
    assert values["hubble"]["tls"]["auto"]["method"] == "cronJob"
    assert values["hubble"]["ui"]["enabled"] is False
    calico: Any = calico_values(network_args(kind="calico"))
    assert calico["defaultFelixConfiguration"]["wireguardEnabled"] is True
    assert calico["installation"]["calicoNetwork"]["linuxDataplane"] == "BPF"
    assert calico["installation"]["calicoNetwork"]["bgp"] == "Disabled"


def test_both_families_reach_the_values() -> None:
    both = {"pod_cidrs": ["10.244.0.0/16", "fd00:1::/112"], "service_cidrs": ["10.96.0.0/16", "fd00:2::/112"]}
    values: Any = cilium_values(network_args(**both))
    assert (values["ipv4"]["enabled"], values["ipv6"]["enabled"]) == (True, True)
    assert values["ipam"]["operator"]["clusterPoolIPv6PodCIDRList"] == ["fd00:1::/112"]
    calico: Any = calico_values(network_args(kind="calico", **both))
    assert [pool["cidr"] for pool in calico["installation"]["calicoNetwork"]["ipPools"]] == both["pod_cidrs"]
    assert calico["defaultFelixConfiguration"]["wireguardEnabledV6"] is True


# Load balancers.


def pool_args(**changes: Any) -> LoadBalancerPoolArgs:
    given = {
        "cluster": cluster(),
        "network": network_handle(),
        "addresses": ["10.0.200.0/24"],
        "announce": "layer2",
        **changes,
    }
    return LoadBalancerPoolArgs.model_validate(given)


CILIUM_BGP = network_handle(bgp=BgpRouting.model_validate(ROUTERS))


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"addresses": []}, "addresses", ("at least 1",)),
        ({"addresses": ["192.168.1.0/24"]}, "addresses[0]", ("not in the nodes' 10.0.0.0/16",)),
        ({"addresses": ["10.244.1.1-10.244.1.9"]}, "addresses[0]", ("the pods'",)),
        ({"addresses": ["10.0.1.9-10.0.1.1"]}, "addresses[0]", ("lower to a higher",)),
        ({"addresses": ["10.0.1.0/28", "10.0.1.8-10.0.1.20"]}, "addresses[1]", ("10.0.1.0/28",)),
        ({"announce": "bgp", "bgp": ROUTERS}, "addresses[0]", ("the nodes'",)),
        ({"announce": "bgp", "addresses": ["192.0.2.0/24"]}, "bgp", ("none", "routers")),
        ({"bgp": ROUTERS}, "bgp", ("given",)),
        ({"by": "cilium"}, "by", ("without routers", "ClusterNetwork")),
        (
            {"announce": "bgp", "bgp": ROUTERS, "addresses": ["192.0.2.0/24"], "network": CILIUM_BGP},
            "bgp.peers[0].address",
            ("session with every node already",),
        ),
        (
            {
                "announce": "bgp",
                "by": "cilium",
                "addresses": ["192.0.2.0/24"],
                "network": CILIUM_BGP,
                "automatic": False,
            },
            "automatic",
            ("Cilium cannot",),
        ),
        ({"fast_failure": True}, "fast_failure", ("layer2",)),
        ({"announcing_pools": ["gpu"]}, "announcing_pools[0]", ("'gpu'", "system")),
    ],
)
def test_a_pool_that_nobody_could_reach_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    refused(lambda: pool_args(**changes), path, *parts)


# Policies.


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"namespaces": ["kube-system"]}, "namespaces[0]", ("DNS",)),
        ({"namespaces": ["a", "a"]}, "namespaces[1]", ("twice",)),
        ({"namespaces": []}, "namespaces", ("at least 1",)),
        ({"dns": False, "dns_cache": "169.254.20.10"}, "dns_cache", ("dns is off",)),
        (
            {"allowed": [{"name": "x", "direction": "egress", "ports": [443]}]},
            "allowed[0].peer_namespaces",
            ("0 of",),
        ),
        (
            {"allowed": [{"name": "x", "direction": "ingress", "ports": [443], "internet": True}]},
            "allowed[0].internet",
            ("everybody",),
        ),
        (
            {"allowed": [{"name": "x", "direction": "egress", "ports": [0], "internet": True}]},
            "allowed[0].ports[0]",
            ("1 to 65535",),
        ),
        (
            {"allowed": [{"name": "dns", "direction": "egress", "ports": [1], "internet": True}]},
            "allowed[0].name",
            ("taken",),
        ),
        (
            {
                "allowed": [
                    {"name": "x", "direction": "egress", "ports": [1], "internet": True, "namespaces": ["b"]}
                ]
            },
            "allowed[0].namespaces[0]",
            ("'b'", "allowed: a"),
        ),
    ],
)
def test_policies_that_open_or_break_a_cluster_are_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    refused(lambda: DefaultDenyPoliciesArgs.model_validate({"namespaces": ["a"], **changes}), path, *parts)


ALLOWED = [
    {"name": "metrics", "direction": "ingress", "ports": [9400], "peer_namespaces": ["monitoring"]},
    {"name": "models", "direction": "egress", "ports": [443], "internet": True, "namespaces": ["team-a"]},
    {"name": "storage", "direction": "egress", "ports": [443], "peer_cidrs": ["10.0.60.0/24"]},
]
DENIED = {"namespaces": ["team-a", "team-b"], "api_server_addresses": ["10.0.0.11"], "allowed": ALLOWED}


def test_the_internet_is_not_your_own_network() -> None:
    found: Any = policies(DefaultDenyPoliciesArgs.model_validate(DENIED), "team-a")
    block = found["allow-models"]["egress"][0]["to"][0]["ipBlock"]
    assert block["cidr"] == "0.0.0.0/0"
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(block["except"])
    assert "allow-models" not in policies(DefaultDenyPoliciesArgs.model_validate(DENIED), "team-b")


# Life in the sandbox.


def provider() -> KubernetesHandle:
    return cluster(k8s.Provider("racks", cluster_identifier="racks"))


def program(kind: str = "cilium", *, pool: dict[str, Any] | None = None, **changes: Any) -> Any:
    def run() -> None:
        here = provider()
        routers = changes.pop("bgp", ROUTERS)
        network = ClusterNetwork(
            "net", network_args(cluster=here, kind=kind, bgp=routers, **changes), here.options()
        ).handle
        here = network.connect(here)
        if pool is not None:
            LoadBalancerPool("lb", pool_args(cluster=here, network=network, **pool), here.options())
        DefaultDenyPolicies(
            "deny",
            DefaultDenyPoliciesArgs.model_validate({**DENIED, "make_namespaces": True}),
            here.options(),
        )
        changes["bgp"] = routers

    return run


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


BGP_POOL = {"announce": "bgp", "by": "cilium", "addresses": ["192.0.2.0/24"]}


@pytest.mark.xdist_group("network-onprem")
def test_cilium_with_routers_lives_and_goes(sandbox: Any) -> None:
    sandbox.up(program(pool=BGP_POOL))
    racks = sandbox.cluster("racks")
    configs = racks.objects(GroupKind("cilium.io", "CiliumBGPClusterConfig"), "")
    assert {one["spec"]["nodeSelector"]["matchLabels"]["topology.rook.io/rack"] for one in configs} == {
        "rack-1",
        "rack-2",
    }
    peer = racks.get(GroupKind("cilium.io", "CiliumBGPPeerConfig"), "", "tor-2a")
    assert peer["spec"]["authSecretRef"] == "bgp-auth"
    assert peer["spec"]["timers"] == {
        "holdTimeSeconds": 9,
        "keepAliveTimeSeconds": 3,
        "connectRetryTimeSeconds": 5,
    }
    deny = racks.get(GroupKind("networking.k8s.io", "NetworkPolicy"), "team-b", "default-deny")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert changed(sandbox.up()) == {}
    sandbox.up(program(pool={**BGP_POOL, "addresses": ["192.0.2.0/25"]}))
    assert sandbox.steps("update") == ["lb-pool"]
    sandbox.destroy()
    assert sandbox.resources() == []


@pytest.mark.xdist_group("network-onprem")
@pytest.mark.parametrize(
    "pool",
    [
        {"announcing_pools": ["system"], "layer2_interfaces": ["bond0"], "namespaces": ["team-a"]},
        {
            "announce": "bgp",
            "addresses": ["192.0.2.0/24"],
            "fast_failure": True,
            "bgp": {
                "local_asn": 64513,
                "peers": [
                    {"name": "edge", "address": "10.0.3.1", "asn": 64700, "multihop": 2, "racks": ["rack-1"]}
                ],
            },
        },
    ],
)
def test_metallb_lives_and_goes(sandbox: Any, pool: dict[str, Any]) -> None:
    sandbox.up(program(bgp=None, pool=pool))
    racks = sandbox.cluster("racks")
    assert racks.get(GroupKind("metallb.io", "IPAddressPool"), "metallb-system", "lb")["spec"][
        "avoidBuggyIPs"
    ]
    assert changed(sandbox.up()) == {}
    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("lb-pool") < order.index("lb-metallb") < order.index("net-cilium")
    assert order.index("deny-team-a") < order.index("net-cilium")
    assert sandbox.resources() == []


@pytest.mark.xdist_group("network-onprem")
def test_calico_with_routers_lives_and_goes(sandbox: Any) -> None:
    sandbox.up(program("calico"))
    racks = sandbox.cluster("racks")
    assert racks.get(GroupKind("projectcalico.org", "BGPPeer"), "", "tor-2a")["spec"] == {
        "peerIP": "10.0.2.1",
        "asNumber": 64602,
        "maxRestartTime": "60s",
        "nodeSelector": "topology.rook.io/rack == 'rack-2'",
        "password": {"secretKeyRef": {"name": "bgp-auth", "key": "password"}},
    }
    routing = racks.get(GroupKind("projectcalico.org", "BGPConfiguration"), "", "default")["spec"]
    assert (routing["asNumber"], routing["nodeToNodeMeshEnabled"]) == (64512, False)
    assert changed(sandbox.up()) == {}
    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("net-bgp") < order.index("net-calico") < order.index("net-namespace")
    assert sandbox.resources() == []


@pytest.mark.xdist_group("network-onprem")
def test_a_namespace_that_is_not_there_is_refused(sandbox: Any) -> None:
    def run() -> None:
        here = provider()
        DefaultDenyPolicies("deny", DefaultDenyPoliciesArgs(namespaces=("team-a",)), here.options())

    with pytest.raises(SandboxError, match="team-a"):
        sandbox.up(run)


def test_no_rule_is_broken(record: Any) -> None:
    made = record(program(pool={"announcing_pools": ["system"]}, bgp=None))
    found = [
        f"{one.name}: {rule.name}: {finding.message}"
        for one in made.made
        for rule in RULES
        if isinstance(rule, Rule) and one.type in rule.types
        for finding in findings(rule, one.type, one.inputs)
    ]
    assert found == []
