"""Network policies of the monitoring's namespaces: closed for what comes in, but for what is named."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from bedplate.kubernetes.closed import peer
from bedplate.kubernetes.objects import MANAGED, options


def ingress(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    namespace: str,
    after: Sequence[pulumi.Resource],
    pods: Mapping[str, str] | None = None,
    from_namespaces: Sequence[str] | None = None,
    from_everywhere: bool = False,
    ports: Sequence[int] = (),
) -> k8s.networking.v1.NetworkPolicy:
    """What may reach the pods of a namespace; nothing where neither namespaces nor everywhere is given."""
    rules: list[k8s.networking.v1.NetworkPolicyIngressRuleArgs] = []
    if from_namespaces or from_everywhere:
        rules.append(
            k8s.networking.v1.NetworkPolicyIngressRuleArgs(
                from_=[peer(one) for one in from_namespaces or ()] or None,
                ports=[k8s.networking.v1.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]
                or None,
            )
        )
    return k8s.networking.v1.NetworkPolicy(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=object_name, namespace=namespace, labels=MANAGED),
        spec=k8s.networking.v1.NetworkPolicySpecArgs(
            pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(pods) if pods else None),
            policy_types=["Ingress"],
            ingress=rules,
        ),
        opts=options(component, after),
    )
