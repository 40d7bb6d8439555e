"""What the API server asks of some kinds beyond their schema; pods are in `pods.py`.

Rules: kubernetes/kubernetes, pkg/apis/*/validation (from memory).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import limits, metadata, pods
from bedplate.sandbox.providers.kubernetes.checks import (
    admission,
    basics,
    devices,
    forms,
    networking,
    scaling,
    storage,
    structural,
    workloads,
)
from bedplate.sandbox.providers.kubernetes.checks.forms import at, choice, items
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem, join

Values = Mapping[str, Any]
_DATA_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_CRON_FIELD = re.compile(r"^[\d*/,\-?A-Za-z]+$")
_ACCESS = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_DATA_BYTES = 1024 * 1024
DEFINITION = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


def problems(kind: GroupKind, manifest: Values) -> Iterator[Problem]:
    """Everything wrong that the schema does not say. Nothing is known of custom resources here."""
    found = dict(limits.problems(kind, manifest))
    if kind != DEFINITION:
        found.update(basics.finalizers(manifest))
    for table in _TABLES:
        rule = table.get((kind.group, kind.kind))
        if rule is not None:
            found.update(rule(manifest))
    yield from found.items()


def template_path(kind: GroupKind) -> tuple[str, ...] | None:
    """Where a kind has its pod template, if it has one."""
    if kind == GroupKind("batch", "CronJob"):
        return ("spec", "jobTemplate", "spec", "template")
    workloads = {("apps", name) for name in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")}
    return ("spec", "template") if (kind.group, kind.kind) in workloads | {("batch", "Job")} else None


def _workload(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    given, template = at(spec, "selector"), at(spec, "template")
    yield from metadata.selector(given, "spec.selector")
    if isinstance(given, Mapping) and not given.get("matchLabels") and not given.get("matchExpressions"):
        yield "spec.selector", "empty; a workload must select its pods by labels"
    found = at(template, "metadata", "labels")
    told = isinstance(at(template, "metadata") or {}, Mapping)
    if isinstance(template, Mapping) and told and not metadata.matches(given, found):
        yield (
            "spec.template.metadata.labels",
            "the selector (spec.selector) does not select these labels; give the template every label of it",
        )
    yield from metadata.labels(found, "spec.template.metadata.labels")
    replicas = at(spec, "replicas")
    if isinstance(replicas, int) and replicas < 0:
        yield "spec.replicas", f"{replicas}; must not be negative"
    yield from pods.problems(at(template, "spec"), "spec.template.spec", ("Always",))


def _deployment(manifest: Values) -> Iterator[Problem]:
    yield from _workload(manifest)
    strategy = at(manifest, "spec", "strategy")
    kind = at(strategy, "type")
    yield from choice(kind, ("RollingUpdate", "Recreate"), "spec.strategy.type")
    if kind == "Recreate" and at(strategy, "rollingUpdate"):
        yield "spec.strategy.rollingUpdate", "not with the type Recreate; leave it out"
    surge, gone = at(strategy, "rollingUpdate", "maxSurge"), at(strategy, "rollingUpdate", "maxUnavailable")
    if surge in (0, "0%") and gone in (0, "0%"):
        yield "spec.strategy.rollingUpdate.maxUnavailable", "must not be 0 where maxSurge is 0"


def _stateful_set(manifest: Values) -> Iterator[Problem]:
    given = at(manifest, "spec", "volumeClaimTemplates")
    claims = items(given)
    listed = given if isinstance(given, list) else [given] if given is not None else []
    extra = [{"name": at(claim, "metadata", "name")} for claim in listed]
    for index, claim in enumerate(claims):
        yield from _claim_spec(at(claim, "spec"), f"spec.volumeClaimTemplates[{index}].spec")
    spec = at(manifest, "spec", "template", "spec")
    if extra and isinstance(spec, Mapping) and isinstance(spec.get("volumes", []), list):
        # Claims become volumes of the pods, under the claims' names.
        template = {
            **manifest["spec"]["template"],
            "spec": {**spec, "volumes": [*spec.get("volumes", []), *extra]},
        }
        manifest = {**manifest, "spec": {**manifest["spec"], "template": template}}
    yield from _workload(manifest)


def _job_spec(spec: Any, path: str) -> Iterator[Problem]:
    yield from pods.problems(at(spec, "template", "spec"), f"{path}.template.spec", ("OnFailure", "Never"))
    yield from metadata.labels(at(spec, "template", "metadata", "labels"), f"{path}.template.metadata.labels")
    pod = at(spec, "template", "spec")
    if isinstance(pod, Mapping) and pod.get("restartPolicy") is None:
        yield f"{path}.template.spec.restartPolicy", "missing: a job's pods need OnFailure or Never"
    if at(spec, "selector") and not at(spec, "manualSelector"):
        yield f"{path}.selector", "the cluster sets a job's selector; leave it out, or set manualSelector"
    mode = at(spec, "completionMode")
    yield from choice(mode, ("NonIndexed", "Indexed"), f"{path}.completionMode")
    if mode == "Indexed" and at(spec, "completions") is None:
        yield f"{path}.completions", "missing: the mode Indexed needs it"
    for name in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"):
        if isinstance(at(spec, name), int) and at(spec, name) < 0:
            yield f"{path}.{name}", f"{at(spec, name)}; must not be negative"


def _job(manifest: Values) -> Iterator[Problem]:
    yield from _job_spec(manifest.get("spec"), "spec")


def _cron_job(manifest: Values) -> Iterator[Problem]:
    schedule = at(manifest, "spec", "schedule")
    if isinstance(schedule, str) and not schedule.startswith("@"):
        fields = schedule.split()
        if len(fields) != 5 or not all(map(_CRON_FIELD.match, fields)):
            yield (
                "spec.schedule",
                f"'{schedule}' is no schedule; give five fields such as 0 3 * * *, or @daily",
            )
    yield from choice(
        at(manifest, "spec", "concurrencyPolicy"), ("Allow", "Forbid", "Replace"), "spec.concurrencyPolicy"
    )
    yield from _job_spec(at(manifest, "spec", "jobTemplate", "spec"), "spec.jobTemplate.spec")


def _pod(manifest: Values) -> Iterator[Problem]:
    yield from pods.problems(manifest.get("spec"), "spec")


def _service(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    kind = at(spec, "type")
    yield from choice(kind, ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "spec.type")
    yield from choice(at(spec, "sessionAffinity"), ("None", "ClientIP"), "spec.sessionAffinity")
    yield from metadata.labels(at(spec, "selector"), "spec.selector")
    ports = items(at(spec, "ports"))
    if isinstance(spec, Mapping) and kind == "ExternalName" and not spec.get("externalName"):
        yield "spec.externalName", "missing: the type ExternalName needs it"
    headless = at(spec, "clusterIP") == "None"
    inside = kind is None or (isinstance(kind, str) and kind != "ExternalName")
    if isinstance(spec, Mapping) and "ports" not in spec and inside and not headless:
        yield "spec.ports", "missing: a service needs at least one port, unless it is headless"
    names: set[str] = set()
    for index, one in enumerate(ports):
        here = f"spec.ports[{index}]"
        yield from forms.port(one.get("port"), f"{here}.port")
        yield from forms.port(one.get("targetPort"), f"{here}.targetPort")
        yield from choice(one.get("protocol"), ("TCP", "UDP", "SCTP"), f"{here}.protocol")
        node_port, name = one.get("nodePort"), one.get("name")
        if isinstance(node_port, int) and node_port and not 30000 <= node_port <= 32767:
            yield f"{here}.nodePort", f"{node_port}; nodes serve ports 30000 to 32767"
        if node_port and kind in (None, "ClusterIP"):
            yield f"{here}.nodePort", "only with the type NodePort or LoadBalancer"
        if name is None and len(ports) > 1:
            yield f"{here}.name", "missing: a service with several ports needs a name for each"
        elif isinstance(name, str):
            yield from metadata.dns_label(name, f"{here}.name")
            if name in names:
                yield f"{here}.name", f"'{name}' names another port of this service"
            names.add(name)


def _data(manifest: Values) -> Iterator[Problem]:
    size = 0
    for field in ("data", "stringData", "binaryData"):
        for key, value in (
            (at(manifest, field) or {}).items() if isinstance(at(manifest, field), Mapping) else ()
        ):
            if len(key) > 253 or key in (".", "..") or not _DATA_KEY.match(key):
                yield join(field, key), f"'{key}' is no key; letters, digits, '-', '_' and '.' are allowed"
            size += len(value) if isinstance(value, str) else 0
    if size > _DATA_BYTES:
        yield "data", f"{size} bytes in all; at most {_DATA_BYTES} are allowed"


def _secret(manifest: Values) -> Iterator[Problem]:
    yield from _data(manifest)
    needed = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }.get(str(manifest.get("type")), ())
    data, texts = manifest.get("data", {}), manifest.get("stringData", {})
    if isinstance(data, Mapping) and isinstance(texts, Mapping):
        for key in needed:
            if key not in data and key not in texts:
                yield join("data", key), f"missing: a secret of the type {manifest['type']} needs it"


def _claim_spec(spec: Any, path: str) -> Iterator[Problem]:
    if not isinstance(spec, Mapping):
        return
    modes = spec.get("accessModes")
    if not modes:
        yield f"{path}.accessModes", f"missing: give at least one of {', '.join(_ACCESS)}"
    for index, mode in enumerate(modes if isinstance(modes, list) else ()):
        yield from choice(mode, _ACCESS, f"{path}.accessModes[{index}]")
    yield from choice(spec.get("volumeMode"), ("Filesystem", "Block"), f"{path}.volumeMode")
    requests = at(spec, "resources", "requests")
    wanted = at(requests, "storage")
    known = isinstance(spec.get("resources", {}), Mapping) and isinstance(requests or {}, Mapping)
    if wanted is None and known:
        yield f"{path}.resources.requests.storage", "missing: a claim says how much it needs, such as 100Gi"
    elif (size := amount(wanted)) is not None and size <= 0:
        yield f"{path}.resources.requests.storage", f"{wanted}; must be more than 0"


def _claim(manifest: Values) -> Iterator[Problem]:
    yield from _claim_spec(manifest.get("spec"), "spec")


def _storage_class(manifest: Values) -> Iterator[Problem]:
    yield from choice(manifest.get("reclaimPolicy"), ("Delete", "Retain"), "reclaimPolicy")
    yield from choice(
        manifest.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), "volumeBindingMode"
    )
    if manifest.get("provisioner") == "":
        yield "provisioner", "empty; name the driver that makes the volumes"


def _binding(manifest: Values) -> Iterator[Problem]:
    role = at(manifest, "roleRef", "kind")
    allowed = ("ClusterRole",) if manifest.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    yield from choice(role, allowed, "roleRef.kind")
    yield from choice(at(manifest, "roleRef", "apiGroup"), ("rbac.authorization.k8s.io",), "roleRef.apiGroup")
    for index, subject in enumerate(items(manifest.get("subjects"))):
        here = f"subjects[{index}]"
        yield from choice(subject.get("kind"), ("User", "Group", "ServiceAccount"), f"{here}.kind")
        account = subject.get("kind") == "ServiceAccount"
        if account and manifest.get("kind") == "ClusterRoleBinding" and not subject.get("namespace"):
            yield f"{here}.namespace", "missing: a service account lives in a namespace"
        if account and subject.get("apiGroup"):
            yield f"{here}.apiGroup", "must be empty for a service account; leave it out"


def _role(manifest: Values) -> Iterator[Problem]:
    for index, rule in enumerate(items(manifest.get("rules"))):
        here = f"rules[{index}]"
        if not rule.get("verbs"):
            yield f"{here}.verbs", "missing: a rule allows at least one verb"
        if rule.get("nonResourceURLs"):
            if manifest.get("kind") == "Role":
                yield f"{here}.nonResourceURLs", "only a ClusterRole has them"
            continue
        for name in ("apiGroups", "resources"):
            if not rule.get(name):
                yield f"{here}.{name}", 'missing: a rule names its API groups ("" for core) and resources'


def _scaler(manifest: Values) -> Iterator[Problem]:
    low, high = at(manifest, "spec", "minReplicas"), at(manifest, "spec", "maxReplicas")
    if isinstance(high, int) and high < 1:
        yield "spec.maxReplicas", f"{high}; must be 1 or more"
    elif isinstance(low, int) and isinstance(high, int) and low > high:
        yield "spec.maxReplicas", f"{high} is less than minReplicas, {low}"


def _disruption_budget(manifest: Values) -> Iterator[Problem]:
    if (
        at(manifest, "spec", "minAvailable") is not None
        and at(manifest, "spec", "maxUnavailable") is not None
    ):
        yield "spec.maxUnavailable", "give either minAvailable or maxUnavailable"
    yield from metadata.selector(at(manifest, "spec", "selector"), "spec.selector")


def _network_policy(manifest: Values) -> Iterator[Problem]:
    yield from metadata.selector(at(manifest, "spec", "podSelector"), "spec.podSelector")
    kinds = at(manifest, "spec", "policyTypes")
    for index, kind in enumerate(kinds if isinstance(kinds, list) else ()):
        yield from choice(kind, ("Ingress", "Egress"), f"spec.policyTypes[{index}]")
    for side, peer_name in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(items(at(manifest, "spec", side))):
            here = f"spec.{side}[{index}]"
            for number, one in enumerate(items(rule.get("ports"))):
                yield from forms.port(one.get("port"), f"{here}.ports[{number}].port")
                yield from choice(
                    one.get("protocol"), ("TCP", "UDP", "SCTP"), f"{here}.ports[{number}].protocol"
                )
            for number, peer in enumerate(items(rule.get(peer_name))):
                where = f"{here}.{peer_name}[{number}]"
                if not peer:
                    yield where, "empty; give podSelector, namespaceSelector or ipBlock"
                if "ipBlock" in peer and len(peer) > 1:
                    yield where, "ipBlock goes with no selector"


def _ingress(manifest: Values) -> Iterator[Problem]:
    for index, rule in enumerate(items(at(manifest, "spec", "rules"))):
        for number, one in enumerate(items(at(rule, "http", "paths"))):
            here = f"spec.rules[{index}].http.paths[{number}]"
            yield from choice(
                one.get("pathType"), ("Exact", "Prefix", "ImplementationSpecific"), f"{here}.pathType"
            )
            path = one.get("path")
            if isinstance(path, str) and not path.startswith("/"):
                yield f"{here}.path", f"'{path}'; must begin with '/'"


def _priority_class(manifest: Values) -> Iterator[Problem]:
    value, name = manifest.get("value"), at(manifest, "metadata", "name")
    if isinstance(value, int) and value > 1_000_000_000:
        yield "value", f"{value}; at most 1000000000, more is for the system's own classes"
    if isinstance(name, str) and name.startswith("system-"):
        yield "metadata.name", "names that begin with system- are the cluster's own"


_OWN: dict[tuple[str, str], Callable[[Values], Iterator[Problem]]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _workload,
    ("apps", "DaemonSet"): _workload,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "ConfigMap"): _data,
    ("", "Secret"): _secret,
    ("", "PersistentVolumeClaim"): _claim,
    ("storage.k8s.io", "StorageClass"): _storage_class,
    ("rbac.authorization.k8s.io", "Role"): _role,
    ("rbac.authorization.k8s.io", "ClusterRole"): _role,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _binding,
    ("autoscaling", "HorizontalPodAutoscaler"): _scaler,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
}
_TABLES = (
    {("apiextensions.k8s.io", "CustomResourceDefinition"): structural.problems},
    *(one.RULES for one in (workloads, networking, scaling, storage, basics, admission, devices)),
    _OWN,
)
