"""Kubeflow Trainer: training jobs that name a runtime, made from the cluster's pools."""

from dataclasses import dataclass

import pulumi
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sName
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.queueing.handles import PREFERRED_TOPOLOGY, KueueHandle
from bedplate.queueing.jobset import JobSetHandle
from bedplate.queueing.objects import ingress_rules
from bedplate.queueing.runtimes import TrainingRuntime, runtime_spec

__all__ = ["KubeflowTrainer", "KubeflowTrainerArgs", "TrainerHandle", "TrainingRuntime"]


@dataclass(frozen=True, kw_only=True)
class TrainerHandle:
    """Kubeflow Trainer in a cluster.

    Attributes:
        namespace: The controller's.
        runtimes: The ClusterTrainingRuntimes' names by pool, for `spec.runtimeRef` of a TrainJob.
        after: What a TrainJob waits for.
    """

    namespace: str
    runtimes: dict[str, str]
    after: tuple[pulumi.Resource, ...] = ()


class KubeflowTrainerArgs(Args):
    """Arguments of KubeflowTrainer.

    Attributes:
        cluster: The cluster, whose pools the runtimes are for.
        jobset: JobSet, of which the trainer makes its jobs.
        queues: Kueue, where its topology is to be used; none by default.
        runtimes: One for each pool that jobs are to train on; none by default.
        namespace: Of the controller, made here; "kubeflow-system" by default.
        replicas: 2 by default, one of which leads.
        cpu: Cores that each has; 0.5 by default.
        memory_mib: Memory that each has; 512 by default.
        reserve_percent: As in KueueQueues: what a pod leaves of its node; 8 by default.
        after: What must be there before.
    """

    cluster: KubernetesHandle
    jobset: JobSetHandle
    queues: KueueHandle | None = None
    runtimes: tuple[TrainingRuntime, ...] = ()
    namespace: K8sName = "kubeflow-system"
    replicas: int = Field(default=2, ge=1, le=5)
    cpu: float = Field(default=0.5, gt=0)
    memory_mib: int = Field(default=512, ge=128)
    reserve_percent: float = Field(default=8, ge=0, lt=100)
    after: tuple[pulumi.Resource, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "KubeflowTrainerArgs":
        problems = Problems("KubeflowTrainerArgs")
        known = {pool.name: pool for pool in self.cluster.pools}
        names = [runtime.object_name for runtime in self.runtimes]
        for at, runtime in enumerate(self.runtimes):
            if names.count(runtime.object_name) > 1:
                problems.add(
                    f"runtimes[{at}].name",
                    f"{runtime.object_name!r} is given twice; names are unique; rename",
                )
            if runtime.pool not in known:
                problems.add(
                    f"runtimes[{at}].pool",
                    f"{runtime.pool!r} is no pool of {self.cluster.name}; allowed: "
                    f"{', '.join(known) or 'none'}; correct the name",
                )
                continue
            for field, reason in runtime.problems_on(known[runtime.pool]):
                problems.add(f"runtimes[{at}].{field}", reason)
        problems.raise_if_any()
        return self


class KubeflowTrainer(pulumi.ComponentResource):
    """Kubeflow Trainer's controller, and a ClusterTrainingRuntime for each pool that is trained on."""

    handle: TrainerHandle
    runtime_names: pulumi.Output[list[str]]
    """The names of the runtimes."""

    def __init__(
        self, name: str, args: KubeflowTrainerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:KubeflowTrainer", name, None, opts)
        home = namespace(self, child(name, "namespace"), object_name=args.namespace, after=args.after)
        # The webhook, the metrics and the status server.
        rules = ingress_rules(
            self, child(name, "ingress"), namespace=args.namespace, ports=(9443, 8443, 10443), after=[home]
        )
        installed = release(
            self,
            child(name, "trainer"),
            chart_name="kubeflow-trainer",
            namespace=args.namespace,
            values=trainer_values(args),
            after=[home, *rules, *args.jobset.after, *args.after],
        )
        made = [
            custom_object(
                self,
                child(name, f"runtime-{runtime.object_name}"),
                api_version="trainer.kubeflow.org/v1alpha1",
                kind="ClusterTrainingRuntime",
                object_name=runtime.object_name,
                spec=runtime_spec(
                    runtime,
                    args.cluster.pool(runtime.pool),
                    reserve_percent=args.reserve_percent,
                    annotations=_close(args.queues, runtime.pool),
                ),
                labels={"trainer.kubeflow.org/framework": "torch"},
                after=[installed],
            )
            for runtime in args.runtimes
        ]
        runtimes = {runtime.pool: runtime.object_name for runtime in args.runtimes}
        self.handle = TrainerHandle(namespace=args.namespace, runtimes=runtimes, after=(installed, *made))
        self.runtime_names = pulumi.Output.from_input([one.object_name for one in args.runtimes])
        self.register_outputs({"runtime_names": self.runtime_names})


def _close(queues: KueueHandle | None, pool: str) -> dict[str, str]:
    """The annotation that keeps the pods of a job close, where Kueue knows the topology of the pool."""
    if queues is None or pool not in queues.placed_pools or len(queues.topology_levels) < 2:
        return {}
    return {PREFERRED_TOPOLOGY: queues.topology_levels[-2]}


def trainer_values(args: KubeflowTrainerArgs) -> dict[str, object]:
    """The values of the trainer's chart, version 2.2.0. JobSet is installed on its own, once."""
    resources = {"cpu": f"{round(args.cpu * 1000)}m", "memory": f"{args.memory_mib}Mi"}
    return {
        "jobset": {"install": False},
        "manager": {
            "replicas": args.replicas,
            "resources": {"requests": resources, "limits": resources},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }
