"""What a Karpenter node pool is: plain data, as an environment's file has it."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from bedplate.catalog import AwsMachine, aws_machine, aws_machines
from bedplate.cluster.nodes import RootVolumeArgs, known_machine
from bedplate.core import Args
from bedplate.core.errors import Problem, Problems
from bedplate.gpu.labels import LabelKey, LabelValue, TaintValue
from bedplate.gpu.spec import reservation_id
from bedplate.kubernetes.handles import Taint, TaintEffect
from bedplate.kubernetes.names import validate_label

CapacityType = Literal["on-demand", "spot", "reserved"]
Purpose = Literal["training", "inference", "general"]
Consolidation = Literal["WhenEmpty", "WhenEmptyOrUnderutilized", "Balanced"]
DisruptionReason = Literal["Empty", "Underutilized", "Drifted", "Unhealthy"]

# The CRD's own limits (aws/karpenter-provider-aws v1.15.1, karpenter.sh_nodepools.yaml).
_NODES = re.compile(r"(100|[0-9]{1,2})%|[0-9]+")
_SCHEDULE = re.compile(r"@(annually|yearly|monthly|weekly|daily|midnight|hourly)|\S+(\s\S+){4}")


def _nodes(value: str) -> str:
    if not _NODES.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a number of nodes; allowed: a count such as '2' or a share such as '10%' up "
            "to "
            "'100%'; correct it"
        )
    return value


def _schedule(value: str) -> str:
    if not _SCHEDULE.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a schedule; allowed: five fields of cron in UTC, such as '0 9 * * mon-fri', "
            "or "
            "@daily and the like; correct it"
        )
    return value


def _family(value: str) -> str:
    families = sorted({machine.family for machine in aws_machines()})
    if value not in families:
        raise ValueError(
            f"{value!r} is not a family of the catalogue; allowed: {', '.join(families)}; choose one of these"
        )
    return value


class KarpenterTaint(Args):
    """A taint on every node of a pool."""

    key: LabelKey
    value: TaintValue = ""
    effect: TaintEffect = "NoSchedule"

    def taint(self) -> Taint:
        """The same, as handles have it."""
        return Taint(key=self.key, value=self.value, effect=self.effect)


GPU_TAINT = KarpenterTaint(key="nvidia.com/gpu", value="true")


class DisruptionBudget(Args):
    """How many nodes Karpenter may take down of its own accord at a time; the narrowest budget counts.

    Attributes:
        nodes: A count, or a share such as "10%".
        reasons: For which reasons this holds; absent: for each.
        schedule: When it begins to hold, as cron has it, in UTC; absent: always.
        duration_minutes: How long it holds from then on.
    """

    nodes: Annotated[str, AfterValidator(_nodes)]
    reasons: tuple[DisruptionReason, ...] = ()
    schedule: Annotated[str, AfterValidator(_schedule)] | None = None
    duration_minutes: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.schedule is None) != (self.duration_minutes is None):
            problems = Problems()
            missing, given = (
                ("schedule", "duration_minutes")
                if self.schedule is None
                else ("duration_minutes", "schedule")
            )
            problems.add(missing, f"nothing given with {given}; allowed: both or neither; add it")
            problems.raise_if_any()
        return self


# Machines with running pods stay; those that are empty, drifted ones among them, go.
_TRAINING_BUDGETS = (
    DisruptionBudget(nodes="100%", reasons=("Empty",)),
    DisruptionBudget(nodes="0", reasons=("Underutilized", "Drifted")),
)
_OTHER_BUDGETS = (DisruptionBudget(nodes="10%"),)


class KarpenterPoolArgs(Args):
    """A node pool.

    Attributes:
        machines: Machines by their names in the catalogue.
        families: All machines of these families that the catalogue has and the region offers.
        purpose: What runs there. "training": nodes are removed only once they are empty and never expire.
            "inference", "general": pods may be moved to fewer nodes, 10 % of the nodes at a time.
        max_gpus: Never more GPUs than this in the pool; required for GPU machines.
        max_cpu: Never more cores; required for machines without GPU.
        max_memory_gib: Never more memory, in GiB; no limit by default.
        zones: Where machines may be; absent: every zone of the network. Exactly one for EFA.
        efa: "auto": training on machines with EFA uses it. Pods get interfaces by asking for
            vpc.amazonaws.com/efa.
        capacity_types: How machines are paid for; of several Karpenter takes reserved before spot before
            on-demand.
        allow_spot_for_efa: Whether spot machines may take part in EFA training: one interruption ends the
            job on all machines.
        capacity_reservation_ids: Reservations that "reserved" draws from.
        capacity_reservation_tags: Or those with all of these tags.
        volume: The root disk, encrypted with the cluster's key.
        max_pods: Pods of a node; absent: what its interfaces hold addresses for.
        gpu_taint: Keeps pods away that do not tolerate nvidia.com/gpu=true:NoSchedule; on GPU machines only.
        taints: Taints besides that one.
        startup_taints: Taints that a daemon set removes once the node is ready.
        labels: Labels besides the pool's own.
        consolidation: When nodes are removed; by `purpose` where absent.
        consolidate_after_seconds: How long a node must have been so before it goes.
        budgets: How many nodes at a time; by `purpose` where absent.
        expire_after_hours: Age at which a node is replaced, whatever the budgets say. Absent: never for
            training, 720 (30 days) otherwise.
        termination_grace_minutes: How long pods of a node that goes may take, whatever their disruption
            budgets say. Absent: as long as they want for training, 60 otherwise.
        weight: Pools with more weight are tried first; 1 to 100.
    """

    machines: tuple[Annotated[str, AfterValidator(known_machine)], ...] = ()
    families: tuple[Annotated[str, AfterValidator(_family)], ...] = ()
    purpose: Purpose = "training"
    max_gpus: int | None = Field(default=None, ge=1)
    max_cpu: int | None = Field(default=None, ge=1)
    max_memory_gib: int | None = Field(default=None, ge=1)
    zones: tuple[str, ...] | None = Field(default=None, min_length=1)
    efa: StrictBool | Literal["auto"] = "auto"
    capacity_types: tuple[CapacityType, ...] = Field(default=("on-demand",), min_length=1)
    allow_spot_for_efa: bool = False
    capacity_reservation_ids: tuple[Annotated[str, AfterValidator(reservation_id)], ...] = Field(
        default=(), max_length=30
    )
    capacity_reservation_tags: dict[str, str] = Field(default_factory=dict, max_length=20)
    volume: RootVolumeArgs = RootVolumeArgs(size_gib=200, throughput_mibps=500)
    max_pods: int | None = Field(default=None, ge=1, le=250)
    gpu_taint: bool = True
    taints: tuple[KarpenterTaint, ...] = ()
    startup_taints: tuple[KarpenterTaint, ...] = ()
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    consolidation: Consolidation | None = None
    consolidate_after_seconds: int = Field(default=600, ge=0)
    budgets: tuple[DisruptionBudget, ...] | None = Field(default=None, min_length=1, max_length=50)
    expire_after_hours: int | None = Field(default=None, ge=1)
    termination_grace_minutes: int | None = Field(default=None, ge=1)
    weight: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if not self.machines and not self.families:
            problems.add("machines", "nothing given, nor families; allowed: one or more; name a machine")
            problems.raise_if_any()
        problems.extend(self._kinds())
        problems.extend(self._capacity())
        problems.extend(self._limits())
        problems.extend(self._marks())
        problems.raise_if_any()
        return self

    def specs(self, region: str | None = None) -> tuple[AwsMachine, ...]:
        """The machines' rows in the catalogue, sorted by name; of families those that the region offers."""
        named = [aws_machine(name) for name in self.machines]
        of_families = [
            machine
            for machine in aws_machines()
            if machine.family in self.families and (region is None or machine.available_in(region))
        ]
        return tuple(sorted({one.name: one for one in (*named, *of_families)}.values(), key=lambda m: m.name))

    @property
    def on_gpus(self) -> bool:
        """Whether the machines have NVIDIA GPUs."""
        return all(one.accelerator is not None and one.accelerator.vendor == "nvidia" for one in self.specs())

    @property
    def uses_efa(self) -> bool:
        """Whether pods get EFA interfaces."""
        if self.efa == "auto":
            return self.purpose == "training" and all(one.fabric is not None for one in self.specs())
        return self.efa

    @property
    def placed_together(self) -> bool:
        """Whether a cluster placement group is used: reserved machines are where they are."""
        close = all(one.cluster_placement for one in self.specs())
        return self.uses_efa and close and "reserved" not in self.capacity_types

    def all_taints(self) -> tuple[KarpenterTaint, ...]:
        """The taints of the nodes, the GPU one included."""
        return (GPU_TAINT, *self.taints) if self.gpu_taint and self.on_gpus else self.taints

    def all_budgets(self) -> tuple[DisruptionBudget, ...]:
        """The budgets, those by purpose where none are given."""
        if self.budgets is not None:
            return self.budgets
        return _TRAINING_BUDGETS if self.purpose == "training" else _OTHER_BUDGETS

    def placement_problems(self, region: str, zones: tuple[str, ...]) -> Iterator[Problem]:
        """What speaks against the pool in a network of these zones, with paths relative to the pool."""
        for index, name in enumerate(self.machines):
            machine = aws_machine(name)
            if not machine.available_in(region):
                yield Problem(
                    f"machines[{index}]",
                    f"{name!r} is not offered in {region}; allowed for this machine: "
                    f"{', '.join(machine.regions) or 'none in the catalogue'}; choose another machine or "
                    "region",
                )
        for index, family in enumerate(self.families):
            if not any(one.family == family and one.available_in(region) for one in aws_machines()):
                yield Problem(
                    f"families[{index}]",
                    f"no machine of {family!r} is offered in {region}; allowed: families with one that is; "
                    "choose another family or region",
                )
        for index, zone in enumerate(self.zones or ()):
            if zone not in zones:
                yield Problem(
                    f"zones[{index}]",
                    f"{zone!r} is not among the network's zones; allowed: {', '.join(zones)}; choose one of "
                    "these or add it to the network",
                )
        if self.zones is None and self.uses_efa and len(zones) > 1:
            yield Problem(
                "zones",
                f"nothing given in a network of {len(zones)} zones: EFA traffic does not leave a zone; "
                "allowed: exactly one; name the one with capacity, or set efa to false",
            )

    def _kinds(self) -> Iterator[Problem]:
        specs = self.specs()
        models = {one.accelerator.name if one.accelerator else "no accelerator" for one in specs}
        if len(models) > 1:
            yield Problem(
                "machines",
                f"{', '.join(sorted(models))} in one pool; allowed: one model, so that a pod knows what it "
                "gets; make a pool of each",
            )
        if any(one.accelerator and one.accelerator.vendor != "nvidia" for one in specs):
            yield Problem(
                "machines",
                f"{', '.join(sorted(models))}: not an NVIDIA GPU; allowed: NVIDIA GPUs, or machines without "
                "accelerator; choose others",
            )
        if len({one.architecture for one in specs}) > 1:
            yield Problem(
                "machines",
                "x86_64 and arm64 in one pool; allowed: one architecture, since images are built for one; "
                "make "
                "a pool of each",
            )
        without = sorted(one.name for one in specs if one.fabric is None)
        if self.efa is True and without:
            yield Problem(
                "efa",
                f"true, but {', '.join(without)} has no EFA interface; allowed: false or auto; remove the "
                "line, "
                "or choose machines with EFA",
            )
        elif self.uses_efa and self.zones and len(self.zones) > 1:
            yield Problem(
                "zones",
                f"{', '.join(self.zones)}: EFA traffic does not leave a zone; allowed: exactly one; keep the "
                "one with capacity, or set efa to false",
            )
        if self.zones and len(set(self.zones)) != len(self.zones):
            yield Problem(
                "zones", f"{', '.join(self.zones)} names a zone twice; allowed: each once; remove one"
            )

    def _capacity(self) -> Iterator[Problem]:
        reservations = bool(self.capacity_reservation_ids or self.capacity_reservation_tags)
        if len(set(self.capacity_types)) != len(self.capacity_types):
            yield Problem("capacity_types", "one is given twice; allowed: each once; remove one")
        if "spot" in self.capacity_types and self.uses_efa and not self.allow_spot_for_efa:
            yield Problem(
                "capacity_types",
                "'spot' for training over EFA: one interruption ends the job on all machines; allowed: "
                "on-demand, reserved; remove spot, or set allow_spot_for_efa to true",
            )
        if "reserved" in self.capacity_types and not reservations:
            yield Problem(
                "capacity_types",
                "'reserved' without a reservation; allowed: with capacity_reservation_ids or "
                "capacity_reservation_tags; name them",
            )
        if reservations and "reserved" not in self.capacity_types:
            field = (
                "capacity_reservation_ids" if self.capacity_reservation_ids else "capacity_reservation_tags"
            )
            yield Problem(
                field, "given, but capacity_types lacks 'reserved'; allowed: with it; add it, or remove these"
            )
        for key, value in self.capacity_reservation_tags.items():
            if not key or not value:
                yield Problem(
                    "capacity_reservation_tags",
                    f"{key!r}: {value!r} is empty; allowed: a key and a value ('*' for any); fill it in",
                )

    def _limits(self) -> Iterator[Problem]:
        specs = self.specs()
        if self.on_gpus:
            smallest = min(one.accelerator.count for one in specs if one.accelerator)
            if self.max_gpus is None:
                yield Problem(
                    "max_gpus",
                    "nothing given for GPU machines; allowed: 1 or more; say how many you will pay for",
                )
            elif self.max_gpus < smallest:
                yield Problem(
                    "max_gpus",
                    f"{self.max_gpus} is less than one machine has ({smallest}), so that none would start; "
                    f"allowed: {smallest} or more; raise it, or choose smaller machines",
                )
        elif self.max_gpus is not None:
            yield Problem(
                "max_gpus", f"{self.max_gpus} for machines without GPU; allowed: nothing; remove it"
            )
        elif self.max_cpu is None:
            yield Problem(
                "max_cpu",
                "nothing given for machines without GPU; allowed: 1 or more; say how many cores at most",
            )
        cores = min(one.vcpus for one in specs)
        if self.max_cpu is not None and self.max_cpu < cores:
            yield Problem(
                "max_cpu",
                f"{self.max_cpu} is less than one machine has ({cores}), so that none would start; allowed: "
                f"{cores} or more; raise it, or choose smaller machines",
            )

    def _marks(self) -> Iterator[Problem]:
        keys = [(taint.key, taint.effect) for taint in self.all_taints()]
        if len(set(keys)) != len(keys):
            yield Problem(
                "taints",
                "two taints have the same key and effect (nvidia.com/gpu is there already unless gpu_taint "
                "is "
                "false); allowed: each pair once; remove one",
            )
        for key in self.labels:
            if key.partition("/")[0].endswith(("karpenter.sh", "karpenter.k8s.aws")):
                yield Problem(
                    "labels",
                    f"{key!r} is Karpenter's own; allowed: any other prefix; use machines, families, zones "
                    "or "
                    "capacity_types, or rename it",
                )


PoolName = Annotated[str, AfterValidator(validate_label)]
