"""The report: one JSON document, and one HTML page made from nothing but it.

The page needs no network and no script. Every number of its tables carries its path in the document
(`data-path="figures.utilisation"`), and is that number to four significant digits.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, cast

from bedplate_training import report_svg as svg
from bedplate_training.probes.measure import Measure
from bedplate_training.store_posix import whole_file
from bedplate_training.verdict import Verdict

FORMAT = 1
HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(
    r"secret|passw|token$|_token\b|credential|private|api_?key|access_?key|authorization", re.I
)
_SECRET_TEXT = re.compile(
    r"(?P<user>(?<=://)[^/@\s]+(?=@))|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|X-Amz-(?:Signature|Credential|Security-Token)=[^&\s]+"
    r"|\b(?:ghp|gho|hf|sk)_[A-Za-z0-9]{16,}|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{8,}"
)


@dataclass(frozen=True)
class Report:
    """What a run found. `about` says what ran where; series are lists of (x, y)."""

    about: Mapping[str, Any]
    verdict: Verdict
    measures: Sequence[Measure]
    figures: Mapping[str, Any]
    """`utilisation`, `composite` and `composite_of_peaks`, in the units of figures.py."""
    parts_seconds: Mapping[str, float]
    """Wall time by phase."""
    loss: Sequence[tuple[float, float]] = ()
    """Step, nats."""
    throughput: Sequence[tuple[float, float]] = ()
    """Step, tokens (or images) a second over all ranks."""
    bandwidth: Sequence[Mapping[str, Any]] = ()
    """`collective`, `message_bytes`, `bus_gb_per_second`."""
    ablation: Sequence[Mapping[str, Any]] = ()
    """Rows of `ablate`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """More results (evaluation, inference, tuning), shown as a table."""

    def as_data(self) -> dict[str, Any]:
        """The document: JSON-able, without secrets, without NaN (null)."""
        data = {
            "format": FORMAT,
            "about": dict(self.about),
            "verdict": self.verdict.as_data(),
            "measures": {measure.name: measure.as_data() for measure in self.measures},
            "figures": dict(self.figures),
            "parts_seconds": dict(self.parts_seconds),
            "loss": [list(point) for point in self.loss],
            "throughput": [list(point) for point in self.throughput],
            "bandwidth": [dict(row) for row in self.bandwidth],
            "ablation": [dict(row) for row in self.ablation],
            "extra": dict(self.extra),
        }
        return cast(dict[str, Any], _clean(data))


def write_report(report: Report, directory: Path) -> tuple[Path, Path]:
    """`report.json` and `report.html` in a directory; their paths. Both are written whole or not at all."""
    data = report.as_data()
    paths = directory / "report.json", directory / "report.html"
    for path, text in zip(paths, (json.dumps(data, indent=1, allow_nan=False), page(data)), strict=True):
        with whole_file(path) as part:
            part.write_text(text)
    return paths


def read_report(path: Path) -> dict[str, Any]:
    """A report.json. Raises ValueError for another format."""
    data = json.loads(path.read_text())
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path}: not a report of format {FORMAT}; make it again with this version")
    return data


@dataclass(frozen=True)
class Change:
    """One number that both reports have. `ratio` is after / before; None where before is 0."""

    path: str
    before: float
    after: float

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The numbers that two documents share: values of measures, figures, parts and extra results."""
    old, new = dict(_comparable(before)), dict(_comparable(after))
    return [Change(path, old[path], new[path]) for path in old if path in new]


def comparison_page(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The comparison as a page of its own."""
    rows = "".join(
        f"<tr><td>{escape(change.path)}</td><td>{svg.number(change.before)}</td>"
        f"<td>{svg.number(change.after)}</td>"
        f"<td>{'' if change.ratio is None else svg.number(change.ratio)}</td></tr>"
        for change in compare(before, after)
    )
    colours = " -> ".join(escape(str(data["verdict"]["colour"])) for data in (before, after))
    table = (
        f"<table><tr><th>number</th><th>before</th><th>after</th><th>after / before</th></tr>{rows}</table>"
    )
    return _document("Two validation reports", f"<p>Verdict: {colours}</p>{table}")


