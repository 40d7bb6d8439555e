"""Teams and cohorts: who has how much quota, and how it moves between them."""

from typing import Literal

from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import PodSecurity
from bedplate.queueing.quota import PoolQuota

StopPolicy = Literal["None", "Hold", "HoldAndDrain"]
# Jobs without a queue go to the LocalQueue of this name (Kueue v0.17.0, LocalQueueDefaulting, always on).
DEFAULT_QUEUE = "default"


class Preemption(Args):
    """Whose running work may be evicted for waiting work.

    Attributes:
        within_queue: In the own queue; work of lower priority by default.
        reclaim_within_cohort: Of those who borrowed from the queue's quota; any of it by default, so that a
            team gets its own quota at once.
        borrow_within_cohort: Of others for work that has to borrow itself; never by default. Not with fair
            sharing.
        borrow_max_priority: Such work is evicted only up to this priority; without limit by default.
    """

    within_queue: Literal["Never", "LowerPriority", "LowerOrNewerEqualPriority"] = "LowerPriority"
    reclaim_within_cohort: Literal["Never", "LowerPriority", "Any"] = "Any"
    borrow_within_cohort: Literal["Never", "LowerPriority"] = "Never"
    borrow_max_priority: int | None = None

    @model_validator(mode="after")
    def _check(self) -> "Preemption":
        problems = Problems("Preemption")
        if self.borrow_within_cohort != "Never" and self.reclaim_within_cohort == "Never":
            problems.add(
                "borrow_within_cohort",
                f"{self.borrow_within_cohort} while reclaim_within_cohort is Never, which Kueue refuses; "
                "allowed: Never; set reclaim_within_cohort as well",
            )
        if self.borrow_max_priority is not None and self.borrow_within_cohort == "Never":
            problems.add(
                "borrow_max_priority",
                f"{self.borrow_max_priority} while borrow_within_cohort is Never, where it has no effect; "
                "allowed: none; set borrow_within_cohort to LowerPriority or leave it out",
            )
        problems.raise_if_any()
        return self

    def manifest(self) -> dict[str, object]:
        borrow: dict[str, object] = {"policy": self.borrow_within_cohort}
        if self.borrow_max_priority is not None:
            borrow["maxPriorityThreshold"] = self.borrow_max_priority
        return {
            "withinClusterQueue": self.within_queue,
            "reclaimWithinCohort": self.reclaim_within_cohort,
            "borrowWithinCohort": borrow,
        }


class FlavorFungibility(Args):
    """Whether work tries the team's next pool before it borrows or evicts in one.

    Attributes:
        when_can_borrow: Where borrowing would do; it stays by default.
        when_can_preempt: Where evicting would do; it tries the next pool by default.
        preference: What is better where all pools were tried; borrowing unless given. Both others must then
            be TryNextFlavor.
    """

    when_can_borrow: Literal["MayStopSearch", "TryNextFlavor"] = "MayStopSearch"
    when_can_preempt: Literal["MayStopSearch", "TryNextFlavor"] = "TryNextFlavor"
    preference: Literal["BorrowingOverPreemption", "PreemptionOverBorrowing"] | None = None

    @model_validator(mode="after")
    def _check(self) -> "FlavorFungibility":
        problems = Problems("FlavorFungibility")
        both = {self.when_can_borrow, self.when_can_preempt} == {"TryNextFlavor"}
        if self.preference is not None and not both:
            problems.add(
                "preference",
                f"{self.preference} needs when_can_borrow and when_can_preempt to be TryNextFlavor; "
                f"set both or "
                "leave it out",
            )
        problems.raise_if_any()
        return self

    def manifest(self) -> dict[str, object]:
        preference = {} if self.preference is None else {"preference": self.preference}
        return {
            "whenCanBorrow": self.when_can_borrow,
            "whenCanPreempt": self.when_can_preempt,
            **preference,
        }


