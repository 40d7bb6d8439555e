"""Kueue's controller: its configuration, and the values of its chart."""

from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, model_validator

from bedplate.catalog import image
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sName

# apis/config/v1beta2/configuration_types.go, Integrations (Kueue v0.17.0)
Framework = Literal[
    "batch/job",
    "jobset.x-k8s.io/jobset",
    "trainer.kubeflow.org/trainjob",
    "kubeflow.org/pytorchjob",
    "kubeflow.org/mpijob",
    "kubeflow.org/jaxjob",
    "ray.io/rayjob",
    "ray.io/raycluster",
    "ray.io/rayservice",
    "leaderworkerset.x-k8s.io/leaderworkerset",
    "pod",
    "deployment",
    "statefulset",
]
PreemptionStrategy = Literal["LessThanOrEqualToFinalShare", "LessThanInitialShare"]


class WaitForPodsReady(Args):
    """What becomes of work whose pods do not all come up.

    Attributes:
        timeout_seconds: Admitted work that is not wholly up after this goes back into the queue; half an hour
            by default, in which an autoscaler can bring GPU nodes and images are pulled.
        recovery_timeout_seconds: The same after a pod was lost; 10 minutes by default, 0 for never.
        block_admission: Whether nothing else is admitted while pods come up; off by default.
        requeue_by: Whether evicted work goes to the end of the queue (Eviction) or to its old place
            (Creation); to the end by default.
        backoff_limit: Evictions after which work is given up; never by default.
        backoff_base_seconds: The first wait before it is tried again; it doubles each time. 60 by default.
        backoff_max_seconds: The longest wait; 3600 by default.
    """

    timeout_seconds: int = Field(default=1800, ge=30)
    recovery_timeout_seconds: int = Field(default=600, ge=0)
    block_admission: bool = False
    requeue_by: Literal["Eviction", "Creation"] = "Eviction"
    backoff_limit: int | None = Field(default=None, ge=0)
    backoff_base_seconds: int = Field(default=60, ge=1)
    backoff_max_seconds: int = Field(default=3600, ge=1)

    @model_validator(mode="after")
    def _check(self) -> "WaitForPodsReady":
        problems = Problems("WaitForPodsReady")
        if self.backoff_max_seconds < self.backoff_base_seconds:
            problems.add(
                "backoff_max_seconds",
                f"{self.backoff_max_seconds} is below backoff_base_seconds "
                f"{self.backoff_base_seconds}; raise it",
            )
        problems.raise_if_any()
        return self

    def manifest(self) -> dict[str, object]:
        strategy: dict[str, object] = {
            "timestamp": self.requeue_by,
            "backoffBaseSeconds": self.backoff_base_seconds,
            "backoffMaxSeconds": self.backoff_max_seconds,
        }
        if self.backoff_limit is not None:
            strategy["backoffLimitCount"] = self.backoff_limit
        return {
            "timeout": f"{self.timeout_seconds}s",
            "recoveryTimeout": f"{self.recovery_timeout_seconds}s",
            "blockAdmission": self.block_admission,
            "requeuingStrategy": strategy,
        }


class AdmissionFairSharing(Args):
    """Work of who used less lately goes first.

    Attributes:
        half_life_hours: After this, past use counts half; a week by default.
        sampling_seconds: How often use is measured; 300 by default.
    """

    half_life_hours: float = Field(default=168, gt=0)
    sampling_seconds: int = Field(default=300, ge=1)


def _strategies(given: tuple[PreemptionStrategy, ...]) -> tuple[PreemptionStrategy, ...]:
    if len(set(given)) < len(given) or given == ("LessThanInitialShare", "LessThanOrEqualToFinalShare"):
        raise ValueError(
            f"{', '.join(given)} is no list that Kueue takes; allowed: either strategy, or "
            "LessThanOrEqualToFinalShare and then LessThanInitialShare; reorder it"
        )
    return given


