"""Google Cloud's machines and prices: facts for estimates, kept apart from those of EC2 instance types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from bedplate.catalog.machines import Price, RowSource, ServicePrice
from bedplate.catalog.rows import GcpMachineRow, GcpPriceRow, GcpServicePriceRow, Row


class HasRows(Protocol):
    """Rows by section with their numbers in the file."""

    def of(self, section: str) -> list[tuple[int, Row]]: ...


@dataclass(frozen=True)
class GcpMachine:
    """One machine type of Compute Engine; accelerators and their memory in GB each, 0 where it has none."""

    name: str
    vcpus: int
    ram_gib: int
    accelerator: str
    accelerator_count: int
    accelerator_memory_gb: float
    row: RowSource


@dataclass(frozen=True)
class GcpCatalog:
    """Machines and prices of Google Cloud; a later file's price replaces the one before it."""

    machines: Mapping[str, GcpMachine]
    prices: Mapping[tuple[str, str, str], Price]
    service_prices: Mapping[tuple[str, str], ServicePrice]

    def prices_of(self, machine: str) -> tuple[Price, ...]:
        """Every price of a machine type, in every region."""
        return tuple(price for (name, _, _), price in self.prices.items() if name == machine)


def gcp_catalog(layers: Iterable[HasRows]) -> GcpCatalog:
    """What the rows of all files make together."""
    machines: dict[str, GcpMachine] = {}
    prices: dict[tuple[str, str, str], Price] = {}
    services: dict[tuple[str, str], ServicePrice] = {}
    for tables in layers:
        for _, row in tables.of("gcp_machines"):
            assert isinstance(row, GcpMachineRow)
            machines[row.gcp_machine] = GcpMachine(
                row.gcp_machine,
                row.vcpus,
                row.ram_gib,
                row.accelerator or "",
                row.accelerator_count or 0,
                row.accelerator_memory_gb or 0,
                row.origin,
            )
        for _, row in tables.of("gcp_prices"):
            assert isinstance(row, GcpPriceRow)
            prices[row.gcp_machine, row.gcp_region, row.purchase] = Price(
                row.gcp_region, row.purchase, row.usd_per_hour, row.origin
            )
        for _, row in tables.of("gcp_service_prices"):
            assert isinstance(row, GcpServicePriceRow)
            services[row.gcp_item, row.gcp_region] = ServicePrice(
                row.gcp_item, row.gcp_region, row.unit, row.usd, row.origin
            )
    return GcpCatalog(MappingProxyType(machines), MappingProxyType(prices), MappingProxyType(services))
