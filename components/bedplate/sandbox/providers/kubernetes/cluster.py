"""What exists in one cluster: its objects in the sandbox's own store, and what every cluster has."""

import json
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject, ObjectStore
from bedplate.sandbox.providers.kubernetes import definitions
from bedplate.sandbox.providers.kubernetes.kinds import BuiltIn, GroupKind, group_of

DEFAULT_CLUSTER = "sandbox"
DEFINITION = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = GroupKind("", "Namespace")
RELEASE = GroupKind("helm.sh", "Release")
_CLUSTERS = "kubernetes"
# A definition that a chart brought is kept as the name of its source: some are half a megabyte.
BROUGHT = "bedplate.source"
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def _system() -> dict[tuple[GroupKind, str, str], JsonObject]:
    found: dict[tuple[GroupKind, str, str], JsonObject] = {}
    for name in SYSTEM_NAMESPACES:
        labels = {"kubernetes.io/metadata.name": name}
        found[NAMESPACE, "", name] = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
    for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        found[GroupKind("scheduling.k8s.io", "PriorityClass"), "", name] = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "preemptionPolicy": "PreemptLowerPriority",
        }
    return found


class Cluster:
    """Objects by kind, namespace ("" for none) and name."""

    def __init__(self, store: ObjectStore, name: str, builtin: BuiltIn) -> None:
        self.name = name
        self.builtin = builtin
        self._store = store
        self._system = _system()

    def get(self, kind: GroupKind, namespace: str, name: str) -> JsonObject | None:
        found = self._store.get(self._table(kind), f"{namespace}/{name}")
        return _whole(found) if found is not None else self._system.get((kind, namespace, name))

    def put(self, kind: GroupKind, namespace: str, name: str, value: JsonObject) -> None:
        if self._store.get(_CLUSTERS, self.name) != {"version": self.builtin.version}:
            self._store.put(_CLUSTERS, self.name, {"version": self.builtin.version})
        index = f"{_CLUSTERS}/{self.name}"
        key = json.dumps([kind.group, kind.kind])
        if self._store.get(index, key) is None:
            self._store.put(index, key, {})
        self._store.put(self._table(kind), f"{namespace}/{name}", value)

    def remove(self, kind: GroupKind, namespace: str, name: str) -> None:
        self._store.delete(self._table(kind), f"{namespace}/{name}")

    def objects(self, kind: GroupKind, namespace: str | None = None) -> list[JsonObject]:
        """The objects of a kind by namespace and name; of every namespace where none is given."""
        found = {(space, name): value for (one, space, name), value in self._system.items() if one == kind}
        for key, value in self._store.items(self._table(kind)).items():
            space, _, name = key.partition("/")
            found[space, name] = _whole(value)
        return [found[key] for key in sorted(found) if namespace in (None, key[0])]

    def kinds(self) -> list[GroupKind]:
        """The kinds of which there are, or were, objects."""
        stored = [GroupKind(*json.loads(key)) for key in self._store.items(f"{_CLUSTERS}/{self.name}")]
        return sorted({*stored, *(kind for kind, _, _ in self._system)})

    def definition(self, group: str, kind: str) -> JsonObject | None:
        """The CustomResourceDefinition of a kind."""
        for one in self._store.items(self._table(DEFINITION)).values():
            if one["spec"]["group"] == group and one["spec"]["names"]["kind"] == kind:
                return _whole(one)
        return None

    def _table(self, kind: GroupKind) -> str:
        return f"{_CLUSTERS}/{self.name}/{kind.group}/{kind.kind}"


def _whole(value: JsonObject) -> JsonObject:
    """A brought definition with its schemas."""
    if BROUGHT not in value:
        return value
    data = definitions.source(value[BROUGHT]).definitions[value["metadata"]["name"]]
    return {**{key: part for key, part in value.items() if key != BROUGHT}, "spec": dict(data["spec"])}


def clusters(store: ObjectStore) -> dict[str, str]:
    """The clusters that hold, or held, anything, with their Kubernetes versions."""
    return {name: str(value["version"]) for name, value in store.items(_CLUSTERS).items()}


def forget(store: ObjectStore, *names: str) -> None:
    """Everything in the clusters of these names goes, as when their control planes are deleted."""
    for name in names:
        index = f"{_CLUSTERS}/{name}"
        for key in store.items(index):
            group, kind = json.loads(key)
            table = f"{index}/{group}/{kind}"
            for one in store.items(table):
                store.delete(table, one)
            store.delete(index, key)
        store.delete(_CLUSTERS, name)


def place(manifest: JsonObject) -> tuple[GroupKind, str, str]:
    """Kind, namespace and name of an object that is kept."""
    metadata: Any = manifest["metadata"]
    kind = GroupKind(group_of(manifest["apiVersion"]), manifest["kind"])
    return kind, metadata.get("namespace", ""), metadata["name"]
