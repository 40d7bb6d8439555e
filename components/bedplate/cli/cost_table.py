"""An estimate as a table for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bedplate.cost import BASES, HOURS_PER_MONTH, Basis, Change, Estimate, Verdict
from bedplate.cost.figures import number, usd


@dataclass(frozen=True)
class Report:
    """What one `bedplate cost` has to say.

    Attributes:
        against: the other estimate, which `changes` start from.
    """

    estimate: Estimate
    max_price_age_days: int
    basis: Basis
    verdict: Verdict | None = None
    against: Estimate | None = None
    changes: Sequence[Change] = ()


def table(report: Report) -> str:
    """The whole report, with a newline at its end."""
    estimate = report.estimate
    oldest = min((line.price.date for line in estimate.lines), default=estimate.today)
    head = (
        f"{estimate.name} in {estimate.region}: US dollars at on-demand prices, "
        f"{HOURS_PER_MONTH} hours a month; "
        f"oldest price of {oldest} ({(estimate.today - oldest).days} days)"
    )
    parts = [head, "", *_lines(estimate, report.basis)]
    for section in (_limit(report), _others(report), _gaps(report), _prices(report), _changes(report)):
        found = list(section)
        parts += ["", *found] if found else []
    return "\n".join(parts) + "\n"


def _lines(estimate: Estimate, basis_of_others: Basis) -> Iterator[str]:
    kinds = estimate.other_kinds()
    titles = [cell for basis in BASES for cell in ("", basis)]
    rows = [["", "", *titles, *kinds]]
    rows.append(["item", "count", *["an hour", "a month"] * len(BASES), *[basis_of_others] * len(kinds)])
    group = ""
    for line in estimate.lines:
        if line.group != group:
            group = line.group
            rows.append([group, *[""] * (len(rows[0]) - 1)])
        count = line.count.text() + (f" x {number(line.each)}" if line.each != 1 else "")
        cells = [cell for basis in BASES for cell in (_hour(line.hour(basis)), _month(line.month(basis)))]
        others = [line.other_month(kind, basis_of_others) for kind in kinds]
        paid = ["-" if other is None else _month(other) for other in others]
        rows.append([f"  {line.item}", count, *cells, *paid])
    totals = [
        cell for basis in BASES for cell in (_hour(estimate.hour(basis)), _month(estimate.month(basis)))
    ]
    sums = [_month(estimate.other_month(kind, basis_of_others)[0]) for kind in kinds]
    rows.append(["total", "", *totals, *sums])
    yield from aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Text to the left, figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        yield "  ".join(cells).rstrip()


def _hour(value: Decimal) -> str:
    # Many items cost less than a cent an hour.
    return f"{value:,.4f}"


def _month(value: Decimal) -> str:
    return f"{value:,.2f}"


def _limit(report: Report) -> Iterator[str]:
    verdict = report.verdict
    if verdict is None:
        return
    if verdict.fits and not verdict.complete:
        yield f"Limit {usd(verdict.limit)} a month: {missing(report.estimate)}"
        return
    if verdict.fits:
        left = usd(verdict.limit - verdict.total)
        yield f"Limit {usd(verdict.limit)} a month at the {verdict.basis}: fits, {left} left."
        return
    yield f"Limit {usd(verdict.limit)} a month at the {verdict.basis}: {usd(verdict.overrun)} too much."
    for line in verdict.drivers:
        yield f"  {line.group}: {line.item}: {line.arithmetic(verdict.basis)}"
    if verdict.change is None:
        yield f"No size of the pools fits; the smallest would cost {usd(verdict.floor)} a month."
    for cut in verdict.change or ():
        yield f"  Smallest change that fits: {cut.field} from {cut.before} to {cut.after}"


def missing(estimate: Estimate) -> str:
    """Why nobody can say whether the limit holds."""
    count = len(estimate.unpriced) + len(estimate.undetermined)
    return f"{count} parts are without a price, so that nobody can say whether it fits."


def _others(report: Report) -> Iterator[str]:
    estimate = report.estimate
    for kind in estimate.other_kinds():
        _, found = estimate.other_month(kind, report.basis)
        yield (
            f"{kind}: a month at the {report.basis}, where {found} of {len(estimate.lines)} items have such "
            "a price and the rest are on demand; never counted for the limit."
        )


def _gaps(report: Report) -> Iterator[str]:
    estimate = report.estimate
    for gap in estimate.unpriced:
        yield f"NO PRICE, not in the totals: {gap.quantity} x {gap.text()}"
    for line in estimate.stale(report.max_price_age_days):
        yield (
            f"OLD PRICE: {line.item} in {line.price.region} is of {line.price.date}, older than "
            f"{report.max_price_age_days} days"
        )
    for open_one in estimate.undetermined:
        yield f"NOT KNOWN, not in the totals: {open_one.resource}: {open_one.path}"
    for one in estimate.undeclared:
        price = f"${number(one.price.usd)} per {one.price.unit}" if one.price else "no price here"
        yield f"Not declared, not in the totals: {one.item} ({price}); declare usage.{one.key}"
    yield from (f"Not counted: {text}" for text in estimate.free)


def _prices(report: Report) -> Iterator[str]:
    by_source: dict[tuple[str, str], list[str]] = {}
    for line in report.estimate.lines:
        key = (line.price.date.isoformat(), line.price.source)
        if line.item not in (items := by_source.setdefault(key, [])):
            items.append(line.item)
    if by_source:
        yield "Prices"
    for (date, source), items in sorted(by_source.items()):
        yield f"  {date}  {', '.join(items)}: {source}"


def _changes(report: Report) -> Iterator[str]:
    if report.against is None:
        return
    yield f"Change a month, from {report.against.name} to {report.estimate.name}"
    rows = [["item", *BASES]]
    rows += [[change.item, *(_signed(change.delta(basis)) for basis in BASES)] for change in report.changes]
    totals = (report.estimate.month(basis) - report.against.month(basis) for basis in BASES)
    rows.append(["total", *map(_signed, totals)])
    yield from (f"  {line}" for line in aligned(rows))
    for gap in report.against.unpriced:
        yield f"  NO PRICE in {report.against.name}, not in the totals: {gap.text()}"


def _signed(value: Decimal) -> str:
    return f"{value:+,.2f}" if value else "0.00"
