"""What the API server asks of a pod's specification beyond its schema.

Rules: kubernetes/kubernetes, pkg/apis/core/validation/validation.go (from memory).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import limits, metadata
from bedplate.sandbox.providers.kubernetes.checks import pods as more
from bedplate.sandbox.providers.kubernetes.checks.forms import at, choice, items, port, port_name
from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem, join

_ENV_NAME = re.compile(r"^[^=\x00-\x1f\x7f]+$")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_CHOICES = {
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "preemptionPolicy": ("Never", "PreemptLowerPriority"),
}
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def problems(spec: Any, path: str, restart: tuple[str, ...] = ()) -> Iterator[Problem]:
    """`restart`: the restart policies that the owner of a template allows; empty for any."""
    if not isinstance(spec, Mapping):
        return
    yield from limits.pod_problems(spec, path)
    for field, allowed in _CHOICES.items():
        yield from choice(spec.get(field), allowed, f"{path}.{field}")
    policy = spec.get("restartPolicy", "Always")
    if restart and isinstance(policy, str) and policy not in restart and policy in _CHOICES["restartPolicy"]:
        yield f"{path}.restartPolicy", f"'{policy}'; here it must be {' or '.join(restart)}"
    yield from metadata.labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    volumes: set[str] = set()
    for index, volume in enumerate(items(spec.get("volumes"))):
        here = f"{path}.volumes[{index}]"
        volume_name = volume.get("name")
        if isinstance(volume_name, str):
            volumes.add(volume_name)
            yield from metadata.dns_label(volume_name, f"{here}.name")
        sources = sorted(set(volume) - {"name"})
        if len(sources) > 1:
            yield here, f"has {' and '.join(sources)}; a volume has one source"
    listed = spec.get("volumes", [])
    known = isinstance(listed, list) and all(isinstance(at(one, "name"), str) for one in listed)
    if known and not spec.get("containers", [True]):
        yield f"{path}.containers", "empty; a pod needs at least one container"
    names: dict[str, str] = {}
    name: Any
    for group in ("initContainers", "containers"):
        for index, container in enumerate(items(spec.get(group))):
            here = f"{path}.{group}[{index}]"
            name = container.get("name")
            if isinstance(name, str):
                if name in names:
                    yield f"{here}.name", f"'{name}' is the name of {names[name]} already"
                names.setdefault(name, here)
            yield from _container(container, here, volumes if known else None)
    for index, toleration in enumerate(items(spec.get("tolerations"))):
        here = f"{path}.tolerations[{index}]"
        operator = toleration.get("operator", "Equal")
        yield from choice(operator, ("Equal", "Exists", "Lt", "Gt"), f"{here}.operator")
        yield from choice(toleration.get("effect"), _EFFECTS, f"{here}.effect")
        if operator == "Exists" and toleration.get("value"):
            yield f"{here}.value", "the operator Exists takes no value; leave it out"
        if operator != "Exists" and not toleration.get("key"):
            yield f"{here}.key", "missing: only the operator Exists goes without a key"
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            yield f"{here}.effect", "must be NoExecute where tolerationSeconds is set"
    for index, spread in enumerate(items(spec.get("topologySpreadConstraints"))):
        here = f"{path}.topologySpreadConstraints[{index}]"
        yield from choice(
            spread.get("whenUnsatisfiable"), ("DoNotSchedule", "ScheduleAnyway"), f"{here}.whenUnsatisfiable"
        )
        yield from metadata.selector(spread.get("labelSelector"), f"{here}.labelSelector")
        if isinstance(spread.get("maxSkew"), int) and spread["maxSkew"] < 1:
            yield f"{here}.maxSkew", f"{spread['maxSkew']}; must be 1 or more"
    yield from more.problems(spec, path, template=restart == ("Always",))


def _container(container: Mapping[str, Any], path: str, volumes: set[str] | None) -> Iterator[Problem]:
    name = container.get("name")
    if isinstance(name, str):
        yield from metadata.dns_label(name, f"{path}.name")
    if container.get("image") in (None, ""):
        yield f"{path}.image", "missing: a container needs an image"
    yield from choice(
        container.get("imagePullPolicy"), ("Always", "IfNotPresent", "Never"), f"{path}.imagePullPolicy"
    )
    port_names: set[str] = set()
    for index, one in enumerate(items(container.get("ports"))):
        here = f"{path}.ports[{index}]"
        yield from port(one.get("containerPort"), f"{here}.containerPort")
        yield from port(one.get("hostPort"), f"{here}.hostPort")
        yield from choice(one.get("protocol"), ("TCP", "UDP", "SCTP"), f"{here}.protocol")
        if isinstance(one.get("name"), str):
            yield from port_name(one["name"], f"{here}.name")
            if one["name"] in port_names:
                yield f"{here}.name", f"'{one['name']}' names another port of this container"
            port_names.add(one["name"])
    for index, variable in enumerate(items(container.get("env"))):
        here = f"{path}.env[{index}]"
        if isinstance(variable.get("name"), str) and not _ENV_NAME.match(variable["name"]):
            yield (
                f"{here}.name",
                f"'{variable['name']}' is no variable's name; it must not be empty or have '='",
            )
        if variable.get("value") and variable.get("valueFrom"):
            yield f"{here}.valueFrom", "give either value or valueFrom"
    paths: set[str] = set()
    for index, mount in enumerate(items(container.get("volumeMounts"))):
        here = f"{path}.volumeMounts[{index}]"
        name, where = mount.get("name"), mount.get("mountPath")
        if isinstance(name, str) and volumes is not None and name not in volumes:
            known = ", ".join(sorted(volumes)) or "none"
            yield f"{here}.name", f"no volume '{name}' in this pod; its volumes: {known}"
        if isinstance(where, str):
            if where in paths:
                yield f"{here}.mountPath", f"'{where}' is mounted twice"
            paths.add(where)
    yield from _resources(container.get("resources"), f"{path}.resources")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        given = container.get(probe)
        if isinstance(given, Mapping):
            handlers = [name for name in _HANDLERS if name in given]
            if len(handlers) != 1:
                yield f"{path}.{probe}", f"needs exactly one of {', '.join(_HANDLERS)}"


def _resources(resources: Any, path: str) -> Iterator[Problem]:
    if not isinstance(resources, Mapping):
        return
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if not isinstance(limits, Mapping) or not isinstance(requests, Mapping):
        return
    for side, given_amounts in (("requests", requests), ("limits", limits)):
        for name, given in given_amounts.items():
            value = amount(given)
            if value is not None and value < 0:
                yield join(f"{path}.{side}", name), f"{given}; must not be negative"
            if "/" in name and value is not None and value != int(value):
                yield join(f"{path}.{side}", name), f"{given}; '{name}' comes in whole numbers"
    for name, given in requests.items():
        wanted, limit = amount(given), amount(limits.get(name))
        extended = "/" in name or name.startswith("hugepages-")
        if wanted is not None and limit is not None and wanted > limit:
            yield join(f"{path}.requests", name), f"{given} is more than the limit {limits[name]}"
        elif extended and wanted is not None and limit is not None and wanted != limit:
            yield join(f"{path}.requests", name), f"{given} must equal the limit {limits[name]}"
        elif extended and wanted is not None and name not in limits:
            yield join(f"{path}.limits", name), f"missing: '{name}' is requested, and needs an equal limit"
