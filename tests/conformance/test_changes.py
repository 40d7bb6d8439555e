# ruff: noqa: E501 - a case is a line of a table
"""The sandbox replaces an object, or refuses the change, exactly where the real API server refuses the update."""

from copy import deepcopy
from typing import Any

import pytest
from tests.conformance.client import Client, Manifest
from tests.conformance.conftest import conditions
from tests.conformance.server import wait_for
from tests.conformance.test_defaults import MANIFESTS
from tests.conformance.test_refusals import changed
from tests.sandbox.providers.kubernetes.conftest import Api

from bedplate.sandbox.providers import difference
from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes import immutable
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, group_of
from bedplate.sandbox.providers.kubernetes.provider import _Manifest

T = "spec.template.spec"
# Objects whose unions are changed: a volume of no kind, one of another kind, and a probe.
LIVE: dict[str, Manifest] = {
    "pod_volume": changed(MANIFESTS["deployment"], f"{T}.volumes", [{"name": "a"}]),
    "settings_volume": changed(
        MANIFESTS["deployment"], f"{T}.volumes", [{"name": "a", "configMap": {"name": "b"}}]
    ),
    "probed": changed(
        MANIFESTS["deployment"], f"{T}.containers[0].readinessProbe", {"httpGet": {"port": 80}}
    ),
}
# Which manifest, and the path to change to which value (None takes it away).
CHANGES: list[tuple[str, str, Any]] = [
    ("deployment", "spec.replicas", 3),
    ("deployment", "spec.strategy", {"type": "Recreate"}),
    ("rolling", "spec.strategy", {"type": "Recreate"}),
    ("recreated", "spec.strategy", None),
    ("deployment", "spec.minReadySeconds", 5),
    ("pod_volume", f"{T}.volumes", [{"name": "a", "secret": {"secretName": "b"}}]),
    ("settings_volume", f"{T}.volumes", [{"name": "a", "secret": {"secretName": "b"}}]),
    ("deployment", f"{T}.containers[0].readinessProbe", {"tcpSocket": {"port": 80}}),
    ("probed", f"{T}.containers[0].readinessProbe", {"tcpSocket": {"port": 80}}),
    ("sticky", "spec.sessionAffinity", "None"),
    ("deployment", f"{T}.containers[0].image", "registry/web:2"),
    ("deployment", f"{T}.nodeSelector", {"pool": "a"}),
    ("deployment", "spec.selector.matchLabels", {"app": "web", "tier": "front"}),
    ("daemon", f"{T}.hostNetwork", False),
    ("daemon", "spec.updateStrategy", {"type": "OnDelete"}),
    ("stateful", "spec.replicas", 3),
    ("stateful", "spec.serviceName", "other"),
    ("stateful", "spec.podManagementPolicy", "Parallel"),
    ("stateful", "spec.updateStrategy", {"type": "OnDelete"}),
    ("stateful", "spec.minReadySeconds", 5),
    ("stateful", "spec.revisionHistoryLimit", 3),
    ("stateful", "spec.ordinals", {"start": 1}),
    ("stateful", "spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Delete", "whenScaled": "Retain"}),
    ("stored", "spec.volumeClaimTemplates[0].spec.resources.requests.storage", "2Gi"),
    ("replicas", "spec.replicas", 3),
    ("job", "spec.parallelism", 2),
    ("job", "spec.suspend", True),
    ("job", "spec.backoffLimit", 2),
    ("job", "spec.activeDeadlineSeconds", 60),
    ("job", "spec.ttlSecondsAfterFinished", 60),
    ("job", "spec.completions", 2),
    ("job", f"{T}.containers[0].image", "registry/web:2"),
    ("job", f"{T}.nodeSelector", {"pool": "a"}),
    ("job", "spec.podReplacementPolicy", "Failed"),
    ("indexed", "spec.completions", 5),
    ("indexed", "spec.podFailurePolicy", None),
    ("backed", "spec.backoffLimitPerIndex", 2),
    ("backed", "spec.maxFailedIndexes", 2),
    ("cron", "spec.schedule", "0 4 * * *"),
    ("cron", "spec.suspend", True),
    ("cron", "spec.timeZone", "Etc/UTC"),
    ("service", "spec.ports[0].port", 81),
    ("service", "spec.type", "NodePort"),
    ("service", "spec.clusterIP", "None"),
    ("service", "spec.clusterIP", "10.96.7.7"),
    ("headless", "spec.clusterIP", "10.96.7.8"),
    ("headless", "spec.publishNotReadyAddresses", True),
    ("balancer", "spec.loadBalancerClass", "example.com/lb"),
    ("balancer", "spec.externalTrafficPolicy", "Local"),
    ("balancer", "spec.type", "ClusterIP"),
    ("outside", "spec.externalName", "other.example.com"),
    ("config", "data", {"mode": "slow"}),
    ("config", "immutable", True),
    ("secret", "data", {"key": "b3RoZXI="}),
    ("secret", "type", "example.com/other"),
    ("claim", "spec.resources.requests.storage", "5Gi"),
    ("claim", "spec.accessModes", ["ReadWriteMany"]),
    ("claim", "spec.volumeMode", "Block"),
    ("claim", "spec.selector", {"matchLabels": {"a": "b"}}),
    ("claim", "spec.storageClassName", "other"),
    ("volume", "spec.capacity.storage", "20Gi"),
    ("volume", "spec.persistentVolumeReclaimPolicy", "Delete"),
    ("volume", "spec.accessModes", ["ReadWriteMany"]),
    ("volume", "spec.mountOptions", ["noatime"]),
    ("volume", "spec.storageClassName", "other"),
    ("volume", "spec.volumeMode", "Block"),
    ("volume", "spec.csi.volumeHandle", "b"),
    ("volume", "spec.nodeAffinity", {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}),
    ("class", "provisioner", "other.example.com"),
    ("class", "parameters", {"type": "fast"}),
    ("class", "reclaimPolicy", "Retain"),
    ("class", "volumeBindingMode", "WaitForFirstConsumer"),
    ("class", "allowVolumeExpansion", True),
    ("class", "mountOptions", ["noatime"]),
    ("class", "allowedTopologies", [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}]),
    ("attributes", "parameters", {"iops": "200"}),
    ("attributes", "driverName", "other.example.com"),
    ("driver", "spec.attachRequired", False),
    ("driver", "spec.podInfoOnMount", True),
    ("driver", "spec.fsGroupPolicy", "File"),
    ("driver", "spec.volumeLifecycleModes", ["Ephemeral"]),
    ("driver", "spec.storageCapacity", True),
    ("driver", "spec.requiresRepublish", True),
    ("driver", "spec.tokenRequests", [{"audience": "a"}]),
    ("driver", "spec.seLinuxMount", True),
    ("role", "rules[0].verbs", ["list"]),
    ("role_binding", "subjects", [{"kind": "Group", "name": "others"}]),
    ("role_binding", "roleRef.name", "edit"),
    ("binding", "roleRef.name", "edit"),
    ("scaler", "spec.maxReplicas", 9),
    ("scaler", "spec.scaleTargetRef.name", "other"),
    ("budget", "spec.minAvailable", 2),
    ("budget", "spec.selector", {"matchLabels": {"app": "web"}}),
    ("policy", "spec.podSelector", {"matchLabels": {"app": "web"}}),
    ("ingress", "spec.ingressClassName", "one"),
    ("ingress_class", "spec.controller", "example.com/two"),
    ("ingress_class", "spec.parameters", {"kind": "Settings", "name": "a", "apiGroup": "example.com"}),
    ("priority", "value", 2000),
    ("priority", "preemptionPolicy", "Never"),
    ("priority", "globalDefault", True),
    ("priority", "description", "for batch work"),
    ("runtime", "handler", "other"),
    ("runtime", "overhead", {"podFixed": {"memory": "1Gi"}}),
    ("quota", "spec.hard", {"pods": "20"}),
    ("quota", "spec.scopes", ["Terminating"]),
    ("limits", "spec.limits[0].default", {"memory": "2Gi"}),
    ("webhook", "webhooks[0].timeoutSeconds", 5),
    ("admission", "spec.validations[0].expression", "1 == 1"),
    ("admission_binding", "spec.validationActions", ["Warn"]),
    ("device_class", "spec.selectors[0].cel.expression", "true"),
    ("device_claim", "spec.devices.requests[0].exactly.count", 2),
    ("device_template", "spec.spec.devices.requests[0].exactly.count", 2),
    ("lease", "spec.leaseDurationSeconds", 30),
    ("account", "automountServiceAccountToken", False),
    ("pod", "spec.containers[0].image", "registry/web:2"),
    ("pod", "spec.containers[0].env", [{"name": "A", "value": "b"}]),
    ("pod", "spec.containers[1].resources", {"requests": {"cpu": "600m"}, "limits": {"cpu": "1", "memory": "0.5Gi"}}),
    ("pod", "spec.activeDeadlineSeconds", 60),
    ("pod", "spec.terminationGracePeriodSeconds", 5),
    ("pod", "spec.nodeSelector", {"pool": "a"}),
    ("pod", "spec.tolerations", [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                                 {"key": "edge", "operator": "Exists"}]),
    ("pod", "spec.tolerations", [{"key": "edge", "operator": "Exists"}]),
    ("node", "spec.taints", [{"key": "other", "effect": "NoSchedule"}]),
    ("definition", "spec.scope", "Cluster"),
    ("definition", "spec.names.kind", "Gadget"),
    ("definition", "spec.names.shortNames", ["wd"]),
    ("definition", "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.minimum", 2),
    ("namespace", "metadata.labels", {"a": "b"}),
]  # fmt: skip
# Where the sandbox decides otherwise than the server, and why.
ALLOWED: dict[tuple[str, str], str] = {
    ("claim", "spec.storageClassName"): "a claim without a volume may get a class; the sandbox's have one",
    ("volume", "spec.storageClassName"): "may be set once where there was none",
    ("volume", "spec.nodeAffinity"): "may be set once where there was none",
}


