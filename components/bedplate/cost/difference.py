"""The difference between two estimates, item by item."""

from dataclasses import dataclass
from decimal import Decimal

from bedplate.cost.figures import BASES, Basis, Estimate


@dataclass(frozen=True)
class Change:
    """One item in both: US dollars a month in the first and in the second."""

    item: str
    before: dict[Basis, Decimal]
    after: dict[Basis, Decimal]

    def delta(self, basis: Basis) -> Decimal:
        return self.after[basis] - self.before[basis]


def difference(before: Estimate, after: Estimate) -> tuple[Change, ...]:
    """What changes from one estimate to another, the greatest change at the maximum first.

    Items are told apart by what is billed (the machine, the disk), not by how resources are called: a stack
    and an environment name their parts differently.
    """
    items = dict.fromkeys(line.item for line in (*before.lines, *after.lines))
    found = [Change(item, _months(before, item), _months(after, item)) for item in items]
    changed = [one for one in found if any(one.delta(basis) for basis in BASES)]
    return tuple(sorted(changed, key=lambda one: -abs(one.delta("maximum"))))


def _months(estimate: Estimate, item: str) -> dict[Basis, Decimal]:
    lines = [line for line in estimate.lines if line.item == item]
    return {basis: sum((line.month(basis) for line in lines), Decimal(0)) for basis in BASES}
