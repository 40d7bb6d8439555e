"""Rules about pods, on every kind that makes pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bedplate_policies.kubernetes import RULES, images, pod_content, pod_host, pod_user
from bedplate_policies.kubernetes.examples import holding, in_every_kind
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Spec = Mapping[str, object]
RULE_NAMES = {rule.name for module in (images, pod_content, pod_host, pod_user) for rule in module.RULES}
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
JOB = "kubernetes:batch/v1:Job"
CRON = "kubernetes:batch/v1:CronJob"
DIGEST = "registry.example/train@sha256:" + "0" * 64


def box(**settings: object) -> Spec:
    return {"containers": [{"name": "main", **settings}]}


def guarded(**context: object) -> Spec:
    return box(securityContext=context)


def initial(**settings: object) -> Spec:
    return {"containers": [{"name": "main"}], "initContainers": [{"name": "first", **settings}]}


def env(name: str, value: object) -> Spec:
    return box(env=[{"name": name, "value": value}])


def everywhere(rule_name: str, good: list[Spec], bad: list[Spec]) -> Case:
    """Each pod in each kind; and a bad one in a namespace of the system, where the rule lets it be."""
    rule = BY_NAME[rule_name]
    right = [one for spec in good for one in in_every_kind(spec)]
    if "allowed_namespaces" in rule.config:
        right += [one for spec in bad for one in in_every_kind(spec, "gpu-operator")]
    return Case(rule_name, right, [one for spec in bad for one in in_every_kind(spec)])


def job(type: str, limits: Spec, **settings: object) -> tuple[str, Mapping[str, object]]:
    inner = {"template": {"spec": box(resources={"limits": limits})}, **settings}
    return type, {"spec": {"jobTemplate": {"spec": inner}} if type == CRON else inner}


BY_NAME = {rule.name: rule for rule in RULES}
GPU = {"nvidia.com/gpu": 8}
PROBE = {"httpGet": {"path": "/", "port": 8080}}

CASES = [
    everywhere(
        "kubernetes-pod-privileged",
        [box(), guarded(privileged=False)],
        [guarded(privileged=True), initial(securityContext={"privileged": True})],
    ),
    everywhere(
        "kubernetes-pod-host-network", [box(), {**box(), "hostNetwork": False}], [{"hostNetwork": True}]
    ),
    everywhere("kubernetes-pod-host-pid", [box()], [{"hostPID": True}]),
    everywhere("kubernetes-pod-host-ipc", [box()], [{"hostIPC": True}]),
    everywhere(
        "kubernetes-pod-host-path",
        [box(), {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]}],
        [{"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}],
    ),
    everywhere(
        "kubernetes-pod-host-port",
        [box(ports=[{"containerPort": 80}])],
        [box(ports=[{"containerPort": 80, "hostPort": 80}])],
    ),
    everywhere(
        "kubernetes-pod-host-process",
        [box(), guarded(windowsOptions={"hostProcess": False})],
        [
            guarded(windowsOptions={"hostProcess": True}),
            {**box(), "securityContext": {"windowsOptions": {"hostProcess": True}}},
        ],
    ),
    everywhere(
        "kubernetes-pod-capabilities-added",
        [box(), guarded(capabilities={"add": ["NET_BIND_SERVICE"]})],
        [guarded(capabilities={"add": ["SYS_ADMIN"]}), guarded(capabilities={"add": ["ALL"]})],
    ),
    everywhere(
        "kubernetes-pod-proc-mount", [box(), guarded(procMount="Default")], [guarded(procMount="Unmasked")]
    ),
    everywhere(
        "kubernetes-pod-sysctls",
        [box(), {"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}}],
        [{"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}],
    ),
    everywhere(
        "kubernetes-pod-apparmor",
        [box(), guarded(appArmorProfile={"type": "RuntimeDefault"})],
        [
            guarded(appArmorProfile={"type": "Unconfined"}),
            {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
        ],
    ),
    everywhere(
        "kubernetes-pod-selinux",
        [box(), guarded(seLinuxOptions={"type": "container_t"})],
        [
            guarded(seLinuxOptions={"type": "spc_t"}),
            {"securityContext": {"seLinuxOptions": {"user": "system_u"}}},
            guarded(seLinuxOptions={"role": "system_r"}),
        ],
    ),
    everywhere(
        "kubernetes-pod-volume-kinds",
        [{"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}],
        [{"volumes": [{"name": "data", "nfs": {"server": "a", "path": "/"}}]}],
    ),
    everywhere(
        "kubernetes-pod-run-as-non-root",
        [guarded(runAsNonRoot=True), {**box(), "securityContext": {"runAsNonRoot": True}}],
        [
            box(),
            guarded(runAsNonRoot=False),
            {**guarded(runAsNonRoot=False), "securityContext": {"runAsNonRoot": True}},
        ],
    ),
    everywhere(
        "kubernetes-pod-run-as-user",
        [box(), guarded(runAsUser=1000), {**guarded(runAsUser=1000), "securityContext": {"runAsUser": 0}}],
        [guarded(runAsUser=0), {**box(), "securityContext": {"runAsUser": 0}}],
    ),
    everywhere(
        "kubernetes-pod-privilege-escalation",
        [guarded(allowPrivilegeEscalation=False)],
        [box(), guarded(allowPrivilegeEscalation=True)],
    ),
    everywhere(
        "kubernetes-pod-capabilities-dropped",
        [guarded(capabilities={"drop": ["ALL"]})],
        [box(), guarded(capabilities={"drop": ["NET_RAW"]}), guarded(capabilities={"drop": []})],
    ),
    everywhere(
        "kubernetes-pod-seccomp",
        [
            guarded(seccompProfile={"type": "RuntimeDefault"}),
            {**box(), "securityContext": {"seccompProfile": {"type": "Localhost"}}},
        ],
        [box(), guarded(seccompProfile={"type": "Unconfined"})],
    ),
    everywhere("kubernetes-pod-read-only-root", [guarded(readOnlyRootFilesystem=True)], [box()]),
    everywhere(
        "kubernetes-image-tag",
        [
            box(image="nvcr.io/nvidia/pytorch:25.01-py3"),
            box(image=DIGEST),
            box(image="localhost:5000/train:v1"),
        ],
        [box(image="pytorch"), box(image="pytorch:latest"), box(image="localhost:5000/train")],
    ),
    everywhere("kubernetes-image-digest", [box(image=DIGEST)], [box(image="pytorch:2.9")]),
    Case("kubernetes-image-registry", in_every_kind(box(image="docker.io/any:1")), []),
    everywhere(
        "kubernetes-image-pull-policy",
        [box(image="a:1"), box(image="a:latest", imagePullPolicy="Always")],
        [box(image="a:1", imagePullPolicy="Never"), box(image="a:latest", imagePullPolicy="IfNotPresent")],
    ),
    everywhere(
        "kubernetes-resources-requests",
        [box(resources={"requests": {"cpu": "1", "memory": "1Gi"}})],
        [box(), box(resources={"requests": {"cpu": "1"}})],
    ),
    everywhere(
        "kubernetes-resources-memory-limit",
        [box(resources={"limits": {"memory": "1Gi"}})],
        [box(), box(resources={"limits": {"cpu": "1"}})],
    ),
    everywhere(
        "kubernetes-resources-devices",
        [
            box(),
            box(resources={"limits": GPU}),
            box(resources={"limits": GPU, "requests": {"nvidia.com/gpu": "8"}}),
        ],
        [
            box(resources={"requests": GPU}),
            box(resources={"limits": {"vpc.amazonaws.com/efa": 4}, "requests": {"vpc.amazonaws.com/efa": 2}}),
        ],
    ),
    everywhere(
        "kubernetes-pod-secret-in-env",
        [
            box(),
            env("TOKENIZERS_PARALLELISM", "false"),
            env("MAX_TOKENS", "4096"),
            env("SECRET_NAME", "hub"),
            env("HF_TOKEN", "$(FROM_ELSEWHERE)"),
            box(env=[{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]),
        ],
        [
            env("HF_TOKEN", "hf_abcdefgh"),
            env("WANDB_API_KEY", "abcdefgh"),
            env("dbPassword", "abcdefgh"),
            env("AWS_SECRET_ACCESS_KEY", "abcdefgh"),
        ],
    ),
    everywhere(
        "kubernetes-pod-service-account-token",
        [{**box(), "automountServiceAccountToken": False}, {**box(), "serviceAccountName": "trainer"}],
        [box(), {**box(), "serviceAccountName": "default", "automountServiceAccountToken": True}],
    ),
    Case(
        "kubernetes-pod-default-namespace",
        in_every_kind(box()),
        [*in_every_kind(box(), "default"), (DEPLOYMENT, {"metadata": {}, "spec": {}})],
    ),
    Case(
        "kubernetes-pod-readiness-probe",
        [(DEPLOYMENT, holding(DEPLOYMENT, box(readinessProbe=PROBE)))],
        [(DEPLOYMENT, holding(DEPLOYMENT, box()))],
    ),
    Case(
        "kubernetes-pod-liveness-probe",
        [(DEPLOYMENT, holding(DEPLOYMENT, box(livenessProbe=PROBE)))],
        [(DEPLOYMENT, holding(DEPLOYMENT, box()))],
    ),
    everywhere("kubernetes-pod-no-shared-processes", [box()], [{**box(), "shareProcessNamespace": True}]),
    Case(
        "kubernetes-job-deadline",
        [
            job(JOB, GPU, activeDeadlineSeconds=3600),
            job(CRON, GPU, activeDeadlineSeconds=60),
            job(JOB, {"cpu": 1}),
        ],
        [job(JOB, GPU), job(CRON, GPU)],
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES


def test_registries_count_once_somebody_names_some() -> None:
    rule = BY_NAME["kubernetes-image-registry"]
    assert isinstance(rule, Rule)
    allowed = {"allowed_registries": ["registry.example/ml"]}

    def judged(image: object) -> list[str]:
        inputs = holding(DEPLOYMENT, box(image=image))
        return [one.kind for one in findings(rule, DEPLOYMENT, inputs, allowed)]

    assert judged("registry.example/ml/train:1") == []
    assert judged("registry.example/mlops/train:1") == ["violation"]
    assert judged("train:1") == ["violation"]
    assert judged(UNKNOWN) == ["undetermined"]


@pytest.mark.parametrize("rule_name", ["kubernetes-pod-privileged", "kubernetes-pod-host-network"])
def test_a_namespace_that_nobody_knows_yet_excuses_nothing(rule_name: str) -> None:
    rule = BY_NAME[rule_name]
    assert isinstance(rule, Rule)
    bad = {**guarded(privileged=True), "hostNetwork": True}
    inputs = {**holding(DEPLOYMENT, bad), "metadata": {"namespace": UNKNOWN}}
    assert [one.kind for one in findings(rule, DEPLOYMENT, inputs)] == ["undetermined"]
    own = {"allowed_namespaces": ["training"]}
    assert findings(rule, DEPLOYMENT, holding(DEPLOYMENT, bad), own) == []


def test_no_message_shows_a_secret_of_the_environment() -> None:
    rule = BY_NAME["kubernetes-pod-secret-in-env"]
    assert isinstance(rule, Rule)
    found = violations(findings(rule, DEPLOYMENT, holding(DEPLOYMENT, env("HF_TOKEN", "hf_abcdefgh"))))
    assert found
    assert "hf_abcdefgh" not in found[0].message


def test_a_setting_of_one_container_that_is_open_stays_open() -> None:
    for name, context in (
        ("kubernetes-pod-run-as-non-root", {"runAsNonRoot": UNKNOWN}),
        ("kubernetes-pod-seccomp", {"seccompProfile": {"type": UNKNOWN}}),
        ("kubernetes-pod-capabilities-dropped", {"capabilities": {"drop": UNKNOWN}}),
        ("kubernetes-pod-capabilities-added", {"capabilities": {"add": [UNKNOWN]}}),
        ("kubernetes-pod-privileged", {"privileged": UNKNOWN}),
    ):
        rule = BY_NAME[name]
        assert isinstance(rule, Rule)
        found = findings(rule, DEPLOYMENT, holding(DEPLOYMENT, guarded(**context)))
        assert [one.kind for one in found] == ["undetermined"], name
