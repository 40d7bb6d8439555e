"""Checks of pods, wherever Kubernetes lets one be written."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.basic import BuiltCheck, options_of, reads_of
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Check, Config, Finding
from bedplate_policies.value import MISSING

# Where the pod's spec stands in each kind that has one.
_TEMPLATE = "spec.template.spec"
POD_PATHS: dict[str, str] = {
    "kubernetes:core/v1:Pod": "spec",
    "kubernetes:core/v1:PodTemplate": "template.spec",
    "kubernetes:core/v1:ReplicationController": _TEMPLATE,
    "kubernetes:apps/v1:Deployment": _TEMPLATE,
    "kubernetes:apps/v1:StatefulSet": _TEMPLATE,
    "kubernetes:apps/v1:DaemonSet": _TEMPLATE,
    "kubernetes:apps/v1:ReplicaSet": _TEMPLATE,
    "kubernetes:batch/v1:Job": _TEMPLATE,
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
}
POD_TYPES: tuple[str, ...] = tuple(POD_PATHS)
"""The `types` of a rule about pods."""

POD = "{pod}"
"""Stands in `reads` for the place of the pod's spec, which differs by type."""

_CONTAINERS = ("containers[]", "initContainers[]", "ephemeralContainers[]")


def expand_read(read: str, type: str) -> str:
    """A path of `reads` as it is on one type."""
    return read.replace(POD, POD_PATHS.get(type, "spec"))


def pod_check(check: Check) -> BuiltCheck:
    """The check on the pod's spec, with paths relative to it."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for pod in pods_of(resource):
            if pod.is_unknown:
                yield Finding.undetermined(pod.path(""))
            else:
                yield from check(pod, config)

    reads = tuple(f"{POD}.{read}" for read in reads_of(check)) or (POD,)
    return BuiltCheck(run, reads, options_of(check))


def container_check(check: Check, *, ephemeral: bool = True, init: bool = True) -> BuiltCheck:
    """The check on every container, init container and ephemeral container of the pod.

    Paths are relative to the container; `container.parent` is the pod's spec.
    """
    lists = ["containers[]"]
    if init:
        lists.append("initContainers[]")
    if ephemeral:
        lists.append("ephemeralContainers[]")

    def run(pod: Resource, config: Config) -> Iterator[Finding]:
        for path in lists:
            for container in pod.at(path):
                if container.is_unknown:
                    yield Finding.undetermined(container.path(""))
                else:
                    yield from check(container, config)

    inner = tuple(f"{path}.{read}" for path in lists for read in reads_of(check)) or tuple(lists)
    return pod_check(BuiltCheck(run, inner, options_of(check)))


def pods_of(resource: Resource) -> Iterator[Resource]:
    """The pod's spec in a resource, if there is one."""
    path = POD_PATHS.get(resource.type)
    if path is not None and resource.get(path) is not MISSING:
        yield from resource.at(path)
