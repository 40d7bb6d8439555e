"""Kueue: who may use the queues that hand out accelerators."""

from collections.abc import Iterator, Mapping

from bedplate_policies.checks import custom
from bedplate_policies.kubernetes.controls import kubernetes
from bedplate_policies.kubernetes.workloads import MODEL_PODS
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

QUEUE = tuple(f"kubernetes:kueue.x-k8s.io/{version}:ClusterQueue" for version in ("v1beta1", "v1beta2"))
QUEUED = (
    "kubernetes:batch/v1:Job",
    *(name for name in MODEL_PODS if name.endswith(("JobSet", "RayJob", "PyTorchJob", "MPIJob"))),
)
_QUEUE_NAME = 'metadata.labels["kueue.x-k8s.io/queue-name"]'


def _selects(resource: Resource, config: Config) -> Iterator[Finding]:
    selector = resource.get("spec.namespaceSelector")
    if selector is UNKNOWN:
        yield Finding.undetermined("spec.namespaceSelector")
    elif isinstance(selector, Mapping) and not any(selector.values()):
        yield Finding.violation(
            "spec.namespaceSelector is empty, so every namespace may use the quota", "spec.namespaceSelector"
        )


def _queued(resource: Resource, config: Config) -> Iterator[Finding]:
    name = resource.get(_QUEUE_NAME)
    if name is UNKNOWN:
        if resource.get("metadata.labels") is UNKNOWN:
            yield Finding.undetermined("metadata.labels")
    elif name in (MISSING, ""):
        yield Finding.violation(
            f"{_QUEUE_NAME} is not set: the job takes machines past the queue", _QUEUE_NAME
        )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-queue-namespaces",
        description="A queue serves the namespaces that somebody chose.",
        severity=Severity.MEDIUM,
        remediation="Set spec.namespaceSelector.matchLabels.",
        controls=(kubernetes("Kueue: Cluster Queue"),),
        types=QUEUE,
        enforcement="advisory",
        check=custom(_selects, "spec.namespaceSelector"),
    ),
    rule(
        name="kubernetes-job-queue",
        description="Jobs wait in a queue for their machines.",
        severity=Severity.LOW,
        remediation="Set the label kueue.x-k8s.io/queue-name; a Job needs nothing else.",
        controls=(kubernetes("Kueue: Run Jobs"),),
        types=QUEUED,
        enforcement="disabled",
        check=custom(_queued, "metadata.labels"),
    ),
)
