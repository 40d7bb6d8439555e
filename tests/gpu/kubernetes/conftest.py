"""Clusters with pools of GPUs, and what a program makes in them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from bedplate.kubernetes.handles import (
    KubernetesHandle,
    NodeAccelerator,
    NodeFabric,
    NodePoolHandle,
    Taint,
)

_PATH = Path(__file__).parents[2] / "storage" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("gpu_layer_tests_recorder", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
# dataclasses look their module up.
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)

record = _SHARED.record
refused = _SHARED.refused


def _pool(
    name: str = "h100",
    model: str | None = "H100-SXM5-80GB",
    *,
    count: int = 8,
    memory: float = 80,
    vendor: str = "nvidia",
    fabric: str | None = None,
    labels: dict[str, str] | None = None,
    taints: tuple[Taint, ...] = (Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule"),),
) -> NodePoolHandle:
    return NodePoolHandle(
        name=name,
        labels={"bedplate/pool": name, **(labels or {})},
        taints=taints if model else (),
        max_nodes=4,
        cpu=96,
        memory_gib=1024,
        accelerator=None
        if model is None
        else NodeAccelerator(
            vendor=cast(Any, vendor),
            model=model,
            count=count,
            memory_gib=memory,
            resource=f"{vendor}.com/gpu",
        ),
        fabric=None
        if fabric is None
        else NodeFabric(kind=cast(Any, fabric), resource=f"example.com/{fabric}", count=8),
    )


def _cluster(*pools: NodePoolHandle, platform: str = "onprem", version: str = "1.36") -> KubernetesHandle:
    return KubernetesHandle(
        name="racks",
        platform=cast(Any, platform),
        version=version,
        provider=cast(pulumi.ProviderResource, None),
        pools=pools or (_pool(),),
    )


@pytest.fixture(scope="session")
def pool() -> Callable[..., NodePoolHandle]:
    return _pool


@pytest.fixture(scope="session")
def cluster() -> Callable[..., KubernetesHandle]:
    return _cluster
