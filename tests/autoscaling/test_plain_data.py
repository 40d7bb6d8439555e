"""What an environment's file can say of autoscaling: everything but the wiring, as YAML has it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bedplate.autoscaling.cluster_autoscaler import ClusterAutoscalerArgs
from bedplate.autoscaling.gateway import GatewayControllerArgs
from bedplate.autoscaling.gateway_args import InferenceGatewayArgs
from bedplate.autoscaling.inference_args import InferenceAutoscalerArgs
from bedplate.autoscaling.karpenter import KarpenterControllerArgs
from bedplate.autoscaling.karpenter_pools import KarpenterNodePoolsArgs
from bedplate.autoscaling.keda import KedaControllerArgs
from bedplate.core import Args
from bedplate.environment.settings import plain_part

ROLE = ("permissions_boundary_arn", "tags")


@pytest.mark.parametrize(
    ("args", "wiring", "text"),
    [
        (KarpenterControllerArgs, ("cluster", "eks", "queue_key", *ROLE), "{replicas: 2, memory_gib: 2}"),
        (
            KarpenterNodePoolsArgs,
            ("karpenter", "tags"),
            "{image_version: v20261116, pools: {serve: {machines: [g6.xlarge], max_gpus: 8, purpose: "
            "inference, budgets: [{nodes: '0', schedule: '0 9 * * mon-fri', duration_minutes: 480}]}}}",
        ),
        (
            ClusterAutoscalerArgs,
            ("cluster", "eks", *ROLE),
            "{expander: priority, priorities: {10: ['.*spot.*'], 1: ['.*']}}",
        ),
        (KedaControllerArgs, ("cluster", "eks", *ROLE), "{watch_namespaces: [serving]}"),
        (
            InferenceAutoscalerArgs,
            ("cluster", "keda", "prometheus_url"),
            "{pool: serve, namespace: serving, deployment: chat, pod_labels: {app: chat}, max_replicas: 4, "
            "signals: [{name: gpu, kind: gpu-utilization, threshold: 70}]}",
        ),
        (GatewayControllerArgs, ("cluster",), "{internet_facing: true, source_cidrs: [198.51.100.0/24]}"),
        (
            InferenceGatewayArgs,
            ("gateway",),
            "{namespace: serving, issuer: ca, listeners: {chat: {hostname: chat.example.com}}, "
            "routes: {chat: {backends: [{service: chat, port: 8000}]}}}",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_is_plain_data(args: type[Args], wiring: tuple[str, ...], text: str) -> None:
    values: Any = yaml.safe_load(text)
    made = plain_part(args, without=wiring).model_validate(values)
    assert made.model_fields_set == set(values)
