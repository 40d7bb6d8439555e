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


def module(path: str, version: str) -> tuple[Path, str]:
    """Where a Go module's files are, and the day of the version."""
    environment = {**os.environ, "GOPROXY": "https://proxy.golang.org", "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{path}@{version}"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=HERE,
        check=False,
    )
    told = json.loads(done.stdout)
    if "Dir" not in told:
        raise SystemExit(f"{path}@{version}: {told.get('Error', done.stderr)}")
    day = json.loads(Path(told["Info"]).read_text(encoding="utf-8"))["Time"][:10]
    return Path(told["Dir"]), day


def build(row: dict[str, str]) -> dict[str, Any]:
    """The data of one source."""
    if row["module"]:
        root, day = module(row["module"], row["version"])
        source = f"{row['module']}@{row['version']}"
    else:
        root, day, source = HERE, "", ""
    found: dict[str, dict[str, Any]] = {}
    files = sorted({path for pattern in row["files"].split() for path in root.glob(pattern)})
    if not files:
        raise SystemExit(f"{row['name']}: no file {row['files']} in {source}")
    head: dict[str, Any] = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if not row["module"]:
            head = yaml.safe_load(text.split("\n---\n")[0])
            source, day = head["source"], str(head["date"])
        for one in documents(text):
            found[one["metadata"]["name"]] = reduced(one)
    return {
        "source": source,
        "files": row["files"],
        "date": day,
        "partial": not row["module"],
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
