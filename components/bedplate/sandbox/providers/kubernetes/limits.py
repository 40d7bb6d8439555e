"""Closed sets, ranges and required texts that the API server asks for and the published schema does not say.

Each was seen to be refused by kube-apiserver v1.36.3 (tests/conformance).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.schema import Problem

_ID = (0, 2**31 - 1)
_COUNT = (0, 2**31 - 1)
_SECONDS = (0, 2**31 - 1)
_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_SECCOMP = ("Localhost", "RuntimeDefault", "Unconfined")
# `[]` is each item of a list, `*` any of the names of a map.
Choices = dict[str, tuple[str, ...]]
Ranges = dict[str, tuple[int, int]]

_POD_CHOICES: Choices = {
    "os.name": ("linux", "windows"),
    "securityContext.fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "securityContext.seccompProfile.type": _SECCOMP,
    "volumes[].hostPath.type": (
        "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
    ),
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    ".nodeSelectorTerms[].matchExpressions[].operator": _NODE_OPERATORS,
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[]"
    ".preference.matchExpressions[].operator": _NODE_OPERATORS,
}  # fmt: skip
_CONTAINER_CHOICES: Choices = {
    "securityContext.procMount": ("Default", "Unmasked"),
    "securityContext.seccompProfile.type": _SECCOMP,
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    "livenessProbe.httpGet.scheme": ("HTTP", "HTTPS"),
    "readinessProbe.httpGet.scheme": ("HTTP", "HTTPS"),
    "startupProbe.httpGet.scheme": ("HTTP", "HTTPS"),
}
_POD_RANGES: Ranges = {
    "securityContext.runAsUser": _ID,
    "securityContext.runAsGroup": _ID,
    "securityContext.fsGroup": _ID,
    "securityContext.supplementalGroups[]": _ID,
    "activeDeadlineSeconds": (1, 2**31 - 1),
    "volumes[].configMap.defaultMode": (0, 0o777),
    "volumes[].secret.defaultMode": (0, 0o777),
    "volumes[].projected.defaultMode": (0, 0o777),
    "volumes[].downwardAPI.defaultMode": (0, 0o777),
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].weight": (1, 100),
    "affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].weight": (1, 100),
    "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].weight": (1, 100),
}
_CONTAINER_RANGES: Ranges = {
    "securityContext.runAsUser": _ID,
    "securityContext.runAsGroup": _ID,
    **{
        f"{probe}.{name}": _SECONDS
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        for name in (
            "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold",
        )
    },
    **{
        f"{probe}.{handler}.port": (1, 65535)
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        for handler in ("httpGet", "tcpSocket", "grpc")
    },
    "livenessProbe.successThreshold": (0, 1),
    "startupProbe.successThreshold": (0, 1),
}  # fmt: skip
_POD_TEXTS = (
    "volumes[].hostPath.path",
    "volumes[].secret.secretName",
    "volumes[].persistentVolumeClaim.claimName",
    "volumes[].csi.driver",
    "topologySpreadConstraints[].topologyKey",
    "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[].topologyKey",
    "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].topologyKey",
    "affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.topologyKey",
    "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.topologyKey",
)
_CONTAINER_TEXTS = (
    "env[].valueFrom.fieldRef.fieldPath",
    "env[].valueFrom.secretKeyRef.key",
    "env[].valueFrom.configMapKeyRef.key",
)
_WEBHOOKS: Choices = {
    "webhooks[].sideEffects": ("None", "NoneOnDryRun"),
    "webhooks[].failurePolicy": ("Fail", "Ignore"),
    "webhooks[].matchPolicy": ("Equivalent", "Exact"),
    "webhooks[].reinvocationPolicy": ("Never", "IfNeeded"),
    "webhooks[].rules[].scope": ("*", "Cluster", "Namespaced"),
    "webhooks[].rules[].operations[]": ("*", "CONNECT", "CREATE", "DELETE", "UPDATE"),
}
_UPDATE: Choices = {"spec.updateStrategy.type": ("RollingUpdate", "OnDelete")}
_WORKLOAD: Ranges = {"spec.minReadySeconds": _SECONDS, "spec.revisionHistoryLimit": _COUNT}
_CHOICES: dict[tuple[str, str], Choices] = {
    ("apps", "DaemonSet"): _UPDATE,
    ("apps", "StatefulSet"): {
        **_UPDATE,
        "spec.podManagementPolicy": ("OrderedReady", "Parallel"),
        "spec.persistentVolumeClaimRetentionPolicy.whenDeleted": ("Retain", "Delete"),
        "spec.persistentVolumeClaimRetentionPolicy.whenScaled": ("Retain", "Delete"),
    },
    ("batch", "Job"): {
        "spec.podReplacementPolicy": ("TerminatingOrFailed", "Failed"),
        "spec.podFailurePolicy.rules[].action": ("FailJob", "FailIndex", "Ignore", "Count"),
    },
    ("", "Service"): {
        "spec.internalTrafficPolicy": ("Cluster", "Local"),
        "spec.externalTrafficPolicy": ("Cluster", "Local"),
        "spec.ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
        "spec.ipFamilies[]": ("IPv4", "IPv6"),
    },
    ("", "PersistentVolume"): {
        "spec.persistentVolumeReclaimPolicy": ("Retain", "Delete", "Recycle"),
        "spec.volumeMode": ("Filesystem", "Block"),
        "spec.accessModes[]": ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    },
    ("", "ResourceQuota"): {
        "spec.scopes[]": (
            "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
            "CrossNamespacePodAffinity", "VolumeAttributesClass",
        ),
    },
    ("", "Node"): {"spec.taints[].effect": ("NoSchedule", "PreferNoSchedule", "NoExecute")},
    ("autoscaling", "HorizontalPodAutoscaler"): {
        "spec.metrics[].type": ("Resource", "ContainerResource", "Pods", "Object", "External"),
    },
    ("policy", "PodDisruptionBudget"): {
        "spec.unhealthyPodEvictionPolicy": ("IfHealthyBudget", "AlwaysAllow"),
    },
    ("scheduling.k8s.io", "PriorityClass"): {"preemptionPolicy": ("PreemptLowerPriority", "Never")},
    ("storage.k8s.io", "CSIDriver"): {
        "spec.fsGroupPolicy": ("File", "None", "ReadWriteOnceWithFSType"),
        "spec.volumeLifecycleModes[]": ("Persistent", "Ephemeral"),
    },
    ("resource.k8s.io", "ResourceClaim"): {
        "spec.devices.requests[].exactly.allocationMode": ("ExactCount", "All"),
    },
    ("resource.k8s.io", "ResourceClaimTemplate"): {
        "spec.spec.devices.requests[].exactly.allocationMode": ("ExactCount", "All"),
    },
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): {"spec.failurePolicy": ("Fail", "Ignore")},
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): {
        "spec.validationActions[]": ("Deny", "Warn", "Audit"),
    },
    ("apiextensions.k8s.io", "CustomResourceDefinition"): {
        "spec.conversion.strategy": ("None", "Webhook"),
        "spec.versions[].additionalPrinterColumns[].type": ("boolean", "date", "integer", "number", "string"),
    },
    ("", "Namespace"): {
        f"metadata.labels.pod-security\\.kubernetes\\.io/{mode}": ("privileged", "baseline", "restricted")
        for mode in ("enforce", "audit", "warn")
    },
}  # fmt: skip
_RANGES: dict[tuple[str, str], Ranges] = {
    ("apps", "Deployment"): {**_WORKLOAD, "spec.progressDeadlineSeconds": (1, 2**31 - 1)},
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "StatefulSet"): {
        **_WORKLOAD,
        "spec.replicas": _COUNT,
        "spec.ordinals.start": _COUNT,
        "spec.updateStrategy.rollingUpdate.partition": _COUNT,
    },
    ("batch", "Job"): {"spec.activeDeadlineSeconds": _SECONDS, "spec.backoffLimitPerIndex": _COUNT},
    ("batch", "CronJob"): {
        "spec.startingDeadlineSeconds": _SECONDS,
        "spec.successfulJobsHistoryLimit": _COUNT,
        "spec.failedJobsHistoryLimit": _COUNT,
    },
    ("autoscaling", "HorizontalPodAutoscaler"): {
        "spec.minReplicas": (1, 2**31 - 1),
        "spec.behavior.scaleDown.stabilizationWindowSeconds": (0, 3600),
        "spec.behavior.scaleUp.stabilizationWindowSeconds": (0, 3600),
        "spec.behavior.scaleDown.policies[].value": (1, 2**31 - 1),
        "spec.behavior.scaleUp.policies[].value": (1, 2**31 - 1),
        "spec.behavior.scaleDown.policies[].periodSeconds": (1, 1800),
        "spec.behavior.scaleUp.policies[].periodSeconds": (1, 1800),
    },
    ("policy", "PodDisruptionBudget"): {
        "spec.minAvailable": _COUNT,
        "spec.maxUnavailable": _COUNT,
    },
    ("resource.k8s.io", "ResourceClaim"): {"spec.devices.requests[].exactly.count": (1, 2**63 - 1)},
    ("resource.k8s.io", "ResourceClaimTemplate"): {
        "spec.spec.devices.requests[].exactly.count": (1, 2**63 - 1),
    },
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): {
        "webhooks[].timeoutSeconds": (1, 30)
    },
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): {"webhooks[].timeoutSeconds": (1, 30)},
}
# Empty or missing is refused.
_NEEDED: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "PersistentVolume"): ("spec.capacity", "spec.accessModes"),
    ("storage.k8s.io", "VolumeAttributesClass"): ("parameters",),
    ("autoscaling", "HorizontalPodAutoscaler"): ("spec.scaleTargetRef.name", "spec.scaleTargetRef.kind"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef.name",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef.name",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): (
        "spec.policyName",
        "spec.validationActions",
    ),
}


def problems(kind: GroupKind, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Of an object; its pods' specification is judged by `pod_problems`."""
    key = (kind.group, kind.kind)
    yield from _chosen(manifest, _CHOICES.get(key, {}), "")
    yield from _ranged(manifest, _RANGES.get(key, {}), "")
    for path in _NEEDED.get(key, ()):
        parent, _, name = path.rpartition(".")
        for where, one in _at(manifest, parent.split(".") if parent else [], ""):
            if isinstance(one, Mapping) and one.get(name) in (None, "", {}, []):
                yield f"{where}.{name}" if where else name, "missing: the API server needs it"


