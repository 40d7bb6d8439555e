"""`python -m bedplate.sandbox.providers.kubernetes.values_build`: make `charts.json` anew.

A chart's own schema of its values (`values.schema.json`) where it publishes one; else the top-level keys of
its `values.yaml` and templates, which helm itself does not ask for ("derived"). Helm asks a schema of the
values with the chart's defaults filled in; here are only those that were given, so that nothing is required.
"""

import csv
import json
import re
from pathlib import Path
from typing import Any

import yaml

from bedplate.sandbox.providers.kubernetes.definitions_build import HERE, module

# Charts take these of every release: values for all subcharts, and names of objects.
_ALWAYS = ("global", "nameOverride", "fullnameOverride", "namespaceOverride")
# Keys that charts take and that neither a default nor a template at hand shows.
_MORE = {"ceph-csi-drivers": ("cephConnections", "clientProfiles")}
_READ = re.compile(r"\.Values\.(\w+)")
_KEPT = ("type", "enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "format")


def schema_of(path: Path) -> dict[str, Any]:
    """A JSON schema without references and without what a subset of the values cannot fulfil."""
    document = json.loads(path.read_text(encoding="utf-8"))
    found = _reduced(document, document, ())
    found["additionalProperties"] = False
    for name in _ALWAYS:
        found["properties"].setdefault(name, {})
    return found


def _reduced(schema: Any, document: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref")
    if reference is not None:
        if not reference.startswith("#/") or reference in inside:
            return {}
        target: Any = document
        for part in reference[2:].split("/"):
            target = target[part]
        return _reduced(target, document, (*inside, reference))
    found: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            found[word] = [_reduced(part, document, inside) for part in schema[word]]
    if "items" in schema:
        found["items"] = _reduced(schema["items"], document, inside)
    if "properties" in schema:
        found["properties"] = {
            name: _reduced(part, document, inside) for name, part in schema["properties"].items()
        }
    others = schema.get("additionalProperties", True)
    if isinstance(others, dict):
        found["additionalProperties"] = _reduced(others, document, inside)
    elif others and "properties" in schema:
        found["additionalProperties"] = True
    return found


def keys_of(chart: str, path: Path) -> dict[str, Any]:
    """The top-level keys of a chart: of its defaults, its templates and its subcharts."""
    lines = path.read_text(encoding="utf-8").splitlines()
    document = yaml.safe_load("\n".join(line for line in lines if "${" not in line))
    about = path.parent / "Chart.yaml"
    chart_file = yaml.safe_load(about.read_text(encoding="utf-8")) if about.is_file() else {}
    subcharts = [one.get("alias") or one["name"] for one in chart_file.get("dependencies") or ()]
    read = {
        name
        for template in (path.parent / "templates").rglob("*")
        if template.is_file()
        for name in _READ.findall(template.read_text(encoding="utf-8"))
    }
    keys = sorted({*document, *subcharts, *read, *_ALWAYS, *_MORE.get(chart, ())})
    return {"type": "object", "properties": {key: {} for key in keys}, "additionalProperties": False}


def main() -> None:
    """Write the file."""
    found: dict[str, Any] = {}
    with (HERE / "values.csv").open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        root, day = module(row["module"], row["version"])
        path = root / row["file"]
        derived = path.suffix != ".json"
        found[row["chart"]] = {
            "source": f"{row['module']}@{row['version']}, {row['file']}",
            "date": day,
            "derived": derived,
            "schema": keys_of(row["chart"], path) if derived else schema_of(path),
        }
    lines = [
        f"{json.dumps(chart)}: {json.dumps(row, separators=(',', ':'), sort_keys=True)}"
        for chart, row in sorted(found.items())
    ]
    (HERE.parent / "charts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
