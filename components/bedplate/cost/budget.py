"""A limit: by how much it is passed, what drives the figure, and the smallest change that would fit."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bedplate.cost.figures import Basis, Estimate, Line, Pool

# Beyond this many combinations of pools the first good one is taken: the pools that save most.
_MOST_COMBINATIONS = 20_000


@dataclass(frozen=True)
class Reduction:
    """One pool made smaller: `field` from `before` to `after`, and what a month then costs less."""

    pool: Pool
    field: str
    before: int
    after: int
    saves: Decimal


@dataclass(frozen=True)
class Verdict:
    """An estimate held against a limit.

    Attributes:
        complete: whether everything had a price; if not, the total is too low, and to fit says nothing.
        change: the smallest change that would fit: fewest pools, then fewest machines, then least money; None
            where no change of pools would do.
        floor: what a month costs with every pool as small as it may be.
    """

    basis: Basis
    total: Decimal
    limit: Decimal
    drivers: tuple[Line, ...]
    change: tuple[Reduction, ...] | None
    floor: Decimal
    complete: bool

    @property
    def overrun(self) -> Decimal:
        return max(self.total - self.limit, Decimal(0))

    @property
    def fits(self) -> bool:
        return self.total <= self.limit


@dataclass(frozen=True)
class _Choice:
    pool: Pool
    unit: Decimal
    now: int
    least: int

    @property
    def most_saved(self) -> Decimal:
        return self.unit * (self.now - self.least)


def judge(estimate: Estimate, limit_usd_per_month: Decimal, basis: Basis = "maximum") -> Verdict:
    """Holds a month of an estimate against a limit, at on-demand prices only."""
    total = estimate.month(basis)
    drivers = sorted(estimate.lines, key=lambda line: -line.month(basis))
    choices = _choices(estimate, basis)
    saved = sum((choice.most_saved for choice in choices), Decimal(0))
    overrun = total - limit_usd_per_month
    change = () if overrun <= 0 else _smallest(choices, overrun)
    return Verdict(
        basis,
        total,
        limit_usd_per_month,
        tuple(line for line in drivers[:5] if line.month(basis) > 0),
        None if change is None else tuple(_reduction(choice, cut, basis) for choice, cut in change),
        total - saved,
        estimate.complete,
    )


def _choices(estimate: Estimate, basis: Basis) -> list[_Choice]:
    units: dict[str, Decimal] = {}
    for line in estimate.lines:
        units[line.pool] = units.get(line.pool, Decimal(0)) + line.each * line.price.month()
    found = []
    for pool in estimate.pools:
        unit = units.get(pool.identity, Decimal(0))
        now, least = int(pool.count.at(basis)), _least(pool, basis)
        if unit > 0 and now > least:
            found.append(_Choice(pool, unit, now, least))
    return found


def _least(pool: Pool, basis: Basis) -> int:
    """How far a number may go down while the others stay as they are."""
    if basis == "minimum":
        return 0
    if basis == "desired":
        return int(pool.count.minimum)
    return max(pool.most_floor, int(pool.count.minimum), int(pool.count.desired))


def _smallest(choices: Sequence[_Choice], overrun: Decimal) -> list[tuple[_Choice, int]] | None:
    ordered = sorted(choices, key=lambda choice: -choice.most_saved)
    size = next(
        (
            n
            for n in range(1, len(ordered) + 1)
            if sum((choice.most_saved for choice in ordered[:n]), Decimal(0)) >= overrun
        ),
        None,
    )
    if size is None:
        return None
    if math.comb(len(ordered), size) > _MOST_COMBINATIONS:
        ordered = ordered[:size]
    best: tuple[tuple[int, Decimal], list[tuple[_Choice, int]]] | None = None
    for combination in itertools.combinations(ordered, size):
        cuts = _fewest_machines(combination, overrun)
        if cuts is None:
            continue
        rank = (sum(cut for _, cut in cuts), sum((choice.unit * cut for choice, cut in cuts), Decimal(0)))
        if best is None or rank < best[0]:
            best = rank, cuts
    assert best is not None, "the pools that save most were found to be enough"
    return best[1]


def _fewest_machines(pools: Sequence[_Choice], overrun: Decimal) -> list[tuple[_Choice, int]] | None:
    """From each pool at least one machine, and together as few as save enough: the dearest first."""
    cuts = dict.fromkeys(range(len(pools)), 1)
    left = overrun - sum((choice.unit for choice in pools), Decimal(0))
    for index in sorted(cuts, key=lambda index: -pools[index].unit):
        if left <= 0:
            break
        choice = pools[index]
        more = min(choice.now - choice.least - 1, math.ceil(left / choice.unit))
        cuts[index] += more
        left -= more * choice.unit
    return [(pools[index], cut) for index, cut in cuts.items()] if left <= 0 else None


def _reduction(choice: _Choice, cut: int, basis: Basis) -> Reduction:
    return Reduction(choice.pool, choice.pool.field(basis), choice.now, choice.now - cut, choice.unit * cut)
