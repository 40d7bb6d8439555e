"""More of what the API server fills in: of kinds that are mostly written by charts and operators.

Each as kube-apiserver v1.36.3 was seen to do (tests/conformance).
"""

from collections.abc import Callable
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject

_MANY = 2**31 - 1


def _set(value: Any, **defaults: Any) -> None:
    if isinstance(value, dict):
        for name, default in defaults.items():
            value.setdefault(name, default)


def _each(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _in(value: Any, *path: str) -> Any:
    """What is at a path; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def job_spec(spec: Any) -> None:
    """Of a job; before its other defaults."""
    if not isinstance(spec, dict):
        return
    if "backoffLimitPerIndex" in spec:
        _set(spec, backoffLimit=_MANY)
    failed = "podFailurePolicy" in spec
    _set(spec, manualSelector=False, podReplacementPolicy="Failed" if failed else "TerminatingOrFailed")
    for rule in _each(_in(spec, "podFailurePolicy", "rules")):
        for condition in _each(rule.get("onPodConditions")):
            _set(condition, status="True")


def pod_template(spec: dict[str, Any]) -> None:
    """Of every pod's specification, in a template, too."""
    if isinstance(spec.get("serviceAccountName"), str):
        _set(spec, serviceAccount=spec["serviceAccountName"])
    for container in [*_each(spec.get("containers")), *_each(spec.get("initContainers"))]:
        for variable in _each(container.get("env")):
            _set(_in(variable, "valueFrom", "fieldRef"), apiVersion="v1")
        for moment in ("preStop", "postStart"):
            _set(_in(container, "lifecycle", moment, "httpGet"), scheme="HTTP", path="/")
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            _set(_in(container, probe, "grpc"), service="")
    for volume in _each(spec.get("volumes")):
        _set(volume.get("hostPath"), type="")
        for item in _each(_in(volume, "downwardAPI", "items")):
            _set(item.get("fieldRef"), apiVersion="v1")
        for source in _each(_in(volume, "projected", "sources")):
            _set(source.get("serviceAccountToken"), expirationSeconds=3600)
            for item in _each(_in(source, "downwardAPI", "items")):
                _set(item.get("fieldRef"), apiVersion="v1")
        template = _in(volume, "ephemeral", "volumeClaimTemplate")
        _set(template, metadata={})
        _set(_in(template, "spec"), volumeMode="Filesystem")


def pod(filled: JsonObject) -> None:
    """Of a pod itself: what its admission adds. A volume for its account's token is not among it."""
    spec = filled.get("spec")
    _set(
        spec,
        enableServiceLinks=True,
        priority=0,
        preemptionPolicy="PreemptLowerPriority",
        serviceAccountName="default",
        serviceAccount="default",
    )
    for container in [*_each(_in(spec, "containers")), *_each(_in(spec, "initContainers"))]:
        limits = _in(container, "resources", "limits")
        if isinstance(limits, dict) and limits:
            requests = container["resources"].setdefault("requests", {})
            _set(requests, **limits)


def volume(filled: JsonObject) -> None:
    _set(filled.get("spec"), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


def driver(filled: JsonObject) -> None:
    _set(
        filled.setdefault("spec", {}),
        attachRequired=True,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        podInfoOnMount=False,
        requiresRepublish=False,
        seLinuxMount=False,
        storageCapacity=False,
        volumeLifecycleModes=["Persistent"],
    )


def priority_level(filled: JsonObject) -> None:
    _set(_in(filled, "spec", "limited"), lendablePercent=0)


def limit_range(filled: JsonObject) -> None:
    for one in _each(_in(filled, "spec", "limits")):
        if one.get("type") == "Container" and isinstance(one.get("default"), dict):
            _set(one.setdefault("defaultRequest", {}), **one["default"])


def scaler(filled: JsonObject) -> None:
    spec = filled.get("spec")
    target = {"type": "Utilization", "averageUtilization": 80}
    _set(spec, metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
    behavior = _in(spec, "behavior")
    if not isinstance(behavior, dict):
        return
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    _set(behavior, scaleUp={}, scaleDown={})
    _set(
        behavior["scaleUp"],
        stabilizationWindowSeconds=0,
        selectPolicy="Max",
        policies=[{"type": "Pods", "value": 4, "periodSeconds": 15}, percent],
    )
    _set(behavior["scaleDown"], selectPolicy="Max", policies=[percent])


def _webhook(one: dict[str, Any]) -> None:
    _set(_in(one, "clientConfig", "service"), port=443)
    _set(
        one,
        failurePolicy="Fail",
        matchPolicy="Equivalent",
        namespaceSelector={},
        objectSelector={},
        timeoutSeconds=10,
    )
    for rule in _each(one.get("rules")):
        _set(rule, scope="*")


def validating(filled: JsonObject) -> None:
    for one in _each(filled.get("webhooks")):
        _webhook(one)


def mutating(filled: JsonObject) -> None:
    for one in _each(filled.get("webhooks")):
        _webhook(one)
        _set(one, reinvocationPolicy="Never")


def admission(filled: JsonObject) -> None:
    _set(filled.get("spec"), failurePolicy="Fail")
    matching = _in(filled, "spec", "matchConstraints")
    _set(matching, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    for rule in _each(_in(matching, "resourceRules")):
        _set(rule, scope="*")


def _requests(spec: Any) -> None:
    for one in _each(_in(spec, "devices", "requests")):
        exact = one.get("exactly")
        _set(exact, allocationMode="ExactCount")
        if isinstance(exact, dict) and exact["allocationMode"] == "ExactCount":
            _set(exact, count=1)


def device_claim(filled: JsonObject) -> None:
    _requests(filled.get("spec"))


def device_template(filled: JsonObject) -> None:
    _set(filled.get("spec"), metadata={})
    _requests(_in(filled, "spec", "spec"))


FILL: dict[tuple[str, str], Callable[[JsonObject], None]] = {
    ("", "Pod"): pod,
    ("", "PersistentVolume"): volume,
    ("", "LimitRange"): limit_range,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): priority_level,
    ("storage.k8s.io", "CSIDriver"): driver,
    ("autoscaling", "HorizontalPodAutoscaler"): scaler,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): validating,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): mutating,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): admission,
    ("resource.k8s.io", "ResourceClaim"): device_claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): device_template,
}