class KueueControllerArgs(Args):
    """Kueue's controller.

    Attributes:
        frameworks: The kinds of work that go through queues. Pods, Deployments and StatefulSets are not among
            them by default: of these, everything in a team's namespaces would wait for quota, services too. A
            kind whose definition is missing is watched for until it comes.
        wait_for_pods_ready: What becomes of work whose pods do not all come up; None leaves it alone.
        fair_sharing: How a cohort's idle quota is shared by weight; an empty list for first come, first
            served.
        admission_fair_sharing: Order by past use, for the teams with `usage_based`; off by default.
        exclude_resource_prefixes: Resources that are not counted. Work that asks for anything else that its
            queue has no quota of never starts; by default local disk and huge pages are not counted, which
            jobs with a fabric ask for.
        replicas: 2 by default, one of which leads.
        cpu: Cores that each has; 2 by default.
        memory_mib: Memory that each has; 1024 by default.
        priority_class: "system-cluster-critical" by default: while it is away no job can be made.
        service_monitor: Whether Prometheus' operator, which must be there, is told to scrape it; on by
            default. Quota and usage are among the metrics, as the alerts about queues need.
        prometheus_namespace: Where Prometheus runs; "monitoring" by default.
        cert_manager: Whether cert-manager, which must be there, makes the webhooks' certificates; Kueue makes
            its own by default.
        keep_finished_hours: How long the record of finished work is kept; a week by default.
        feature_gates: Kueue's feature gates; its own defaults otherwise.
        log_level: 2 by default; higher says more.
    """

    frameworks: tuple[Framework, ...] = Field(
        default=(
            "batch/job",
            "jobset.x-k8s.io/jobset",
            "trainer.kubeflow.org/trainjob",
            "kubeflow.org/pytorchjob",
        ),
        min_length=1,
    )
    wait_for_pods_ready: WaitForPodsReady | None = WaitForPodsReady()
    fair_sharing: Annotated[tuple[PreemptionStrategy, ...], AfterValidator(_strategies)] = (
        "LessThanOrEqualToFinalShare",
        "LessThanInitialShare",
    )
    admission_fair_sharing: AdmissionFairSharing | None = None
    exclude_resource_prefixes: tuple[str, ...] = ("ephemeral-storage", "hugepages-")
    replicas: int = Field(default=2, ge=1, le=5)
    cpu: float = Field(default=2, gt=0)
    memory_mib: int = Field(default=1024, ge=512)
    priority_class: K8sName = "system-cluster-critical"
    service_monitor: bool = True
    prometheus_namespace: K8sName = "monitoring"
    cert_manager: bool = False
    keep_finished_hours: float = Field(default=168, ge=0)
    feature_gates: dict[str, bool] = Field(default_factory=dict)
    log_level: int = Field(default=2, ge=0, le=10)

    @model_validator(mode="after")
    def _check(self) -> "KueueControllerArgs":
        problems = Problems("KueueControllerArgs")
        if len(set(self.frameworks)) < len(self.frameworks):
            problems.add("frameworks", "one of them is given twice, which Kueue refuses; remove it")
        for prefix in self.exclude_resource_prefixes:
            if prefix in ("", "cpu", "memory"):
                problems.add(
                    "exclude_resource_prefixes",
                    f"{prefix!r} would leave quota uncounted; allowed: prefixes of resources without quota; "
                    "remove it",
                )
        problems.raise_if_any()
        return self


def controller_config(
    args: KueueControllerArgs, *, namespaces: tuple[str, ...], require_queue: bool
) -> dict[str, object]:
    """Kueue's `Configuration`. Work outside of `namespaces` is none of its business."""
    config: dict[str, object] = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        "metrics": {"bindAddress": ":8443", "enableClusterQueueResources": True},
        "webhook": {"port": 9443},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "clientConnection": {"qps": 50, "burst": 100},
        "manageJobsWithoutQueueName": require_queue,
        "managedJobsNamespaceSelector": {
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
            ]
        },
        "integrations": {"frameworks": list(args.frameworks)},
        "resources": {"excludeResourcePrefixes": list(args.exclude_resource_prefixes)},
        "objectRetentionPolicies": {
            "workloads": {"afterFinished": f"{round(args.keep_finished_hours * 3600)}s"}
        },
    }
    if args.cert_manager:
        config["internalCertManagement"] = {"enable": False}
    if args.wait_for_pods_ready is not None:
        config["waitForPodsReady"] = args.wait_for_pods_ready.manifest()
    if args.fair_sharing:
        config["fairSharing"] = {"preemptionStrategies": list(args.fair_sharing)}
    if args.admission_fair_sharing is not None:
        config["admissionFairSharing"] = {
            "usageHalfLifeTime": f"{round(args.admission_fair_sharing.half_life_hours * 3600)}s",
            "usageSamplingInterval": f"{args.admission_fair_sharing.sampling_seconds}s",
        }
    return config


def chart_values(
    args: KueueControllerArgs, *, namespaces: tuple[str, ...], require_queue: bool, topology: bool
) -> dict[str, object]:
    """The values of Kueue's chart, version 0.17.0."""
    pin = image("kueue")
    resources = {"cpu": f"{round(args.cpu * 1000)}m", "memory": f"{args.memory_mib}Mi"}
    gates = {"TopologyAwareScheduling": topology, **args.feature_gates}
    config = controller_config(args, namespaces=namespaces, require_queue=require_queue)
    return {
        "enablePrometheus": args.service_monitor,
        "enableCertManager": args.cert_manager,
        "controllerManager": {
            "replicas": args.replicas,
            "featureGates": [{"name": name, "enabled": on} for name, on in sorted(gates.items())],
            "manager": {
                "priorityClassName": args.priority_class,
                "image": {
                    "repository": pin.repository,
                    "tag": pin.version,
                    "pullPolicy": "IfNotPresent",
                },
                "logLevel": args.log_level,
                "resources": {"requests": resources, "limits": resources},
            },
            "podDisruptionBudget": {"enabled": args.replicas > 1, "minAvailable": 1},
        },
        "managerConfig": {"controllerManagerConfigYaml": yaml.safe_dump(config, sort_keys=False)},
        "metrics": {"prometheusNamespace": args.prometheus_namespace},
    }
