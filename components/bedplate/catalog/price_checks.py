"""What no price file may say: future dates, prices given twice, discounts above the full price."""

import datetime
from collections.abc import Mapping
from decimal import Decimal

from bedplate.catalog.errors import RowProblem
from bedplate.catalog.gcp import HasRows
from bedplate.catalog.rows import SECTIONS, GcpPriceRow, GcpServicePriceRow, PriceRow

OnDemand = Mapping[tuple[str, str, str], Decimal]


def future_problems(tables: HasRows, today: datetime.date) -> list[RowProblem]:
    """Rows of a user's file that bear a day still to come. Tomorrow is allowed: east of here it has begun."""
    latest = today + datetime.timedelta(days=1)
    return [
        RowProblem(
            section,
            number,
            "date",
            f"{row.date} is in the future (today is {today}); give the day on which the source was read",
        )
        for section in SECTIONS
        for number, row in tables.of(section)
        if row.date > latest
    ]


def on_demand_prices(layers: tuple[HasRows, ...]) -> OnDemand:
    """The on-demand price of each machine in each region, the last file's over those before it."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for tables in layers:
        for section, _, row in _machine_prices(tables):
            if row.purchase == "on-demand":
                found[(section, *row.place)] = row.usd_per_hour
    return found


def discount_problems(tables: HasRows, on_demand: OnDemand) -> list[RowProblem]:
    """Spot and committed prices of a file that are above what the same machine costs without a commitment."""
    problems = []
    for section, number, row in _machine_prices(tables):
        full = on_demand.get((section, *row.place))
        if row.purchase != "on-demand" and full is not None and row.usd_per_hour > full:
            machine, region = row.place
            problems.append(
                RowProblem(
                    section,
                    number,
                    "usd_per_hour",
                    f"{row.usd_per_hour} for {row.purchase} is above the on-demand price {full} of "
                    f"{machine} in {region}; correct one of the two, or remove the row",
                )
            )
    return problems


def gcp_twice_problems(tables: HasRows) -> list[RowProblem]:
    """Prices of Google Cloud that one file gives twice."""
    seen: set[tuple[str, ...]] = set()
    problems = []
    for section in ("gcp_prices", "gcp_service_prices"):
        for number, row in tables.of(section):
            assert isinstance(row, GcpPriceRow | GcpServicePriceRow)
            name, region = row.place
            key = (section, name, region, row.purchase if isinstance(row, GcpPriceRow) else "")
            if key in seen:
                reason = f"{name} in {region} is priced twice in this file; remove one of the rows"
                problems.append(RowProblem(section, number, "", reason))
            seen.add(key)
    return problems


def _machine_prices(tables: HasRows) -> list[tuple[str, int, PriceRow | GcpPriceRow]]:
    return [
        (section, number, row)
        for section in ("prices", "gcp_prices")
        for number, row in tables.of(section)
        if isinstance(row, PriceRow | GcpPriceRow)
    ]
