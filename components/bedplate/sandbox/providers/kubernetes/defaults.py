"""What the API server fills in, so that outputs read as on a cluster (Kubernetes API reference, from memory).

Defaults go into what is kept and into outputs, never into a resource's inputs.
"""

import base64
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.kubernetes import defaults_more
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.kubernetes.rules import template_path
from bedplate.sandbox.providers.wire import UNKNOWN, Secret, Unknown


def with_defaults(kind: GroupKind, manifest: Mapping[str, Any]) -> JsonObject:
    """The manifest of a built-in kind as the API server would keep it."""
    filled: JsonObject = deepcopy(dict(manifest))
    path = template_path(kind)
    spec = _child(filled, *path, "spec") if path else _child(filled, "spec") if kind.kind == "Pod" else None
    if isinstance(spec, dict):
        _pod(spec)
    fill = _FILL.get((kind.group, kind.kind))
    if fill is not None:
        fill(filled)
    more = defaults_more.FILL.get((kind.group, kind.kind))
    if more is not None:
        more(filled)
    return filled


def _child(value: Any, *path: str) -> Any:
    """An object inside, made where there is none; None where it is not known yet."""
    for name in path:
        if isinstance(value, Secret):
            value = value.value
        if not isinstance(value, dict):
            return None
        value = value.setdefault(name, {})
    return value if isinstance(value, dict) else None


def _set(value: Any, **defaults: Any) -> None:
    if isinstance(value, dict):
        for name, default in defaults.items():
            value.setdefault(name, default)


