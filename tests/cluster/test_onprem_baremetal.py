"""A cluster from bare metal: what is refused, and the objects against the schemas of Cluster API and
Metal3.
"""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bedplate.cluster.baremetal import BareMetalCluster, BareMetalClusterArgs
from bedplate.cluster.baremetal_kubeadm import control_plane_config, worker_config
from bedplate.cluster.onprem import OnPremClusterArgs
from bedplate.core.errors import ArgsError
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.providers.kubernetes import definitions
from bedplate.sandbox.providers.kubernetes.cluster import BROUGHT, DEFINITION
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io"
BMH = GroupKind("metal3.io", "BareMetalHost")
KCP = GroupKind("controlplane.cluster.x-k8s.io", "KubeadmControlPlane")
TEMPLATE = GroupKind(INFRASTRUCTURE, "Metal3MachineTemplate")
IMAGE = {"url": "https://images.example.com/node.raw", "checksum": "ab" * 32}


def machine(name: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "rack": f"rack-{number % 3}",
        "bmc": {
            "address": f"redfish-virtualmedia://10.0.9.{number}/redfish/v1/Systems/1",
            "credentials_secret_name": f"{name}-bmc",
        },
        "boot_mac_address": f"0c:42:a1:00:00:{number:02x}",
        "root_device": {"serial_number": f"S{number}"},
        **changes,
    }


def machines(prefix: str, count: int, first: int) -> list[dict[str, Any]]:
    return [machine(f"{prefix}-{n}", first + n) for n in range(count)]


def pools() -> dict[str, Any]:
    return {
        "system": {"nodes": machines("sys", 1, 10), "cpu": 32, "memory_gib": 128},
        "train": {
            "nodes": machines("gpu", 2, 20),
            "role": "gpu",
            "cpu": 192,
            "memory_gib": 2048,
            "accelerator": {"model": "H100-SXM5-80GB", "count": 8},
            "labels": {"example.com/row": "a"},
        },
        "ceph": {
            "nodes": machines("ceph", 1, 30),
            "role": "storage",
            "cpu": 32,
            "memory_gib": 256,
            "disks": [{"kind": "nvme", "count": 12, "size_gb": 7680}],
        },
    }


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "kubernetes_version": "1.36.3",
        "endpoint": {"address": "10.0.0.10", "interface": "bond0"},
        "control_plane": machines("cp", 3, 1),
        "pools": pools(),
        "image": IMAGE,
        "machine_cidrs": ["10.0.0.0/22"],
        "encryption": {"name": "etcd-encryption", "key": "config.yaml"},
        **changes,
    }


def args(**changes: Any) -> BareMetalClusterArgs:
    return BareMetalClusterArgs.model_validate(plain(**changes))


def host(**changes: Any) -> dict[str, Any]:
    return {"control_plane": [machine("cp-0", 1, **changes)]}


def bmc(address: str, **changes: Any) -> dict[str, Any]:
    return host(bmc={"address": address, "credentials_secret_name": "bmc"}, **changes)


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"kubernetes_version": "1.36"}, "kubernetes_version", ("'1.36'", "1.36.3")),
        ({"kubernetes_version": "1.33.1"}, "kubernetes_version", ("too old", "1.34.0")),
        ({"control_plane": machines("cp", 2, 1)}, "control_plane", ("2 machines",)),
        ({"control_plane": []}, "control_plane", ("at least 1",)),
        (
            {"control_plane": [machine("cp-0", 1), machine("cp-1", 1), machine("cp-2", 3)]},
            "control_plane[1].bmc.address",
            ("also that of 'cp-0'",),
        ),
        (
            {"control_plane": [machine("sys-0", 1)]},
            "pools.system.nodes[0].name",
            ("control_plane[0]", "one pool"),
        ),
        (bmc("http://10.0.9.1/redfish"), "control_plane[0].bmc.address", ("not a controller's", "ipmi")),
        (
            bmc("redfish-virtualmedia+http://10.0.9.1/redfish/v1/Systems/1"),
            "control_plane[0].bmc.address",
            ("in the clear",),
        ),
        (
            bmc("redfish://10.0.9.1"),
            "control_plane[0].bmc.address",
            ("which system", "/redfish/v1/Systems/1"),
        ),
        (bmc("ipmi://root:calvin@10.0.9.1"), "control_plane[0].bmc.address", ("has a user in it",)),
        (
            bmc("ipmi://10.0.9.1", boot_mac_address=None),
            "control_plane[0].boot_mac_address",
            ("boots over the network",),
        ),
        (
            bmc("ipmi://10.0.9.1", boot_mode="UEFISecureBoot"),
            "control_plane[0].boot_mode",
            ("cannot switch on",),
        ),
        (host(boot_mac_address="ff:ff:ff:ff:ff:ff"), "control_plane[0].boot_mac_address", ("no single",)),
        (host(boot_mac_address="0c-42-a1-00-00-01"), "control_plane[0].boot_mac_address", ("six bytes",)),
        (host(root_device={}), "control_plane[0].root_device.device", ("any may be overwritten",)),
        (
            host(root_device={"device": "/dev/sda"}),
            "control_plane[0].root_device.device",
            ("after a reboot",),
        ),
        ({"image": {**IMAGE, "checksum": "ab"}}, "image.checksum", ("2 digits", "sha256: 64")),
        ({"image": {**IMAGE, "checksum_type": "md5"}}, "image.checksum_type", ("sha256",)),
        ({"image": {**IMAGE, "url": "ftp://x/y"}}, "image.url", ("ftp://x/y",)),
        (
            {"endpoint": {"address": "192.168.1.1", "interface": "bond0"}},
            "endpoint.address",
            ("not in 10.0.0.0/22", "external"),
        ),
        ({"endpoint": {"address": "10.0.0.10"}}, "endpoint.interface", ("kube-vip",)),
        (
            {"endpoint": {"address": "10.244.0.9", "held_by": "external"}},
            "endpoint.address",
            ("pods' range",),
        ),
        ({"pod_cidrs": ["10.0.0.0/16"]}, "pod_cidrs[0]", ("the machines'",)),
        ({"encryption": None}, "encryption", ()),
    ],
)
def test_what_could_not_be_installed_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as error:
        args(**changes)
    reasons = [one.reason for one in error.value.problems if one.path == path]
    assert reasons, str(error.value)
    for part in parts:
        assert part in " ".join(reasons), str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        bmc("redfish://root:calvin@10.0.9.1/redfish/v1/Systems/1"),
        {"image": {**IMAGE, "url": "https://root:calvin@images.example.com/node.raw"}},
    ],
)
def test_a_password_in_an_address_is_not_shown(changes: dict[str, Any]) -> None:
    with pytest.raises(ArgsError, match="has a user in it") as error:
        args(**changes)
    assert "calvin" not in str(error.value)


