"""Every component that lets privileged pods into a namespace of its own passes the policy packs' rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

import bedplate
from bedplate.environment.namespaces import AgentNamespace, AgentNamespaceArgs
from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.monitoring.kubernetes.logs import LogShipping, LogShippingArgs
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.network.onprem import ClusterNetwork, ClusterNetworkArgs
from bedplate.network.onprem_load_balancer import LoadBalancerPool, LoadBalancerPoolArgs
from bedplate.network.onprem_rdma import RdmaNetwork, RdmaNetworkArgs
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs

ROOT = Path(bedplate.__file__).parent
# What a component asks of `namespace`, in the text of its module.
ASKED = 'pod_security="privileged"'


def features(where: KubernetesHandle) -> Any:
    return NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where)).handle


def nvidia(where: KubernetesHandle, **more: Any) -> Any:
    args = NvidiaGpuOperatorArgs(cluster=where, features=features(where), **more)
    return NvidiaGpuOperator("nvidia", args).handle


def manager() -> pulumi.Resource:
    return pulumi.ComponentResource("test:index:CertManager", "cert-manager")


def amd(where: KubernetesHandle) -> None:
    AmdGpuOperator("amd", AmdGpuOperatorArgs(cluster=where, features=features(where), cert_manager=manager()))


def claims(where: KubernetesHandle) -> None:
    layer = nvidia(where, device_plugin=False)
    wanted = {"name": "one", "namespace": "team-a"}
    GpuResourceClaims("dra", GpuResourceClaimsArgs(cluster=where, layer=layer, claims=(wanted,)))


def health(where: KubernetesHandle) -> None:
    NodeHealth("health", NodeHealthArgs(cluster=where, layer=nvidia(where), cert_manager=manager()))


def prometheus(where: KubernetesHandle) -> None:
    PrometheusStack("watch", PrometheusStackArgs(cluster=where))


def logs(where: KubernetesHandle) -> None:
    loki = {"url": "https://loki.example.com"}
    LogShipping("logs", LogShippingArgs(cluster=where, loki=(loki,)))


def network(where: KubernetesHandle) -> Any:
    args = {
        "cluster": where,
        "kind": "calico",
        "api_server": {"host": "10.0.0.10"},
        "node_cidrs": ["10.0.0.0/22"],
    }
    return ClusterNetwork("net", ClusterNetworkArgs.model_validate(args)).handle


def load_balancers(where: KubernetesHandle) -> None:
    args = {
        "cluster": where,
        "network": network(where),
        "announce": "layer2",
        "addresses": ["10.0.3.192/26"],
    }
    LoadBalancerPool("lb", LoadBalancerPoolArgs.model_validate(args))


def rdma(where: KubernetesHandle) -> None:
    fabrics = {"rdma/infiniband": {"interfaces": [f"ibp{number}s0" for number in range(8)]}}
    RdmaNetwork("fabric", RdmaNetworkArgs.model_validate({"cluster": where, "fabrics": fabrics}))


def agents(where: KubernetesHandle) -> None:
    AgentNamespace("agents", AgentNamespaceArgs(namespace="logging"))


def rook(where: KubernetesHandle) -> None:
    RookOperator("rook", RookOperatorArgs())


# By the module that asks. What it makes with its defaults, and which of its namespaces are privileged.
MAKERS: dict[str, tuple[Callable[[KubernetesHandle], object], set[str]]] = {
    "gpu/kubernetes/amd.py": (amd, {"kube-amd-gpu"}),
    "gpu/kubernetes/claims.py": (claims, {"gpu-operator", "nvidia-dra-driver"}),
    # Runs in kube-system, which it does not make.
    "gpu/kubernetes/features.py": (features, set()),
    "gpu/kubernetes/health.py": (health, {"gpu-operator", "nvsentinel"}),
    "gpu/kubernetes/nvidia.py": (nvidia, {"gpu-operator"}),
    # An environment has the same namespace made apart, by the same function.
    "monitoring/kubernetes/logs.py": (lambda where: (logs(where), agents(where)), {"logging"}),
    "monitoring/kubernetes/prometheus.py": (prometheus, {"monitoring-nodes"}),
    "network/onprem.py": (network, {"tigera-operator"}),
    "network/onprem_load_balancer.py": (load_balancers, {"metallb-system", "tigera-operator"}),
    "network/onprem_rdma.py": (rdma, {"nvidia-network-operator"}),
    "storage/ceph/operator.py": (rook, {"rook-ceph"}),
}


def test_every_component_that_asks_for_one_is_in_the_table() -> None:
    asking = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ASKED in path.read_text("utf-8")}
    assert asking == set(MAKERS)


@pytest.mark.parametrize("module", MAKERS)
def test_nothing_mandatory_is_broken(
    module: str, record: Any, racks: KubernetesHandle, mandatory: Callable[..., list[str]]
) -> None:
    program, expected = MAKERS[module]
    made = record(lambda: program(racks)).made
    privileged = {
        one.inputs["metadata"]["name"]
        for one in made
        if one.type.endswith(":Namespace")
        and one.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    }
    assert privileged == expected
    assert mandatory((one.type, one.name, one.inputs) for one in made) == []
