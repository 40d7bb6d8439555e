"""The figures of an estimate: counts, prices, lines, gaps. Money is Decimal, in US dollars."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

# The convention of the clouds' own calculators: 365 days x 24 hours / 12 months.
HOURS_PER_MONTH = Decimal(730)
# Where nobody says otherwise: half a year, after which a published price is no longer evidence.
MAX_PRICE_AGE_DAYS = 180

Basis = Literal["minimum", "desired", "maximum"]
BASES: tuple[Basis, ...] = ("minimum", "desired", "maximum")
Period = Literal["hour", "month"]


@dataclass(frozen=True)
class Counts:
    """How many of something there are: at least, as asked for now, and at most."""

    minimum: Decimal
    desired: Decimal
    maximum: Decimal

    @staticmethod
    def of(minimum: int | Decimal, desired: int | Decimal, maximum: int | Decimal) -> "Counts":
        return Counts(Decimal(minimum), Decimal(desired), Decimal(maximum))

    @staticmethod
    def always(count: int | Decimal) -> "Counts":
        """The same whatever the load."""
        return Counts.of(count, count, count)

    def at(self, basis: Basis) -> Decimal:
        value: Decimal = getattr(self, basis)
        return value

    def text(self) -> str:
        """One number where all are equal, else `min/desired/max`."""
        parts = [number(self.at(basis)) for basis in BASES]
        return parts[0] if len(set(parts)) == 1 else "/".join(parts)


@dataclass(frozen=True)
class UnitPrice:
    """US dollars for one unit, for an hour of it or for a month (or for the usage of a month).

    Attributes:
        kind: "on-demand", or another way to pay, which never enters a total.
        unit: what is counted, such as "GB-month" or "hour".
        source: where the price was read.
        date: the day of that source.
    """

    usd: Decimal
    unit: str
    per: Period
    region: str
    source: str
    date: datetime.date
    kind: str = "on-demand"

    def month(self) -> Decimal:
        return self.usd * HOURS_PER_MONTH if self.per == "hour" else self.usd

    def age_days(self, today: datetime.date) -> int:
        return (today - self.date).days


@dataclass(frozen=True)
class Line:
    """One item of an estimate: a number of things, units in each, and the price of a unit.

    Attributes:
        group: the part of the environment, or the resource, that it belongs to.
        each: units in each thing: 500 for a disk of 500 GB.
        pool: the key of the pool whose size drives the number; empty where none does.
        others: other ways to pay for the same (spot, commitments): shown, never summed up.
        note: what a reader must know of the figure.
        row: where a newer price would go.
    """

    item: str
    group: str
    count: Counts
    price: UnitPrice
    each: Decimal = Decimal(1)
    pool: str = ""
    others: tuple[UnitPrice, ...] = ()
    note: str = ""
    row: "Row | None" = None

    def month(self, basis: Basis) -> Decimal:
        return self.count.at(basis) * self.each * self.price.month()

    def hour(self, basis: Basis) -> Decimal:
        return self.month(basis) / HOURS_PER_MONTH

    def other_month(self, kind: str, basis: Basis) -> Decimal | None:
        """A month of it paid another way, None where there is no such price."""
        for price in self.others:
            if price.kind == kind:
                return self.count.at(basis) * self.each * price.month()
        return None

    def arithmetic(self, basis: Basis) -> str:
        """How a month's figure comes about: `8 x $55.04 per hour x 730 = $321,433.60 a month`."""
        units = f" x {number(self.each)}" if self.each != 1 else ""
        hours = f" x {HOURS_PER_MONTH}" if self.price.per == "hour" else ""
        price = f"${number(self.price.usd)} per {self.price.unit}"
        total = f"{usd(self.month(basis))} a month"
        return f"{number(self.count.at(basis))}{units} x {price}{hours} = {total}"


