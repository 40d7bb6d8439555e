"""The rows of the catalogue's files, as pydantic models: what a field may hold, and nothing else."""

import datetime
import re
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from bedplate.catalog.machines import Purchase, RowSource

_MACHINE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_CARDS = re.compile(r"(\d+)(?:-(\d+))?")
_MOST_CARDS = 64


def _words(value: object) -> object:
    return value.split() if isinstance(value, str) else value


def _machine_name(value: str) -> str:
    if not _MACHINE.fullmatch(value):
        raise ValueError("an instance type is written as family.size, such as p5.48xlarge")
    return value


Text = Annotated[str, Field(min_length=1, max_length=500)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1)]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
GcpRegion = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+\d+$")]
GcpMachineName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$")]


class Row(BaseModel):
    """Every row names its source and the day of that source, or the day it was read where it bears none."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)

    source: Text
    date: datetime.date

    @property
    def origin(self) -> RowSource:
        return RowSource(self.source, self.date)


class AcceleratorRow(Row):
    name: Text
    vendor: Literal["nvidia", "aws"]
    memory_gb: float = Field(gt=0, allow_inf_nan=False)
    bf16_dense_tflops: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    fp16_dense_tflops: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    note: str = ""


class MachineRow(Row):
    name: Text
    vcpus: int = Field(gt=0)
    ram_gib: int = Field(gt=0)
    architecture: Literal["x86_64", "arm64"]
    accelerator: Text | None = None
    accelerator_count: int | None = Field(default=None, gt=0)
    network_cards: int = Field(default=1, ge=1, le=_MOST_CARDS)
    max_network_interfaces: int | None = Field(default=None, ge=1)
    efa_interfaces: int = Field(default=0, ge=0, le=_MOST_CARDS)
    cluster_placement: bool = True

    _name = field_validator("name")(_machine_name)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.accelerator is None) != (self.accelerator_count is None):
            raise ValueError("accelerator and accelerator_count go together: give both, or neither")
        return self


class CardRow(Row):
    """`cards` is one card's index or a range of them: `0`, `1-31`."""

    machine: Text
    cards: str
    device_index: int = Field(ge=0, le=15)
    interface_type: Literal["interface", "efa", "efa-only"]

    @field_validator("cards", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("cards")
    @classmethod
    def _a_range(cls, value: str) -> str:
        match = _CARDS.fullmatch(value)
        if (
            match is None
            or int(match[2] or match[1]) < int(match[1])
            or int(match[2] or match[1]) >= _MOST_CARDS
        ):
            raise ValueError(
                f"cards are an index or a range of indices below {_MOST_CARDS}, such as 0 or 1-31"
            )
        return value

    @property
    def indices(self) -> range:
        first, _, last = self.cards.partition("-")
        return range(int(first), int(last or first) + 1)


class DiskRow(Row):
    machine: Text
    count: int = Field(gt=0)
    size_gb: int = Field(gt=0)
    kind: Literal["nvme"] = "nvme"


class PriceRow(Row):
    machine: Text
    region: Region
    usd_per_hour: Decimal = Field(gt=0, allow_inf_nan=False)
    purchase: Purchase = "on-demand"

    @property
    def place(self) -> tuple[str, str]:
        return self.machine, self.region


class OfferingRow(Row):
    region: Region
    machines: Words


class RegionRow(Row):
    region: Region
    zones: Words


class ServicePriceRow(Row):
    item: Text
    region: Region
    unit: Text
    usd: Decimal = Field(gt=0, allow_inf_nan=False)


class GcpMachineRow(Row):
    gcp_machine: GcpMachineName
    vcpus: int = Field(gt=0)
    ram_gib: int = Field(gt=0)
    accelerator: Text | None = None
    accelerator_count: int | None = Field(default=None, gt=0)
    accelerator_memory_gb: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class GcpPriceRow(Row):
    gcp_machine: GcpMachineName
    gcp_region: GcpRegion
    usd_per_hour: Decimal = Field(gt=0, allow_inf_nan=False)
    purchase: Purchase = "on-demand"

    @property
    def place(self) -> tuple[str, str]:
        return self.gcp_machine, self.gcp_region


class GcpServicePriceRow(Row):
    gcp_item: Text
    gcp_region: GcpRegion
    unit: Text
    usd: Decimal = Field(gt=0, allow_inf_nan=False)

    @property
    def place(self) -> tuple[str, str]:
        return self.gcp_item, self.gcp_region


SECTIONS: dict[str, type[Row]] = {
    "accelerators": AcceleratorRow,
    "machines": MachineRow,
    "network_cards": CardRow,
    "local_disks": DiskRow,
    "prices": PriceRow,
    "offerings": OfferingRow,
    "regions": RegionRow,
    "service_prices": ServicePriceRow,
    "gcp_machines": GcpMachineRow,
    "gcp_prices": GcpPriceRow,
    "gcp_service_prices": GcpServicePriceRow,
}
"""The sections of the catalogue: one CSV file each, or one key each of a YAML file."""