class AdmissionCheck(Args):
    """Something else that must agree before work is admitted.

    Attributes:
        name: Its name.
        controller: Who decides: "provisioning-request" asks the cluster autoscaler for all nodes at once.
        provisioning_class: The autoscaler's class for it, such as check-capacity.kubernetes.io.
        pools: The pools that it is asked for; all by default.
    """

    name: K8sName
    controller: Literal["provisioning-request", "multikueue"] = "provisioning-request"
    provisioning_class: K8sName = "check-capacity.kubernetes.io"
    pools: tuple[K8sName, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "AdmissionCheck":
        problems = Problems("AdmissionCheck")
        if self.controller == "multikueue":
            problems.add(
                "controller",
                "multikueue hands work to other clusters, whose access Bedplate does not set up; allowed: "
                "provisioning-request; give each cluster queues of its own",
            )
        problems.raise_if_any()
        return self


class Cohort(Args):
    """Queues that lend each other what they do not use; cohorts may stand in cohorts.

    Attributes:
        name: Its name.
        parent: The cohort that it borrows from and lends to; none by default.
        weight: Its share of idle quota beside its siblings; 1 by default. Needs fair sharing.
        shared: Quota of its own that any of its members may borrow; none by default.
    """

    name: K8sName
    parent: K8sName | None = None
    weight: float = Field(default=1, ge=0, le=1000)
    shared: tuple[PoolQuota, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Cohort":
        problems = Problems("Cohort")
        if self.parent == self.name:
            problems.add("parent", f"{self.name} is its own parent; allowed: another cohort; correct it")
        if self.parent is None:
            for index, quota in enumerate(self.shared):
                _no_limits(problems, f"shared[{index}]", quota, "the cohort has no parent")
        _once_per_pool(problems, "shared", self.shared)
        problems.raise_if_any()
        return self


class TeamQueue(Args):
    """A team's namespaces, its quota, and the queue in front of it.

    Attributes:
        name: The team's name; also that of its ClusterQueue.
        quotas: What it has of which pools, in the order in which work tries them.
        namespaces: Where its work runs; one of the team's name by default. They are told apart from others by
            name, so that no label can let a stranger in.
        make_namespaces: Whether they are made; on by default.
        pod_security: What their pods may do; "restricted" by default.
        groups: Groups of users who may run work there; none by default.
        cohort: The cohort that it borrows from and lends to; none by default.
        weight: Its share of idle quota in the cohort; 1 by default. Needs fair sharing.
        default_queue: Whether jobs of its namespaces that name no queue go to this one; on by default.
        strategy: StrictFIFO lets older work that does not fit block newer work; BestEffortFIFO by default.
        preemption: Whose running work may be evicted.
        fungibility: Whether work tries the next pool before it borrows or evicts.
        admission_checks: The names of checks that its work must pass; none by default.
        usage_based: Whether work of who used less lately goes first; off by default. Needs
            `admission_fair_sharing` of the controller.
        stop_policy: Hold admits nothing more; HoldAndDrain evicts what runs, too. That of all queues by
            default.
        backstop: Whether a ResourceQuota keeps pods that go round the queue from more than the team could
            ever get; on by default.
        priority_class: The WorkloadPriorityClass of work that names none; none by default.
    """

    name: K8sLabel
    quotas: tuple[PoolQuota, ...]
    namespaces: tuple[K8sLabel, ...] = ()
    make_namespaces: bool = True
    pod_security: PodSecurity = "restricted"
    groups: tuple[str, ...] = ()
    cohort: K8sName | None = None
    weight: float = Field(default=1, ge=0, le=1000)
    default_queue: bool = True
    strategy: Literal["StrictFIFO", "BestEffortFIFO"] = "BestEffortFIFO"
    preemption: Preemption = Preemption()
    fungibility: FlavorFungibility = FlavorFungibility()
    admission_checks: tuple[K8sName, ...] = ()
    usage_based: bool = False
    stop_policy: StopPolicy | None = None
    backstop: bool = True
    priority_class: K8sName | None = None

    @model_validator(mode="after")
    def _check(self) -> "TeamQueue":
        problems = Problems("TeamQueue")
        # ClusterQueue, spec.resourceGroups[].flavors (Kueue v0.17.0)
        if not 1 <= len(self.quotas) <= 64:
            problems.add(
                "quotas",
                f"{len(self.quotas)} given; allowed: 1 to 64; say what of which pools team {self.name} has",
            )
        _once_per_pool(problems, "quotas", self.quotas)
        if self.cohort is None:
            for index, quota in enumerate(self.quotas):
                _no_limits(problems, f"quotas[{index}]", quota, f"team {self.name} has no cohort")
        for group in self.groups:
            if group.startswith("system:"):
                problems.add(
                    "groups",
                    f"{group!r} is one of Kubernetes' own groups, which may hold everybody; allowed: groups "
                    "of your identity provider; name the team's",
                )
        if len(set(self.namespaces)) < len(self.namespaces):
            problems.add("namespaces", "one of them is given twice; remove it")
        problems.raise_if_any()
        return self

    @property
    def namespace_names(self) -> tuple[str, ...]:
        return self.namespaces or (self.name,)

    @property
    def queue_name(self) -> str:
        """The name of its LocalQueues."""
        return DEFAULT_QUEUE if self.default_queue else self.name


def _once_per_pool(problems: Problems, field: str, quotas: tuple[PoolQuota, ...]) -> None:
    names = [quota.pool for quota in quotas]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(field, f"pool {name} is given twice; one entry per pool; add them up")


def _no_limits(problems: Problems, path: str, quota: PoolQuota, why: str) -> None:
    for field in ("borrowing_limit", "lending_limit"):
        value: int | None = getattr(quota, field)
        if value is not None:
            problems.add(
                f"{path}.{field}",
                f"{value}, and {why}, so that there is nobody to borrow from or lend to; allowed: none; name "
                "one or leave the limit out",
            )