@given(st.integers(1, 9))
def test_a_control_plane_is_odd_or_refused(count: int) -> None:
    try:
        made = args(control_plane=machines("cp", count, 1))
    except ArgsError:
        assert count % 2 == 0 or count > 7
    else:
        assert len(made.control_plane) in (1, 3, 5, 7)


def flags(listed: list[dict[str, str]]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in listed}


def test_the_control_plane_is_hardened() -> None:
    spec: Any = control_plane_config(args())
    server = flags(spec["clusterConfiguration"]["apiServer"]["extraArgs"])
    assert server["tls-min-version"] == "VersionTLS13"
    files = {one["path"]: one for one in spec["files"]}
    for flag in (
        "encryption-provider-config",
        "audit-policy-file",
        "authentication-config",
        "admission-control-config-file",
    ):
        assert server[flag] in files, flag
    encryption = files[server["encryption-provider-config"]]
    assert encryption["contentFrom"] == {"secret": {"name": "etcd-encryption", "key": "config.yaml"}}
    assert "content" not in encryption
    anonymous = yaml.safe_load(files[server["authentication-config"]]["content"])["anonymous"]
    assert {one["path"] for one in anonymous["conditions"]} >= {"/livez", "/readyz"}
    admission = yaml.safe_load(files[server["admission-control-config-file"]]["content"])
    assert admission["plugins"][0]["configuration"]["defaults"]["enforce"] == "baseline"
    audit = yaml.safe_load(files[server["audit-policy-file"]]["content"])
    secrets = next(rule for rule in audit["rules"] if "secrets" in json.dumps(rule))
    assert secrets["level"] == "Metadata"
    assert spec["initConfiguration"]["skipPhases"] == ["addon/kube-proxy"]
    for registration in ("initConfiguration", "joinConfiguration"):
        kubelet = flags(spec[registration]["nodeRegistration"]["kubeletExtraArgs"])
        assert kubelet["anonymous-auth"] == "false"
        assert kubelet["protect-kernel-defaults"] == "true"
        assert kubelet["rotate-certificates"] == "true"


def test_kubelets_register_what_the_inventory_says_and_no_more_than_they_may() -> None:
    made = args()
    spec: Any = worker_config(made, "train", made.pools["train"])
    registration = spec["joinConfiguration"]["nodeRegistration"]
    labels = flags(registration["kubeletExtraArgs"])["node-labels"]
    assert "bedplate/pool=train" in labels
    assert "topology.rook.io/rack={{ ds.meta_data.rack }}" in labels
    assert "example.com/row=a" in labels
    # NodeRestriction refuses a kubelet that gives itself a role.
    assert "node-role" not in labels
    assert registration["taints"] == [{"key": "nvidia.com/gpu", "effect": "NoSchedule", "value": "true"}]


def test_its_pools_are_those_of_the_cluster_behind_the_kubeconfig() -> None:
    made = args()
    handed = OnPremClusterArgs(
        kubeconfig=kubeconfig(),
        version=made.minor_version,
        pools=dict(made.pools),
        control_plane=made.control_plane,
        manage_nodes="nothing",
    )
    assert list(handed.pools) == ["system", "train", "ceph"]


