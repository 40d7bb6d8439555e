"""Cluster Autoscaler: where it may run, what it may touch, and how it is told so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bedplate.autoscaling.cluster_autoscaler import (
    ClusterAutoscaler,
    ClusterAutoscalerArgs,
    autoscaler_statements,
)
from bedplate.core.errors import ArgsError

CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/training"
GROUP = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/a"
TAG = "aws:ResourceTag/k8s.io/cluster-autoscaler"


@pytest.mark.parametrize(
    ("platform", "eks", "more", "parts"),
    [
        ("gke", False, {}, ("cluster", "scales its node pools by itself", "sizes")),
        ("eks", False, {}, ("eks", "nothing given on eks", "give it")),
        ("eks", True, {"cluster_api_namespace": "metal"}, ("cluster_api_namespace", "on-prem only")),
        ("onprem", True, {"cluster_api_namespace": "metal"}, ("eks", "given on onprem", "remove it")),
        ("onprem", False, {}, ("cluster_api_namespace", "machine deployments", "give it")),
        ("eks", True, {"expander": "priority"}, ("priorities", "'priority'", "change one")),
        ("eks", True, {"priorities": {10: ["a.*"]}}, ("priorities", "'least-waste'", "change one")),
        ("eks", True, {"karpenter_pools": ["inference"]}, ("karpenter_pools", "every pool", "leave this")),
        ("eks", True, {"karpenter_pools": ["x"]}, ("karpenter_pools[0]", "'x'", "inference")),
        (
            "eks",
            True,
            {"expander": "priority", "priorities": {10: [".*inference.*"]}, "karpenter_pools": ["inference"]},
            ("priorities.10", "which Karpenter runs", "take it out"),
        ),
        ("eks", True, {"utilization_threshold": 1.5}, ("utilization_threshold", "1.5")),
        ("eks", True, {"max_nodes": 0}, ("max_nodes", "0")),
    ],
)
def test_impossible_ones_are_refused(
    record: Any, kubernetes: Any, cluster: Any, platform: str, eks: bool, more: Any, parts: tuple[str, ...]
) -> None:
    def program() -> None:
        values = {"cluster": kubernetes(platform), "eks": cluster() if eks else None, **more}
        ClusterAutoscalerArgs.model_validate(values)

    with pytest.raises(ArgsError) as refused:
        record(program)
    for part in parts:
        assert part in str(refused.value)


def test_on_eks_it_finds_the_clusters_own_groups(record: Any, kubernetes: Any, cluster: Any) -> None:
    def program() -> None:
        args = ClusterAutoscalerArgs(cluster=kubernetes(), eks=cluster(), max_nodes=40)
        ClusterAutoscaler("scaler", args)

    made = record(program)
    chart = made.one("Release")
    values = chart.inputs["values"]
    assert values["autoDiscovery"] == {
        "clusterName": "training",
        "tags": ["k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/training"],
    }
    assert values["image"] == {
        "repository": "registry.k8s.io/autoscaling/cluster-autoscaler",
        "tag": "v1.36.1",
    }
    assert values["extraArgs"]["max-nodes-total"] == 40
    assert values["extraArgs"]["expander"] == "least-waste"
    assert values["securityContext"]["runAsNonRoot"] is True
    association = made.one("PodIdentityAssociation")
    assert association.inputs["serviceAccount"] == values["rbac"]["serviceAccount"]["name"]
    # A pod that starts before its identity is there never gets it.
    assert {association.name, made.one("RolePolicy").name} <= set(chart.depends_on)


def test_on_prem_it_scales_machine_deployments_and_needs_no_aws(record: Any, kubernetes: Any) -> None:
    def program() -> None:
        args = ClusterAutoscalerArgs(cluster=kubernetes("onprem"), cluster_api_namespace="metal")
        ClusterAutoscaler("scaler", args)

    made = record(program)
    values = made.one("Release").inputs["values"]
    assert values["cloudProvider"] == "clusterapi"
    assert values["autoDiscovery"] == {"clusterName": "training", "namespace": "metal"}
    assert not [one for one in made.made if one.type.startswith("aws:")]


def test_priorities_reach_the_expander(record: Any, kubernetes: Any, cluster: Any) -> None:
    def program() -> None:
        values = {"expander": "priority", "priorities": {10: ["spot.*"], 1: [".*"]}}
        args = {"cluster": kubernetes(), "eks": cluster(), **values}
        ClusterAutoscaler("scaler", ClusterAutoscalerArgs.model_validate(args))

    values = record(program).one("Release").inputs["values"]
    assert values["expanderPriorities"] == {"1": [".*"], "10": ["spot.*"]}


def test_it_sizes_this_clusters_groups_and_no_others(decide: Callable[..., str]) -> None:
    policy = {"Statement": autoscaler_statements("training", CLUSTER, "us-east-1")}
    ours = {f"{TAG}/enabled": "true", f"{TAG}/training": "owned"}
    assert decide(policy, "autoscaling:SetDesiredCapacity", GROUP, ours) == "allow"
    assert decide(policy, "autoscaling:SetDesiredCapacity", GROUP) == "none"
    other = {f"{TAG}/enabled": "true", f"{TAG}/serving": "owned"}
    assert decide(policy, "autoscaling:TerminateInstanceInAutoScalingGroup", GROUP, other) == "none"
    for statement in policy["Statement"]:
        assert "*" not in json.dumps(statement["Action"])
        if statement["Resource"] == "*":
            assert all(one.split(":")[1].startswith(("Describe", "Get")) for one in statement["Action"])
