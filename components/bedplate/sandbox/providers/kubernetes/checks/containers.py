"""Containers: environment, ports, probes, lifecycle, resources, mounts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks import forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each
from bedplate.sandbox.providers.schema import Problem, join

_ENV_NAME = re.compile(r"^[ -<>-~]+$")
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid",
)  # fmt: skip
_SUBSCRIPT = re.compile(r"^metadata\.(?:annotations|labels)\['(.*)'\]$")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_RESOURCE_FIELDS = tuple(f"{side}.{name}" for side in ("limits", "requests") for name in _RESOURCES)
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_HEADER = re.compile(r"^[-A-Za-z0-9]+$")
_PROPAGATION = ("None", "HostToContainer", "Bidirectional")
_BLOCK = ("persistentVolumeClaim", "ephemeral")


@dataclass(frozen=True)
class Surroundings:
    """What a container's checks need of its pod; None for what is not known."""

    volumes: Mapping[str, Values] | None
    claims: frozenset[str] | None
    host_network: bool
    grace_seconds: Any
    pod_resources: bool


def problems(container: Values, path: str, around: Surroundings) -> Iterator[Problem]:
    yield from _environment(container, path)
    for here, one in each(container.get("ports"), f"{path}.ports"):
        host, own = one.get("hostPort"), one.get("containerPort")
        if around.host_network and isinstance(host, int) and isinstance(own, int) and host not in (0, own):
            yield f"{here}.hostPort", f"{host}; must be the containerPort {own}, for hostNetwork is true"
    for name in _PROBES:
        yield from _probe(container.get(name), f"{path}.{name}", name)
    for name in ("postStart", "preStop"):
        yield from _hook(at(container, "lifecycle", name), f"{path}.lifecycle.{name}", around)
    yield from _resources(container.get("resources"), f"{path}.resources", around)
    yield from _security(container.get("securityContext"), f"{path}.securityContext")
    yield from _mounts(container, path, around)


def host_ports(containers: Any, path: str) -> Iterator[Problem]:
    """Two containers of a pod cannot have one port of the machine."""
    taken: set[tuple[Any, ...]] = set()
    for here, container in each(containers, path):
        for where, one in each(container.get("ports"), f"{here}.ports"):
            host = one.get("hostPort")
            if isinstance(host, int) and host:
                key = (one.get("protocol", "TCP"), one.get("hostIP", ""), host)
                if key in taken:
                    yield f"{where}.hostPort", f"{host} is taken by another port of this pod"
                taken.add(key)


def _environment(container: Values, path: str) -> Iterator[Problem]:
    for here, variable in each(container.get("env"), f"{path}.env"):
        source = variable.get("valueFrom")
        if not isinstance(source, Mapping):
            continue
        where = f"{here}.valueFrom"
        yield from forms.one_of(source, _ENV_SOURCES, where)
        yield from field(at(source, "fieldRef", "fieldPath"), f"{where}.fieldRef.fieldPath", _ENV_FIELDS)
        yield from resource_field(
            at(source, "resourceFieldRef", "resource"), f"{where}.resourceFieldRef.resource"
        )
        for name in ("configMapKeyRef", "secretKeyRef"):
            yield from forms.data_key(at(source, name, "key"), f"{where}.{name}.key")
            yield from forms.subdomain(at(source, name, "name"), f"{where}.{name}.name")
    for here, source in each(container.get("envFrom"), f"{path}.envFrom"):
        yield from forms.one_of(source, ("configMapRef", "secretRef"), here)
        prefix = source.get("prefix")
        if isinstance(prefix, str) and prefix and not _ENV_NAME.match(prefix):
            yield f"{here}.prefix", f"'{prefix}' begins no variable's name; ASCII without '=' is allowed"
        for name in ("configMapRef", "secretRef"):
            yield from forms.subdomain(at(source, name, "name"), f"{here}.{name}.name")


