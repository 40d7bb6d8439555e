"""Rows put together to machines, and the checks that no single row can make."""

import importlib.resources
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from bedplate.catalog.errors import CatalogError, RowProblem, UnknownItemError, UnknownMachineError
from bedplate.catalog.gcp import GcpCatalog, gcp_catalog
from bedplate.catalog.machines import (
    Accelerator,
    AwsMachine,
    Fabric,
    LocalDisks,
    NetworkCard,
    Price,
    ServicePrice,
)
from bedplate.catalog.price_checks import discount_problems, gcp_twice_problems, on_demand_prices
from bedplate.catalog.reading import Tables, read_csv, read_file
from bedplate.catalog.rows import (
    AcceleratorRow,
    CardRow,
    DiskRow,
    MachineRow,
    OfferingRow,
    PriceRow,
    RegionRow,
    Row,
    ServicePriceRow,
)
from bedplate.catalog.similar import nearest

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Catalog:
    """Machines, regions and prices. Never changes; `with_rows_of` gives another one."""

    machines: Mapping[str, AwsMachine]
    regions: Mapping[str, tuple[str, ...]]
    service_prices: Mapping[tuple[str, str], ServicePrice]
    _tables: tuple[Tables, ...]

    @cached_property
    def gcp(self) -> GcpCatalog:
        """Google Cloud's machines and prices, read when they are first asked for."""
        return gcp_catalog(self._tables)

    def machine(self, name: str) -> AwsMachine:
        """Raises UnknownMachineError, which names the nearest machines."""
        try:
            return self.machines[name]
        except KeyError:
            raise UnknownMachineError(name, self.machines) from None

    def service_price(self, item: str, region: str) -> ServicePrice | None:
        """None where the item has no sourced price in that region. Raises UnknownItemError."""
        items = {known for known, _ in self.service_prices}
        if item not in items:
            raise UnknownItemError(item, items)
        return self.service_prices.get((item, region))

    def with_rows_of(self, path: Path) -> "Catalog":
        """This catalogue with a user's own rows.

        A price replaces the one of the same machine, region and purchase (negotiated prices), and the network
        cards of a machine replace those it had (another layout); any other row for something that is already
        there is refused. Raises CatalogError with all problems of the file.
        """
        return _build((*self._tables, read_file(path)))


@cache
def builtin_catalog() -> Catalog:
    """The rows that come with the package, each section read once, when it is first asked for.

    What no single row can say of itself is checked by `check_builtin`, in the tests.
    """
    return _build((_builtin_tables(),), check=False)


def check_builtin() -> None:
    """Raises CatalogError with everything that is wrong with the rows that come with the package."""
    _build((_builtin_tables(),))


def _builtin_tables() -> Tables:
    data = importlib.resources.files("bedplate.catalog").joinpath("data")

    def read(section: str) -> Tables:
        text = data.joinpath(f"{section}.csv").read_text(encoding="utf-8")
        return read_csv(text, section, f"{section}.csv")

    return Tables("bedplate/catalog/data", read=read)


def _build(layers: tuple[Tables, ...], *, check: bool = True) -> Catalog:
    """The last layer is the one under test: its file is named in the error."""
    builder = _Builder()
    for tables in layers:
        builder.problems = []
        builder.add(tables)
    if check:
        builder.check_references(layers[-1])
        builder.problems.extend(gcp_twice_problems(layers[-1]))
        builder.problems.extend(discount_problems(layers[-1], on_demand_prices(layers)))
    problems = [*layers[-1].problems, *builder.problems]
    if problems:
        in_order = sorted(problems, key=lambda problem: (problem.section, problem.row))
        raise CatalogError(layers[-1].file, in_order)
    return builder.catalog(layers)


