"""Prices looked up in the catalogue: found, or the row that is missing."""

from dataclasses import dataclass
from decimal import Decimal

from bedplate.catalog import Catalog, Price, ServicePrice
from bedplate.cost.figures import Collected, Counts, Line, Period, Row, Undeclared, UnitPrice, Unpriced

_PRICES = ("machine", "region", "usd_per_hour", "purchase", "source", "date")
_GCP_PRICES = ("gcp_machine", "gcp_region", "usd_per_hour", "purchase", "source", "date")
_SERVICES = ("item", "region", "unit", "usd", "source", "date")
_GCP_SERVICES = ("gcp_item", "gcp_region", "unit", "usd", "source", "date")


def row_of_machine(machine: str, region: str, gcp: bool = False) -> Row:
    """The row that a machine's on-demand price would be."""
    if gcp:
        key = (("gcp_machine", machine), ("gcp_region", region), ("purchase", "on-demand"))
        return Row("gcp_prices", _GCP_PRICES, key)
    return Row("prices", _PRICES, (("machine", machine), ("region", region), ("purchase", "on-demand")))


def row_of_service(item: str, region: str, unit: str, gcp: bool = False) -> Row:
    """The row that the price of something else would be."""
    if gcp:
        return Row(
            "gcp_service_prices",
            _GCP_SERVICES,
            (("gcp_item", item), ("gcp_region", region), ("unit", unit)),
        )
    return Row("service_prices", _SERVICES, (("item", item), ("region", region), ("unit", unit)))


@dataclass(frozen=True)
class PriceBook:
    """The prices of one catalogue in one region, and how they turn parts into lines."""

    catalog: Catalog
    region: str
    gcp: bool = False

    def machine(self, name: str) -> tuple[UnitPrice | None, tuple[UnitPrice, ...]]:
        """The on-demand price, and the other ways to pay."""
        prices = self.catalog.gcp.prices_of(name) if self.gcp else self._aws_prices(name)
        here = [price for price in prices if price.region == self.region]
        found = {price.purchase: _unit_price(price) for price in here}
        return found.pop("on-demand", None), tuple(found[kind] for kind in sorted(found))

    def _aws_prices(self, name: str) -> tuple[Price, ...]:
        machine = self.catalog.machines.get(name)
        return machine.prices if machine else ()

    def service(self, item: str) -> ServicePrice | None:
        """The price of something that is no machine, None where there is none here."""
        prices = self.catalog.gcp.service_prices if self.gcp else self.catalog.service_prices
        return prices.get((item, self.region))

    def add_machines(
        self, to: Collected, group: str, name: str, count: Counts, *, pool: str = "", note: str = ""
    ) -> None:
        """Machines by the hour."""
        price, others = self.machine(name)
        if price is None:
            where = f"no on-demand price in {self.region}" if self.region else "the region is not known"
            row = row_of_machine(name, self.region or "...", self.gcp)
            to.unpriced.append(Unpriced(name, group, count.text(), where, row))
            return
        row = row_of_machine(name, self.region, self.gcp)
        to.lines.append(Line(name, group, count, price, pool=pool, others=others, note=note, row=row))

    def add(
        self,
        to: Collected,
        group: str,
        item: str,
        count: Counts,
        unit: str,
        *,
        each: int | Decimal = 1,
        pool: str = "",
        note: str = "",
    ) -> None:
        """Something else, by its name in the catalogue; `unit` is said where the price is missing."""
        found = self.service(item)
        if found is None:
            where = f"no price in {self.region}" if self.region else "the region is not known"
            quantity = f"{count.text()} x {each}" if each != 1 else count.text()
            row = row_of_service(item, self.region or "...", unit, self.gcp)
            to.unpriced.append(Unpriced(item, group, quantity, where, row))
            return
        row = row_of_service(item, self.region, found.unit, self.gcp)
        price = _service(found)
        to.lines.append(Line(item, group, count, price, each=Decimal(each), pool=pool, note=note, row=row))

    def undeclared(self, to: Collected, item: str, key: str) -> None:
        """Something that costs by use, of which nobody has said how much."""
        found = self.service(item)
        entry = Undeclared(item, key, _service(found) if found else None)
        if entry not in to.undeclared:
            to.undeclared.append(entry)


def _unit_price(price: Price) -> UnitPrice:
    return UnitPrice(
        price.usd_per_hour, "hour", "hour", price.region, price.row.source, price.row.date, price.purchase
    )


def _service(price: ServicePrice) -> UnitPrice:
    return UnitPrice(price.usd, price.unit, _period(price), price.region, price.row.source, price.row.date)


def _period(price: ServicePrice) -> Period:
    # What is priced by the hour always runs; the hours of a load balancer's capacity units are usage.
    return "hour" if price.unit.endswith("hour") and price.unit != "LCU-hour" else "month"