def kubeconfig() -> str:
    pem = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
    return yaml.safe_dump(
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [
                {
                    "name": "a",
                    "cluster": {"server": "https://10.0.0.10:6443", "certificate-authority-data": pem},
                }
            ],
            "users": [{"name": "a", "user": {"token": "t"}}],
        }
    )


# Life in the sandbox.


def program(**changes: Any) -> Any:
    def run() -> None:
        provider = k8s.Provider("management", cluster_identifier="management")
        BareMetalCluster("racks", args(**changes), pulumi.ResourceOptions(provider=provider))

    return run


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


@pytest.fixture
def management(sandbox: Any) -> Any:
    """A management cluster with the definitions of Cluster API, Metal3 and the bare metal operator."""
    cluster = sandbox.cluster("management")
    for source in ("cluster-api", "cluster-api-kubeadm", "baremetal-operator", "metal3"):
        for name, definition in definitions.source(source).definitions.items():
            spec = {part: definition["spec"][part] for part in ("group", "names", "scope")}
            # As a chart's release leaves them: the schemas stay in the package's data.
            cluster.put(DEFINITION, "", name, {**definition, "spec": spec, BROUGHT: source})
    return cluster


@pytest.mark.xdist_group("cluster-onprem_baremetal")
def test_a_cluster_is_described_changed_and_only_unprotected_taken_away(
    sandbox: Any, management: Any
) -> None:
    sandbox.up(program())
    hosts = {one["metadata"]["name"]: one for one in management.objects(BMH, "racks")}
    assert len(hosts) == 7
    assert (
        hosts["gpu-1"]["metadata"]["labels"].items()
        >= {
            "bedplate/pool": "train",
            "topology.rook.io/rack": "rack-0",
        }.items()
    )
    assert hosts["gpu-1"]["spec"]["bootMode"] == "UEFISecureBoot"
    # What Ceph wrote on its disks outlives an installation of the machine.
    assert hosts["ceph-0"]["spec"]["automatedCleaningMode"] == "disabled"
    assert hosts["gpu-0"]["spec"]["automatedCleaningMode"] == "metadata"
    control = management.get(KCP, "racks", "racks")
    assert (control["spec"]["replicas"], control["spec"]["version"]) == (3, "v1.36.3")
    deployment = management.get(GroupKind("cluster.x-k8s.io", "MachineDeployment"), "racks", "racks-train")
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"]["node-role.kubernetes.io/gpu"] == ""
    named = template["spec"]["infrastructureRef"]["name"]
    assert management.get(TEMPLATE, "racks", named)["spec"]["template"]["spec"]["hostSelector"] == {
        "matchLabels": {"bedplate/pool": "train"}
    }
    assert changed(sandbox.up()) == {}

    # Another image is another template, to which the deployments move.
    sandbox.up(program(image={**IMAGE, "checksum": "cd" * 32}))
    assert sorted(sandbox.steps("update")) == [
        "racks-control-plane",
        "racks-pool-ceph",
        "racks-pool-system",
        "racks-pool-train",
    ]
    assert len(management.objects(TEMPLATE, "racks")) == 4
    after = management.get(GroupKind("cluster.x-k8s.io", "MachineDeployment"), "racks", "racks-train")
    assert after["spec"]["template"]["spec"]["infrastructureRef"]["name"] != named

    with pytest.raises(SandboxError, match="protect"):
        sandbox.destroy()
    sandbox.up(program(deletion_protection=False))
    sandbox.destroy()
    assert management.objects(BMH, "racks") == []
    assert sandbox.resources() == []


@pytest.mark.xdist_group("cluster-onprem_baremetal")
def test_one_machine_without_remediation_or_virtual_address(sandbox: Any, management: Any) -> None:
    alone = {
        "control_plane": machines("cp", 1, 1),
        "endpoint": {"address": "192.0.2.10", "held_by": "external"},
        "remediation": False,
        "ntp_servers": ["ntp.example.com"],
        "kube_proxy": True,
    }
    sandbox.up(program(**alone))
    assert management.objects(GroupKind("cluster.x-k8s.io", "MachineHealthCheck"), "racks") == []
    spec = management.get(KCP, "racks", "racks")["spec"]["kubeadmConfigSpec"]
    assert "kube-vip" not in json.dumps(spec)
    assert "skipPhases" not in spec["initConfiguration"]
    assert spec["ntp"]["servers"] == ["ntp.example.com"]
    assert changed(sandbox.up()) == {}


def test_no_rule_is_broken(made: Any) -> None:
    recording = made(program())
    found = [
        f"{one.name}: {rule.name}: {finding.message}"
        for one in recording.made
        for kind in [f"kubernetes:core/v1:{one.kind}"]
        for rule in RULES
        if isinstance(rule, Rule) and kind in rule.types
        for finding in findings(rule, kind, one.inputs)
    ]
    assert found == []
    assert any(one.kind == "Namespace" for one in recording.made)
