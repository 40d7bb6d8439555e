"""Pods wherever they are written: in Kubernetes' own kinds, and in those that train and serve models."""

from collections.abc import Iterator

from bedplate_policies.checks import POD_TYPES, BuiltCheck, all_of, for_each, pod_check
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Check, Config, Finding, Option
from bedplate_policies.value import UNKNOWN

# Kinds that make pods and have no class in the SDK: programs write them as custom resources.
_RAY = ("headGroupSpec.template.spec", "workerGroupSpecs[].template.spec")
MODEL_PODS: dict[str, tuple[str, ...]] = {
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": ("spec.replicatedJobs[].template.spec.template.spec",),
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": (
        "spec.leaderWorkerTemplate.leaderTemplate.spec",
        "spec.leaderWorkerTemplate.workerTemplate.spec",
    ),
    "kubernetes:ray.io/v1:RayCluster": tuple(f"spec.{path}" for path in _RAY),
    "kubernetes:ray.io/v1:RayJob": (
        *(f"spec.rayClusterSpec.{path}" for path in _RAY),
        "spec.submitterPodTemplate.spec",
    ),
    "kubernetes:ray.io/v1:RayService": tuple(f"spec.rayClusterConfig.{path}" for path in _RAY),
    "kubernetes:kubeflow.org/v1:PyTorchJob": tuple(
        f"spec.pytorchReplicaSpecs.{role}.template.spec" for role in ("Master", "Worker")
    ),
    "kubernetes:kubeflow.org/v2beta1:MPIJob": tuple(
        f"spec.mpiReplicaSpecs.{role}.template.spec" for role in ("Launcher", "Worker")
    ),
    "kubernetes:kubeflow.org/v1:Notebook": ("spec.template.spec",),
}
TYPES: tuple[str, ...] = (*POD_TYPES, *MODEL_PODS)
"""The `types` of a rule about pods."""

# Where drivers, device and network plugins, storage daemons and exporters of nodes run by default.
SYSTEM_NAMESPACES = (
    "kube-system",
    "gpu-operator",
    "kube-amd-gpu",
    "logging",
    "metallb-system",
    "monitoring-nodes",
    "nvidia-dra-driver",
    "nvidia-network-operator",
    "nvsentinel",
    "rook-ceph",
    "tigera-operator",
)

ALLOWED_NAMESPACES = Option(
    "array",
    list(SYSTEM_NAMESPACES),
    "Namespaces whose pods may do this: drivers, storage daemons and network plugins work on their node.",
)


def every_pod(check: Check) -> BuiltCheck:
    """The check on the spec of every pod, with paths relative to it."""
    plain = pod_check(check)

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        paths = MODEL_PODS.get(resource.type)
        if paths is None:
            yield from plain(resource, config)
            return
        for path in paths:
            for pod in resource.at(path):
                if pod.is_unknown:
                    yield Finding.undetermined(pod.path(""))
                else:
                    yield from check(pod, config)

    return BuiltCheck(run, plain.reads, plain.options)


def every_container(check: Check, *, init: bool = True, ephemeral: bool = True) -> BuiltCheck:
    """The check on every container of every pod; `container.parent` is the pod's spec."""
    lists = ["containers[]"]
    if init:
        lists.append("initContainers[]")
    if ephemeral:
        lists.append("ephemeralContainers[]")
    return every_pod(all_of(*(for_each(path, check) for path in lists)))


def outside_system_namespaces(check: BuiltCheck) -> BuiltCheck:
    """The check, except in the namespaces of the setting `allowed_namespaces`."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        found = list(check(resource, config))
        if not found:
            return
        namespace = resource.get("metadata.namespace")
        if namespace is UNKNOWN:
            yield Finding.undetermined("metadata.namespace")
        elif namespace not in config.strings("allowed_namespaces"):
            yield from found

    options = {**check.options, "allowed_namespaces": ALLOWED_NAMESPACES}
    return BuiltCheck(run, (*check.reads, "metadata.namespace"), options)


def setting(container: Resource, name: str) -> tuple[object, str]:
    """A setting of a container's security context, which its pod's stands in for; and where it stands."""
    own = container.get(f"securityContext.{name}")
    pod = container.parent
    if own or own is False or own == 0 or own is UNKNOWN or pod is None:
        return own, container.path(f"securityContext.{name}")
    return pod.get(f"securityContext.{name}"), container.path(f"securityContext.{name}")
