"""Which clusters are refused, and what Rook is told of those that are not."""

from __future__ import annotations

import pytest

from bedplate.core import ArgsError
from bedplate.storage.ceph.cluster import RookCephCluster, RookCephClusterArgs
from bedplate.storage.ceph.cluster_args import StorageNode
from bedplate.storage.ceph.external import ExternalCephCluster, ExternalCephClusterArgs


def spec_of(record, args: RookCephClusterArgs) -> dict:
    return record(lambda: RookCephCluster("ceph", args)).one("CephCluster").inputs["spec"]


def paths(error: ArgsError) -> list[str]:
    return [problem.path for problem in error.problems]


def test_a_cluster_is_encrypted_protected_and_never_wipes_disks(record, nodes) -> None:
    made = record(lambda: RookCephCluster("ceph", RookCephClusterArgs(nodes=nodes()))).one("CephCluster")
    spec = made.inputs["spec"]
    assert made.protect
    assert made.parent == "ceph"
    assert made.inputs["metadata"]["namespace"] == "rook-ceph"
    assert spec["network"]["connections"]["encryption"] == {"enabled": True}
    assert spec["network"]["connections"]["requireMsgr2"] is True
    assert spec["cleanupPolicy"]["confirmation"] == ""
    assert spec["dashboard"] == {"enabled": True, "ssl": True}


def test_only_named_disks_are_taken_and_each_is_encrypted(record, nodes) -> None:
    storage = spec_of(record, RookCephClusterArgs(nodes=nodes()))["storage"]
    assert storage["useAllNodes"] is False
    assert storage["useAllDevices"] is False
    assert [len(node["devices"]) for node in storage["nodes"]] == [2, 2, 2]
    assert {node["config"]["encryptedDevice"] for node in storage["nodes"]} == {"true"}


@pytest.mark.parametrize(
    ("count", "racks", "domain", "domains", "monitors"),
    [(3, None, "host", 3, 3), (6, 3, "rack", 3, 3), (6, 2, "host", 6, 5), (10, 5, "rack", 5, 5)],
)
def test_copies_are_spread_as_wide_as_the_nodes_allow(
    record, nodes, count: int, racks: int | None, domain: str, domains: int, monitors: int
) -> None:
    args = RookCephClusterArgs(nodes=nodes(count, racks))
    assert (args.domain, len(args.domain_names)) == (domain, domains)
    mon = spec_of(record, args)["mon"]
    assert (mon["count"], mon["allowMultiplePerNode"]) == (monitors, False)
    if domain == "rack":
        assert mon["failureDomainLabel"] == "topology.rook.io/rack"
        assert [zone["name"] for zone in mon["zones"]] == [f"rack-{number}" for number in range(domains)]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"devices": ["sda"]}, "nodes[0].devices[0]"),
        ({"devices": ["/dev/sdb"]}, "nodes[0].devices[0]"),
        ({"devices": ["/dev/disk/by-id/nvme-x-part1"]}, "nodes[0].devices[0]"),
        ({"devices": []}, "nodes[0].devices"),
        ({"device_path_filter": "^/dev/disk/by-path/pci-.*"}, "nodes[0].devices"),
        ({"devices": [], "device_path_filter": "nvme"}, "nodes[0].device_path_filter"),
        ({"metadata_device": "/dev/disk/by-id/nvme-disk-0a"}, "nodes[0].metadata_device"),
        ({"osds_per_device": 0}, "nodes[0].osds_per_device"),
        ({"name": "Storage_0"}, "nodes[0].name"),
        ({"name": "storage-1"}, "nodes"),
    ],
)
def test_a_machine_that_is_not_plain_is_refused_at_its_place(nodes, change: dict, path: str) -> None:
    machines = nodes()
    machines[0] = {**machines[0], **change}
    with pytest.raises(ArgsError) as caught:
        RookCephClusterArgs(nodes=machines)
    assert paths(caught.value) == [path]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"monitors": 4}, "monitors"),
        ({"monitors": 1}, "monitors"),
        ({"monitors": 5}, "monitors"),
        ({"failure_domain": "rack"}, "nodes[0].rack"),
        ({"failure_domain": "osd"}, "failure_domain"),
        ({"ceph_image": "quay.io/ceph/ceph:latest"}, "ceph_image"),
        ({"full_ratios": {"near_full": 0.95, "full": 0.9}}, "full_ratios.near_full"),
        ({"cleanup": True}, "cleanup"),
    ],
)
def test_a_cluster_that_would_not_be_safe_is_refused(nodes, change: dict, path: str) -> None:
    with pytest.raises(ArgsError) as caught:
        RookCephClusterArgs(nodes=nodes(), **change)
    assert path in paths(caught.value)


