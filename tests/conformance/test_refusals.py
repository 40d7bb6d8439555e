# ruff: noqa: E501 - a case is a line of a table
"""Manifests that an API server refuses: the sandbox and the real one refuse the same.

`BAD` and `REFUSED` are what the sandbox's own tests are made of, `MORE` goes beyond them. What looks like them
and is fine (`ACCEPTED`), both accept.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.client import Client, Manifest
from tests.conformance.test_defaults import MANIFESTS
from tests.sandbox.providers.kubernetes.conftest import Api
from tests.sandbox.providers.kubernetes.test_refusals import BAD
from tests.sandbox.providers.kubernetes.test_refused import ACCEPTED, REFUSED

from bedplate.sandbox.providers.handler import CloudError

C = "spec.template.spec.containers[0]"
P = "spec.template.spec"
# Which manifest, the path to change, the value (None takes it away).
MORE: list[tuple[str, str, Any]] = [
    ("deployment", "spec.template.metadata.labels", {"app": "-web"}),
    ("deployment", f"{P}.containers", []),
    ("deployment", f"{P}.hostNetwork", "yes"),
    ("deployment", f"{P}.nodeSelector", {"pool": "a b"}),
    ("deployment", f"{P}.volumes", [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "hostPath": {"path": ""}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "hostPath": {"path": "/a", "type": "Folder"}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "configMap": {"name": "c", "defaultMode": 1000}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "secret": {"secretName": ""}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "persistentVolumeClaim": {"claimName": ""}}]),
    ("deployment", f"{P}.volumes", [{"name": "a", "csi": {"driver": ""}}]),
    ("deployment", f"{P}.tolerations", [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}]),
    ("deployment", f"{P}.tolerations", [{"key": "gpu", "effect": "Never"}]),
    ("deployment", f"{P}.topologySpreadConstraints",
     [{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
    ("deployment", f"{P}.topologySpreadConstraints",
     [{"maxSkew": 1, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"}]),
    ("deployment", f"{P}.topologySpreadConstraints",
     [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
      {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
    ("deployment", f"{P}.affinity",
     {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
         {"matchExpressions": [{"key": "pool", "operator": "Is", "values": ["a"]}]}]}}}),
    ("deployment", f"{P}.affinity",
     {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
         {"weight": 0, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}}),
    ("deployment", f"{P}.affinity",
     {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
         {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": ""}]}}),
    ("deployment", f"{P}.affinity",
     {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
         {"weight": 101, "podAffinityTerm": {"topologyKey": "zone"}}]}}),
    ("deployment", f"{P}.securityContext", {"runAsUser": -5}),
    ("deployment", f"{P}.securityContext", {"fsGroup": -1}),
    ("deployment", f"{P}.securityContext", {"fsGroupChangePolicy": "Sometimes"}),
    ("deployment", f"{P}.securityContext", {"seccompProfile": {"type": "Default"}}),
    ("deployment", f"{P}.shareProcessNamespace", 1),
    ("deployment", f"{P}.priority", "high"),
    ("deployment", f"{P}.os", {"name": "plan9"}),
    ("deployment", f"{P}.hostUsers", "no"),
    ("deployment", f"{C}.securityContext", {"runAsGroup": -1}),
    ("deployment", f"{C}.securityContext", {"procMount": "None"}),
    ("deployment", f"{C}.env", [{"name": "A=B", "value": "c"}]),
    ("deployment", f"{C}.env", [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": ""}}}]),
    ("deployment", f"{C}.env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": ""}}}]),
    ("deployment", f"{C}.ports[0].name", "UPPER"),
    ("deployment", f"{C}.ports", [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
    ("deployment", f"{C}.readinessProbe", {"httpGet": {"port": 0}}),
    ("deployment", f"{C}.readinessProbe", {"httpGet": {"port": 80, "scheme": "FTP"}}),
    ("deployment", f"{C}.readinessProbe", {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": -1}),
    ("deployment", f"{C}.livenessProbe", {"tcpSocket": {"port": 80}, "successThreshold": 2}),
    ("deployment", f"{C}.terminationMessagePolicy", "Never"),
    ("deployment", f"{C}.resources", {"requests": {"nvidia.com/gpu": 1}}),
    ("deployment", f"{C}.resources", {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}),
    ("deployment", f"{C}.resources", {"limits": {"memory": "-1Gi"}}),
    ("deployment", "spec.minReadySeconds", -1),
    ("deployment", "spec.revisionHistoryLimit", -1),
    ("deployment", "spec.progressDeadlineSeconds", 0),
    ("deployment", "spec.strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
    ("deployment", "spec.strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    ("deployment", "spec.selector", {"matchExpressions": [{"key": "app", "operator": "In"}]}),
    ("deployment", "metadata.finalizers", ["not a finalizer"]),
    ("daemon", "spec.updateStrategy", {"type": "Surge"}),
    ("stateful", "spec.podManagementPolicy", "Serial"),
    ("stateful", "spec.updateStrategy", {"type": "Recreate"}),
    ("stateful", "spec.updateStrategy", {"rollingUpdate": {"partition": -1}}),
    ("stateful", "spec.replicas", -1),
    ("stateful", "spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Keep", "whenScaled": "Retain"}),
    ("stateful", "spec.ordinals", {"start": -1}),
    ("job", "spec.completions", -1),
    ("job", "spec.activeDeadlineSeconds", -1),
    ("job", "spec.template.spec.restartPolicy", "Always"),
    ("job", "spec.selector", {"matchLabels": {"app": "web"}}),
    ("job", "spec.podReplacementPolicy", "Now"),
    ("job", "spec.podFailurePolicy",
     {"rules": [{"action": "Stop", "onPodConditions": [{"type": "DisruptionTarget"}]}]}),
    ("cron", "spec.schedule", "TZ=UTC 0 3 * * *"),
    ("cron", "spec.concurrencyPolicy", "Wait"),
    ("cron", "spec.startingDeadlineSeconds", -1),
    ("cron", "spec.successfulJobsHistoryLimit", -1),
    ("service", "spec.clusterIP", "192.168.1.1"),
    ("service", "spec.internalTrafficPolicy", "Near"),
    ("service", "spec.sessionAffinity", "Cookie"),
    ("service", "spec.ipFamilies", ["IPv5"]),
    ("service", "spec.ipFamilyPolicy", "Both"),
    ("service", "spec.ipFamilyPolicy", "RequireDualStack"),
    ("service", "spec.ports", [{"name": "a", "port": 80}, {"name": "b", "port": 80}]),
    ("service", "spec.ports", [{"name": "a", "port": 80}, {"name": "a", "port": 81}]),
    ("service", "spec.ports[0].port", 0),
    ("outside", "spec.externalName", None),
    ("config", "metadata.name", "Upper"),
    ("config", "binaryData", {"other": "not base64!"}),
    ("config", "immutable", "yes"),
    ("secret", "type", "kubernetes.io/dockerconfigjson"),
    ("claim", "spec.accessModes", None),
    ("claim", "spec.resources.requests.storage", "0"),
    ("claim", "spec.resources.requests.storage", "10 Gi"),
    ("claim", "spec.volumeMode", "File"),
    ("claim", "spec.storageClassName", "Not A Class"),
    ("volume", "spec.capacity", None),
    ("volume", "spec.accessModes", None),
    ("volume", "spec.persistentVolumeReclaimPolicy", "Keep"),
    ("class", "volumeBindingMode", "Later"),
    ("class", "provisioner", ""),
    ("role", "rules[0].resources", []),
    ("role", "rules[0].nonResourceURLs", ["/healthz"]),
    ("role_binding", "subjects[0].kind", "Robot"),
    ("role_binding", "roleRef.name", ""),
    ("role_binding", "roleRef.apiGroup", "rbac.example.com"),
    ("scaler", "spec.maxReplicas", 0),
    ("scaler", "spec.minReplicas", 0),
    ("scaler", "spec.scaleTargetRef.name", ""),
    ("scaler", "spec.scaleTargetRef.kind", None),
    ("scaler", "spec.metrics", [{"type": "Magic"}]),
    ("scaler", "spec.behavior", {"scaleDown": {"stabilizationWindowSeconds": 3601}}),
    ("scaler", "spec.behavior", {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 60}]}}),
    ("scaler", "spec.behavior", {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}}),
    ("budget", "spec.minAvailable", -1),
    ("budget", "spec.unhealthyPodEvictionPolicy", "Never"),
    ("policy", "spec.ingress", [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]),
    ("policy", "spec.ingress", [{"ports": [{"port": 70000}]}]),
    ("policy", "spec.podSelector", {"matchLabels": {"a": "b c"}}),
    ("ingress", "spec.rules[0].http.paths[0].pathType", "Glob"),
    ("ingress", "spec.rules[0].http.paths[0].pathType", None),
    ("priority", "metadata.name", "system-mine"),
    ("priority", "preemptionPolicy", "Always"),
    ("quota", "spec.scopes", ["Everything"]),
    ("driver", "spec.fsGroupPolicy", "Always"),
    ("driver", "metadata.name", "Upper_"),
    ("attributes", "parameters", None),
    ("webhook", "webhooks[0].sideEffects", "Some"),
    ("webhook", "webhooks[0].sideEffects", None),
    ("webhook", "webhooks[0].failurePolicy", "Ask"),
    ("webhook", "webhooks[0].timeoutSeconds", 31),
    ("webhook", "webhooks[0].rules[0].operations", ["READ"]),
    ("webhook", "webhooks[0].rules[0].scope", "All"),
    ("changer", "webhooks[0].reinvocationPolicy", "Twice"),
    ("admission", "spec.failurePolicy", "Ask"),
    ("admission_binding", "spec.validationActions", None),
    ("admission_binding", "spec.policyName", None),
    ("device_claim", "spec.devices.requests[0].exactly.count", -1),
    ("device_claim", "spec.devices.requests[0].exactly.allocationMode", "Some"),
    ("node", "spec.taints[0].effect", "Never"),
    ("namespace", "metadata.name", "Upper"),
    ("namespace", "metadata.labels", {"pod-security.kubernetes.io/enforce": "strict"}),
    ("definition", "spec.names.plural", "Widgets"),
    ("definition", "spec.group", "Example"),
    ("definition", "spec.versions[0].schema", None),
    ("definition", "spec.conversion", {"strategy": "Magic"}),
    ("definition", "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.keys.items", None),
    ("definition", "spec.versions[0].additionalPrinterColumns", [{"name": "Size", "type": "int", "jsonPath": ".spec"}]),
]  # fmt: skip
# What only the sandbox refuses, and why it does.
STRICTER: dict[tuple[str, str], str] = {
    ("deployment", f"{C}.ports"): "the server warns only, and then refuses it from a server-side apply",
    ("job", "spec.completionMode"): "the server makes it one completion, and an index for one pod is no use",
    ("service", "metadata.name"): "names that begin with a digit are refused by Kubernetes 1.35 and before",
    ("namespace", "metadata.namespace"): "the server drops the field, which can only be a mistake",
}
# What only the real server refuses, each with what the server says and why the sandbox does not.
GAPS: list[Manifest] = yaml.safe_load(Path(__file__).with_name("gaps.yaml").read_text(encoding="utf-8"))


def changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    """A copy with one place set, or taken away."""
    result = deepcopy(manifest)
    here: Any = result
    parts: list[Any] = []
    for part in path.replace("]", "").replace("[", ".#").split("."):
        parts.append(int(part[1:]) if part.startswith("#") else part)
    for part in parts[:-1]:
        here = here[part]
    if value is None:
        del here[parts[-1]]
    else:
        here[parts[-1]] = value
    return result


def refusal(ours: Api, manifest: Manifest) -> str | None:
    """Why the sandbox refuses a manifest; None where it does not."""
    try:
        problems = ours.problems(manifest)
        if problems:
            return "; ".join(f"{path}: {reason}" for path, reason in problems.items())
        ours.create(manifest)
    except CloudError as error:
        return error.message
    return None


CASES = [
    *((name, path, value) for name, path, value, _, _ in BAD),
    *((one["manifest"], one["path"], one["value"]) for one in REFUSED),
    *MORE,
]
RAN: list[int] = []
USED: set[tuple[str, str]] = set()


def _id(case: tuple[str, str, Any]) -> str:
    text = f"{case[0]}-{case[1]}={case[2]!r}"
    return text if len(text) < 150 else f"{text[:150]}..."


@pytest.mark.parametrize(("name", "path", "value"), CASES, ids=[_id(case) for case in CASES])
def test_both_refuse(real: Client, ours: Api, name: str, path: str, value: Any) -> None:
    manifest = changed(MANIFESTS[name], path, value)
    theirs = real.create(manifest, dry=True)
    own = refusal(ours, manifest)
    RAN.append(1)
    if theirs.ok:
        assert (name, path) in STRICTER, f"only the sandbox refuses this: {own}"
        assert own is not None
        USED.add((name, path))
        return
    assert theirs.status in (400, 404, 422), theirs
    if any((one["manifest"], one["path"], one["value"]) == (name, path, value) for one in GAPS):
        assert own is None, f"the sandbox refuses this by now: {own}; take it out of gaps.yaml"
        return
    assert own is not None, f"only the real server refuses this: {theirs.message}"


def test_what_only_the_sandbox_refuses_is_listed_for_a_reason() -> None:
    if len(RAN) < len(CASES):
        pytest.skip("tells only after every case")
    assert set(STRICTER) - USED == set(), "nothing needs these entries; take them off the list"


def test_every_gap_is_a_case_and_says_why() -> None:
    known = [(one["manifest"], one["path"], one["value"]) for one in GAPS]
    assert [one for one in known if one not in CASES] == []
    assert all(one["reason"] for one in GAPS)


@pytest.mark.parametrize("case", ACCEPTED, ids=[_id(tuple(case)) for case in ACCEPTED])
def test_both_accept(real: Client, ours: Api, case: list[Any]) -> None:
    name, path, value = case
    manifest = changed(MANIFESTS[name], path, value)
    theirs = real.create(manifest, dry=True)
    assert theirs.ok, theirs.message
    assert refusal(ours, manifest) is None
