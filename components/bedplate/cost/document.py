"""An estimate as JSON: every field of it, money as numbers of US dollars to the millionth."""

from collections.abc import Iterable
from decimal import Decimal

from bedplate.cost.budget import Verdict
from bedplate.cost.difference import Change
from bedplate.cost.figures import BASES, HOURS_PER_MONTH, Estimate, Line, UnitPrice

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def estimate_document(estimate: Estimate, max_price_age_days: int) -> dict[str, Json]:
    """Lines, totals, gaps, and how old each price is."""
    return {
        "environment": estimate.name,
        "region": estimate.region,
        "currency": "USD",
        "hours_per_month": int(HOURS_PER_MONTH),
        "date": estimate.today.isoformat(),
        "total": {
            basis: {"hour": _money(estimate.hour(basis)), "month": _money(estimate.month(basis))}
            for basis in BASES
        },
        "other_ways_to_pay": {
            kind: {basis: _money(estimate.other_month(kind, basis)[0]) for basis in BASES}
            for kind in estimate.other_kinds()
        },
        "lines": [_line(line, estimate) for line in estimate.lines],
        "stale": [line.item for line in estimate.stale(max_price_age_days)],
        "unpriced": [
            {
                "item": gap.item,
                "group": gap.group,
                "quantity": gap.quantity,
                "reason": gap.reason,
                "file": gap.row.file if gap.row else None,
                "columns": list(gap.row.columns) if gap.row else [],
                "row": gap.row.text() if gap.row else None,
            }
            for gap in estimate.unpriced
        ],
        "not_declared": [
            {"item": one.item, "key": one.key, "price": _price(one.price, estimate) if one.price else None}
            for one in estimate.undeclared
        ],
        "not_known_yet": [{"resource": one.resource, "property": one.path} for one in estimate.undetermined],
        "not_counted": list(estimate.free),
    }


def verdict_document(verdict: Verdict) -> dict[str, Json]:
    """A limit held against an estimate."""
    return {
        "basis": verdict.basis,
        "limit": _money(verdict.limit),
        "month": _money(verdict.total),
        "overrun": _money(verdict.overrun),
        "fits": verdict.fits,
        "complete": verdict.complete,
        "smallest_change": None
        if verdict.change is None
        else [
            {"pool": cut.pool.name, "field": cut.field, "from": cut.before, "to": cut.after}
            for cut in verdict.change
        ],
    }


def difference_document(changes: Iterable[Change]) -> list[Json]:
    """What a month costs more or less, by item."""
    return [
        {
            "item": change.item,
            **{
                basis: {
                    "before": _money(change.before[basis]),
                    "after": _money(change.after[basis]),
                    "change": _money(change.delta(basis)),
                }
                for basis in BASES
            },
        }
        for change in changes
    ]


def _line(line: Line, estimate: Estimate) -> dict[str, Json]:
    return {
        "item": line.item,
        "group": line.group,
        "pool": line.pool or None,
        "count": {basis: _money(line.count.at(basis)) for basis in BASES},
        "units_each": _money(line.each),
        "price": _price(line.price, estimate),
        "hour": {basis: _money(line.hour(basis)) for basis in BASES},
        "month": {basis: _money(line.month(basis)) for basis in BASES},
        "arithmetic": {basis: line.arithmetic(basis) for basis in BASES},
        "other_prices": [_price(price, estimate) for price in line.others],
        "note": line.note or None,
    }


def _price(price: UnitPrice, estimate: Estimate) -> dict[str, Json]:
    return {
        "kind": price.kind,
        "usd": _money(price.usd),
        "unit": price.unit,
        "per": price.per,
        "region": price.region,
        "source": price.source,
        "date": price.date.isoformat(),
        "age_days": price.age_days(estimate.today),
    }


def _money(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(round(value, 6))
