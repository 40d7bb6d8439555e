"""Inference that follows its load: what is refused, what the scalers say, and a life in the sandbox."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.autoscaling.inference import (
    InferenceAutoscaler,
    InferenceAutoscalerArgs,
    scaled_object_spec,
    signal_query,
)
from bedplate.autoscaling.inference_args import ScalingSignal
from bedplate.autoscaling.keda import KedaController, KedaControllerArgs, KedaHandle
from bedplate.core.errors import ArgsError
from bedplate.kubernetes.handles import KubernetesHandle, NodeAccelerator, NodePoolHandle
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("autoscaling-inference")

QUEUE = {"name": "queue", "kind": "queue-length", "threshold": 5}
REQUESTS = {"name": "asked", "kind": "query", "threshold": 10, "query": "sum(rate(asked_total[1m]))"}
KEDA = KedaHandle(namespace="keda", watch_namespaces=(), role_name=None, after=())
BASE = {
    "pool": "inference",
    "namespace": "serving",
    "deployment": "chat",
    "pod_labels": {"app": "chat"},
    "keda": KEDA,
    "prometheus_url": "http://prometheus.monitoring:9090",
    "signals": [QUEUE],
    "max_replicas": 8,
}
HPA = {**BASE, "method": "hpa", "keda": None, "prometheus_url": None}


def refused(record: Any, kubernetes: Any, values: dict[str, Any]) -> str:
    with pytest.raises(ArgsError) as error:
        record(lambda: InferenceAutoscalerArgs.model_validate({"cluster": kubernetes(), **values}))
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({**BASE, "min_replicas": 9}, ("min_replicas", "above max_replicas 8", "raise max_replicas")),
        ({**HPA, "min_replicas": 0}, ("min_replicas", "cannot start the first replica", "'keda'")),
        ({**HPA, "keda": KEDA}, ("keda", "with method 'hpa'", "remove it")),
        ({**HPA, "fallback": {"replicas": 2}}, ("fallback", "with method 'hpa'", "remove it")),
        ({**BASE, "keda": None}, ("keda", "nothing given", "handle")),
        ({**BASE, "prometheus_url": None}, ("prometheus_url", "nothing given", "http")),
        ({**BASE, "prometheus_url": "prometheus:9090"}, ("prometheus_url", "'prometheus:9090'", "http(s)")),
        ({**BASE, "signals": []}, ("signals", "at least 1")),
        ({**BASE, "signals": [{**QUEUE, "threshold": 0}]}, ("signals[0].threshold", "0")),
        ({**BASE, "signals": [{**QUEUE, "threshold": -1}]}, ("signals[0].threshold", "-1")),
        ({**BASE, "signals": [QUEUE, QUEUE]}, ("signals", "the same name", "rename")),
        (
            {**BASE, "signals": [{"name": "gpu", "kind": "gpu-utilization", "threshold": 700}]},
            ("signals[0].threshold", "700 percent", "about 70"),
        ),
        (
            {**BASE, "signals": [{"name": "x", "kind": "query", "threshold": 1}]},
            ("signals[0].query", "nothing given", "PromQL"),
        ),
        ({**BASE, "min_replicas": 0}, ("signals", "measured by the replicas", "gateway's requests")),
        (
            {**BASE, "signals": [{**QUEUE, "activation_threshold": 3}]},
            ("activation_threshold", "no effect with min_replicas 1", "remove it"),
        ),
        (
            {**HPA, "signals": [{"name": "slow", "kind": "latency", "threshold": 1}]},
            ("metric_name", "'latency' with method 'hpa'", "give it"),
        ),
        ({**HPA, "signals": [REQUESTS]}, ("signals[0].query", "with method 'hpa'", "metric_name")),
        ({**BASE, "max_replicas": 17}, ("max_replicas", "17 replicas of 1 GPUs", "allowed: 16")),
        ({**BASE, "gpus_per_replica": 3, "max_replicas": 5}, ("max_replicas", "allowed: 4")),
        ({**BASE, "gpus_per_replica": 8}, ("gpus_per_replica", "nodes have 4", "larger machines")),
        ({**BASE, "pool": "x"}, ("pool", "'x' is not a pool", "inference")),
        ({**BASE, "fallback": {"replicas": 9}}, ("fallback.replicas", "9 is outside", "1 to 8")),
        ({**BASE, "pod_labels": {}}, ("pod_labels", "at least 1")),
        (
            {**BASE, "keda": KedaHandle(namespace="k", watch_namespaces=("x",), role_name=None, after=())},
            ("namespace", "'serving' is not watched", "watch_namespaces"),
        ),
    ],
)
def test_impossible_scaling_is_refused(
    record: Any, kubernetes: Any, values: dict[str, Any], parts: tuple[str, ...]
) -> None:
    text = refused(record, kubernetes, values)
    for part in parts:
        assert part in text


def test_gpus_on_machines_without_any_are_refused(record: Any, kubernetes: Any) -> None:
    bare = NodePoolHandle(name="inference", labels={}, max_nodes=2, cpu=4, memory_gib=16)
    with pytest.raises(ArgsError, match="whose nodes have no GPU"):
        record(lambda: InferenceAutoscalerArgs.model_validate({"cluster": kubernetes(pools=(bare,)), **BASE}))


@given(gpus=st.integers(1, 8), each=st.integers(1, 8), nodes=st.integers(1, 50), most=st.integers(1, 500))
def test_what_is_taken_fits_on_the_pool(gpus: int, each: int, nodes: int, most: int) -> None:
    accelerator = NodeAccelerator(
        vendor="nvidia", model="A10G", count=gpus, memory_gib=22, resource="nvidia.com/gpu"
    )
    pool = NodePoolHandle(
        name="inference", labels={}, max_nodes=nodes, cpu=4, memory_gib=16, accelerator=accelerator
    )
    cluster = KubernetesHandle(
        name="c",
        platform="onprem",
        version="1.36",
        provider=object(),
        pools=(pool,),  # type: ignore[arg-type]
    )
    values = {"cluster": cluster, **BASE, "gpus_per_replica": each, "max_replicas": most}
    fits = gpus // each * nodes >= most
    try:
        InferenceAutoscalerArgs.model_validate(values)
    except ArgsError:
        assert not fits
    else:
        assert fits


def taken(values: dict[str, Any], record: Any, kubernetes: Any) -> Any:
    def program() -> None:
        InferenceAutoscaler(
            "chat", InferenceAutoscalerArgs.model_validate({"cluster": kubernetes(), **values})
        )

    return record(program)


def test_keda_starts_from_nothing_and_ends_there(record: Any, kubernetes: Any) -> None:
    asked = {**REQUESTS, "activation_threshold": 0.5, "metric_type": "Value"}
    values = {**BASE, "min_replicas": 0, "signals": [asked, QUEUE], "fallback": {"replicas": 2}}
    spec = taken(values, record, kubernetes).one("ScaledObject").inputs["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["cooldownPeriod"]) == (0, 8, 600)
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2}
    first, second = spec["triggers"]
    assert first["metadata"] == {
        "serverAddress": "http://prometheus.monitoring:9090",
        "query": "sum(rate(asked_total[1m]))",
        "threshold": "10",
        "activationThreshold": "0.5",
        "ignoreNullValues": "true",
    }
    assert (first["metricType"], second["metricType"]) == ("Value", "AverageValue")
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert behavior["scaleUp"]["policies"] == [{"type": "Pods", "value": 4, "periodSeconds": 60}]


def test_an_hpa_alone_reads_the_pods_metrics(record: Any, kubernetes: Any) -> None:
    signals = [
        {"name": "gpu", "kind": "gpu-utilization", "threshold": 70},
        {"name": "slow", "kind": "latency", "threshold": 0.25, "metric_name": "chat_latency_seconds"},
    ]
    made = taken({**HPA, "signals": signals}, record, kubernetes)
    spec = made.one("HorizontalPodAutoscaler").inputs["spec"]
    targets = {one["pods"]["metric"]["name"]: one["pods"]["target"] for one in spec["metrics"]}
    assert targets == {
        "DCGM_FI_DEV_GPU_UTIL": {"type": "AverageValue", "averageValue": "70"},
        "chat_latency_seconds": {"type": "AverageValue", "averageValue": "250m"},
    }
    assert spec["scaleTargetRef"]["name"] == "chat"
    budget = made.one("PodDisruptionBudget").inputs["spec"]
    assert budget["selector"] == {"matchLabels": {"app": "chat"}}
    assert budget["maxUnavailable"] == 1


def test_queries_select_the_deployments_pods_only(record: Any, kubernetes: Any) -> None:
    texts: list[str] = []

    def program() -> None:
        values = {"cluster": kubernetes(), **BASE, "deployment": "chat.v2"}
        args = InferenceAutoscalerArgs.model_validate(values)
        for kind, threshold in (("gpu-utilization", 70), ("tokens-per-second", 900), ("latency", 2)):
            texts.append(signal_query(args, ScalingSignal(name="x", kind=kind, threshold=threshold)))  # type: ignore[arg-type]
        assert scaled_object_spec(args)["maxReplicaCount"] == 8

    record(program)
    assert all('namespace="serving",pod=~"chat\\\\.v2-[a-z0-9]+-[a-z0-9]+"' in text for text in texts)
    assert texts[0].startswith("avg(DCGM_FI_DEV_GPU_UTIL{")


def test_keda_is_doubled_restricted_and_speaks_tls(record: Any, kubernetes: Any, cluster: Any) -> None:
    seen: list[KedaHandle] = []

    def program() -> None:
        args = KedaControllerArgs(cluster=kubernetes(), eks=cluster(), watch_namespaces=("serving",))
        seen.append(KedaController("keda", args).handle)

    made = record(program)
    values = made.one("Release").inputs["values"]
    assert values["watchNamespace"] == "serving"
    for part in ("operator", "metricServer", "webhooks"):
        assert values["securityContext"][part]["readOnlyRootFilesystem"] is True
        assert values["podSecurityContext"][part]["runAsNonRoot"] is True
        assert values["resources"][part]["limits"]
    assert values["operator"]["replicaCount"] == 2
    assert values["http"]["minTlsVersion"] == "TLS12"
    assert made.one("PodIdentityAssociation").inputs["serviceAccount"] == "keda-operator"
    assert seen[0].role_name is not None


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"watch_namespaces": ["a", "a"]}, ("watch_namespaces", "given twice")),
        ({"watch_namespaces": ["A"]}, ("watch_namespaces[0]", "'A'", "lower-case")),
        ({"replicas": 0}, ("replicas", "0")),
    ],
)
def test_an_impossible_keda_is_refused(
    record: Any, kubernetes: Any, values: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as error:
        record(lambda: KedaControllerArgs.model_validate({"cluster": kubernetes("onprem"), **values}))
    for part in parts:
        assert part in str(error.value)


def test_pod_identity_is_for_eks(record: Any, kubernetes: Any, cluster: Any) -> None:
    with pytest.raises(ArgsError, match="given on onprem"):
        record(lambda: KedaControllerArgs(cluster=kubernetes("onprem"), eks=cluster()))


def service(most: int = 8) -> None:
    accelerator = NodeAccelerator(
        vendor="nvidia", model="A10G", count=4, memory_gib=22, resource="nvidia.com/gpu"
    )
    pool = NodePoolHandle(
        name="inference", labels={}, max_nodes=4, cpu=48, memory_gib=192, accelerator=accelerator
    )
    cluster = KubernetesHandle(
        name="rack",
        platform="onprem",
        version="1.36",
        provider=k8s.Provider("cluster", cluster_identifier="rack"),
        pools=(pool,),
    )
    keda = KedaController("keda", KedaControllerArgs(cluster=cluster), cluster.options()).handle
    room = k8s.core.v1.Namespace("serving", metadata={"name": "serving"}, opts=cluster.options())
    values = {"cluster": cluster, **BASE, "keda": keda, "max_replicas": most}
    InferenceAutoscaler(
        "chat",
        InferenceAutoscalerArgs.model_validate(values),
        pulumi.ResourceOptions.merge(cluster.options(), pulumi.ResourceOptions(depends_on=[room])),
    )


def test_life_of_a_scaled_service(sandbox: SandboxFixture) -> None:
    sandbox.up(service)
    assert {key for key, count in sandbox.up().changes.items() if count} == {"same"}
    (scaled,) = sandbox.cluster("rack").objects(GroupKind("keda.sh", "ScaledObject"), "serving")
    assert scaled["spec"]["maxReplicaCount"] == 8
    sandbox.up(lambda: service(most=12))
    assert sandbox.steps("update") == ["chat-scaled-object"]
    sandbox.destroy()
    assert sandbox.cluster("rack").objects(GroupKind("policy", "PodDisruptionBudget"), "serving") == []
