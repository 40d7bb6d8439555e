"""An estimate as one page of HTML: a chart in SVG and the figures; no script, nothing loaded."""

from collections.abc import Iterator
from decimal import Decimal
from html import escape

from bedplate.cli.cost_table import Report, missing
from bedplate.cost import BASES, Basis, Estimate
from bedplate.cost.figures import number, usd

_COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f", "#edc948")
_WIDTH, _BAR, _GAP, _LABEL = 860, 28, 18, 110
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left}
tr.group td{font-weight:600;background:#f4f4f4}tr.total td{font-weight:700;border-top:2px solid #333}
.bad{color:#a4161a}.quiet{color:#555}
"""


def page(report: Report) -> str:
    """The whole page."""
    estimate = report.estimate
    title = f"{estimate.name}: cost"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # An icon of no content, so that a browser asks no server for one.
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(estimate.name)}</h1>",
        f"<p>{escape(estimate.region)}, US dollars at on-demand prices, 730 hours a month, "
        f"{estimate.today.isoformat()}.</p>",
        *_limit(report),
        "<h2>A month</h2>",
        _chart(estimate),
        *_table(estimate),
        *_gaps(report),
        *_difference(report),
        *_sources(estimate),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _groups(estimate: Estimate, basis: Basis) -> dict[str, Decimal]:
    groups: dict[str, Decimal] = dict.fromkeys((line.group for line in estimate.lines), Decimal(0))
    for line in estimate.lines:
        groups[line.group] += line.month(basis)
    return groups


def _chart(estimate: Estimate) -> str:
    """One bar for each basis, to one scale, each part of it a group of items."""
    largest = max((estimate.month(basis) for basis in BASES), default=Decimal(0)) or Decimal(1)
    groups = list(_groups(estimate, "maximum"))
    colours = {group: _COLOURS[index % len(_COLOURS)] for index, group in enumerate(groups)}
    room = Decimal(_WIDTH - _LABEL - 130)
    shapes = []
    for row, basis in enumerate(BASES):
        top, left = row * (_BAR + _GAP), Decimal(_LABEL)
        shapes.append(f'<text x="0" y="{top + 19}">{basis}</text>')
        for group, month in _groups(estimate, basis).items():
            width = month / largest * room
            label = escape(f"{group}: {usd(month)} a month at the {basis}")
            shapes.append(
                f'<rect x="{left:.2f}" y="{top}" width="{width:.2f}" height="{_BAR}" fill="{colours[group]}">'
                f"<title>{label}</title></rect>"
            )
            left += width
        shapes.append(f'<text x="{left + 8:.2f}" y="{top + 19}">{usd(estimate.month(basis))}</text>')
    legend_top = len(BASES) * (_BAR + _GAP) + 6
    for index, group in enumerate(groups):
        y = legend_top + index * 22
        shapes.append(f'<rect x="{_LABEL}" y="{y}" width="14" height="14" fill="{colours[group]}"/>')
        shapes.append(f'<text x="{_LABEL + 22}" y="{y + 12}">{escape(group)}</text>')
    height = legend_top + len(groups) * 22
    return (
        f'<svg role="img" aria-label="Cost a month by part" viewBox="0 0 {_WIDTH} {height}" width="100%" '
        f'font-size="14" font-family="system-ui,sans-serif">{"".join(shapes)}</svg>'
    )


def _table(estimate: Estimate) -> Iterator[str]:
    yield "<h2>Items</h2><table><thead>"
    yield _row(["", "", "", *(cell for basis in BASES for cell in (basis, ""))], "th")
    yield _row(["item", "count", "price", *["hour", "month"] * len(BASES)], "th")
    yield "</thead><tbody>"
    group = ""
    for line in estimate.lines:
        if line.group != group:
            group = line.group
            yield f'<tr class="group"><td colspan="9">{escape(group)}</td></tr>'
        count = line.count.text() + (f" x {number(line.each)}" if line.each != 1 else "")
        price = f"${number(line.price.usd)} per {line.price.unit}"
        money = [
            cell for basis in BASES for cell in (f"{line.hour(basis):,.4f}", f"{line.month(basis):,.2f}")
        ]
        yield _row([line.item, count, price, *money])
    totals = [
        cell for basis in BASES for cell in (f"{estimate.hour(basis):,.4f}", f"{estimate.month(basis):,.2f}")
    ]
    yield _row(["total", "", "", *totals], css="total")
    yield "</tbody></table>"


def _row(cells: list[str], tag: str = "td", css: str = "") -> str:
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f'<tr class="{css}">{inner}</tr>' if css else f"<tr>{inner}</tr>"


def _limit(report: Report) -> Iterator[str]:
    verdict = report.verdict
    if verdict is None:
        return
    text = f"Limit {usd(verdict.limit)} a month at the {verdict.basis}: "
    if verdict.fits and not verdict.complete:
        yield f'<p class="bad">{text}{missing(report.estimate)}</p>'
        return
    if verdict.fits:
        yield f"<p>{text}fits, {usd(verdict.limit - verdict.total)} left.</p>"
        return
    yield f'<p class="bad">{text}{usd(verdict.overrun)} too much.</p>'
    for cut in verdict.change or ():
        yield f"<p>Smallest change that fits: {escape(cut.field)} from {cut.before} to {cut.after}.</p>"


def _gaps(report: Report) -> Iterator[str]:
    estimate = report.estimate
    for kind in estimate.other_kinds():
        total, _ = estimate.other_month(kind, report.basis)
        text = f"With {kind} prices where there are some: {usd(total)} a month at the {report.basis}; "
        yield f'<p class="quiet">{escape(text)}never counted for the limit.</p>'
    texts = [f"No price, not in the totals: {gap.text()}" for gap in estimate.unpriced]
    texts += [
        f"Old price: {line.item} of {line.price.date}" for line in estimate.stale(report.max_price_age_days)
    ]
    yield from (f'<p class="bad">{escape(text)}</p>' for text in texts)
    quiet = [f"Not declared, not in the totals: {one.item} (usage.{one.key})" for one in estimate.undeclared]
    yield from (f'<p class="quiet">{escape(text)}</p>' for text in [*quiet, *estimate.free])


def _difference(report: Report) -> Iterator[str]:
    if report.against is None:
        return
    names = f"from {report.against.name} to {report.estimate.name}"
    yield f"<h2>Change a month, {escape(names)}</h2><table><thead>"
    yield _row(["item", *BASES], "th") + "</thead><tbody>"
    for change in report.changes:
        yield _row([change.item, *(f"{change.delta(basis):+,.2f}" for basis in BASES)])
    totals = [report.estimate.month(basis) - report.against.month(basis) for basis in BASES]
    yield _row(["total", *(f"{value:+,.2f}" for value in totals)], css="total") + "</tbody></table>"


def _sources(estimate: Estimate) -> Iterator[str]:
    yield "<h2>Prices</h2><table><thead>"
    yield _row(["item", "region", "date", "age in days", "source"], "th") + "</thead><tbody>"
    told = set()
    for line in estimate.lines:
        if line.item not in told:
            told.add(line.item)
            price = line.price
            age = str(price.age_days(estimate.today))
            yield _row([line.item, price.region, price.date.isoformat(), age, price.source])
    yield "</tbody></table>"