@dataclass(frozen=True)
class Row:
    """The catalogue row that would price something: where it goes and what identifies it."""

    section: str
    columns: tuple[str, ...]
    key: tuple[tuple[str, str], ...]

    @property
    def file(self) -> str:
        return f"components/bedplate/catalog/data/{self.section}.csv"

    def text(self) -> str:
        """The row as CSV, with `...` for what is to be filled in."""
        known = dict(self.key)
        return ",".join(known.get(column, "...") for column in self.columns)

    def advice(self) -> str:
        """What to add, and where."""
        return (
            f"add a row to a price file of your own (section {self.section}: {','.join(self.columns)}): "
            f"{self.text()}"
        )


@dataclass(frozen=True)
class Unpriced:
    """Something that costs money and has no price, never counted as nothing; `row` is what would price it."""

    item: str
    group: str
    quantity: str
    reason: str
    row: Row | None

    def text(self) -> str:
        return f"{self.item} ({self.group}): {self.reason}" + (f"; {self.row.advice()}" if self.row else "")


@dataclass(frozen=True)
class Undeclared:
    """What costs by use, and nobody has said how much is used: `key` is what to declare."""

    item: str
    key: str
    price: UnitPrice | None


@dataclass(frozen=True)
class Undetermined:
    """A property that decides a price and is not known yet."""

    resource: str
    path: str
    urn: str = ""


@dataclass(frozen=True)
class Pool:
    """Machines whose number can be changed, for the search of what would fit.

    Attributes:
        fields: how the minimum, desired and maximum number are called where they are set.
        most_floor: the least that the maximum may be: EKS wants 1.
        key: what its lines name it by, where names are not unique (URNs are); else the name.
    """

    name: str
    machine: str
    count: Counts
    fields: tuple[str, str, str]
    most_floor: int = 1
    key: str = ""

    @property
    def identity(self) -> str:
        return self.key or self.name

    def field(self, basis: Basis) -> str:
        return self.fields[BASES.index(basis)]


@dataclass(frozen=True)
class Estimate:
    """What an environment or a stack costs, and what of it is not known."""

    name: str
    region: str
    today: datetime.date
    lines: tuple[Line, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    undetermined: tuple[Undetermined, ...] = ()
    pools: tuple[Pool, ...] = ()
    free: tuple[str, ...] = ()

    def month(self, basis: Basis) -> Decimal:
        return sum((line.month(basis) for line in self.lines), Decimal(0))

    def hour(self, basis: Basis) -> Decimal:
        return self.month(basis) / HOURS_PER_MONTH

    @property
    def complete(self) -> bool:
        """Whether everything that costs money is in the totals, apart from usage that nobody declared."""
        return not self.unpriced and not self.undetermined

    def stale(self, max_age_days: int = MAX_PRICE_AGE_DAYS) -> tuple[Line, ...]:
        """The lines whose price is older than that."""
        return tuple(line for line in self.lines if line.price.age_days(self.today) > max_age_days)

    def other_month(self, kind: str, basis: Basis) -> tuple[Decimal, int]:
        """A month's total where lines that have this other way to pay use it, and how many do."""
        total, found = Decimal(0), 0
        for line in self.lines:
            other = line.other_month(kind, basis)
            found += other is not None
            total += line.month(basis) if other is None else other
        return total, found

    def other_kinds(self) -> tuple[str, ...]:
        return tuple(sorted({price.kind for line in self.lines for price in line.others}))


@dataclass
class Collected:
    """What the pricing of one part adds to an estimate."""

    lines: list[Line] = field(default_factory=list)
    unpriced: list[Unpriced] = field(default_factory=list)
    undeclared: list[Undeclared] = field(default_factory=list)
    undetermined: list[Undetermined] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    free: list[str] = field(default_factory=list)

    def estimate(self, name: str, region: str, today: datetime.date) -> Estimate:
        return Estimate(
            name,
            region,
            today,
            tuple(self.lines),
            tuple(self.unpriced),
            tuple(self.undeclared),
            tuple(dict.fromkeys(self.undetermined)),
            tuple(self.pools),
            tuple(self.free),
        )


def number(value: Decimal) -> str:
    """Without trailing zeros or an exponent, thousands apart."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: Decimal) -> str:
    """To the cent, thousands apart."""
    return f"-${-value:,.2f}" if value < 0 else f"${value:,.2f}"
