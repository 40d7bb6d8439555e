"""CustomResourceDefinitions that charts bring: data made by `definitions_build.py`, read when asked for.

`definitions/charts.csv` says which chart brings which source's definitions, and how: from its `crds/`
directory (helm installs what is missing and never takes it away), from its templates (they come and go with
the release, unless they carry helm's resource policy `keep`), or by the operator that it starts (they stay).
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Place = Literal["crds", "templates", "operator"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Definitions of one origin.

    Attributes:
        name: The file in `definitions/` without its ending.
        origin: The Go module and version, or the vendor's reference, that they are from.
        date: The day of that origin.
        partial: Written by hand from a reference: fields that matter have types, others are let through.
        definitions: By name, such as `cephclusters.ceph.rook.io`.
    """

    name: str
    origin: str
    date: str
    partial: bool
    definitions: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Brought:
    """What a chart brings. `switch`: the value that turns it on or off; empty where it cannot be."""

    chart: str
    source: str
    place: Place
    switch: str
    default: bool

    def wanted(self, values: Mapping[str, Any], skip_crds: bool) -> bool:
        """Whether a release with these values brings the definitions."""
        if self.place == "crds" and skip_crds:
            return False
        if not self.switch:
            return self.default
        found: Any = values
        for part in self.switch.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return self.default if found is None else bool(found)


@cache
def source(name: str) -> Source:
    """Raises FileNotFoundError for a source that there is not."""
    data = json.loads(_read(f"{name}.json"))
    return Source(
        name=name,
        origin=data["source"],
        date=data["date"],
        partial=data["partial"],
        definitions={one["metadata"]["name"]: one for one in data["definitions"]},
    )


@cache
def index() -> Mapping[str, Mapping[str, str]]:
    """Kinds by source and definition's name; reads no definition."""
    found: dict[str, dict[str, str]] = json.loads(_read("index.json"))
    return found


@cache
def charts() -> tuple[Brought, ...]:
    """What every known chart brings."""
    return tuple(
        Brought(row["chart"], row["source"], _place(row["place"]), row["switch"], row["default"] == "true")
        for row in csv.DictReader(_read("charts.csv").splitlines())
    )


def of_chart(chart: str) -> tuple[Brought, ...]:
    """What a chart brings; `chart` may be a reference such as `oci://registry/charts/kueue`."""
    return tuple(one for one in charts() if one.chart == chart.rpartition("/")[2])


@dataclass(frozen=True)
class Origin:
    """Where a kind that a cluster lacks could come from. `charts`: those that bring it, best known first."""

    source: str
    name: str
    charts: tuple[str, ...]


def origin(group: str, kind: str) -> Origin | None:
    """None for a kind that no source has."""
    for name, kinds in index().items():
        for definition, other in kinds.items():
            if other == kind and definition.partition(".")[2] == group:
                bringing = tuple(one.chart for one in charts() if one.source == name)
                return Origin(name, definition, bringing)
    return None


def _place(text: str) -> Place:
    if text == "crds":
        return "crds"
    return "templates" if text == "templates" else "operator"


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("definitions", name).read_text(encoding="utf-8")
