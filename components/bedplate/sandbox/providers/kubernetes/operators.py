"""What operators do to the deletion of their objects: they hold each by a finalizer until they are done.

No operator runs here. One that is installed by a release is taken to do its work at once; one whose release
is gone cannot, and its objects would wait for ever. Kinds and finalizers: `definitions/finalizers.csv`, from
the operators' own sources at the versions of `definitions/sources.csv`.
"""

import csv
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject
from bedplate.sandbox.providers.kubernetes.checks.forms import at, items
from bedplate.sandbox.providers.kubernetes.cluster import RELEASE, Cluster, place
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

Place = tuple[GroupKind, str, str]
_CLUSTER_QUEUE = GroupKind("kueue.x-k8s.io", "ClusterQueue")
_WORKLOAD = GroupKind("kueue.x-k8s.io", "Workload")


def hold(cluster: Cluster, value: JsonObject, live: Mapping[str, Any] | None) -> None:
    """Give an object the finalizer that its operator would, if that is installed; what it has, it keeps."""
    one = _held().get(place(value)[0])
    if one is None:
        return
    chart, finalizer = one
    given = list(value["metadata"].get("finalizers") or ())
    before = (live or {}).get("metadata", {}).get("finalizers") or ()
    if finalizer not in given and (finalizer in before or _installed(cluster, chart, ())):
        value["metadata"]["finalizers"] = [*given, finalizer]


def releases(cluster: Cluster, live: Mapping[str, Any], finalizer: str, going: Collection[Place]) -> bool:
    """Whether an operator takes its finalizer away. `going`: what is deleted with the object."""
    one = _held().get(place(dict(live))[0])
    return one is not None and one[1] == finalizer and _installed(cluster, one[0], going)


def owner(live: Mapping[str, Any], finalizer: str) -> str | None:
    """The chart of the operator that a finalizer belongs to; None for a finalizer of somebody else."""
    one = _held().get(place(dict(live))[0])
    return one[0] if one is not None and one[1] == finalizer else None


def waits_for(cluster: Cluster, live: Mapping[str, Any]) -> str | None:
    """What an operator that does run would wait for, in words: Kueue for the workloads of a queue."""
    kind, _, name = place(dict(live))
    if kind != _CLUSTER_QUEUE:
        return None
    running = [
        f"{one['metadata'].get('namespace')}/{one['metadata']['name']}"
        for one in cluster.objects(_WORKLOAD)
        if at(one, "status", "admission", "clusterQueue") == name and not _finished(one)
    ]
    if not running:
        return None
    return f"the admitted workloads {', '.join(running[:5])} have not finished; end their jobs first"


def _finished(workload: Mapping[str, Any]) -> bool:
    conditions = items(at(workload, "status", "conditions"))
    return any(one.get("type") == "Finished" and one.get("status") == "True" for one in conditions)


def _installed(cluster: Cluster, chart: str, going: Collection[Place]) -> bool:
    return any(
        at(one, "spec", "status", "chart") == chart and place(one) not in going
        for one in cluster.objects(RELEASE)
    )


@cache
def _held() -> dict[GroupKind, tuple[str, str]]:
    text = resources.files(__package__).joinpath("definitions", "finalizers.csv").read_text(encoding="utf-8")
    return {
        GroupKind(row["group"], row["kind"]): (row["chart"], row["finalizer"])
        for row in csv.DictReader(text.splitlines())
    }
