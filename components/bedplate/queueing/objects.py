"""Kueue's objects, and the namespaces around them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pulumi
import pulumi_kubernetes as k8s

from bedplate.kubernetes.objects import MANAGED, options

KUEUE_API = "kueue.x-k8s.io/v1beta2"

R = TypeVar("R", bound=pulumi.Resource)


def built_in(
    make: Callable[..., R],
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    namespace: str | None = None,
    after: Sequence[pulumi.Resource] = (),
    **fields: object,
) -> R:
    """An object of one of Kubernetes' own kinds, whose class of the SDK is `make`."""
    where = {} if namespace is None else {"namespace": namespace}
    metadata = {"name": object_name, **where, "labels": dict(MANAGED)}
    return make(name, metadata=metadata, opts=options(component, after), **fields)


def kueue_object(
    component: pulumi.Resource,
    name: str,
    *,
    kind: str,
    object_name: str,
    namespace: str | None = None,
    spec: Mapping[str, object] | None = None,
    top: Mapping[str, object] | None = None,
    after: Sequence[pulumi.Resource] = (),
    delete_seconds: int | None = None,
) -> pulumi.CustomResource:
    """An object of one of Kueue's kinds. `top` is for kinds that have no spec; `delete_seconds` is how long
    its deletion may take, where Kueue holds it until work has ended.
    """
    metadata: dict[str, object] = {"name": object_name, "labels": dict(MANAGED)}
    if namespace is not None:
        metadata["namespace"] = namespace
    opts = options(component, after)
    if delete_seconds is not None:
        opts.custom_timeouts = pulumi.CustomTimeouts(delete=f"{delete_seconds}s")
    if top is not None:
        # The SDK's class takes a spec and nothing else.
        fields = {"apiVersion": KUEUE_API, "kind": kind, "metadata": metadata, **top}
        return pulumi.CustomResource(f"kubernetes:{KUEUE_API}:{kind}", name, fields, opts)
    return k8s.apiextensions.CustomResource(
        name,
        api_version=KUEUE_API,
        kind=kind,
        metadata=metadata,
        spec=dict(spec or {}),
        opts=opts,
    )


def ingress_rules(
    component: pulumi.Resource,
    name: str,
    *,
    namespace: str,
    ports: Sequence[int] = (),
    scraped_from: str | None = None,
    after: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Nothing comes into the namespace but from itself, from `scraped_from` (where Prometheus is), and on
    `ports` from anywhere.

    The ports are for webhooks: the API server calls them from an address that no policy can name.
    """
    kinds: list[tuple[str, list[dict[str, object]]]] = [
        ("deny", []),
        ("own", [{"from": [{"podSelector": {}}]}]),
    ]
    if ports:
        kinds.append(("webhooks", [{"ports": [{"port": port, "protocol": "TCP"} for port in ports]}]))
    if scraped_from is not None:
        prometheus = {"matchLabels": {"kubernetes.io/metadata.name": scraped_from}}
        kinds.append(("metrics", [{"from": [{"namespaceSelector": prometheus}]}]))
    return [
        built_in(
            k8s.networking.v1.NetworkPolicy,
            component,
            f"{name}-{kind}",
            object_name=f"bedplate-{kind}",
            namespace=namespace,
            after=after,
            spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": ingress},
        )
        for kind, ingress in kinds
    ]