class _Builder:
    def __init__(self) -> None:
        self.problems: list[RowProblem] = []
        self.accelerators: dict[str, AcceleratorRow] = {}
        self.machines: dict[str, MachineRow] = {}
        self.cards: dict[str, list[CardRow]] = {}
        self.disks: dict[str, DiskRow] = {}
        self.prices: dict[str, dict[tuple[str, str], PriceRow]] = {}
        self.offered: dict[str, list[str]] = {}
        self.regions: dict[str, tuple[str, ...]] = {}
        self.services: dict[tuple[str, str], ServicePriceRow] = {}

    def add(self, tables: Tables) -> None:
        for number, accelerator in _numbered(tables, "accelerators", AcceleratorRow):
            self._once("accelerators", number, "name", accelerator.name, accelerator, self.accelerators)
        for number, machine in _numbered(tables, "machines", MachineRow):
            self._once("machines", number, "name", machine.name, machine, self.machines)
        for number, disk in _numbered(tables, "local_disks", DiskRow):
            self._once("local_disks", number, "machine", disk.machine, disk, self.disks)
        for number, region in _numbered(tables, "regions", RegionRow):
            self._once("regions", number, "region", region.region, region.zones, self.regions)
        layouts: dict[str, list[CardRow]] = {}
        for _, card in _numbered(tables, "network_cards", CardRow):
            layouts.setdefault(card.machine, []).append(card)
        self.cards.update(layouts)
        for _, offering in _numbered(tables, "offerings", OfferingRow):
            for name in offering.machines:
                self.offered.setdefault(name, []).append(offering.region)
        seen: set[tuple[str, ...]] = set()
        for number, price in _numbered(tables, "prices", PriceRow):
            key = (price.region, price.purchase)
            self._not_twice("prices", number, (price.machine, *key), seen)
            self.prices.setdefault(price.machine, {})[key] = price
        for number, service in _numbered(tables, "service_prices", ServicePriceRow):
            self._not_twice("service_prices", number, (service.item, service.region), seen)
            self.services[(service.item, service.region)] = service

    def _once(self, section: str, number: int, name: str, key: str, value: object, into: object) -> None:
        assert isinstance(into, dict)
        if key in into:
            reason = f"{key!r} is in the catalogue already; remove the row or rename it"
            self.problems.append(RowProblem(section, number, name, reason))
        else:
            into[key] = value

    def _not_twice(self, section: str, number: int, key: tuple[str, ...], seen: set[tuple[str, ...]]) -> None:
        if key in seen:
            reason = f"{' in '.join(key[:2])} is priced twice in this file; remove one of the rows"
            self.problems.append(RowProblem(section, number, "", reason))
        seen.add(key)

    def check_references(self, tables: Tables) -> None:
        """What rows name must exist, and the EFA interfaces of a machine must fit its cards."""
        for number, machine in _numbered(tables, "machines", MachineRow):
            if machine.accelerator is not None:
                self._known("machines", number, "accelerator", machine.accelerator, self.accelerators)
            self._check_fabric(RowProblem("machines", number, "efa_interfaces", ""), machine)
        own = {machine.name for _, machine in _numbered(tables, "machines", MachineRow)}
        first_rows = {
            card.machine: number for number, card in reversed(_numbered(tables, "network_cards", CardRow))
        }
        for name, number in first_rows.items():
            if name in self.machines and name not in own:
                self._check_fabric(RowProblem("network_cards", number, "machine", ""), self.machines[name])
        for section, model in (("network_cards", CardRow), ("local_disks", DiskRow), ("prices", PriceRow)):
            for number, row in _numbered(tables, section, model):
                assert isinstance(row, CardRow | DiskRow | PriceRow)
                self._known(section, number, "machine", row.machine, self.machines)
        for number, price in _numbered(tables, "prices", PriceRow):
            self._known("prices", number, "region", price.region, self.regions)
        for number, offering in _numbered(tables, "offerings", OfferingRow):
            self._known("offerings", number, "region", offering.region, self.regions)
            for name in offering.machines:
                self._known("offerings", number, "machines", name, self.machines)

    def _known(self, section: str, number: int, name: str, value: str, known: Iterable[str]) -> None:
        names = set(known)
        if value in names:
            return
        hint = " or ".join(nearest(value, names))
        advice = f"did you mean {hint}?" if hint else "add a row for it, or correct the name"
        self.problems.append(
            RowProblem(section, number, name, f"{value!r} is not in the catalogue; {advice}")
        )

    def _check_fabric(self, place: RowProblem, machine: MachineRow) -> None:
        cards = expand_cards(self.cards.get(machine.name, []))
        adapters = [card for card in cards if card.interface_type != "interface"]
        problem = ""
        if len(adapters) != machine.efa_interfaces:
            problem = (
                f"{machine.efa_interfaces} given, and network_cards has {len(adapters)} EFA interfaces for "
                f"{machine.name}; make the two agree"
            )
        elif len({(card.card_index, card.device_index) for card in cards}) != len(cards):
            problem = (
                f"two interfaces of {machine.name} have the same card and device index; correct network_cards"
            )
        elif cards and (cards[0].card_index, cards[0].device_index) != (0, 0):
            problem = (
                f"{machine.name} has no interface on card 0, device 0; add the primary one to network_cards"
            )
        elif cards and cards[0].interface_type == "efa-only":
            problem = f"the primary interface of {machine.name} cannot be efa-only; use interface or efa"
        elif any(card.card_index >= machine.network_cards for card in cards):
            problem = f"{machine.name} has an interface beyond its {machine.network_cards} network_cards"
        if problem:
            self.problems.append(replace(place, reason=problem))

    def catalog(self, layers: tuple[Tables, ...]) -> Catalog:
        return Catalog(
            machines=MappingProxyType({name: self._machine(row) for name, row in self.machines.items()}),
            regions=MappingProxyType(dict(self.regions)),
            service_prices=MappingProxyType(
                {
                    key: ServicePrice(row.item, row.region, row.unit, row.usd, row.origin)
                    for key, row in self.services.items()
                }
            ),
            _tables=layers,
        )

    def _machine(self, row: MachineRow) -> AwsMachine:
        return AwsMachine(
            name=row.name,
            vcpus=row.vcpus,
            ram_gib=row.ram_gib,
            architecture=row.architecture,
            accelerator=self._accelerator(row),
            fabric=self._fabric(row),
            local_disks=self._local_disks(row.name),
            network_cards=row.network_cards,
            max_network_interfaces=row.max_network_interfaces,
            cluster_placement=row.cluster_placement,
            regions=tuple(dict.fromkeys(self.offered.get(row.name, []))),
            prices=tuple(
                Price(price.region, price.purchase, price.usd_per_hour, price.origin)
                for price in self.prices.get(row.name, {}).values()
            ),
            row=row.origin,
        )

    def _accelerator(self, row: MachineRow) -> Accelerator | None:
        if row.accelerator is None or row.accelerator_count is None:
            return None
        kind = self.accelerators[row.accelerator]
        return Accelerator(
            name=kind.name,
            vendor=kind.vendor,
            count=row.accelerator_count,
            memory_gb=kind.memory_gb,
            bf16_dense_tflops=kind.bf16_dense_tflops,
            fp16_dense_tflops=kind.fp16_dense_tflops,
            note=kind.note,
            row=kind.origin,
        )

    def _fabric(self, row: MachineRow) -> Fabric | None:
        rows = self.cards.get(row.name, [])
        if not rows or not row.efa_interfaces:
            return None
        return Fabric("efa", row.efa_interfaces, expand_cards(rows), rows[0].origin)

    def _local_disks(self, name: str) -> LocalDisks | None:
        row = self.disks.get(name)
        return LocalDisks(row.count, row.size_gb, row.kind, row.origin) if row else None


def expand_cards(rows: Iterable[CardRow]) -> tuple[NetworkCard, ...]:
    """Every interface of the rows, by card and device: the primary one comes first."""
    cards = [
        NetworkCard(index, row.device_index, row.interface_type) for row in rows for index in row.indices
    ]
    return tuple(sorted(cards, key=lambda card: (card.card_index, card.device_index)))


def _numbered(tables: Tables, section: str, model: type[R]) -> list[tuple[int, R]]:
    rows = tables.of(section)
    return [(number, row) for number, row in rows if isinstance(row, model)]
