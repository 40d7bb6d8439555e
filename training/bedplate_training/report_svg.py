"""Plots as inline SVG: lines, bars, and a split bar. Colours and fonts are the page's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 28, 44
Point = tuple[float, float]  # or a list of two, of which one may be None: what JSON made of NaN


def number(value: float) -> str:
    """Four significant digits, the same in plots and tables."""
    return f"{value:.4g}"


@dataclass(frozen=True)
class Axis:
    """A range of values on a range of pixels, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (
            (math.log10(v) for v in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        return self.start + (value - low) / ((high - low) or 1) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values within the range, about five."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            powers = [10.0**power for power in range(first, last + 1)]
            return powers[:: max(1, -(-len(powers) // 8))] or [self.low, self.high]
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        raw = span / 5
        step = 10 ** math.floor(math.log10(raw))
        step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [
            round(first * step + count * step, 12)
            for count in range(int((self.high - first * step) / step + 1e-9) + 1)
        ]


def lines(
    title: str, x_label: str, y_label: str, series: Sequence[tuple[str, Sequence[Point]]], log: bool = False
) -> str:
    """Lines over one pair of axes; both logarithmic with `log`. Values that cannot be drawn there are left
    out.
    """
    shown = [(name, [p for p in points if _drawable(p, log)]) for name, points in series]
    flat = [point for _, points in shown for point in points]
    if not flat:
        return _empty(title)
    xs, ys = [x for x, _ in flat], [y for _, y in flat]
    floor = min(ys) if log else min(0.0, min(ys))
    x_axis = Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT, log)
    y_axis = Axis(floor, max(ys) if max(ys) > floor else floor + 1, HEIGHT - _BOTTOM, _TOP, log)
    body = [_axes(x_axis, y_axis, x_label, y_label)]
    for index, (name, points) in enumerate(shown):
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in points)
        body.append(f'<polyline class="line c{index % 6}" points="{path}"/>')
        body += [
            f'<circle class="dot c{index % 6}" cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="2.5">'
            f"<title>{escape(name)}: {number(x)}, {number(y)}</title></circle>"
            for x, y in points
        ]
    return _figure(title, "".join(body), [name for name, _ in shown])


def bars(title: str, unit: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    """Horizontal bars: name, value, and the lowest and highest of its repeats as a whisker. Values are 0
    or more.
    """
    if not rows:
        return _empty(title)
    most = max(max(value, high) for _, value, _, high in rows) or 1
    left, step = 190, 26
    scale = Axis(0, most, left, WIDTH - 80)
    body = []
    for place, (name, value, low, high) in enumerate(rows):
        y = _TOP + place * step
        body.append(
            f'<text class="end" x="{left - 8}" y="{y + 14}">{escape(name)}</text>'
            f'<rect class="fill c0" x="{left}" y="{y}" width="{scale.at(value) - left:.1f}" height="18">'
            f"<title>{escape(name)}: {number(value)} {escape(unit)}</title></rect>"
            f'<line class="whisker" x1="{scale.at(low):.1f}" x2="{scale.at(high):.1f}" '
            f'y1="{y + 9}" y2="{y + 9}"/>'
            f'<text x="{scale.at(max(value, high)) + 6:.1f}" y="{y + 14}">{number(value)}</text>'
        )
    return _figure(f"{title} ({unit})", "".join(body), [], _TOP + len(rows) * step + 8)


def split(title: str, unit: str, parts: Sequence[tuple[str, float]]) -> str:
    """One bar, divided."""
    total = sum(value for _, value in parts)
    if total <= 0:
        return _empty(title)
    at, body = float(_RIGHT), []
    for index, (name, value) in enumerate(parts):
        width = value / total * (WIDTH - 2 * _RIGHT)
        body.append(
            f'<rect class="fill c{index % 6}" x="{at:.1f}" y="{_TOP}" width="{width:.1f}" height="34">'
            f"<title>{escape(name)}: {number(value)} {escape(unit)}</title></rect>"
        )
        at += width
    return _figure(title, "".join(body), [f"{name} {number(value)} {unit}" for name, value in parts], 74)


def _drawable(point: Point, log: bool) -> bool:
    return all(value is not None and math.isfinite(value) and (value > 0 or not log) for value in point)


def _axes(x_axis: Axis, y_axis: Axis, x_label: str, y_label: str) -> str:
    out = []
    for value in y_axis.ticks():
        y = f"{y_axis.at(value):.1f}"
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        out.append(f'<text class="end" x="{_LEFT - 6}" y="{y}" dy="4">{number(value)}</text>')
    for value in x_axis.ticks():
        out.append(
            f'<text class="mid" x="{x_axis.at(value):.1f}" y="{HEIGHT - _BOTTOM + 16}">{number(value)}</text>'
        )
    out.append(f'<text class="mid" x="{(_LEFT + WIDTH) / 2}" y="{HEIGHT - 8}">{escape(x_label)}</text>')
    out.append(f'<text x="4" y="{_TOP - 12}">{escape(y_label)}</text>')
    return "".join(out)


def _figure(title: str, body: str, names: Sequence[str], height: float = HEIGHT) -> str:
    keys = "".join(
        f'<span class="key"><i class="k{index % 6}"></i>{escape(name)}</span>'
        for index, name in enumerate(names)
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{body}</svg>"
        f"<div>{keys}</div></figure>"
    )


def _empty(title: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption><p>not measured</p></figure>"
