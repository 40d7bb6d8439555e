"""Clusters, and what a program makes in them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from bedplate.kubernetes.handles import KubernetesHandle, NodeAccelerator, NodeFabric, NodePoolHandle
from bedplate_policies.judge import Judge
from bedplate_policies.kubernetes import RULES
from bedplate_policies.stack import Stack
from bedplate_policies.testing import make_resource

_PATH = Path(__file__).parents[1] / "storage" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("kubernetes_layer_tests_recorder", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
# dataclasses look their module up.
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)

record = _SHARED.record
refused = _SHARED.refused


def _pool(name: str, vendor: str, model: str, memory: float) -> NodePoolHandle:
    return NodePoolHandle(
        name=name,
        labels={"bedplate/pool": name},
        max_nodes=4,
        cpu=96,
        memory_gib=1024,
        accelerator=NodeAccelerator(
            vendor=cast(Any, vendor), model=model, count=8, memory_gib=memory, resource=f"{vendor}.com/gpu"
        ),
        fabric=NodeFabric(kind="infiniband", resource="rdma/infiniband", count=8),
    )


@pytest.fixture
def racks() -> KubernetesHandle:
    """A cluster with GPUs of both vendors and a fabric."""
    return KubernetesHandle(
        name="racks",
        platform="onprem",
        version="1.36",
        provider=cast(pulumi.ProviderResource, None),
        pools=(_pool("h100", "nvidia", "H100-SXM5-80GB", 80), _pool("mi300x", "amd", "MI300X", 192)),
    )


@pytest.fixture
def mandatory() -> Callable[..., list[str]]:
    """What the policy packs' rules refuse in what was made: `<rule> <name>: <message>`."""

    def run(made: Iterable[tuple[str, str, dict[str, Any]]]) -> list[str]:
        judge = Judge(RULES)
        judge.preview = False
        found = [
            make_resource(kind, inputs, name=name)
            for kind, name, inputs in made
            if kind.startswith("kubernetes:")
        ]
        verdicts = [verdict for one in found for verdict in judge.resource(one)]
        verdicts += judge.stack(Stack(found, "racks", {}))
        return [
            f"{one.rule.name} {one.urn.rsplit('::')[-1]}: {one.message}"
            for one in verdicts
            if one.level == "mandatory"
        ]

    return run