def pod_problems(spec: Any, path: str) -> Iterator[Problem]:
    """Of a pod's specification."""
    yield from _chosen(spec, _POD_CHOICES, path)
    yield from _ranged(spec, _POD_RANGES, path)
    yield from _written(spec, _POD_TEXTS, path)
    for group in ("initContainers", "containers"):
        for here, container in _at(spec, [f"{group}[]"], path):
            yield from _chosen(container, _CONTAINER_CHOICES, here)
            yield from _ranged(container, _CONTAINER_RANGES, here)
            yield from _written(container, _CONTAINER_TEXTS, here)


def _chosen(value: Any, table: Choices, path: str) -> Iterator[Problem]:
    for pattern, allowed in table.items():
        for here, one in _at(value, _parts(pattern), path):
            if isinstance(one, str) and one not in allowed:
                yield here, f"'{one}'; choose from {', '.join(name for name in allowed if name)}"


def _ranged(value: Any, table: Ranges, path: str) -> Iterator[Problem]:
    for pattern, (low, high) in table.items():
        for here, one in _at(value, _parts(pattern), path):
            if isinstance(one, int) and not isinstance(one, bool) and not low <= one <= high:
                yield (
                    here,
                    f"{one}; " + (f"must be {low} to {high}" if low <= one else f"must be {low} or more"),
                )


def _written(value: Any, patterns: tuple[str, ...], path: str) -> Iterator[Problem]:
    for pattern in patterns:
        for here, one in _at(value, _parts(pattern), path):
            if one == "":
                yield here, "empty; give a value"


def _parts(pattern: str) -> list[str]:
    """Split at dots; `\\.` is a dot in a name."""
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", pattern)]


def _at(value: Any, parts: list[str], path: str) -> Iterator[tuple[str, Any]]:
    if not parts:
        yield path, value
        return
    name, rest = parts[0], parts[1:]
    each = name.endswith("[]")
    name = name.removesuffix("[]")
    if not isinstance(value, Mapping) or name not in value:
        return
    shown = f'{path}["{name}"]' if "." in name or "/" in name else f"{path}.{name}" if path else name
    if not each:
        yield from _at(value[name], rest, shown)
    elif isinstance(value[name], list):
        for index, item in enumerate(value[name]):
            yield from _at(item, rest, f"{shown}[{index}]")