def _each(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _pod(spec: dict[str, Any]) -> None:
    defaults_more.pod_template(spec)
    _set(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=30,
    )
    for container in [*_each(spec.get("containers")), *_each(spec.get("initContainers"))]:
        image = container.get("image")
        latest = isinstance(image, str) and "@" not in image and _tag(image) == "latest"
        if not isinstance(image, Unknown):
            _set(container, imagePullPolicy="Always" if latest else "IfNotPresent")
        _set(
            container,
            resources={},
            terminationMessagePath="/dev/termination-log",
            terminationMessagePolicy="File",
        )
        for port in _each(container.get("ports")):
            _set(port, protocol="TCP")
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            if isinstance(container.get(probe), dict):
                _set(
                    container[probe],
                    failureThreshold=3,
                    periodSeconds=10,
                    successThreshold=1,
                    timeoutSeconds=1,
                )
                _set(container[probe].get("httpGet"), scheme="HTTP", path="/")
    for volume in _each(spec.get("volumes")):
        if volume.keys() == {"name"}:
            volume["emptyDir"] = {}
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            _set(volume.get(source), defaultMode=420)


def _tag(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag or "latest"


def _deployment(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _child(spec, "strategy")
    _set(strategy, type="RollingUpdate")
    if strategy and strategy["type"] == "RollingUpdate":
        _set(_child(strategy, "rollingUpdate"), maxSurge="25%", maxUnavailable="25%")


def _stateful_set(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = _child(spec, "updateStrategy")
    _set(strategy, type="RollingUpdate")
    if strategy and strategy["type"] == "RollingUpdate":
        _set(_child(strategy, "rollingUpdate"), partition=0)
    _set(_child(spec, "persistentVolumeClaimRetentionPolicy"), whenDeleted="Retain", whenScaled="Retain")
    for claim in _each(spec.get("volumeClaimTemplates")) if spec else ():
        _set(claim, apiVersion="v1", kind="PersistentVolumeClaim", status={"phase": "Pending"})
        _set(_child(claim, "spec"), volumeMode="Filesystem")


def _daemon_set(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(spec, revisionHistoryLimit=10)
    strategy = _child(spec, "updateStrategy")
    _set(strategy, type="RollingUpdate")
    if strategy and strategy["type"] == "RollingUpdate":
        _set(_child(strategy, "rollingUpdate"), maxSurge=0, maxUnavailable=1)


def _job_spec(spec: Any) -> None:
    defaults_more.job_spec(spec)
    if isinstance(spec, dict) and "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _set(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)


def _cron_job(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(
        spec,
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )
    _child(spec, "jobTemplate", "metadata")
    # A job's own defaults are filled in when the job is made.


def _service(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(spec, type="ClusterIP", sessionAffinity="None")
    if spec and spec["sessionAffinity"] == "ClientIP":
        _set(_child(spec, "sessionAffinityConfig", "clientIP"), timeoutSeconds=10800)
    for port in _each(spec.get("ports")) if spec else ():
        _set(port, protocol="TCP")
        if "port" in port:
            _set(port, targetPort=port["port"])
    if spec and spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"])
        if spec["type"] in ("NodePort", "LoadBalancer"):
            _set(spec, externalTrafficPolicy="Cluster")
        if spec["type"] == "LoadBalancer":
            _set(spec, allocateLoadBalancerNodePorts=True)


def _secret(filled: JsonObject) -> None:
    """`stringData` is write-only: it goes into `data`, over what is there."""
    _set(filled, type="Opaque")
    texts = filled.pop("stringData", None)
    if isinstance(texts, Secret):
        texts = texts.value
    if texts is None:
        return
    data = filled.get("data")
    data = data.value if isinstance(data, Secret) else data
    if not isinstance(texts, Mapping) or isinstance(data, Unknown):
        filled["data"] = UNKNOWN
        return
    filled["data"] = {**(data or {}), **{key: encoded(value) for key, value in texts.items()}}


def encoded(value: Any) -> Any:
    """Base64 of a text; unknown for what is not known yet."""
    value = value.value if isinstance(value, Secret) else value
    return base64.b64encode(value.encode()).decode() if isinstance(value, str) else UNKNOWN


def _claim(filled: JsonObject) -> None:
    _set(_child(filled, "spec"), volumeMode="Filesystem")


def _storage_class(filled: JsonObject) -> None:
    _set(filled, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _network_policy(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    if spec is not None:
        _set(spec, policyTypes=["Ingress", "Egress"] if "egress" in spec else ["Ingress"], podSelector={})
        for side in ("ingress", "egress"):
            for rule in _each(spec.get(side)):
                for port in _each(rule.get("ports")):
                    _set(port, protocol="TCP")


def _binding(filled: JsonObject) -> None:
    for subject in _each(filled.get("subjects")):
        if subject.get("kind") in ("User", "Group"):
            _set(subject, apiGroup="rbac.authorization.k8s.io")


def _namespace(filled: JsonObject) -> None:
    _set(_child(filled, "spec"), finalizers=["kubernetes"])
    labels = _child(filled, "metadata", "labels")
    name = filled["metadata"].get("name") if isinstance(filled.get("metadata"), dict) else None
    if labels is not None and name is not None:
        labels["kubernetes.io/metadata.name"] = name


def _scaler(filled: JsonObject) -> None:
    _set(_child(filled, "spec"), minReplicas=1)


def _priority_class(filled: JsonObject) -> None:
    _set(filled, preemptionPolicy="PreemptLowerPriority")


def _definition(filled: JsonObject) -> None:
    spec = _child(filled, "spec")
    _set(_child(spec, "conversion"), strategy="None")
    names = _child(spec, "names")
    if names and isinstance(names.get("kind"), str):
        _set(names, singular=names["kind"].lower(), listKind=f"{names['kind']}List")


_FILL: dict[tuple[str, str], Callable[[JsonObject], None]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): lambda filled: _set(_child(filled, "spec"), replicas=1),
    ("batch", "Job"): lambda filled: _job_spec(_child(filled, "spec")),
    ("batch", "CronJob"): _cron_job,
    ("", "Service"): _service,
    ("", "Secret"): _secret,
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("storage.k8s.io", "StorageClass"): _storage_class,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _binding,
    ("autoscaling", "HorizontalPodAutoscaler"): _scaler,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
