"""Priorities of work: who goes first in the queue, and whose pods stay when a node is short."""

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.names import K8sName
from bedplate.queueing.handles import KueueHandle
from bedplate.queueing.objects import built_in, kueue_object

# Above it are the cluster's own classes, system-cluster-critical from 2,000,000,000 on.
# https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ (from memory)
_HIGHEST = 1_000_000_000
_LOWEST = -_HIGHEST


class Priority(Args):
    """A class of priority, for pods and for queued work alike.

    Attributes:
        name: Its name.
        value: Higher goes first. At most 1,000,000,000, below all that the cluster itself needs.
        evicts: Whether its pods push others off a node; off by default, since the queue decides that for
            whole jobs, and a job that loses one pod loses all its work since the last checkpoint.
        default: Whether pods that name no class get it; off by default.
        description: What it is for.
    """

    name: K8sName
    value: int = Field(ge=_LOWEST, le=_HIGHEST)
    evicts: bool = False
    default: bool = False
    description: str = Field(default="", max_length=2048)

    @model_validator(mode="after")
    def _check(self) -> "Priority":
        problems = Problems("Priority")
        if self.name.startswith("system-"):
            problems.add(
                "name",
                f"{self.name!r} begins with system-, which Kubernetes keeps for its own; allowed: other "
                "names; rename it",
            )
        problems.raise_if_any()
        return self


_USUAL = (
    Priority(name="batch", value=1_000, description="Training and evaluation that may wait and be evicted."),
    Priority(name="interactive", value=10_000, description="Somebody waits: notebooks and short trials."),
    Priority(
        name="production-inference",
        value=100_000,
        evicts=True,
        description="Models that serve users; they take their nodes back from everything else.",
    ),
)


class TrainingPrioritiesArgs(Args):
    """Arguments of TrainingPriorities.

    Attributes:
        priorities: The classes; batch, interactive and production-inference by default.
        queues: Kueue, where queued work is to have the same classes; none by default.
    """

    priorities: tuple[Priority, ...] = _USUAL
    queues: KueueHandle | None = None

    @model_validator(mode="after")
    def _check(self) -> "TrainingPrioritiesArgs":
        problems = Problems("TrainingPrioritiesArgs")
        names = [one.name for one in self.priorities]
        if not names:
            problems.add("priorities", "none given; allowed: one or more; name them or leave the field out")
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("priorities", f"{name!r} is given twice; names are unique; rename one")
        defaults = [one.name for one in self.priorities if one.default]
        if len(defaults) > 1:
            problems.add(
                "priorities",
                f"{' and '.join(defaults)} are each the default, and there is one; set default for one only",
            )
        problems.raise_if_any()
        return self


class TrainingPriorities(pulumi.ComponentResource):
    """PriorityClasses, and Kueue's WorkloadPriorityClasses of the same names and values."""

    names: pulumi.Output[list[str]]
    """The classes, from the lowest to the highest."""
    after: tuple[pulumi.Resource, ...]
    """What work that names a class waits for."""

    def __init__(
        self, name: str, args: TrainingPrioritiesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:TrainingPriorities", name, None, opts)
        made: list[pulumi.Resource] = []
        for one in args.priorities:
            made.append(
                built_in(
                    k8s.scheduling.v1.PriorityClass,
                    self,
                    child(name, one.name),
                    object_name=one.name,
                    value=one.value,
                    global_default=one.default,
                    preemption_policy="PreemptLowerPriority" if one.evicts else "Never",
                    description=one.description,
                )
            )
            if args.queues is not None:
                made.append(
                    kueue_object(
                        self,
                        child(name, f"{one.name}-work"),
                        kind="WorkloadPriorityClass",
                        object_name=one.name,
                        top={"value": one.value, "description": one.description},
                        after=args.queues.after,
                    )
                )
        self.after = tuple(made)
        self.names = pulumi.Output.from_input(
            [one.name for one in sorted(args.priorities, key=lambda one: one.value)]
        )
        self.register_outputs({"names": self.names})
