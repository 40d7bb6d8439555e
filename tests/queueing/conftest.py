"""A cluster with pools whose quota is shared out."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.kubernetes.handles import (
    KubernetesHandle,
    NodeAccelerator,
    NodeFabric,
    NodePoolHandle,
    Taint,
)

_PATH = Path(__file__).parents[1] / "storage" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("queueing_tests_recorder", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
# dataclasses look their module up.
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)

record = _SHARED.record
refused = _SHARED.refused

_GPU_TAINT = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")


def _gpu_pool(name: str, count: int, *, fabric: bool, max_nodes: int) -> NodePoolHandle:
    return NodePoolHandle(
        name=name,
        labels={"bedplate/pool": name},
        taints=(_GPU_TAINT,),
        max_nodes=max_nodes,
        cpu=192,
        memory_gib=2048,
        accelerator=NodeAccelerator(
            vendor="nvidia", model="H100-SXM5-80GB", count=count, memory_gib=80, resource="nvidia.com/gpu"
        ),
        fabric=NodeFabric(kind="efa", resource="vpc.amazonaws.com/efa", count=32) if fabric else None,
    )


H100 = _gpu_pool("h100", 8, fabric=True, max_nodes=4)
L40S = _gpu_pool("l40s", 4, fabric=False, max_nodes=10)
CPU = NodePoolHandle(name="cpu", labels={"bedplate/pool": "cpu"}, max_nodes=20, cpu=16, memory_gib=64)


@pytest.fixture
def pools() -> dict[str, NodePoolHandle]:
    return {pool.name: pool for pool in (H100, L40S, CPU)}


@pytest.fixture
def cluster() -> Callable[..., KubernetesHandle]:
    """The handle of a cluster. Without a provider it is for arguments only."""

    def make(provider: pulumi.ProviderResource | None = None, **changes: Any) -> KubernetesHandle:
        fields: dict[str, Any] = {
            "name": "train",
            "platform": "eks",
            "version": "1.36",
            "provider": cast(pulumi.ProviderResource, provider),
            "pools": (H100, L40S, CPU),
        }
        return KubernetesHandle(**{**fields, **changes})

    return make


@pytest.fixture
def real(cluster: Callable[..., KubernetesHandle]) -> Callable[..., KubernetesHandle]:
    """The same with a provider, to be called inside of a program."""
    return lambda **changes: cluster(k8s.Provider("cluster", cluster_identifier="train"), **changes)
