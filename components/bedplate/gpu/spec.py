"""What a pool of GPU machines is, apart from its wiring: plain data, as an environment's file has it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, model_validator

from bedplate.catalog import AwsMachine, aws_machine, aws_machines
from bedplate.cluster.nodes import NODE_POLICIES, PoolSizes, RootVolumeArgs
from bedplate.core import Args
from bedplate.core.arns import policy_arn
from bedplate.core.errors import Problem, Problems
from bedplate.gpu.labels import LabelKey, LabelValue, TaintValue
from bedplate.kubernetes.handles import POOL_LABEL

# EKS CreateNodegroup: at most 50 taints (botocore 1.44.8, service model eks).
_MOST_TAINTS = 50

# Amazon EKS User Guide, "Choose an optimal EC2 node instance type": 110 pods up to 30 vCPUs, else 250 (from
# memory).
_MOST_PODS = 250
# Five groups an interface and ten policies a role, AWS's default quotas (Amazon VPC and IAM quotas; from
# memory), less the two of each that are there.
_MOST_OWN_GROUPS = 3
_MOST_OWN_POLICIES = 8
_GROUP_ID = re.compile(r"sg-[0-9a-f]{8}([0-9a-f]{9})?")

SUPPORTED_RESERVATIONS = ("on-demand", "targeted-reservation")
_LATER_RESERVATIONS = ("capacity-block", "spot")
_RESERVATION_ID = re.compile(r"cr-[0-9a-f]{8}([0-9a-f]{9})?")


class TaintArgs(Args):
    """A taint on every node, in EKS's vocabulary."""

    key: LabelKey
    value: TaintValue = ""
    effect: Literal["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"] = "NO_SCHEDULE"


GPU_RESOURCE = "nvidia.com/gpu"
EFA_RESOURCE = "vpc.amazonaws.com/efa"
# By it Cluster Autoscaler knows that a node's GPUs are still to come, and waits for the driver instead of
# adding another node (kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws, GPULabel; from memory).
ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
# An Auto Scaling group takes 50 tags, of which EKS sets some (EC2 Auto Scaling quotas; from memory).
_MOST_TEMPLATE_TAGS = 40
# Labels of Bedplate's, GPUs and EFA interfaces.
_OWN_TEMPLATE_TAGS = 6

GPU_TAINT = TaintArgs(key="nvidia.com/gpu", value="true", effect="NO_SCHEDULE")


def reservation_id(value: str) -> str:
    """The id of a capacity reservation, given back. Raises ValueError where it is none."""
    if not _RESERVATION_ID.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the id of a capacity reservation; allowed: cr- and 8 or 17 hexadecimal "
            "digits; list "
            "yours with `aws ec2 describe-capacity-reservations`"
        )
    return value


def _security_group_id(value: str) -> str:
    if not _GROUP_ID.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the id of a security group; allowed: sg- and 8 or 17 hexadecimal digits; list "
            "yours with `aws ec2 describe-security-groups`"
        )
    return value


def _policy_arn(value: str) -> str:
    policy_arn(value)
    if value.rsplit("/", 1)[-1] in NODE_POLICIES:
        raise ValueError(f"{value!r} is attached to every node already; allowed: others; remove it")
    return value


class OnDemandArgs(Args):
    """Machines as they are free; EFA machines get a cluster placement group."""

    kind: Literal["on-demand"] = "on-demand"


class TargetedReservationArgs(Args):
    """Machines of one On-Demand Capacity Reservation only; it is in one zone and places its machines."""

    kind: Literal["targeted-reservation"] = "targeted-reservation"
    capacity_reservation_id: Annotated[str, AfterValidator(reservation_id)]


def _known_kind(value: object) -> object:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if kind in _LATER_RESERVATIONS:
        raise ValueError(
            f"kind {kind!r} is not supported in this version; allowed: {', '.join(SUPPORTED_RESERVATIONS)}; "
            "choose one of these"
        )
    return value


