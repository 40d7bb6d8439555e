"""`bedplate sandbox kubectl get KIND`: what is in an emulated cluster, read from the sandbox's file.

No daemon is needed or started: SQLite lets one read while it writes.
"""

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from bedplate.cli.parser import Arguments
from bedplate.sandbox import home as homes
from bedplate.sandbox.errors import UsageError

# kubectl's own short names (`kubectl api-resources`, from memory).
_SHORT = {
    "cj": "cronjobs", "cm": "configmaps", "crd": "customresourcedefinitions",
    "crds": "customresourcedefinitions", "deploy": "deployments", "ds": "daemonsets", "ep": "endpoints",
    "hpa": "horizontalpodautoscalers", "ing": "ingresses", "limits": "limitranges",
    "netpol": "networkpolicies", "no": "nodes", "ns": "namespaces", "pc": "priorityclasses",
    "pdb": "poddisruptionbudgets", "po": "pods", "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims", "quota": "resourcequotas", "rs": "replicasets",
    "sa": "serviceaccounts", "sc": "storageclasses", "sts": "statefulsets", "svc": "services",
}  # fmt: skip


class _ReadOnlyStore:
    """The sandbox's objects, read only: an `ObjectStore` as far as reading goes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return self.items(kind).get(key)

    def items(self, kind: str) -> dict[str, dict[str, Any]]:
        rows = self._connection.execute("SELECT key, value FROM objects WHERE kind=? ORDER BY key", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        raise AssertionError("read only")

    def delete(self, kind: str, key: str) -> None:
        raise AssertionError("read only")


def get(arguments: Arguments) -> int:
    """Exit code 1 where nothing is found. Raises UsageError for an unknown kind or cluster."""
    home = homes.find(arguments.root)
    file = home.path / "sandbox.db"
    if not file.is_file():
        raise UsageError(f"{home.path} holds no sandbox yet; `bedplate sandbox up` makes one")
    found = _objects(_ReadOnlyStore(file), arguments)
    output = "json" if arguments.json else arguments.output
    if not found:
        what = f"{arguments.kind} '{arguments.object_name}'" if arguments.object_name else arguments.kind
        print(f"No {what} in cluster {arguments.cluster}.", file=sys.stderr)
    if output is None:
        _table(found)
    elif output == "name":
        for one in found:
            print(f"{one['kind'].lower()}/{one['metadata']['name']}")
    else:
        listed = {"apiVersion": "v1", "kind": "List", "items": found}
        shown = found[0] if arguments.object_name and len(found) == 1 else listed
        if output == "json":
            print(json.dumps(shown, indent=2))
        else:
            import yaml

            print(yaml.safe_dump(shown, sort_keys=False), end="")
    return 0 if found else 1


def _objects(store: _ReadOnlyStore, arguments: Arguments) -> list[dict[str, Any]]:
    from bedplate.sandbox.providers.kubernetes.cluster import DEFAULT_CLUSTER, Cluster, clusters
    from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, built_in, default_version

    known = clusters(store)
    name = arguments.cluster
    if name not in known and name != DEFAULT_CLUSTER:
        raise UsageError(
            f"--cluster {name}: no such cluster; there are {', '.join(sorted({*known, DEFAULT_CLUSTER}))}"
        )
    cluster = Cluster(store, name, built_in(known.get(name, default_version())))
    asked = arguments.kind.lower()
    asked = _SHORT.get(asked, asked)

    def means(kind: GroupKind) -> bool:
        return asked in (kind.kind.lower(), kind.plural, kind.resource)

    held = [kind for kind in cluster.kinds() if means(kind)]
    if not held and not any(map(means, cluster.builtin.kinds())):
        kinds = ", ".join(kind.resource for kind in cluster.kinds())
        raise UsageError(f"no kind {arguments.kind!r}; the cluster holds {kinds}")
    found = [one for kind in held for one in cluster.objects(kind, arguments.namespace)]
    return [one for one in found if arguments.object_name in (None, one["metadata"]["name"])]


def _table(found: list[dict[str, Any]]) -> None:
    rows = [("NAMESPACE", "NAME", "CREATED")] if found else []
    for one in found:
        metadata = one["metadata"]
        rows.append((metadata.get("namespace", ""), metadata["name"], metadata.get("creationTimestamp", "")))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
