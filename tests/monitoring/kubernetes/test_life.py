"""The stack and what TrainingMonitoring adds, on a sandboxed cluster with the operator's real definitions."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.core import InputPropertiesError
from bedplate.kubernetes.handles import KubernetesHandle, NodeAccelerator, NodePoolHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.model import AlertGroup
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.monitoring.kubernetes.prometheus_values import stack_values
from bedplate.monitoring.kubernetes.stack import TrainingMonitoring, TrainingMonitoringArgs, groups_for
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("monitoring-kubernetes-life")

GROUP = "monitoring.coreos.com"
RULE = GroupKind(GROUP, "PrometheusRule")
ROUTES = GroupKind(GROUP, "AlertmanagerConfig")
ROUTING: dict[str, Any] = {
    "receivers": {
        "team": {
            "slack": [{"channel": "#training", "webhook_url": {"name": "slack", "key": "url"}}],
            "email": [
                {
                    "to": "team@example.com",
                    "sender": "alerts@example.com",
                    "smarthost": "smtp.example.com:587",
                    "username": "alerts",
                    "password": {"name": "mail", "key": "password"},
                }
            ],
        },
        "oncall": {"pagerduty": [{"routing_key": {"name": "pagerduty", "key": "key"}}]},
        "hook": {
            "webhooks": [{"url": "https://hooks.example.com/a", "token": {"name": "hook", "key": "token"}}]
        },
    },
    "default": "team",
    "routes": [
        {"receiver": "oncall", "severities": ["critical"], "also_later_routes": True},
        {"receiver": "hook", "groups": ["ceph"], "repeat_seconds": 3600},
    ],
}


def _handle() -> KubernetesHandle:
    provider = k8s.Provider("cluster", cluster_identifier="sandbox")
    gpu = NodeAccelerator(vendor="nvidia", model="H100", count=8, memory_gib=80, resource="nvidia.com/gpu")
    pools = (
        NodePoolHandle(name="cpu", labels={}, max_nodes=3, cpu=8, memory_gib=32),
        NodePoolHandle(name="gpu", labels={}, max_nodes=4, cpu=96, memory_gib=1024, accelerator=gpu),
    )
    return KubernetesHandle(name="dresden", platform="onprem", version="1.36", provider=provider, pools=pools)


def _program(**args: Any) -> Callable[[], None]:
    stack_args = args.pop("stack", {})

    def program() -> None:
        handle = _handle()
        settings = {"alertmanager": {"routes_name": "routes"}, **stack_args}
        stack = PrometheusStack("watch", PrometheusStackArgs(cluster=handle, **settings), handle.options())
        TrainingMonitoring(
            "alerts",
            TrainingMonitoringArgs(
                stack=stack.handle,
                **{"routing": ROUTING, "groups": groups_for(handle, ceph=True, logs=True), **args},
            ),
            handle.options(),
        )

    return program


def test_the_life_of_the_whole(sandbox: SandboxFixture) -> None:
    sandbox.up(_program())
    cluster = sandbox.cluster()
    groups = {one["spec"]["groups"][0]["name"] for one in cluster.objects(RULE)}
    assert groups == {
        f"bedplate-{name}"
        for name in (
            "gpu",
            "nodes",
            "ceph",
            "queue",
            "training",
            "object-store",
            "kubernetes",
            "monitoring",
            "logs",
        )
    }
    assert {one["metadata"]["labels"]["release"] for one in cluster.objects(RULE)} == {
        "kube-prometheus-stack"
    }
    assert cluster.get(ROUTES, "monitoring", "routes") is not None
    assert cluster.get(GroupKind(GROUP, "PodMonitor"), "monitoring", "bedplate-training-runs") is not None

    again = sandbox.up().changes
    assert {op for op, count in again.items() if count} == {"same"}
    assert sandbox.refresh().changes.get("update", 0) == 0

    sandbox.up(_program(thresholds={"gpu": {"temperature_celsius": 80}}))
    assert sandbox.steps("update") == ["alerts-gpu"]

    other = {**ROUTING, "routes": ROUTING["routes"][:1], "receivers": {**ROUTING["receivers"]}}
    del other["receivers"]["hook"]
    sandbox.up(_program(thresholds={"gpu": {"temperature_celsius": 80}}, routing=other))
    assert sandbox.steps("update") == ["alerts-routes"]

    sandbox.up(
        _program(
            thresholds={"gpu": {"temperature_celsius": 80}},
            routing=other,
            stack={"prometheus": {"retention_days": 30}},
        )
    )
    assert sandbox.steps("update") == ["watch-stack"]

    sandbox.destroy()
    assert sandbox.resources() == []
    assert cluster.objects(RULE) == cluster.objects(ROUTES) == []


def test_the_real_definition_refuses_what_alertmanager_would(sandbox: SandboxFixture) -> None:
    """That the schema is looked at: the same object with one field misspelt."""

    def program() -> None:
        handle = _handle()
        stack = PrometheusStack("watch", PrometheusStackArgs(cluster=handle), handle.options())
        k8s.apiextensions.CustomResource(
            "routes",
            api_version=f"{GROUP}/v1alpha1",
            kind="AlertmanagerConfig",
            metadata={"name": "routes", "namespace": "monitoring"},
            spec={"route": {"receiver": "team", "groupWaits": "30s"}, "receivers": [{"name": "team"}]},
            opts=pulumi.ResourceOptions(provider=handle.provider, depends_on=stack.handle.after()),
        )

    with pytest.raises(SandboxError, match=r"spec\.route\.groupWaits: unknown field"):
        sandbox.up(program)


def test_what_the_chart_hands_on_is_what_the_operator_takes(sandbox: SandboxFixture) -> None:
    """The chart puts these values into its own objects as they are; here they meet the real definitions."""
    secret = {"name": "store", "key": "token"}
    prometheus = {
        "out_of_order_minutes": 30,
        "remote_write": [
            {
                "name": "a",
                "url": "https://a.example.com",
                "bearer_token": secret,
                "ca": secret,
                "metrics": "up",
            },
            {"name": "b", "url": "https://b.example.com", "username": secret, "password": secret},
            {"name": "c", "url": "https://c.example.com", "sigv4_region": "eu-west-1"},
        ],
    }

    def program() -> None:
        handle = _handle()
        args = PrometheusStackArgs(
            cluster=handle, prometheus=prometheus, alertmanager={"routes_name": "routes"}
        )
        stack = PrometheusStack("watch", args, handle.options())
        values: Any = stack_values(args)
        server = values["prometheus"]["prometheusSpec"]
        same = (
            "replicas retention retentionSize scrapeInterval evaluationInterval walCompression "
            "externalLabels "
            "enableAdminAPI tsdb resources remoteWrite ruleNamespaceSelector podMonitorNamespaceSelector"
        )
        specs = {
            "Prometheus": {
                **{key: server[key] for key in same.split()},
                "storage": server["storageSpec"],
            },
            "Alertmanager": {
                key: value
                for key, value in values["alertmanager"]["alertmanagerSpec"].items()
                if key != "podAntiAffinity"
            },
        }
        for kind, spec in specs.items():
            k8s.apiextensions.CustomResource(
                kind.lower(),
                api_version=f"{GROUP}/v1",
                kind=kind,
                metadata={"name": "x", "namespace": "monitoring"},
                spec=spec,
                opts=pulumi.ResourceOptions(provider=handle.provider, depends_on=stack.handle.after()),
            )

    sandbox.up(program)
    made = sandbox.cluster().get(GroupKind(GROUP, "Prometheus"), "monitoring", "x")
    assert made is not None
    assert made["spec"]["retentionSize"] == "85GiB"
    assert len(made["spec"]["remoteWrite"]) == 3


def test_groups_follow_what_the_cluster_has(record: Callable[..., Any]) -> None:
    found: dict[str, tuple[AlertGroup, ...]] = {}

    def program() -> None:
        handle = _handle()
        bare = KubernetesHandle(name="x", platform="eks", version="1.36", provider=handle.provider)
        edge = NodePoolHandle(name="line", labels={}, max_nodes=2, cpu=8, memory_gib=32, edge=True)
        plant = KubernetesHandle(
            name="p", platform="onprem", version="1.36", provider=handle.provider, pools=(edge,)
        )
        found.update(
            gpus=groups_for(handle), bare=groups_for(bare, queues=False), edge=groups_for(plant, logs=True)
        )

    record(program)
    always = {"nodes", "training", "object-store", "kubernetes", "monitoring"}
    assert {name: {one.value for one in groups} - always for name, groups in found.items()} == {
        "gpus": {"gpu", "queue"},
        "bare": set(),
        "edge": {"queue", "edge", "logs"},
    }
    assert all(always <= {one.value for one in groups} for groups in found.values())


@pytest.mark.parametrize(
    ("args", "path", "words"),
    [
        ({"routing": None}, "routing", "'routes' is there"),
        ({"routes_name": "others"}, "routes_name", "'routes', which Alertmanager reads"),
        ({"namespace": "ml"}, "namespace", "'monitoring', where Alertmanager looks"),
    ],
)
def test_what_does_not_fit_the_stack_is_refused(args: dict[str, Any], path: str, words: str) -> None:
    stack = MonitoringHandle.from_existing(cluster="dresden", routes_name="routes")
    with pytest.raises(InputPropertiesError) as caught:
        TrainingMonitoringArgs(stack=stack, **{"routing": ROUTING, **args})
    (problem,) = caught.value.errors or []
    assert problem["property_path"] == path
    assert words in problem["reason"]


def test_an_existing_stack_is_told_apart_by_its_names(record: Callable[..., Any]) -> None:
    stack = MonitoringHandle.from_existing(cluster="dresden", namespace="obs", release="kps")
    assert stack.prometheus_url == "http://kps-prometheus.obs.svc:9090"
    made = record(lambda: TrainingMonitoring("w", TrainingMonitoringArgs(stack=stack, groups=["gpu"])))
    rule = made.one("PrometheusRule")
    assert (rule.inputs["metadata"]["namespace"], rule.inputs["metadata"]["labels"]["release"]) == (
        "obs",
        "kps",
    )
    assert {
        one["labels"]["cluster"] for one in rule.inputs["spec"]["groups"][0]["rules"] if "alert" in one
    } == {"dresden"}