def replaces(old: Manifest, new: Manifest) -> bool:
    kind = GroupKind(group_of(new["apiVersion"]), new["kind"])
    found = difference.changes(_Manifest(), old, new)
    assert list(found), "no change"
    return any(immutable.replaces(kind, one.path, old, new, mutable_data=True) for one in found)


def refusal(ours: Api, old: Manifest, new: Manifest) -> str | None:
    """Why the sandbox refuses an update; None where it does not."""
    live = ours.create(deepcopy(old))
    try:
        ours.life(old).preview(deepcopy(new), deepcopy(old), live)
    except CloudError as error:
        return f"refuses it: {error.message}"
    return None


@pytest.mark.parametrize(
    ("name", "path", "value"), CHANGES, ids=[f"{one[0]}-{one[1]}={one[2]!r}"[:120] for one in CHANGES]
)
def test_both_refuse_the_update_or_none_does(
    real: Client, ours: Api, name: str, path: str, value: Any
) -> None:
    old = deepcopy({**MANIFESTS, **LIVE}[name])
    new = changed(old, path, value)
    made = real.apply(old)
    assert made.ok, made.message
    try:
        if name == "definition":
            wait_for(
                "the definition", lambda: conditions(real, old).get("Established", "").startswith("True"), 20
            )
        theirs = real.apply(new, dry=True)
    finally:
        real.delete(old)
        wait_for("the end of it", lambda: real.get(old) is None, 30)
    own = "replaces it" if replaces(old, new) else refusal(ours, old, new)
    if (name, path) in ALLOWED:
        assert (own is not None) == theirs.ok, "both say the same by now; take it off the list"
        return
    assert (own is None) == theirs.ok, (
        f"the sandbox {own or 'updates it'}, the server: {'accepted' if theirs.ok else theirs.message}"
    )