def page(data: Mapping[str, Any]) -> str:
    """The page of a document."""
    verdict = data["verdict"]
    layers = "".join(
        f'<tr class="{escape(layer["colour"])}"><th>{escape(layer["layer"])}</th><td class="colour">'
        f"{escape(layer['colour'])}</td><td>{escape(layer['reason'])}</td></tr>"
        for layer in verdict["layers"]
    )
    findings = "".join(
        f'<tr class="{escape(finding["colour"])}"><td>{escape(finding["measure"])}</td>'
        f"{_cell(finding['value'], f'verdict.layers.{at}.findings.{place}.value')}"
        f"<td>{escape(finding['unit'])}</td>"
        f'<td class="colour">{escape(finding["colour"])}</td><td>{escape(finding["source"])}</td></tr>'
        for at, layer in enumerate(verdict["layers"])
        for place, finding in enumerate(layer["findings"])
    )
    measures = "".join(
        f"<tr><td>{escape(name)}</td>{_cell(row['value'], f'measures.{_dots(name)}.value')}"
        f"<td>{escape(row['unit'])}</td><td>{len(row['repeats'])}</td>"
        f"{_cell(row['spread'], f'measures.{_dots(name)}.spread')}</tr>"
        for name, row in data["measures"].items()
    )
    ablation = "".join(
        f"<tr><td>{escape(str(row['lever']))}</td>"
        + "".join(_cell(row[name], f"ablation.{at}.{name}") for name in ("utilisation", "seconds", "gain"))
        + _cell(row["spread"], f"ablation.{at}.spread")
        + f"<td>{len(row['seconds_repeats'])}</td></tr>"
        for at, row in enumerate(data["ablation"])
    )
    sections = [
        f'<p class="{escape(verdict["colour"])}"><b class="colour">{escape(verdict["colour"])}</b></p>',
        f"<h2>Layers</h2><table>{layers}</table>",
        "<h2>Figures of merit</h2>"
        "<p>R is the share of computing in computing and exposed transfer, 0 to 1. P is in 10<sup>9</sup> a "
        "second: GFLOP/s of training, GFLOP/s of inference, GB/s of transfer; of peaks, each is a share.</p>",
        _values(data["figures"], "figures"),
        "<h2>Run</h2>",
        svg.lines("Loss (nats)", "step", "nats", [("loss", data["loss"])]),
        svg.lines("Throughput", "step", "per second, all ranks", [("throughput", data["throughput"])]),
        svg.split("Wall time", "s", list(data["parts_seconds"].items())),
        _values(data["parts_seconds"], "parts_seconds"),
        "<h2>Network</h2>",
        svg.lines(
            "Bus bandwidth against message size",
            "bytes",
            "GB/s",
            [
                (
                    name,
                    [
                        (r["message_bytes"], r["bus_gb_per_second"])
                        for r in data["bandwidth"]
                        if r["collective"] == name
                    ],
                )
                for name in sorted({row["collective"] for row in data["bandwidth"]})
            ],
            log=True,
        ),
        "<h2>Levers, turned on one after the other</h2>",
        svg.bars(
            "Wall time of each setting, with the range of its repeats",
            "s",
            [
                (r["lever"], r["seconds"], min(r["seconds_repeats"]), max(r["seconds_repeats"]))
                for r in data["ablation"]
            ],
        ),
        "<table><tr><th>lever</th><th>R</th><th>seconds</th><th>gain over the setting before</th>"
        "<th>spread</th>"
        f"<th>repeats</th></tr>{ablation}</table>",
        "<h2>Measures</h2><table><tr><th>measure</th><th>median</th><th>unit</th><th>repeats</th>"
        "<th>spread</th></tr>"
        f"{measures}</table>",
        "<h2>Limits</h2><table><tr><th>measure</th><th>value</th><th>unit</th><th></th>"
        "<th>source of the limit</th></tr>"
        f"{findings}</table>",
        "<h2>More</h2>",
        _values(data["extra"], "extra"),
        _values(data["about"], "about"),
    ]
    return _document("Validation report", "".join(sections))


def _values(tree: Any, path: str) -> str:
    rows = "".join(
        f"<tr><td>{escape(where.partition('.')[2])}</td>"
        + (
            _cell(value, where)
            if _is_number(value)
            else f"<td>{escape('' if value is None else str(value))}</td>"
        )
        + "</tr>"
        for where, value in _leaves(tree, path)
    )
    return f"<table>{rows}</table>"


def _cell(value: float | None, path: str) -> str:
    if value is None:
        return "<td></td>"
    return f'<td class="number" data-path="{escape(path, quote=True)}">{svg.number(value)}</td>'


def _dots(name: str) -> str:
    # A measure's name has a dot of its own; within a path it is one step.
    return name.replace(".", "\\.")


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _leaves(value, f"{path}.{_dots(str(name))}")
    elif isinstance(tree, list | tuple):
        for at, value in enumerate(tree):
            yield from _leaves(value, f"{path}.{at}")
    else:
        yield path, tree


def _comparable(data: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, row in data["measures"].items():
        yield f"measures.{name}", float(row["value"])
    for part in ("figures", "parts_seconds", "extra"):
        for path, value in _leaves(data[part], part):
            if _is_number(value):
                yield path, float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clean(value: Any, name: str = "") -> Any:
    """Without secrets; NaN and infinity, which JSON lacks, become null."""
    if isinstance(value, Mapping):
        return {str(key): _clean(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner, name) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if value and _SECRET_NAME.search(name):
        return HIDDEN
    return _SECRET_TEXT.sub(HIDDEN, str(value))


_STYLE = """
:root{--ink:#1c2430;--soft:#64707f;--line:#dde2e8;--paper:#fff;--c0:#2f6db5;--c1:#d9822b;--c2:#3c9a5f;
--c3:#b5485d;--c4:#7a5ab5;--c5:#7d8794}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#98a3b1;--line:#333c48;--paper:#14181e}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:980px;
margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid var(--line);vertical-align:top}
.number{text-align:right;font-variant-numeric:tabular-nums}
.colour{font-weight:600}.green .colour{color:#2c8a4f}.amber .colour{color:#b87512}.red .colour{color:#c8343e}
figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;max-width:640px}
svg text{font-size:11px;fill:var(--soft)}
.end{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:var(--line)}
.whisker{stroke:var(--ink)}.line{fill:none;stroke-width:1.6}.key{margin-right:1rem;color:var(--soft)}
.key i{display:inline-block;width:.8em;height:.8em;margin-right:.35em}
""" + "".join(
    f".line.c{n}{{stroke:var(--c{n})}}.dot.c{n},.fill.c{n}{{fill:var(--c{n})}}"
    f".key .k{n}{{background:var(--c{n})}}"
    for n in range(6)
)


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        # A browser asks for an icon unless it is told that there is none.
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
