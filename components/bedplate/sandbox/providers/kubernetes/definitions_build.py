"""`python -m bedplate.sandbox.providers.kubernetes.definitions_build`: make the definitions' data anew.

Reads the CustomResourceDefinitions out of Go modules (`definitions/sources.csv`: module, version, files) and
the hand-written partial ones (`definitions/partial/*.yaml`), and writes one compact file per source. What an
API server does not use is left out: descriptions, printed columns, conversion by webhooks. Needs the `go`
command.
"""

import csv
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent / "definitions"
# "helm.sh/resource-policy" says whether an uninstall takes the definition away; the API server asks for the
# other one in the groups of the Kubernetes project.
_ANNOTATIONS = ("helm.sh/resource-policy", "api-approved.kubernetes.io")
_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
_DIRECTIVE = re.compile(r"\{\{.*?\}\}")
_FREE = "x-kubernetes-preserve-unknown-fields"
# Schemas whose "properties" may have a field that is itself called so.
_TEXT_ONLY = ("description", "externalDocs", "example", "title")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads `=` as the text that it is; YAML 1.1 gives it a type that nobody implements."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The definitions of a manifest or of a chart's template, without what helm would fill in."""
    lines = [
        _DIRECTIVE.sub("x", line)
        for line in _COMMENT.sub("", text).splitlines()
        if not (line.strip().startswith("{{") and line.strip().endswith("}}"))
    ]
    for one in yaml.load_all("\n".join(lines), _Loader):
        if isinstance(one, dict) and one.get("kind") == "CustomResourceDefinition":
            yield one


def compact(schema: Any) -> Any:
    """A structural schema without what only people read."""
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _TEXT_ONLY:
            continue
        if name == "properties":
            found[name] = {field: compact(part) for field, part in value.items()}
        elif name in ("allOf", "anyOf", "oneOf"):
            found[name] = [compact(part) for part in value]
        elif name in ("items", "additionalProperties", "not"):
            found[name] = compact(value)
        else:
            found[name] = value
    return found


def reduced(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition as the data keeps it."""
    metadata: dict[str, Any] = {"name": definition["metadata"]["name"]}
    annotations = definition["metadata"].get("annotations") or {}
    kept = {name: annotations[name] for name in _ANNOTATIONS if name in annotations}
    if kept:
        metadata["annotations"] = kept
    spec = definition["spec"]
    versions = [
        {
            **{
                name: one[name]
                for name in ("name", "served", "storage", "deprecated", "subresources")
                if name in one
            },
            "schema": {"openAPIV3Schema": compact(one["schema"]["openAPIV3Schema"])},
        }
        for one in spec["versions"]
    ]
    names = {name: value for name, value in spec["names"].items() if name != "categories"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"group": spec["group"], "names": names, "scope": spec["scope"], "versions": versions},
    }


def by_hand(row: dict[str, Any]) -> dict[str, Any]:
    """A definition out of a reference: `a.b`, `a[].b`, `a{}` and a type; all others are free."""
    schema: dict[str, Any] = {"type": "object", _FREE: True}
    for path, told in row["fields"].items():
        kind, _, values = told.partition(" ")
        leaf: dict[str, Any] = (
            {"type": "string", "enum": values.split()} if kind == "enum" else {"type": kind}
        )
        if kind == "object":
            leaf[_FREE] = True
        _put(schema, path.split("."), leaf)
    for path in row.get("required", ()):
        *parents, last = path.split(".")
        node = schema
        for part in parents:
            node = node["properties"][part.removesuffix("[]")]
            node = node.get("items", node)
        node.setdefault("required", []).append(last)
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == row["versions"][-1],
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": schema},
        }
        for name in row["versions"]
    ]
    names = {"kind": row["kind"], "listKind": f"{row['kind']}List", "plural": row["plural"]}
    metadata: dict[str, Any] = {"name": f"{row['plural']}.{row['group']}"}
    if row["group"].endswith(".k8s.io"):
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, partial"}
    spec = {"group": row["group"], "names": names, "scope": row["scope"], "versions": versions}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def _put(node: dict[str, Any], parts: list[str], leaf: dict[str, Any]) -> None:
    name, rest = parts[0], parts[1:]
    properties = node.setdefault("properties", {})
    if name.endswith("{}"):
        properties[name[:-2]] = {"type": "object", "additionalProperties": leaf}
        return
    below = _free() if rest else leaf
    if name.endswith("[]"):
        below = properties.setdefault(name[:-2], {"type": "array", "items": below})["items"]
    else:
        below = properties.setdefault(name, below)
    if rest:
        _put(below, rest, leaf)


def _free() -> dict[str, Any]:
    return {"type": "object", _FREE: True}


def module(path: str, version: str) -> tuple[Path, str]:
    """Where a Go module's files are, and the day of the version."""
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{path}@{version}"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=HERE,
        check=False,
    )
    told = json.loads(done.stdout)
    cache = Path(_go("env", "GOMODCACHE"))
    escaped = re.sub(r"[A-Z]", lambda match: f"!{match[0].lower()}", path)
    # A module that asks for a newer Go than this one is downloaded and verified, and then complained about.
    root = cache / f"{escaped}@{version}"
    if not root.is_dir():
        raise SystemExit(f"{path}@{version}: {told.get('Error', done.stderr)}")
    info = cache / "cache" / "download" / escaped / "@v" / f"{version}.info"
    return root, json.loads(info.read_text(encoding="utf-8"))["Time"][:10]


def _go(*arguments: str) -> str:
    return subprocess.run(["go", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def build(row: dict[str, str]) -> dict[str, Any]:
    """The data of one source."""
    if not row["module"]:
        told = yaml.safe_load((HERE / row["files"]).read_text(encoding="utf-8"))
        return {
            "source": told["source"],
            "files": row["files"],
            "date": str(told["date"]),
            "partial": True,
            "definitions": [by_hand(one) for one in told["definitions"]],
        }
    root, day = module(row["module"], row["version"])
    source = f"{row['module']}@{row['version']}"
    found: dict[str, dict[str, Any]] = {}
    files = sorted({path for pattern in row["files"].split() for path in root.glob(pattern)})
    if not files:
        raise SystemExit(f"{row['name']}: no file {row['files']} in {source}")
    for path in files:
        for one in documents(path.read_text(encoding="utf-8")):
            found[one["metadata"]["name"]] = reduced(one)
    return {
        "source": source,
        "files": row["files"],
        "date": day,
        "partial": False,
        "definitions": [found[name] for name in sorted(found)],
    }


def main() -> None:
    """Write every file, and the index of kinds."""
    index: dict[str, dict[str, str]] = {}
    with (HERE / "sources.csv").open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        data = build(row)
        text = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        (HERE / f"{row['name']}.json").write_text(text + "\n", encoding="utf-8")
        index[row["name"]] = {
            one["metadata"]["name"]: one["spec"]["names"]["kind"] for one in data["definitions"]
        }
        print(f"{row['name']}: {len(data['definitions'])} definitions, {len(text) // 1024} KiB")
    (HERE / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
