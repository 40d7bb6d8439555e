"""Which changes of an object the API server refuses, so that the object is replaced instead.

Kubernetes documentation of each kind, and pulumi-kubernetes, provider/pkg/provider/diff.go (from memory).
"""

import re
from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks.forms import at
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.kubernetes.quantity import amount

_ALWAYS = ("kind", "metadata.name", "metadata.namespace", "metadata.generateName")
_STATEFUL_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds", "revisionHistoryLimit",
)  # fmt: skip
_PATHS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "ControllerRevision"): ("data",),
    ("batch", "Job"): (
        "spec.selector", "spec.template", "spec.completionMode", "spec.completions", "spec.managedBy",
        "spec.podFailurePolicy", "spec.manualSelector", "spec.backoffLimitPerIndex", "spec.successPolicy",
    ),
    ("", "Service"): ("spec.clusterIP", "spec.clusterIPs", "spec.loadBalancerClass"),
    ("", "ResourceQuota"): ("spec.scopes", "spec.scopeSelector"),
    ("", "Secret"): ("type",),
    ("", "PersistentVolume"): ("spec.storageClassName", "spec.volumeMode", "spec.csi", "spec.nodeAffinity"),
    ("storage.k8s.io", "StorageClass"): (
        "parameters", "provisioner", "reclaimPolicy", "volumeBindingMode",
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): ("driverName", "parameters"),
    ("storage.k8s.io", "CSIDriver"): ("spec.attachRequired", "spec.volumeLifecycleModes"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("resource.k8s.io", "ResourceClaim"): ("spec",),
    ("resource.k8s.io", "ResourceClaimTemplate"): ("spec",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "spec.group", "spec.scope", "spec.names.kind", "spec.names.plural",
    ),
}  # fmt: skip
_POD_MUTABLE = re.compile(
    r"^spec\.(activeDeadlineSeconds|schedulingGates|(initContainers|containers)\[\d+\]\.image)"
)


def replaces(
    kind: GroupKind, path: str, old: Mapping[str, Any], new: Mapping[str, Any], mutable_data: bool
) -> bool:
    """Whether a changed input needs a new object. `mutable_data`: the provider's setting for this kind
    (enableSecretMutable, enableConfigMapMutable); without it pulumi-kubernetes replaces for other data.
    """
    if _under(path, _ALWAYS + _PATHS.get((kind.group, kind.kind), ())):
        return True
    if kind == GroupKind("apps", "StatefulSet"):
        mutable = tuple(f"spec.{name}" for name in _STATEFUL_MUTABLE)
        return path.startswith("spec.") and not _under(path, mutable)
    if kind == GroupKind("", "Pod"):
        if _under(path, ("spec.tolerations",)):
            return not _only_more(at(old, "spec", "tolerations"), at(new, "spec", "tolerations"))
        return path.startswith("spec.") and not _POD_MUTABLE.match(path)
    if kind == GroupKind("", "PersistentVolumeClaim"):
        return path.startswith("spec.") and not _grows(path, old, new)
    if kind in (GroupKind("", "Secret"), GroupKind("", "ConfigMap")):
        if old.get("immutable") is True:
            return _under(path, ("data", "stringData", "binaryData", "immutable"))
        return not mutable_data and _under(path, ("data", "stringData", "binaryData"))
    return False


def _under(path: str, tops: tuple[str, ...]) -> bool:
    return any(path == top or path.startswith((f"{top}.", f"{top}[")) for top in tops)


def _grows(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """A claim may ask for more, and change its attributes class; the rest of it never changes."""
    if path == "spec.volumeAttributesClassName":
        return True
    place = ("spec", "resources", "requests", "storage")
    before, after = amount(at(old, *place)), amount(at(new, *place))
    return path == ".".join(place) and before is not None and (after is None or after >= before)


def _only_more(before: Any, after: Any) -> bool:
    """Whether each toleration is still there, but for how long it holds."""

    def lasting(items: Any) -> list[dict[str, Any]]:
        found = items if isinstance(items, list) else []
        known = [one for one in found if isinstance(one, Mapping)]
        return [{k: v for k, v in one.items() if k != "tolerationSeconds"} for one in known]

    return all(one in lasting(after) for one in lasting(before))
