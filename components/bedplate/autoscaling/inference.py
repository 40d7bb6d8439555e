"""Replicas of an inference service by GPU metrics: an HPA, or KEDA's scaled object that makes one."""

import pulumi
import pulumi_kubernetes as k8s

from bedplate.autoscaling.inference_args import InferenceAutoscalerArgs, ScalingSignal, prometheus_address
from bedplate.core import checked
from bedplate.core.naming import child
from bedplate.kubernetes.objects import MANAGED, custom_object, options

# vLLM's metrics (https://docs.vllm.ai/en/latest/usage/metrics.html) and DCGM exporter's, all from memory.
_QUERIES = {
    "gpu-utilization": "avg(DCGM_FI_DEV_GPU_UTIL{{{pods}}})",
    "queue-length": "sum(vllm:num_requests_waiting{{{pods}}})",
    "tokens-per-second": "sum(rate(vllm:generation_tokens_total{{{pods}}}[2m]))",
    "latency": (
        "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket{{{pods}}}[5m])))"
    ),
}
# The names without colons that the Prometheus adapter gives them, which its rules have to say.
_POD_METRICS = {
    "gpu-utilization": "DCGM_FI_DEV_GPU_UTIL",
    "queue-length": "vllm_num_requests_waiting",
    "tokens-per-second": "vllm_generation_tokens_per_second",
}


class InferenceAutoscaler(pulumi.ComponentResource):
    """Keeps as many replicas of a deployment as its load asks for.

    Attributes:
        name: The name of the HorizontalPodAutoscaler that does it.
    """

    name: pulumi.Output[str]

    def __init__(
        self, name: str, args: InferenceAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:InferenceAutoscaler", name, None, opts)
        if args.method == "keda":
            assert args.keda is not None, "refused by the arguments"
            custom_object(
                self,
                child(name, "scaled-object"),
                api_version="keda.sh/v1alpha1",
                kind="ScaledObject",
                object_name=args.deployment,
                namespace=args.namespace,
                spec=scaled_object_spec(args),
                after=args.keda.after,
            )
        else:
            k8s.autoscaling.v2.HorizontalPodAutoscaler(
                child(name, "hpa"),
                metadata={"name": args.deployment, "namespace": args.namespace, "labels": dict(MANAGED)},
                spec=hpa_spec(args),
                opts=options(self),
            )
        if args.disruption_budget:
            k8s.policy.v1.PodDisruptionBudget(
                child(name, "budget"),
                metadata={"name": args.deployment, "namespace": args.namespace, "labels": dict(MANAGED)},
                spec={
                    "max_unavailable": 1,
                    "selector": {"match_labels": dict(args.pod_labels)},
                    # A replica that never became ready must not keep a node from being drained.
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                },
                opts=options(self),
            )
        self.name = pulumi.Output.from_input(args.deployment)
        self.register_outputs({"name": self.name})


def scaled_object_spec(args: InferenceAutoscalerArgs) -> dict[str, object]:
    """The ScaledObject: KEDA starts the first replica and ends the last; its HPA does the rest."""
    assert args.prometheus_url is not None, "refused by the arguments"
    server = checked(args.prometheus_url, prometheus_address, "prometheus_url")
    spec: dict[str, object] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": args.deployment},
        "minReplicaCount": args.min_replicas,
        "maxReplicaCount": args.max_replicas,
        "pollingInterval": args.polling_seconds,
        "cooldownPeriod": args.cooldown_seconds,
        "advanced": {
            # What is scaled to none must come back when the autoscaler is taken away.
            "restoreToOriginalReplicaCount": args.min_replicas == 0,
            "horizontalPodAutoscalerConfig": {"name": args.deployment, "behavior": _behavior(args)},
        },
        "triggers": [_trigger(args, signal, server) for signal in args.signals],
    }
    if args.fallback is not None:
        spec["fallback"] = {
            "failureThreshold": args.fallback.failures,
            "replicas": args.fallback.replicas,
        }
    return spec


def hpa_spec(args: InferenceAutoscalerArgs) -> k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs:
    """The spec of an HPA that reads pods' metrics."""
    v2 = k8s.autoscaling.v2

    def rules(window: int, per_minute: int) -> k8s.autoscaling.v2.HPAScalingRulesArgs:
        return v2.HPAScalingRulesArgs(
            stabilization_window_seconds=window,
            select_policy="Max",
            policies=[v2.HPAScalingPolicyArgs(type="Pods", value=per_minute, period_seconds=60)],
        )

    return v2.HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=v2.CrossVersionObjectReferenceArgs(
            api_version="apps/v1", kind="Deployment", name=args.deployment
        ),
        min_replicas=args.min_replicas,
        max_replicas=args.max_replicas,
        metrics=[
            v2.MetricSpecArgs(
                type="Pods",
                pods=v2.PodsMetricSourceArgs(
                    metric=v2.MetricIdentifierArgs(name=one.metric_name or _POD_METRICS[one.kind]),
                    target=v2.MetricTargetArgs(type="AverageValue", average_value=_quantity(one.threshold)),
                ),
            )
            for one in args.signals
        ],
        behavior=v2.HorizontalPodAutoscalerBehaviorArgs(
            scale_up=rules(args.scale_up_stabilization_seconds, args.scale_up_replicas_per_minute),
            scale_down=rules(args.scale_down_stabilization_seconds, args.scale_down_replicas_per_minute),
        ),
    )


def signal_query(args: InferenceAutoscalerArgs, signal: ScalingSignal) -> str:
    """The PromQL of a signal."""
    if signal.query is not None:
        return signal.query
    # A pod of a deployment is named <deployment>-<hash>-<suffix>; dots are the only characters of a name
    # that mean something to a regular expression.
    deployment = args.deployment.replace(".", "\\\\.")
    pods = f'namespace="{args.namespace}",pod=~"{deployment}-[a-z0-9]+-[a-z0-9]+"'
    return _QUERIES[signal.kind].format(pods=pods)


def _trigger(
    args: InferenceAutoscalerArgs, signal: ScalingSignal, server: pulumi.Output[str]
) -> dict[str, object]:
    held = signal.metric_type if signal.kind == "query" else _metric_type(signal)
    trigger: dict[str, object] = {
        "type": "prometheus",
        "name": signal.name,
        "metricType": held,
        "metadata": {
            "serverAddress": server,
            "query": signal_query(args, signal),
            "threshold": f"{signal.threshold:g}",
            "activationThreshold": f"{signal.activation_threshold:g}",
            # No answer is no load only where nobody runs who could answer.
            "ignoreNullValues": "true" if args.min_replicas == 0 else "false",
        },
    }
    if args.authentication is not None:
        trigger["authenticationRef"] = {"name": args.authentication, "kind": "TriggerAuthentication"}
    return trigger


def _metric_type(signal: ScalingSignal) -> str:
    # Averages and percentiles are held as they are; sums are shared among the replicas.
    return "Value" if signal.kind in ("gpu-utilization", "latency") else "AverageValue"


def _behavior(args: InferenceAutoscalerArgs) -> dict[str, object]:
    def rules(window: int, per_minute: int) -> dict[str, object]:
        return {
            "stabilizationWindowSeconds": window,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": per_minute, "periodSeconds": 60}],
        }

    return {
        "scaleUp": rules(args.scale_up_stabilization_seconds, args.scale_up_replicas_per_minute),
        "scaleDown": rules(args.scale_down_stabilization_seconds, args.scale_down_replicas_per_minute),
    }


def _quantity(value: float) -> str:
    """A Kubernetes quantity, exact to thousandths."""
    return str(round(value)) if value == round(value) else f"{round(value * 1000)}m"
