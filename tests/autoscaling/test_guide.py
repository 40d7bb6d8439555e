"""The guide's program makes what the guide says, and the policy packs refuse nothing of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bedplate.autoscaling.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.autoscaling.gateway import GatewayController, GatewayControllerArgs
from bedplate.autoscaling.gateway_args import InferenceGatewayArgs
from bedplate.autoscaling.inference import InferenceAutoscaler
from bedplate.autoscaling.inference_args import InferenceAutoscalerArgs
from bedplate.autoscaling.inference_gateway import InferenceGateway
from bedplate.autoscaling.karpenter import KarpenterController, KarpenterControllerArgs
from bedplate.autoscaling.keda import KedaController, KedaControllerArgs
from bedplate.core.tags import default_tags
from bedplate_policies.aws import RULES as AWS_RULES
from bedplate_policies.judge import Judge
from bedplate_policies.kubernetes import RULES as KUBERNETES_RULES
from bedplate_policies.resource import Options, Resource
from bedplate_policies.rule import StackRule
from bedplate_policies.testing import stack_findings

GUIDE = Path(__file__).parents[2] / "docs" / "autoscaling.md"


def refusals(made: list[Any]) -> list[str]:
    judge = Judge((*AWS_RULES, *KUBERNETES_RULES))
    judge.preview = False
    return [
        f"{verdict.rule.name} {one.name}: {verdict.message}"
        for one in made
        for verdict in judge.resource(
            Resource(
                type=one.type,
                urn=f"urn:pulumi:test::test::{one.type}::{one.name}",
                name=one.name,
                properties=one.inputs,
                options=Options(protect=one.protect),
                property_dependencies={},
            )
        )
        if verdict.level == "mandatory"
    ]


def test_the_program_of_the_guide_runs(record: Any) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    made = record(lambda: exec(compile(found[1], str(GUIDE), "exec"), {}))
    kinds = {one.type.rsplit(":", 1)[-1] for one in made.made if one.type.startswith("kubernetes:")}
    assert kinds >= {
        "EC2NodeClass",
        "NodePool",
        "ScaledObject",
        "PodDisruptionBudget",
        "EnvoyProxy",
        "GatewayClass",
        "Gateway",
        "HTTPRoute",
        "BackendTrafficPolicy",
        "ClientTrafficPolicy",
    }
    assert {one.inputs["chart"].rsplit("/", 1)[-1] for one in made.of_type("Release")} == {
        "karpenter",
        "karpenter-crd",
        "keda",
        "gateway-helm",
    }
    assert refusals([one for one in made.made if one.type.startswith("kubernetes:")]) == []


def test_every_namespace_is_closed_for_what_comes_in(record: Any, kubernetes: Any, cluster: Any) -> None:
    """By the policy pack's own rule about stacks; and without the policies it would see it."""

    def program() -> None:
        on = kubernetes()
        ClusterAutoscaler("scaler", ClusterAutoscalerArgs(cluster=on, eks=cluster()))
        KarpenterController("karpenter", KarpenterControllerArgs(cluster=on, eks=cluster()))
        KedaController("keda", KedaControllerArgs(cluster=on))
        gateways = GatewayController("gateways", GatewayControllerArgs(cluster=on, cert_manager=True))
        values = {
            "gateway": gateways.handle,
            "namespace": "serving",
            "listeners": {"chat": {"hostname": "chat.example.com", "certificate_secret": "chat-tls"}},
        }
        InferenceGateway("in", InferenceGatewayArgs.model_validate(values))

    made = record(program)
    (closed,) = (rule for rule in KUBERNETES_RULES if rule.name == "kubernetes-namespace-default-deny")
    assert isinstance(closed, StackRule)
    everything = [(one.type, one.name, one.inputs) for one in made.made if one.type in closed.types]
    assert list(stack_findings(closed, everything)) == []
    open_ones = [one for one in everything if not one[1].endswith("-closed")]
    assert len(list(stack_findings(closed, open_ones))) == 6
    # What serves requests hears the gateway's proxies, its neighbours and who scrapes it.
    (rules,) = (one.inputs["spec"]["ingress"] for one in made.made if one.name == "in-namespace-open-to")
    names = [
        one["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in rules
    ]
    assert names == ["envoy-gateway-system", "monitoring", "serving"]


def test_nothing_of_the_rest_is_refused_either(record: Any, kubernetes: Any, cluster: Any) -> None:
    def program() -> None:
        on = kubernetes()
        tags = default_tags("test", "scaler", "ml", "42")
        ClusterAutoscaler("scaler", ClusterAutoscalerArgs(cluster=on, eks=cluster(), tags=tags))
        values = {
            "cluster": on,
            "pool": "inference",
            "namespace": "serving",
            "deployment": "chat",
            "pod_labels": {"app": "chat"},
            "method": "hpa",
            "signals": [{"name": "gpu", "kind": "gpu-utilization", "threshold": 70}],
            "max_replicas": 4,
        }
        InferenceAutoscaler("chat", InferenceAutoscalerArgs.model_validate(values))

    made = [one for one in record(program).made if one.type.split(":")[0] in ("aws", "kubernetes")]
    assert {"HorizontalPodAutoscaler", "RolePolicy"} <= {one.type.rsplit(":", 1)[-1] for one in made}
    assert refusals(made) == []