Reservation = Annotated[
    Annotated[OnDemandArgs | TargetedReservationArgs, Field(discriminator="kind")],
    BeforeValidator(_known_kind),
]


def _nvidia_machine(name: str) -> str:
    machine = aws_machine(name)
    accelerator = machine.accelerator
    if accelerator is None or accelerator.vendor != "nvidia":
        has = "no accelerator" if accelerator is None else f"{accelerator.name}, not an NVIDIA GPU"
        gpus = sorted(m.name for m in aws_machines() if m.accelerator and m.accelerator.vendor == "nvidia")
        raise ValueError(f"{name!r} has {has}; allowed: {', '.join(gpus)}; choose one of these")
    return name


class GpuPoolSettings(PoolSizes):
    """The plain-data half of `EksGpuNodeGroupArgs`.

    Attributes:
        machine: The machine, by its name in the catalogue.
        zones: Where the machines may be; absent: every zone of the network. EFA traffic does not leave a zone
            and a reservation is in one, so that both need exactly one here.
        efa: "auto": every EFA interface of a machine that has some. False: one plain interface.
        reservation: How the machines are paid for.
        volume: The root disk; container images are on it where the machine has no local disks.
        metadata_hop_limit: How far the instance metadata service answers: 2 reaches pods, 1 only the node
        itself.
        max_pods: How many pods a node may have; absent: what the machine's interfaces hold addresses for.
            There may be more with prefix delegation (the vpc-cni add-on's ENABLE_PREFIX_DELEGATION).
        security_group_ids: Groups of your own on every interface, besides the cluster's and the fabric's.
        node_policy_arns: IAM policies of the nodes' role besides those that a kubelet needs, for agents on
            the node itself (AmazonSSMManagedInstanceCore); pods' rights belong in pod identity.
        gpu_taint: Keeps pods away that do not tolerate nvidia.com/gpu=true:NoSchedule.
        taints: Taints besides that one.
        labels: Labels besides the pool's own.
        node_repair: Lets EKS replace nodes whose GPU or network failed; the cluster needs the
            eks-node-monitoring-agent add-on for it.
    """

    machine: Annotated[str, AfterValidator(_nvidia_machine)]
    zones: tuple[str, ...] | None = Field(default=None, min_length=1)
    efa: StrictBool | Literal["auto"] = "auto"
    reservation: Reservation = OnDemandArgs()
    volume: RootVolumeArgs = RootVolumeArgs(size_gib=200, throughput_mibps=500)
    metadata_hop_limit: int = Field(default=2, ge=1, le=64)
    max_pods: int | None = Field(default=None, ge=1, le=_MOST_PODS)
    security_group_ids: tuple[Annotated[str, AfterValidator(_security_group_id)], ...] = Field(
        default=(), max_length=_MOST_OWN_GROUPS
    )
    node_policy_arns: tuple[Annotated[str, AfterValidator(_policy_arn)], ...] = Field(
        default=(), max_length=_MOST_OWN_POLICIES
    )
    gpu_taint: bool = True
    taints: tuple[TaintArgs, ...] = ()
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    node_repair: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = Problems()
        if self.efa is True and self.spec().fabric is None:
            with_efa = sorted(m.name for m in aws_machines() if m.fabric and m.accelerator)
            problems.add(
                "efa",
                f"true, but {self.machine} has no EFA interface; allowed: false or auto for this machine; "
                "remove "
                f"the line, or choose a machine with EFA: {', '.join(with_efa)}",
            )
        elif self.zones and len(self.zones) > 1 and self.single_zone_reason:
            problems.add("zones", f"{', '.join(self.zones)}: {self._one_zone_advice()}")
        if self.zones and len(set(self.zones)) != len(self.zones):
            problems.add(
                "zones", f"{', '.join(self.zones)} names a zone twice; allowed: each once; remove one"
            )
        if len(set(self.security_group_ids)) != len(self.security_group_ids):
            problems.add("security_group_ids", "one is given twice; allowed: each once; remove one")
        policies = [arn.rsplit("/", 1)[-1] for arn in self.node_policy_arns]
        for policy in sorted({policy for policy in policies if policies.count(policy) > 1}):
            problems.add(
                "node_policy_arns",
                f"{policy!r} is the name of more than one policy; allowed: each name once; remove one",
            )
        keys = [(taint.key, taint.effect) for taint in self.all_taints()]
        if len(set(keys)) != len(keys):
            problems.add(
                "taints",
                "two taints have the same key and effect (nvidia.com/gpu is there already unless gpu_taint "
                "is "
                "false); allowed: each pair once; remove one",
            )
        if len(keys) > _MOST_TAINTS:
            problems.add("taints", f"{len(keys)} taints; allowed: {_MOST_TAINTS}; remove some")
        elif len(keys) + len(self.labels) > _MOST_TEMPLATE_TAGS - _OWN_TEMPLATE_TAGS:
            problems.add(
                "labels",
                f"{len(self.labels)} labels and {len(keys)} taints, each of which is a tag of the Auto "
                f"Scaling group too; allowed: {_MOST_TEMPLATE_TAGS - _OWN_TEMPLATE_TAGS} in all; remove some",
            )
        problems.raise_if_any()
        return self

    def spec(self) -> AwsMachine:
        """The machine's row in the catalogue."""
        return aws_machine(self.machine)

    @property
    def uses_efa(self) -> bool:
        """Whether the machines get their EFA interfaces."""
        return self.efa is not False and self.spec().fabric is not None

    @property
    def single_zone_reason(self) -> str | None:
        """Why the pool must be in one zone; None where it need not."""
        if isinstance(self.reservation, TargetedReservationArgs):
            return f"the reservation {self.reservation.capacity_reservation_id} is in one zone"
        return "EFA traffic does not leave a zone" if self.uses_efa else None

    def all_taints(self) -> tuple[TaintArgs, ...]:
        """The taints of the nodes, the GPU one included."""
        return (GPU_TAINT, *self.taints) if self.gpu_taint else self.taints

    def node_labels(self, pool_name: str) -> dict[str, str]:
        """The labels of every node of the pool of that name."""
        own = {POOL_LABEL: pool_name, "nvidia.com/gpu.present": "true"}
        accelerator = self.spec().accelerator
        if accelerator is not None:
            own[ACCELERATOR_LABEL] = f"nvidia-{accelerator.name.lower()}"
        if self.uses_efa:
            own[f"{EFA_RESOURCE}.present"] = "true"
        return {**own, **self.labels}

    def placement_problems(self, region: str, zones: Iterable[str]) -> Iterator[Problem]:
        """What speaks against this pool in a network of these zones, with paths relative to the pool."""
        offered = tuple(zones)
        machine = self.spec()
        if not machine.available_in(region):
            others = ", ".join(machine.regions) or "none in the catalogue"
            yield Problem(
                "machine",
                f"{self.machine!r} is not offered in {region}; allowed for this machine: {others}; choose "
                "another "
                "machine or region",
            )
        for index, zone in enumerate(self.zones or ()):
            if zone not in offered:
                yield Problem(
                    f"zones[{index}]",
                    f"{zone!r} is not among the network's zones; allowed: {', '.join(offered)}; choose one "
                    "of these "
                    "or add it to the network",
                )
        if self.zones is None and len(offered) > 1 and self.single_zone_reason:
            yield Problem(
                "zones", f"nothing given in a network of {len(offered)} zones: {self._one_zone_advice()}"
            )

    def _one_zone_advice(self) -> str:
        without = (
            " (or set efa to false)" if self.single_zone_reason == "EFA traffic does not leave a zone" else ""
        )
        return f"{self.single_zone_reason}; allowed: exactly one zone; keep the one with capacity{without}"
