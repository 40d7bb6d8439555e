"""The whole layer in a sandbox: made, made again, changed, and taken away without a rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.gpu.kubernetes.amd import AmdGpuOperator, AmdGpuOperatorArgs
from bedplate.gpu.kubernetes.claims import GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.sandbox.fixture import SandboxFixture

pytestmark = pytest.mark.xdist_group("gpu-kubernetes-life")

CUT = {"dcm.amd.com/gpu-config-profile": "cpx-nps4-8"}


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


def layer(handle: KubernetesHandle, *, compute: str = "CPX", slices: int = 4, **health: Any) -> None:
    provider = k8s.Provider("racks", cluster_identifier="racks")
    where = replace(handle, provider=provider)
    opts = where.options()
    manager = k8s.core.v1.Namespace("certs", metadata={"name": "certs"}, opts=opts)
    features = NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where), opts).handle
    nvidia = NvidiaGpuOperator(
        "nvidia",
        NvidiaGpuOperatorArgs(
            cluster=where,
            features=features,
            pools={
                "h100": {"mig_profile": "all-1g.10gb"},
                "l4": {"time_slices": slices},
            },
        ),
        opts,
    ).handle
    AmdGpuOperator(
        "amd",
        AmdGpuOperatorArgs(
            cluster=where,
            features=features,
            cert_manager=manager,
            pools={"mi300x": {"compute_partition": compute, "memory_partition": "NPS4"}},
        ),
        opts,
    )
    NodeHealth("health", NodeHealthArgs(cluster=where, layer=nvidia, cert_manager=manager, **health), opts)
    GpuResourceClaims(
        "domains",
        GpuResourceClaimsArgs(
            cluster=where,
            layer=nvidia,
            gpus=False,
            compute_domains=({"name": "job", "namespace": "certs", "claim_template": "channel"},),
        ),
        pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[manager])),
    )


@pytest.fixture
def racks(cluster, pool) -> KubernetesHandle:
    return cluster(
        pool(labels={"nvidia.com/mig.config": "all-1g.10gb"}),
        pool("l4", "L4", labels={"nvidia.com/device-plugin.config": "time-slices-4"}),
        pool("nvl72", "GB200"),
        pool("mi300x", "MI300X", vendor="amd", labels=CUT),
    )


def test_life(sandbox: SandboxFixture, racks: KubernetesHandle) -> None:
    sandbox.up(lambda: layer(racks))
    assert changed(sandbox.up(lambda: layer(racks))) == {}

    sandbox.up(lambda: layer(racks, ignored_xids=(63,)))
    # Pulumi makes a config map anew; what reads it is rolled.
    assert sandbox.steps("update") == ["health-detector"]
    assert sandbox.steps("replace") == ["health-config"]

    sandbox.destroy()
    assert sandbox.resources() == []
    gone = sandbox.steps("delete")
    for custom, operator in (
        ("nfd-gpus", "nfd-discovery"),
        ("amd-mi300x-config", "amd-operator"),
        ("domains-certs-job-domain", "domains-driver"),
        ("health-sentinel", "nvidia-operator"),
        ("nvidia-operator", "nfd-discovery"),
    ):
        assert gone.index(custom) < gone.index(operator)


def test_claims_live_and_go(sandbox: SandboxFixture, cluster) -> None:
    def program(count: int) -> None:
        where = replace(cluster(), provider=k8s.Provider("racks", cluster_identifier="racks"))
        team = k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=where.options())
        GpuResourceClaims(
            "dra",
            GpuResourceClaimsArgs(
                cluster=where,
                claims=(
                    {"name": "gpus", "namespace": "team", "model": "H100-SXM5-80GB", "count": count},
                    {"name": "part", "namespace": "team", "min_memory_gib": 40},
                ),
            ),
            pulumi.ResourceOptions.merge(where.options(), pulumi.ResourceOptions(depends_on=[team])),
        )

    sandbox.up(lambda: program(8))
    assert changed(sandbox.up(lambda: program(8))) == {}
    sandbox.destroy()
    assert sandbox.resources() == []
