"""The parts of a Grafana dashboard, as its JSON model has them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA_VERSION = 39
"""Of Grafana 11 (from memory); newer versions read it and convert."""
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `queries` are PromQL with their legends; `unit` is Grafana's name of a unit."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    width: int = 12
    height: int = 8
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. `variables` are names and the queries that list their values."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[tuple[str, str], ...] = ()


def render(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard's JSON model. Its data source is chosen on the dashboard and needs no fixed name."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["bedplate"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                    "hide": 0,
                },
                *(_variable(name, query) for name, query in dashboard.variables),
            ]
        },
        "panels": _panels(dashboard.panels),
    }


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "sort": 1,
        "hide": 0,
    }


def _panels(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Panels from left to right, in rows as high as their highest panel."""
    found: list[dict[str, Any]] = []
    x = y = row_height = 0
    for number, panel in enumerate(panels, 1):
        assert 0 < panel.width <= _COLUMNS
        if x + panel.width > _COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        found.append(
            {
                "id": number,
                "type": panel.kind,
                "title": panel.title,
                "description": panel.description,
                "datasource": _DATASOURCE,
                "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
                "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
                "options": {},
                "targets": [
                    {
                        "refId": chr(ord("A") + index),
                        "datasource": _DATASOURCE,
                        "expr": expr,
                        "legendFormat": legend,
                        **({"format": "table", "instant": True} if panel.kind == "table" else {}),
                    }
                    for index, (expr, legend) in enumerate(panel.queries)
                ],
            }
        )
        x, row_height = x + panel.width, max(row_height, panel.height)
    return found
