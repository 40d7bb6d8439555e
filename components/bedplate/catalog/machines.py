"""What the catalogue says of a machine."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

InterfaceType = Literal["interface", "efa", "efa-only"]
Purchase = Literal["on-demand", "spot", "savings-plan", "reserved", "capacity-block"]


@dataclass(frozen=True)
class RowSource:
    """Where a row comes from, and the day of that source (where it bears none, the day it was read)."""

    source: str
    date: datetime.date


@dataclass(frozen=True)
class Accelerator:
    """The accelerators of one machine; figures are per accelerator and as the vendor states them.

    Attributes:
        memory_gb: memory of each, in GB as marketed.
        bf16_dense_tflops: peak BF16 matrix throughput without sparsity; None where the part has no BF16 units
            (T4) or no source was found.
        fp16_dense_tflops: the same for FP16.
    """

    name: str
    vendor: Literal["nvidia", "aws"]
    count: int
    memory_gb: float
    bf16_dense_tflops: float | None
    fp16_dense_tflops: float | None
    note: str
    row: RowSource


@dataclass(frozen=True)
class NetworkCard:
    """One network interface to ask for at launch, and the network card that carries it."""

    card_index: int
    device_index: int
    interface_type: InterfaceType


@dataclass(frozen=True)
class Fabric:
    """The Elastic Fabric Adapter of a machine.

    Attributes:
        interfaces: how many EFA interfaces the machine has (what a pod may request as vpc.amazonaws.com/efa).
        cards: every interface of the launch template, the primary one first. One more than `interfaces` where
            the primary interface carries IP traffic only.
    """

    kind: Literal["efa"]
    interfaces: int
    cards: tuple[NetworkCard, ...]
    row: RowSource


@dataclass(frozen=True)
class LocalDisks:
    """The disks inside the machine, gone when it stops; size in GB (10^9 bytes) each."""

    count: int
    size_gb: int
    kind: Literal["nvme"]
    row: RowSource

    @property
    def total_gb(self) -> int:
        return self.count * self.size_gb


@dataclass(frozen=True)
class Price:
    """US dollars per hour for one machine in one region, Linux, shared tenancy, without discounts."""

    region: str
    purchase: Purchase
    usd_per_hour: Decimal
    row: RowSource


@dataclass(frozen=True)
class ServicePrice:
    """US dollars per unit of something that is no machine."""

    item: str
    region: str
    unit: str
    usd: Decimal
    row: RowSource


@dataclass(frozen=True)
class AwsMachine:
    """One EC2 instance type.

    Attributes:
        architecture: of the processor.
        network_cards: how many cards the machine has; with several, no public IP is given at launch.
        max_network_interfaces: over all cards; None where a user's own row does not say.
        cluster_placement: whether it may be in a cluster placement group.
        regions: those in which it is offered, in the catalogue's order.
    """

    name: str
    vcpus: int
    ram_gib: int
    architecture: Literal["x86_64", "arm64"]
    accelerator: Accelerator | None
    fabric: Fabric | None
    local_disks: LocalDisks | None
    network_cards: int
    max_network_interfaces: int | None
    cluster_placement: bool
    regions: tuple[str, ...]
    prices: tuple[Price, ...]
    row: RowSource

    @property
    def family(self) -> str:
        """The part before the dot: `p5` of `p5.48xlarge`."""
        return self.name.partition(".")[0]

    def available_in(self, region: str) -> bool:
        """Whether AWS offers the machine in a region (in at least one of its zones)."""
        return region in self.regions

    def price(self, region: str, purchase: Purchase = "on-demand") -> Price | None:
        """The price with its source; None where no source gives one, which is not the same as free."""
        for price in self.prices:
            if price.region == region and price.purchase == purchase:
                return price
        return None

    def price_usd_per_hour(self, region: str, purchase: Purchase = "on-demand") -> Decimal | None:
        """US dollars per hour; None where no source gives a price for that region."""
        price = self.price(region, purchase)
        return price.usd_per_hour if price else None
