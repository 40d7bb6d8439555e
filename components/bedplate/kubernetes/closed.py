"""Namespaces that nothing may reach but by what they serve."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from bedplate.kubernetes.objects import MANAGED, options


def close(
    component: pulumi.Resource,
    name: str,
    *,
    namespace: str,
    after: Sequence[pulumi.Resource],
    ports: Sequence[int] = (),
    from_namespaces: Sequence[str] = (),
) -> list[pulumi.Resource]:
    """Two network policies: nothing comes in, but to these TCP ports or from the pods of these namespaces.

    Ports are open to all, since whoever calls webhooks and the metrics API, the API server, is no pod that a
    policy could name.
    """
    v1 = k8s.networking.v1
    rules = [v1.NetworkPolicyIngressRuleArgs(from_=[peer(one)]) for one in from_namespaces]
    if ports:
        rules.append(
            v1.NetworkPolicyIngressRuleArgs(
                ports=[v1.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]
            )
        )
    return [
        v1.NetworkPolicy(
            f"{name}-{object_name}",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=object_name, namespace=namespace, labels=dict(MANAGED)),
            spec=v1.NetworkPolicySpecArgs(
                pod_selector=k8s.meta.v1.LabelSelectorArgs(), policy_types=["Ingress"], ingress=allowed
            ),
            opts=options(component, after),
        )
        for object_name, allowed in (("closed", None), ("open-to", rules))
    ]


def peer(namespace: str) -> k8s.networking.v1.NetworkPolicyPeerArgs:
    """All pods of a namespace, as the other end of a network policy's rule."""
    return k8s.networking.v1.NetworkPolicyPeerArgs(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(
            match_labels={"kubernetes.io/metadata.name": namespace}
        )
    )
