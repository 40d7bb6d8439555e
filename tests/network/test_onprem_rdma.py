"""RDMA on your own fabric: adapters that the pools have, and what pods ask for."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core.errors import ArgsError
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.handles import NodeFeaturesHandle
from bedplate.kubernetes.handles import KubernetesHandle, NodeFabric, NodePoolHandle, Taint
from bedplate.network.onprem import ApiServerAddress, ClusterNetworkHandle
from bedplate.network.onprem_rdma import RdmaNetwork, RdmaNetworkArgs, RdmaNetworkHandle
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

SRIOV = "sriovnetwork.openshift.io"
TAINT = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")


class Far(pulumi.ProviderResource):
    """Stands for a provider where no engine runs."""

    def __init__(self) -> None:
        pass


def pool(name: str, kind: Any, devices: int, nodes: int = 4, resource: str | None = None) -> NodePoolHandle:
    return NodePoolHandle(
        name=name,
        labels={"bedplate/pool": name},
        taints=(TAINT,),
        max_nodes=nodes,
        cpu=192,
        memory_gib=2048,
        fabric=NodeFabric(kind=kind, resource=resource or f"rdma/{kind}", count=devices),
    )


def cluster(*pools: NodePoolHandle, provider: Any = None) -> KubernetesHandle:
    return KubernetesHandle(
        name="racks", platform="onprem", version="1.36", provider=provider or Far(), pools=pools
    )


def fabric(devices: int = 8, **rest: Any) -> dict[str, Any]:
    return {"interfaces": [f"ibp{n}s0" for n in range(devices)], **rest}


ROCE_RANGE = "10.200.0.0/20"


def args(here: KubernetesHandle | None = None, **changes: Any) -> RdmaNetworkArgs:
    given = {
        "cluster": here or cluster(pool("train", "infiniband", 8)),
        "fabrics": {"rdma/infiniband": fabric()},
        **changes,
    }
    return RdmaNetworkArgs.model_validate(given)


def roce(**changes: Any) -> dict[str, Any]:
    return {
        "here": cluster(pool("train", "roce", 8)),
        "fabrics": {"rdma/roce": fabric(address_range=ROCE_RANGE, **changes)},
    }


FEATURES = NodeFeaturesHandle(namespace="kube-system", release=Far(), labels={})
NETWORK = ClusterNetworkHandle(
    kind="cilium",
    pod_cidrs=("10.244.0.0/16",),
    service_cidrs=("10.96.0.0/16",),
    node_cidrs=("10.0.0.0/16",),
    bgp=None,
    pod_mtu=1390,
    api_server=ApiServerAddress(host="10.0.0.10"),
)


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"fabrics": {}}, "fabrics", ("pools announce 'rdma/infiniband'",)),
        ({"fabrics": {"rdma/ib": fabric()}}, "fabrics", ("'rdma/ib'", "allowed: rdma/infiniband")),
        ({"fabrics": {"rdma/infiniband": {}}}, "fabrics.rdma/infiniband.interfaces", ("neither",)),
        (
            {"fabrics": {"rdma/infiniband": fabric(pci_addresses=["0000:3b:00.0"])}},
            "fabrics.rdma/infiniband.interfaces",
            ("both",),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(4)}},
            "fabrics.rdma/infiniband.interfaces",
            ("4 adapters", "have 8"),
        ),
        (
            {"fabrics": {"rdma/infiniband": {"interfaces": ["ibp0s0"] * 8}}},
            "fabrics.rdma/infiniband.interfaces",
            ("twice",),
        ),
        (
            {"fabrics": {"rdma/infiniband": {"interfaces": ["an interface"]}}},
            "fabrics.rdma/infiniband.interfaces[0]",
            ("ip link",),
        ),
        (
            {"fabrics": {"rdma/infiniband": {"pci_addresses": ["3b:00.0"]}}},
            "fabrics.rdma/infiniband.pci_addresses[0]",
            ("lspci -D",),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(functions_per_device=128)}},
            "fabrics.rdma/infiniband.functions_per_device",
            ("128", "127"),
        ),
        ({"fabrics": {"rdma/infiniband": fabric(mtu=9000)}}, "fabrics.rdma/infiniband.mtu", ("4092",)),
        ({"fabrics": {"rdma/infiniband": fabric(vlan=7)}}, "fabrics.rdma/infiniband.vlan", ("RoCE",)),
        (
            {"fabrics": {"rdma/infiniband": fabric(gateway="10.200.0.1")}},
            "fabrics.rdma/infiniband.gateway",
            ("without address_range",),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(pods_per_device=4)}},
            "fabrics.rdma/infiniband.pods_per_device",
            ("sriov",),
        ),
        (
            {"mode": "shared", "fabrics": {"rdma/infiniband": fabric(functions_per_device=4)}},
            "fabrics.rdma/infiniband.functions_per_device",
            ("shared",),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(address_range="10.200.0.0/27")}},
            "fabrics.rdma/infiniband.address_range",
            ("32 addresses", "4 nodes of 8", "take 32"),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(address_range="10.200.0.0/24", addresses_per_node=4)}},
            "fabrics.rdma/infiniband.addresses_per_node",
            ("can ask for 8",),
        ),
        (
            {"fabrics": {"rdma/infiniband": fabric(address_range="10.200.0.0/24", gateway="10.200.0.77")}},
            "fabrics.rdma/infiniband.gateway",
            ("10.200.0.1",),
        ),
        (
            {"network": NETWORK, "fabrics": {"rdma/infiniband": fabric(address_range="10.244.0.0/20")}},
            "fabrics.rdma/infiniband.address_range",
            ("the pods'",),
        ),
        (
            {"here": cluster(pool("train", "roce", 8)), "fabrics": {"rdma/roce": fabric()}},
            "fabrics.rdma/roce.address_range",
            ("finds its peers",),
        ),
        (
            {"features": FEATURES, "node_feature_discovery": True},
            "node_feature_discovery",
            ("'kube-system'", "each other's labels", "one of the two", "remove it"),
        ),
    ],
)
def test_a_fabric_that_is_not_there_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as error:
        args(**changes)
    text = " ".join(one.reason for one in error.value.problems if one.path == path)
    for part in parts:
        assert part in text, str(error.value)


@given(st.integers(1, 16), st.integers(1, 8), st.integers(1, 40), st.integers(16, 30))
def test_a_range_is_wide_enough_or_refused(devices: int, functions: int, nodes: int, length: int) -> None:
    here = cluster(pool("train", "roce", devices, nodes))
    adapters = fabric(devices, address_range=f"10.200.0.0/{length}", functions_per_device=functions)
    fits = nodes * devices * functions <= 2 ** (32 - length) - 3
    try:
        made = args(here, fabrics={"rdma/roce": adapters})
    except ArgsError:
        assert not fits
    else:
        assert fits
        assert made.resources_per_node("rdma/roce") == devices * functions


def program(found: list[RdmaNetworkHandle] | None = None, **changes: Any) -> Any:
    def run() -> None:
        provider = k8s.Provider("racks", cluster_identifier="racks")
        given = dict(changes)
        pools = given.pop("pools", None) or (pool("train", "infiniband", 8),)
        here = cluster(*pools, provider=provider)
        handle = RdmaNetwork("fabric", args(here, **given), here.options()).handle
        if found is not None:
            found.append(handle)

    return run


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


@pytest.mark.xdist_group("network-onprem_rdma")
def test_virtual_functions_live_and_go(sandbox: Any) -> None:
    found: list[RdmaNetworkHandle] = []
    pools = (pool("train", "infiniband", 8), pool("serve", "roce", 2))
    fabrics = {
        "rdma/infiniband": fabric(device_id="1021"),
        "rdma/roce": {
            "pci_addresses": ["0000:3b:00.0", "0000:5e:00.0"],
            "functions_per_device": 4,
            "address_range": ROCE_RANGE,
            "vlan": 200,
        },
    }
    sandbox.up(program(found, pools=pools, fabrics=fabrics, network=NETWORK))
    assert found[-1].resources == {"rdma/infiniband": 8, "rdma/roce": 8}
    assert found[-1].networks["rdma/roce"] == ("default/fabric-network-roce",)
    racks = sandbox.cluster("racks")
    where = "nvidia-network-operator"
    policy = racks.get(GroupKind(SRIOV, "SriovNetworkNodePolicy"), where, "fabric-functions-infiniband-train")
    assert (
        policy["spec"].items()
        >= {
            "numVfs": 1,
            "resourceName": "infiniband",
            "isRdma": True,
            "linkType": "ib",
            "mtu": 4092,
            "nodeSelector": {"bedplate/pool": "train"},
        }.items()
    )
    assert policy["spec"]["nicSelector"]["deviceID"] == "1021"
    assert len(racks.objects(GroupKind(SRIOV, "SriovIBNetwork"), where)) == 1
    vlan = racks.get(GroupKind(SRIOV, "SriovNetwork"), where, "fabric-network-roce")["spec"]
    assert (vlan["vlan"], json.loads(vlan["ipam"])["poolName"]) == (200, "fabric-roce")
    addresses = racks.get(GroupKind("nv-ipam.nvidia.com", "IPPool"), where, "fabric-roce")["spec"]
    assert (addresses["subnet"], addresses["perNodeBlockSize"]) == (ROCE_RANGE, 8)
    assert changed(sandbox.up()) == {}
    fabrics["rdma/infiniband"]["functions_per_device"] = 2
    sandbox.up(program(pools=pools, fabrics=fabrics, network=NETWORK))
    assert sandbox.steps("update") == ["fabric-functions-infiniband-train"]
    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("fabric-network-roce") < order.index("fabric-policy") < order.index("fabric-operator")
    assert sandbox.resources() == []


@pytest.mark.xdist_group("network-onprem_rdma")
def test_shared_adapters_are_announced_as_the_pools_say(sandbox: Any) -> None:
    found: list[RdmaNetworkHandle] = []
    pools = (pool("train", "roce", 2),)
    fabrics = {"rdma/roce": fabric(2, pods_per_device=4, address_range=ROCE_RANGE)}
    sandbox.up(program(found, pools=pools, fabrics=fabrics, mode="shared", driver="operator"))
    assert found[-1].resources == {"rdma/roce": 8}
    assert found[-1].networks == {
        "rdma/roce": ("default/fabric-network-roce-0", "default/fabric-network-roce-1")
    }
    racks = sandbox.cluster("racks")
    spec = racks.get(GroupKind("mellanox.com", "NicClusterPolicy"), "", "nic-cluster-policy")["spec"]
    entry = json.loads(spec["rdmaSharedDevicePlugin"]["config"])["configList"][0]
    assert (entry["resourcePrefix"], entry["resourceName"], entry["rdmaHcaMax"]) == ("rdma", "roce", 8)
    assert entry["selectors"]["linkTypes"] == ["ether"]
    assert spec["ofedDriver"]["upgradePolicy"]["maxParallelUpgrades"] == 1
    assert spec["tolerations"] == [TAINT.toleration()]
    assert "ipoib" not in spec["secondaryNetwork"]
    macvlan = racks.get(GroupKind("mellanox.com", "MacvlanNetwork"), "", "fabric-network-roce-1")
    assert (macvlan["spec"]["master"], macvlan["spec"]["mtu"]) == ("ibp1s0", 9000)
    assert changed(sandbox.up()) == {}
    sandbox.destroy()
    assert sandbox.resources() == []


def test_infiniband_without_addresses_needs_no_network_of_its_own(record: Any) -> None:
    found: list[RdmaNetworkHandle] = []
    made = record(program(found, mode="shared"))
    assert found[0].networks == {"rdma/infiniband": ()}
    assert made.of_type("IPPool") == []
    assert "nvIpam" not in made.one("NicClusterPolicy").inputs["spec"]


@pytest.mark.parametrize("own", [False, True])
def test_a_rule_for_node_feature_discovery_is_brought_only_where_that_is(record: Any, own: bool) -> None:
    """Its kind is Node Feature Discovery's: helm refuses a chart with objects of kinds that are not there."""
    values = record(program(node_feature_discovery=own)).one("Release").inputs["values"]
    assert values["nfd"] == {"enabled": own, "deployNodeFeatureRules": own}


@pytest.mark.xdist_group("network-onprem_rdma")
def test_the_gpu_layers_node_feature_discovery_is_the_only_one(sandbox: Any) -> None:
    def run() -> None:
        provider = k8s.Provider("racks", cluster_identifier="racks")
        here = cluster(pool("train", "infiniband", 8), provider=provider)
        features = NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=here), here.options()).handle
        RdmaNetwork("fabric", args(here, features=features), here.options())

    sandbox.up(run)
    releases = {one["inputs"]["name"]: one for one in sandbox.resources() if one["type"].endswith(":Release")}
    assert releases["network-operator"]["inputs"]["values"]["nfd"] == {
        "enabled": False,
        "deployNodeFeatureRules": True,
    }
    assert changed(sandbox.up()) == {}
    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("fabric-operator") < order.index("nfd-discovery")
    assert sandbox.resources() == []
