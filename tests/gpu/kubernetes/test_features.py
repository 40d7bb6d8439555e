"""Labels that tell what a node has."""

from __future__ import annotations

from typing import Any

import pytest

from bedplate.gpu.kubernetes.features import NodeFeatureDiscovery, NodeFeatureDiscoveryArgs, rules
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate.kubernetes.handles import Taint


def test_the_workers_stand_the_taints_of_every_pool(record, cluster, pool) -> None:
    edge = Taint(key="edge", value="line", effect="NoExecute")
    where = cluster(pool(), pool("edge", "L4", taints=(edge,)))
    made = record(lambda: NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where)))
    chart = made.one("Release").inputs
    assert (chart["chart"], chart["version"]) == (
        "oci://registry.k8s.io/nfd/charts/node-feature-discovery",
        "0.19.0",
    )
    keys = [one["key"] for one in chart["values"]["worker"]["tolerations"]]
    assert keys == ["node-role.kubernetes.io/control-plane", "nvidia.com/gpu", "edge"]
    assert made.of_type("Namespace") == []


def test_rules_wait_for_the_chart_that_defines_them(record, cluster) -> None:
    made = record(lambda: NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=cluster())))
    found = made.of_type("NodeFeatureRule")
    assert {one.inputs["metadata"]["name"] for one in found} == {
        "bedplate-gpus",
        "bedplate-rdma",
        "bedplate-numa",
        "bedplate-kernel",
    }
    assert all(one.depends_on == ("nfd-discovery",) for one in found)


def _holds(expressions: dict[str, Any], version: tuple[int, int]) -> bool:
    have = dict(zip(("major", "minor"), version, strict=True))
    tests = {"Gt": lambda a, b: a > int(b[0]), "In": lambda a, b: str(a) in b}
    return all(tests[one["op"]](have[key], one["value"]) for key, one in expressions.items())


@pytest.mark.parametrize(
    ("version", "new"),
    [((5, 4), False), ((5, 10), False), ((5, 11), True), ((5, 15), True), ((6, 1), True), ((4, 19), False)],
)
def test_the_kernel_is_new_enough_from_5_11_on(version: tuple[int, int], new: bool) -> None:
    (rule,) = rules(racks=False)["kernel"]
    found: Any = rule["matchAny"]
    assert any(_holds(one["matchFeatures"][0]["matchExpressions"], version) for one in found) is new


def test_every_label_of_a_rule_is_told_of(record, cluster) -> None:
    handles: list[Any] = []
    args = NodeFeatureDiscoveryArgs(cluster=cluster(), racks_from_nodes=True)
    record(lambda: handles.append(NodeFeatureDiscovery("nfd", args).handle))
    given: set[str] = set()
    for found in rules(racks=True).values():
        for one in found:
            labels: Any = one.get("labels", {})
            given |= set(labels)
            given |= {"topology.rook.io/rack"} if "topology.rook.io/rack=" in str(one) else set()
    assert given == set(handles[0].labels)


def test_the_operator_uses_what_is_there(record, cluster) -> None:
    where = cluster()

    def program() -> None:
        features = NodeFeatureDiscovery("nfd", NodeFeatureDiscoveryArgs(cluster=where)).handle
        NvidiaGpuOperator("gpus", NvidiaGpuOperatorArgs(cluster=where, features=features))

    operator = record(program).one("Release", "gpus-operator")
    assert operator.inputs["values"]["nfd"] == {"enabled": False}
    assert "node-feature-discovery" not in operator.inputs["values"]
    assert "nfd-discovery" in operator.depends_on


@pytest.mark.parametrize(
    ("platform", "given", "path", "text"),
    [
        ("eks", {"racks_from_nodes": True}, "racks_from_nodes", "true on eks, whose nodes do not know"),
        ("onprem", {"make_namespace": True}, "make_namespace", "'kube-system' is the cluster's own"),
    ],
)
def test_what_cannot_be_is_refused(
    cluster, refused, platform: str, given: dict[str, Any], path: str, text: str
) -> None:
    problems = refused(lambda: NodeFeatureDiscoveryArgs(cluster=cluster(platform=platform), **given))
    assert text in problems[path]