def field(value: Any, path: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    """A field of the pod, as its containers can read it."""
    if not isinstance(value, str) or not value:
        return
    match = _SUBSCRIPT.match(value)
    if match is not None:
        yield from forms.qualified(match[1], path)
    elif value not in allowed:
        more = "metadata.labels['key'] or metadata.annotations['key']"
        yield path, f"'{value}'; choose from {', '.join(allowed)}, {more}"


def resource_field(value: Any, path: str) -> Iterator[Problem]:
    """A container's own requests and limits."""
    huge = ("limits.hugepages-", "requests.hugepages-")
    if isinstance(value, str) and value not in _RESOURCE_FIELDS and not value.startswith(huge):
        yield path, f"'{value}'; choose from {', '.join(_RESOURCE_FIELDS)}"


def _probe(probe: Any, path: str, name: str) -> Iterator[Problem]:
    if not isinstance(probe, Mapping):
        return
    yield from _handler(probe, path)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and name == "readinessProbe":
        yield f"{path}.terminationGracePeriodSeconds", "not in a readinessProbe; leave it out"
    elif isinstance(grace, int) and grace < 1:
        yield f"{path}.terminationGracePeriodSeconds", f"{grace}; must be 1 or more"


def _handler(one: Values, path: str) -> Iterator[Problem]:
    if isinstance(one.get("exec"), Mapping) and one["exec"].get("command") in (None, []):
        yield f"{path}.exec.command", "missing: give the command to run"
    for here, header in each(at(one, "httpGet", "httpHeaders"), f"{path}.httpGet.httpHeaders"):
        name = header.get("name")
        if isinstance(name, str) and not _HEADER.match(name):
            yield f"{here}.name", f"'{name}' is no name of a header"


def _hook(hook: Any, path: str, around: Surroundings) -> Iterator[Problem]:
    if not isinstance(hook, Mapping):
        return
    yield from forms.one_of(hook, _HOOKS, path)
    yield from _handler(hook, path)
    for name in ("httpGet", "tcpSocket"):
        yield from forms.port(at(hook, name, "port"), f"{path}.{name}.port")
    seconds, grace = at(hook, "sleep", "seconds"), around.grace_seconds
    if isinstance(seconds, int) and isinstance(grace, int) and not 0 <= seconds <= grace:
        yield f"{path}.sleep.seconds", f"{seconds}; must be 0 to terminationGracePeriodSeconds, {grace}"


def resource_name(name: str, path: str) -> Iterator[Problem]:
    """What a container can ask for: of Kubernetes' own, or a device's full name."""
    if "/" in name:
        yield from forms.qualified(name, path)
    elif name not in _RESOURCES and not name.startswith("hugepages-"):
        yield path, f"'{name}' is none of {', '.join(_RESOURCES)}; a device has a domain, such as a.com/gpu"


def _resources(resources: Any, path: str, around: Surroundings) -> Iterator[Problem]:
    names: set[str] = set()
    for side in ("requests", "limits"):
        given = at(resources, side)
        for name in given if isinstance(given, Mapping) else ():
            names.add(name)
            yield from resource_name(name, join(f"{path}.{side}", name))
    huge = any(name.startswith("hugepages-") for name in names)
    if huge and not names & {"cpu", "memory"} and not around.pod_resources:
        yield path, "huge pages need cpu or memory beside them"
    seen: set[str] = set()
    for here, claim in each(at(resources, "claims"), f"{path}.claims"):
        name = claim.get("name")
        if isinstance(name, str) and around.claims is not None and name not in around.claims:
            known = ", ".join(sorted(around.claims)) or "none"
            yield f"{here}.name", f"no claim '{name}' in this pod's resourceClaims; they are: {known}"
        key = f"{name}/{claim.get('request', '')}"
        if key in seen:
            yield here, f"the claim '{name}' is named twice"
        seen.add(key)


def _security(context: Any, path: str) -> Iterator[Problem]:
    yield from profiles(context, path)
    if at(context, "allowPrivilegeEscalation") is False:
        if at(context, "privileged") is True:
            yield f"{path}.allowPrivilegeEscalation", "false does not go with privileged: true"
        added = at(context, "capabilities", "add")
        if isinstance(added, list) and "CAP_SYS_ADMIN" in added:
            yield f"{path}.allowPrivilegeEscalation", "false does not go with the capability CAP_SYS_ADMIN"


def profiles(context: Any, path: str) -> Iterator[Problem]:
    """Profiles of seccomp and AppArmor, of a pod or a container."""
    for name in ("seccompProfile", "appArmorProfile"):
        profile = at(context, name)
        if not isinstance(profile, Mapping):
            continue
        here, kind = f"{path}.{name}.localhostProfile", profile.get("type")
        local = profile.get("localhostProfile")
        yield from forms.choice(kind, ("Localhost", "RuntimeDefault", "Unconfined"), f"{path}.{name}.type")
        if kind == "Localhost" and local in (None, ""):
            yield here, "missing: the type Localhost needs it"
        elif kind != "Localhost" and isinstance(kind, str) and local is not None:
            yield here, "only with the type Localhost"
        elif name == "seccompProfile":
            yield from forms.relative(local, here)


def _mounts(container: Values, path: str, around: Surroundings) -> Iterator[Problem]:
    mounted: set[str] = set()
    for here, mount in each(container.get("volumeMounts"), f"{path}.volumeMounts"):
        mounted.add(str(mount.get("name")))
        where = mount.get("mountPath")
        if where == "":
            yield f"{here}.mountPath", "empty; give the path at which the volume is to be seen"
        yield from forms.relative(mount.get("subPath"), f"{here}.subPath")
        yield from forms.relative(mount.get("subPathExpr"), f"{here}.subPathExpr")
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield f"{here}.subPathExpr", "give either subPath or subPathExpr"
        yield from forms.choice(mount.get("mountPropagation"), _PROPAGATION, f"{here}.mountPropagation")
        privileged = at(container, "securityContext", "privileged")
        if mount.get("mountPropagation") == "Bidirectional" and privileged in (None, False):
            yield f"{here}.mountPropagation", "Bidirectional is for privileged containers only"
    devices: set[str] = set()
    for here, device in each(container.get("volumeDevices"), f"{path}.volumeDevices"):
        name, place = device.get("name"), device.get("devicePath")
        if place == "":
            yield f"{here}.devicePath", "empty; give the path of the device"
        yield from forms.no_backsteps(place, f"{here}.devicePath")
        if isinstance(place, str) and place in devices:
            yield f"{here}.devicePath", f"'{place}' is used twice"
        devices.add(str(place))
        if not isinstance(name, str) or around.volumes is None:
            continue
        volume = around.volumes.get(name)
        if volume is None:
            known = ", ".join(sorted(around.volumes)) or "none"
            yield f"{here}.name", f"no volume '{name}' in this pod; its volumes: {known}"
        elif set(volume) - {"name"} and not any(kind in volume for kind in _BLOCK):
            yield f"{here}.name", f"the volume '{name}' is no claim; only a claim can be a device"
        if name in mounted:
            yield f"{here}.name", f"the volume '{name}' is mounted, too; it is a device or a file system"


def init_problems(container: Values, path: str) -> Iterator[Problem]:
    """One that ends before the pod starts has nothing to probe; a sidecar (restartPolicy Always) has."""
    restart = container.get("restartPolicy")
    if restart is not None and restart not in ("Never", "OnFailure"):
        return
    for name in (*_PROBES, "lifecycle"):
        if isinstance(container.get(name), Mapping):
            yield f"{path}.{name}", "only an init container with restartPolicy: Always may have it"


def downward_items(value: Any, path: str) -> Iterator[Problem]:
    """Files that tell a pod about itself."""
    for here, item in each(value, path):
        yield from forms.needed(item, ("path",), here)
        yield from forms.file_path(item.get("path"), f"{here}.path")
        yield from forms.one_of(item, ("fieldRef", "resourceFieldRef"), here)
        yield from field(at(item, "fieldRef", "fieldPath"), f"{here}.fieldRef.fieldPath", VOLUME_FIELDS)
        where = f"{here}.resourceFieldRef"
        yield from resource_field(at(item, "resourceFieldRef", "resource"), f"{where}.resource")
        if isinstance(item.get("resourceFieldRef"), Mapping):
            yield from forms.needed(item["resourceFieldRef"], ("containerName",), where)


def key_items(value: Any, path: str) -> Iterator[Problem]:
    """Keys that become files."""
    for here, item in each(value, path):
        yield from forms.needed(item, ("key", "path"), here)
        yield from forms.file_path(item.get("path"), f"{here}.path")
        mode = item.get("mode")
        if isinstance(mode, int) and not 0 <= mode <= 0o777:
            yield f"{here}.mode", f"{mode}; must be 0 to 511"


def names_of(value: Any) -> frozenset[str] | None:
    """The names in a list of objects; None where one is not known."""
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(at(one, "name"), str) for one in value):
        return None
    return frozenset(one["name"] for one in value)
