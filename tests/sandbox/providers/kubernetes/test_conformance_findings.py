"""What kube-apiserver v1.36.3 was seen to refuse and the sandbox had let through (tests/conformance)."""

from copy import deepcopy
from typing import Any

import pytest
from tests.sandbox.providers.kubernetes.test_refusals import GOOD, _changed

from bedplate.sandbox.providers.kubernetes.immutable import replaces
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

P = "spec.template.spec"
C = f"{P}.containers[0]"
HOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "one"},
    "webhooks": [
        {
            "name": "check.example.com",
            "clientConfig": {"url": "https://check.example.com/"},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
    ],
}
BASES = {**GOOD, "hook": HOOK}
# Which manifest, the path to change, the value, the path of the problem, a part of the reason.
FINDINGS: list[tuple[str, str, Any, str, str]] = [
    ("deployment", f"{P}.securityContext", {"runAsUser": -5}, f"{P}.securityContext.runAsUser", "0 or more"),
    (
        "deployment",
        f"{P}.securityContext",
        {"seccompProfile": {"type": "Default"}},
        f"{P}.securityContext.seccompProfile.type",
        "RuntimeDefault",
    ),
    (
        "deployment",
        f"{P}.volumes",
        [{"name": "a", "hostPath": {"path": ""}}],
        f"{P}.volumes[0].hostPath.path",
        "empty",
    ),
    (
        "deployment",
        f"{P}.volumes",
        [{"name": "a", "secret": {"secretName": "b", "defaultMode": 1000}}],
        f"{P}.volumes[0].secret.defaultMode",
        "0 to 511",
    ),
    (
        "deployment",
        f"{C}.readinessProbe",
        {"httpGet": {"port": 80, "scheme": "FTP"}},
        f"{C}.readinessProbe.httpGet.scheme",
        "HTTPS",
    ),
    (
        "deployment",
        f"{C}.livenessProbe",
        {"tcpSocket": {"port": 80}, "successThreshold": 2},
        f"{C}.livenessProbe.successThreshold",
        "0 to 1",
    ),
    ("deployment", "spec.minReadySeconds", -1, "spec.minReadySeconds", "0 or more"),
    ("stateful", "spec.podManagementPolicy", "Serial", "spec.podManagementPolicy", "OrderedReady"),
    ("stateful", "spec.updateStrategy", {"type": "Recreate"}, "spec.updateStrategy.type", "OnDelete"),
    ("service", "spec.internalTrafficPolicy", "Near", "spec.internalTrafficPolicy", "Local"),
    ("scaler", "spec.scaleTargetRef.name", "", "spec.scaleTargetRef.name", "missing"),
    ("budget", "spec.minAvailable", -1, "spec.minAvailable", "0 or more"),
    ("priority", "preemptionPolicy", "Always", "preemptionPolicy", "Never"),
    ("definition", "spec.conversion", {"strategy": "Magic"}, "spec.conversion.strategy", "Webhook"),
    (
        "namespace",
        "metadata.labels",
        {"pod-security.kubernetes.io/enforce": "strict"},
        'metadata.labels["pod-security.kubernetes.io/enforce"]',
        "restricted",
    ),
    ("hook", "webhooks[0].timeoutSeconds", 31, "webhooks[0].timeoutSeconds", "1 to 30"),
    ("hook", "webhooks[0].sideEffects", "Some", "webhooks[0].sideEffects", "NoneOnDryRun"),
]


def test_the_manifests_themselves_are_fine(kubernetes: Any) -> None:
    assert kubernetes.problems(deepcopy(HOOK)) == {}


@pytest.mark.parametrize(("name", "path", "value", "where", "reason"), FINDINGS)
def test_refused(kubernetes: Any, name: str, path: str, value: Any, where: str, reason: str) -> None:
    problems = kubernetes.problems(_changed(BASES[name], path, value))
    assert reason in problems.get(where, ""), problems


def _tolerations(*keys: str) -> dict[str, Any]:
    return {"spec": {"tolerations": [{"key": key, "operator": "Exists"} for key in keys]}}


@pytest.mark.parametrize(
    ("group", "kind", "path", "old", "new", "expected"),
    [
        ("batch", "Job", "spec.podReplacementPolicy", {}, {}, False),
        ("batch", "Job", "spec.backoffLimitPerIndex", {}, {}, True),
        ("", "Service", "spec.loadBalancerClass", {}, {}, True),
        ("", "ResourceQuota", "spec.scopes[0]", {}, {}, True),
        ("", "Pod", "spec.terminationGracePeriodSeconds", {}, {}, True),
        ("", "Pod", "spec.tolerations[1]", _tolerations("a"), _tolerations("a", "b"), False),
        ("", "Pod", "spec.tolerations[0].key", _tolerations("a"), _tolerations("b"), True),
    ],
)
def test_what_replaces(
    group: str, kind: str, path: str, old: dict[str, Any], new: dict[str, Any], expected: bool
) -> None:
    assert replaces(GroupKind(group, kind), path, old, new, mutable_data=True) is expected


def test_defaults(kubernetes: Any) -> None:
    hook = kubernetes.create(deepcopy(HOOK))["webhooks"][0]
    assert (hook["failurePolicy"], hook["timeoutSeconds"], hook["namespaceSelector"]) == ("Fail", 10, {})
    job = kubernetes.create(deepcopy(GOOD["job"]))["spec"]
    assert (job["manualSelector"], job["podReplacementPolicy"]) == (False, "TerminatingOrFailed")
