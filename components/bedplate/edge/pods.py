"""The pods of the edge: unprivileged, bound to a node, and left alone while the link is down."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as k8s

from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle
from bedplate.kubernetes.objects import MANAGED, options
from bedplate.storage.handles import ObjectStoreHandle

USER = 65532
"""The user and group that own what is on the nodes' disks."""
METRICS_PORT = 9464
_CODE = "/opt/bedplate"
Json = dict[str, object]


def untyped(value: Mapping[str, object]) -> Any:
    """Hands an object's part to the SDK, whose unions of nested types take mypy hours to tell apart.

    The sandbox and the API server check it against the schema.
    """
    return value


def pod_security(user: int = USER) -> Json:
    """The security context of a pod; its volumes belong to the group of the disks."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": USER,
        # Walking through all files of a disk at each start would take minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


CONTAINER_SECURITY: Json = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def resources_of(cpu: str, memory: str) -> Json:
    """What a container asks for; memory is its limit too."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def labels(component: str, name: str, **more: str) -> dict[str, str]:
    """The labels by which pods of a component are selected."""
    return {**MANAGED, "app.kubernetes.io/name": component, "app.kubernetes.io/instance": name, **more}


def node_spec(edge: EdgeHandle, node: EdgeNodeHandle) -> Json:
    """What binds a pod to a node."""
    return {
        "nodeSelector": node.selector(),
        "tolerations": [dict(one) for one in edge.tolerations],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }


def deployment(
    component: pulumi.Resource,
    name: str,
    edge: EdgeHandle,
    *,
    pod_labels: Mapping[str, str],
    spec: Mapping[str, object],
    annotations: Mapping[str, object] | None = None,
    after: Sequence[pulumi.Resource] = (),
) -> k8s.apps.v1.Deployment:
    """One pod. The old one is stopped first: a disk and a GPU have one user at a time."""
    return k8s.apps.v1.Deployment(
        name,
        metadata=untyped(
            {
                "name": name,
                "namespace": edge.namespace,
                "labels": dict(pod_labels),
                # A node behind a dead link must not hold up everybody else's update.
                "annotations": {"pulumi.com/skipAwait": "true"},
            }
        ),
        spec=untyped(
            {
                "replicas": 1,
                "revisionHistoryLimit": 3,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": dict(pod_labels)},
                "template": {
                    "metadata": {"labels": dict(pod_labels), "annotations": dict(annotations or {})},
                    "spec": dict(spec),
                },
            }
        ),
        opts=options(component, (*edge.resources, *after)),
    )


def code_digest() -> str:
    """Of the agent's modules: pods begin anew when they change."""
    return _digest(json.dumps(_files()))


def digest(config: pulumi.Output[str]) -> pulumi.Output[str]:
    """Of a configuration that a pod reads when it begins."""
    return config.apply(_digest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _files() -> dict[str, str]:
    return {
        one.name: one.read_text(encoding="utf-8")
        for one in sorted(resources.files("bedplate.edge.agent").iterdir(), key=lambda one: one.name)
        if one.name.endswith(".py")
    }


def agent_code(component: pulumi.Resource, name: str, edge: EdgeHandle) -> k8s.core.v1.ConfigMap:
    """The modules of `bedplate.edge.agent`, as a ConfigMap."""
    return k8s.core.v1.ConfigMap(
        name,
        metadata=untyped({"name": name, "namespace": edge.namespace, "labels": dict(MANAGED)}),
        data=dict(_files()),
        opts=options(component, edge.resources),
    )


def agent_container(
    image: str,
    mode: Literal["update", "mirror", "coordinate"],
    *,
    mounts: Sequence[Json],
    env: Sequence[Json] = (),
) -> Json:
    """The container that runs the agent. What it needs grows neither with the model nor with the bucket."""
    return {
        "name": "agent",
        "image": image,
        "command": ["python", "-B", "-m", "agent", mode],
        "env": [
            {"name": "PYTHONPATH", "value": _CODE},
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            *env,
        ],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "metrics"},
            "periodSeconds": 60,
            "timeoutSeconds": 10,
        },
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 30},
        "resources": resources_of("50m", "128Mi"),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "code", "mountPath": f"{_CODE}/agent", "readOnly": True},
            {"name": "config", "mountPath": "/etc/bedplate", "readOnly": True},
            *mounts,
        ],
    }


def store_env(store: ObjectStoreHandle) -> list[Json]:
    """The access key from its secret; nothing where there is none."""
    reference = store.credentials
    if reference is None:
        return []
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": reference.secret_name, "key": key}}}
        for name, key in (
            ("AWS_ACCESS_KEY_ID", reference.access_key_id_key),
            ("AWS_SECRET_ACCESS_KEY", reference.secret_access_key_key),
        )
    ]


def store_config(store: ObjectStoreHandle) -> pulumi.Output[Json]:
    """How the agent reaches the store."""
    return pulumi.Output.from_input(store.endpoint or "").apply(
        lambda endpoint: {"region": store.region, "endpoint": endpoint, "path_style": store.path_style}
    )


def checked_credentials(store: ObjectStoreHandle, edge: EdgeHandle) -> pulumi.Output[str]:
    """The namespace of the store's secret. Raises ValueError where the pods cannot read it."""
    if store.credentials is None:
        return pulumi.Output.from_input(edge.namespace)

    def check(namespace: str) -> str:
        if namespace != edge.namespace:
            raise ValueError(
                f"store.credentials is a secret of namespace {namespace!r}; pods at the edge run in "
                f"{edge.namespace!r} and read secrets of their own only; copy it there"
            )
        return namespace

    return store.credentials.namespace.apply(check)
