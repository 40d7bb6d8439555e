"""Clusters that the tests of autoscaling share, with Pulumi's mocks and with the sandbox."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
import pytest

from bedplate.kubernetes.handles import KubernetesHandle, NodeAccelerator, NodePoolHandle, Taint
from bedplate.sandbox.fixture import SandboxFixture
from bedplate_policies.aws import RULES as AWS_RULES
from bedplate_policies.judge import Judge
from bedplate_policies.kubernetes import RULES as KUBERNETES_RULES
from bedplate_policies.resource import Options, Resource


def _load(name: str, path: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_CLUSTER = _load("autoscaling_tests_cluster", "cluster/conftest.py")
_STORAGE = _load("autoscaling_tests_storage", "storage/conftest.py")

network, key, cluster = _CLUSTER.network, _CLUSTER.key, _CLUSTER.cluster
record, decide = _STORAGE.record, _STORAGE.decide

GPU_POOL = NodePoolHandle(
    name="inference",
    labels={"bedplate/pool": "inference"},
    taints=(Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule"),),
    max_nodes=4,
    cpu=48,
    memory_gib=192,
    accelerator=NodeAccelerator(
        vendor="nvidia", model="A10G", count=4, memory_gib=22.35, resource="nvidia.com/gpu"
    ),
    zones=("us-east-1a",),
)


@pytest.fixture
def kubernetes() -> Callable[..., KubernetesHandle]:
    """Makes the handle of a cluster, within a program."""

    def make(platform: str = "eks", pools: tuple[NodePoolHandle, ...] = (GPU_POOL,)) -> KubernetesHandle:
        return KubernetesHandle(
            name="training",
            platform=platform,  # type: ignore[arg-type]
            version="1.36",
            provider=k8s.Provider("cluster", cluster_identifier="training"),
            pools=pools,
        )

    return make


@pytest.fixture
def mandatory(sandbox: SandboxFixture) -> Callable[[str], list[str]]:
    """What the policy packs refuse of the resources that components of these types made."""

    def run(component: str) -> list[str]:
        judge = Judge((*AWS_RULES, *KUBERNETES_RULES))
        judge.preview = False
        return [
            f"{verdict.rule.name} {verdict.urn}: {verdict.message}"
            for one in sandbox.resources()
            if component in one["urn"]
            for verdict in judge.resource(
                Resource(
                    type=one["type"],
                    urn=one["urn"],
                    name=one["urn"].rsplit("::", 1)[-1],
                    properties=one.get("inputs", {}),
                    options=Options(protect=False),
                    property_dependencies={},
                )
            )
            if verdict.level == "mandatory"
        ]

    return run
