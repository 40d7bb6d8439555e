"""What a machine should reach: rows of thresholds.csv, each with its source and date.

`machine` is an accelerator as the catalogue names it, `cpu`, or `*` for all. `green` and `amber` are
limits: values, shares of `peak` where one is given, or `low-high` where `better` is `between`.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bedplate_training.probes.measure import LAYERS

GREEN, AMBER, RED = "green", "amber", "red"
_COLUMNS = ("machine", "measure", "unit", "better", "peak", "green", "amber", "source", "date")


@dataclass(frozen=True)
class Threshold:
    """Limits of one measure, in its unit. What is beyond both is red."""

    machine: str
    measure: str
    unit: str
    better: str
    green: tuple[float, float]
    amber: tuple[float, float]
    source: str
    date: str
    peak: float | None = None  # the vendor's, in the unit

    def colour(self, value: float) -> str:
        """`green`, `amber` or `red`; what is not a number is red."""
        for colour, (low, high) in ((GREEN, self.green), (AMBER, self.amber)):
            if low <= value <= high:
                return colour
        return RED

    def wanted(self) -> str:
        """The green range in words."""
        low, high = self.green
        if self.better == "higher":
            return f"at least {low:.4g} {self.unit}"
        if self.better == "lower":
            return f"at most {high:.4g} {self.unit}"
        return f"{low:.4g} to {high:.4g} {self.unit}"


def read_thresholds(text: str, origin: str) -> tuple[Threshold, ...]:
    """The rows of a CSV; ValueError with every problem, by line."""
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise ValueError(f"{origin}: the first line is {reader.fieldnames}; it must be {','.join(_COLUMNS)}")
    found: list[Threshold] = []
    problems: list[str] = []
    for line, row in enumerate(reader, 2):
        try:
            found.append(_threshold(row))
        except ValueError as problem:
            problems.append(f"line {line}: {problem}")
    keys = [(row.machine, row.measure) for row in found]
    problems += [
        f"{machine} {measure} is given twice"
        for machine, measure in sorted(set(keys))
        if keys.count((machine, measure)) > 1
    ]
    if problems:
        raise ValueError(f"{origin}: " + "; ".join(problems))
    return tuple(found)


def thresholds_for(machine: str, own: Path | None = None) -> dict[str, Threshold]:
    """The rows for a machine by measure; its own go before those for all, and those of the file `own`
    before both.
    """
    rows = list(
        read_thresholds(files("bedplate_training").joinpath("thresholds.csv").read_text(), "thresholds.csv")
    )
    if own is not None:
        mine = read_thresholds(own.read_text(), str(own))
        taken = {(row.machine, row.measure) for row in mine}
        rows = [row for row in rows if (row.machine, row.measure) not in taken] + list(mine)
    return _by_measure(rows, "*") | _by_measure(rows, machine)


def machine_of(device: str) -> str:
    """The accelerator's name in the catalogue from the name that its driver gives; `cpu` for a CPU, else
    the name.
    """
    names = (
        ("H200", "H200-SXM5-141GB"),
        ("H100 80GB HBM3", "H100-SXM5-80GB"),
        ("A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("A100-SXM4-40GB", "A100-SXM4-40GB"),
    )
    return next((name for part, name in names if part in device), device)


def _by_measure(rows: Iterable[Threshold], machine: str) -> dict[str, Threshold]:
    return {row.measure: row for row in rows if row.machine == machine}


def _threshold(row: dict[str, str]) -> Threshold:
    better = row["better"]
    if better not in ("higher", "lower", "between"):
        raise ValueError(f"better is {better!r}; allowed are higher, lower and between")
    if row["measure"].partition(".")[0] not in LAYERS:
        raise ValueError(f"measure is {row['measure']!r}; it begins with one of {', '.join(LAYERS)}")
    missing = [name for name in ("machine", "unit", "source", "date") if not row[name]]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing; a limit has a unit, a source and a date")
    peak = float(row["peak"] or 1)
    green, amber = (_range(row[colour], better, peak) for colour in (GREEN, AMBER))
    if not (amber[0] <= green[0] <= green[1] <= amber[1]):
        raise ValueError(f"green {row['green']} is not within amber {row['amber']}")
    return Threshold(
        row["machine"],
        row["measure"],
        row["unit"],
        better,
        green,
        amber,
        row["source"],
        row["date"],
        peak if row["peak"] else None,
    )


def _range(text: str, better: str, peak: float) -> tuple[float, float]:
    if better == "between":
        low, _, high = text.partition("-")
        return float(low) * peak, float(high) * peak
    limit = float(text) * peak
    return (limit, float("inf")) if better == "higher" else (float("-inf"), limit)
