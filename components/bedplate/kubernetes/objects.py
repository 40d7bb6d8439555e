"""How the components make objects: one place for parents, namespaces, labels and order."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pulumi
import pulumi_kubernetes as k8s

MANAGED = {"app.kubernetes.io/managed-by": "bedplate"}
PodSecurity = Literal["privileged", "baseline", "restricted"]


def options(
    component: pulumi.Resource, after: Sequence[pulumi.Resource] = (), protect: bool = False
) -> pulumi.ResourceOptions:
    """The options of a component's child. The provider comes from the component."""
    return pulumi.ResourceOptions(parent=component, depends_on=list(after), protect=protect)


def namespace(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    pod_security: PodSecurity = "restricted",
    labels: Mapping[str, str] | None = None,
    after: Sequence[pulumi.Resource] = (),
    protect: bool = False,
) -> k8s.core.v1.Namespace:
    """A namespace that holds its pods to a Pod Security Standard; what is stricter is warned of and audited.

    `protect`: whether it may not be deleted, which takes its volumes and secrets along.

    https://kubernetes.io/docs/concepts/security/pod-security-admission/ (from memory)
    """
    return k8s.core.v1.Namespace(
        name,
        metadata={
            "name": object_name,
            "labels": {
                **MANAGED,
                "pod-security.kubernetes.io/enforce": pod_security,
                "pod-security.kubernetes.io/audit": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
                **(labels or {}),
            },
        },
        opts=options(component, after, protect),
    )


def custom_object(
    component: pulumi.Resource,
    name: str,
    *,
    api_version: str,
    kind: str,
    object_name: str,
    namespace: pulumi.Input[str] | None = None,
    spec: Mapping[str, object] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    after: Sequence[pulumi.Resource] = (),
    protect: bool = False,
) -> k8s.apiextensions.CustomResource:
    """A custom resource of a component. `name` is the resource's, `object_name` that of the object.

    `after` holds what brings its definition (a chart's release), so that it is made later and deleted first.
    """
    metadata: dict[str, object] = {"name": object_name, "labels": {**MANAGED, **(labels or {})}}
    if namespace is not None:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    rest = {} if spec is None else {"spec": dict(spec)}
    return k8s.apiextensions.CustomResource(
        name,
        api_version=api_version,
        kind=kind,
        metadata=metadata,
        opts=options(component, after, protect),
        **rest,
    )