def test_two_machines_are_too_few(nodes) -> None:
    with pytest.raises(ArgsError, match="2 failure domains of kind host"):
        RookCephClusterArgs(nodes=nodes(2))


def test_two_racks_are_no_failure_domain_for_three_copies(nodes) -> None:
    with pytest.raises(ArgsError, match="three copies need 3"):
        RookCephClusterArgs(nodes=nodes(4, racks=2), failure_domain="rack")


def test_a_key_service_is_named_and_its_token_is_not_shown(record, nodes) -> None:
    args = RookCephClusterArgs(
        nodes=nodes(),
        key_service={
            "connection_details": {"KMS_PROVIDER": "vault", "VAULT_ADDR": "https://vault.example.com:8200"},
            "token_secret_name": "rook-vault-token",
        },
    )
    kms = spec_of(record, args)["security"]["kms"]
    assert kms["tokenSecretName"] == "rook-vault-token"
    assert kms["connectionDetails"]["KMS_PROVIDER"] == "vault"


def test_daemons_keep_to_the_nodes_of_their_role(record, nodes) -> None:
    spec = spec_of(record, RookCephClusterArgs(nodes=nodes(), node_role="storage"))
    placed = spec["placement"]["all"]
    assert placed["tolerations"] == [{"key": "node-role.kubernetes.io/storage", "operator": "Exists"}]


def test_there_are_never_more_zones_than_monitors(record, nodes) -> None:
    monitors = spec_of(record, RookCephClusterArgs(nodes=nodes(8, racks=4)))["mon"]
    assert monitors["count"] == 3
    assert len(monitors["zones"]) == 3


def test_the_early_alarm_leaves_room_for_a_lost_rack(record, nodes) -> None:
    alarms = {}

    def program() -> None:
        handle = RookCephCluster("ceph", RookCephClusterArgs(nodes=nodes(8, racks=4))).handle
        alarms.update({alarm.name: alarm for alarm in handle.alarms})

    record(program)
    assert alarms["CephCapacityTakeover"].expression.endswith("> 0.6375")
    assert alarms["CephCapacityNearFull"].severity == "critical"


def test_an_external_cluster_is_connected_to_and_its_keys_are_not_seen(record) -> None:
    args = ExternalCephClusterArgs(manager_ips=("10.0.0.7",))
    made = record(lambda: ExternalCephCluster("ceph", args)).one("CephCluster")
    spec = made.inputs["spec"]
    assert spec["external"] == {"enable": True}
    assert "storage" not in spec
    assert spec["monitoring"]["externalMgrEndpoints"] == [{"ip": "10.0.0.7"}]
    assert made.protect


def test_a_node_takes_disks_by_a_filter_of_paths(record, nodes) -> None:
    machines = [*nodes(2), StorageNode(name="last", device_path_filter="^/dev/disk/by-path/pci-.*")]
    storage = spec_of(record, RookCephClusterArgs(nodes=machines))["storage"]
    assert storage["nodes"][2]["devicePathFilter"] == "^/dev/disk/by-path/pci-.*"
    assert "devices" not in storage["nodes"][2]
