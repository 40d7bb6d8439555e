"""`NodePatch`: labels, annotations and taints of a node that something else owns, by server-side apply.

A node that is patched and not there is registered first, as its kubelet would have done: the sandbox has no
kubelets. It goes when the patch goes, unless something else was written on it. Other patch kinds are refused.
"""

from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes import refreshed, settle
from bedplate.sandbox.providers.kubernetes.cluster import Cluster
from bedplate.sandbox.providers.kubernetes.connection import Connection
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.kubernetes.lives import ObjectLife
from bedplate.sandbox.providers.schema import Problem

NODE = GroupKind("", "Node")
REGISTERED = "sandbox.bedplate/registered"
_FORCE = "pulumi.com/patchForce"
_MANAGER = "pulumi-kubernetes"
_MAPS = ("labels", "annotations")


class NodePatchLife:
    """A `Life` (see `lives.py`)."""

    def __init__(self, cluster: Cluster, connection: Connection) -> None:
        self._cluster = cluster
        self._node = ObjectLife(cluster, connection, "v1", "Node")

    def named(self, inputs: JsonObject, kept: Any, logical_name: str, seed: bytes) -> JsonObject:
        return {"apiVersion": "v1", "kind": "Node", **inputs}

    def automatic(self, inputs: Mapping[str, Any]) -> bool:
        return False

    def problems(self, inputs: JsonObject) -> list[Problem]:
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping) and "name" not in metadata:
            return [("metadata.name", "missing: a patch changes a node that is there; name it")]
        found = self._node.problems(inputs)
        for field in inputs.get("spec") or {}:
            if field != "taints" and not found:
                found.append((f"spec.{field}", "the sandbox patches labels, annotations and taints of nodes"))
        return found

    def replaces(self, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return path == "metadata.name"

    def moved(self, state: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return False

    def preview(self, inputs: JsonObject, old: JsonObject, state: JsonObject | None) -> JsonObject:
        return self._node.preview(inputs, old, state)

    def create(self, inputs: JsonObject) -> JsonObject:
        name = inputs["metadata"]["name"]
        live = self._cluster.get(NODE, "", name)
        if live is None:
            live = self._node.create(_registered(name))
        if _owned(live):
            raise CloudError(
                "NotSupported", f"node '{name}' has a patch already; the sandbox keeps one each: join the two"
            )
        return self._apply(live, inputs)

    def read(self, id: str) -> JsonObject | None:
        live = self._cluster.get(NODE, "", id)
        return live if live is not None and _owned(live) else None

    def inputs_now(self, inputs: JsonObject, outputs: JsonObject) -> JsonObject:
        return refreshed.inputs(inputs, outputs)

    def update(self, id: str, old: JsonObject, new: JsonObject) -> JsonObject:
        live = self._cluster.get(NODE, "", id)
        if live is None:
            raise CloudError("NotFound", f"the node '{id}' does not exist any more; run a refresh first")
        return self._apply(_without(live), new)

    def delete(self, id: str) -> None:
        live = self._cluster.get(NODE, "", id)
        if live is None:
            return
        rest = _without(live)
        if _same(rest, _registered(id)):
            self._cluster.remove(NODE, "", id)
        else:
            self._cluster.put(NODE, "", id, rest)

    def id(self, outputs: Mapping[str, Any]) -> str:
        return str(outputs["metadata"]["name"])

    def _apply(self, live: JsonObject, inputs: JsonObject) -> JsonObject:
        given = inputs["metadata"]
        force = str((given.get("annotations") or {}).get(_FORCE, "")).lower() == "true"
        metadata, spec = dict(live["metadata"]), dict(live.get("spec") or {})
        fields: JsonObject = {"f:metadata": {}}
        for part in _MAPS:
            wanted = given.get(part) or {}
            there = dict(metadata.get(part) or {})
            for key, value in wanted.items():
                if there.get(key, value) != value and not force:
                    raise _conflict(f"metadata.{part}.{key}", there[key])
            if wanted:
                metadata[part] = {**there, **wanted}
                fields["f:metadata"][f"f:{part}"] = {f"f:{key}": {} for key in wanted}
        taints = (inputs.get("spec") or {}).get("taints")
        if taints is not None:
            # One field to the API server (x-kubernetes-list-type: atomic): all of it is somebody's.
            if spec.get("taints") and spec["taints"] != taints and not force:
                raise _conflict("spec.taints", ", ".join(taint["key"] for taint in spec["taints"]))
            spec["taints"] = taints
            fields["f:spec"] = {"f:taints": {}}
        metadata["managedFields"] = [
            {
                "manager": _MANAGER,
                "operation": "Apply",
                "apiVersion": "v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            }
        ]
        metadata["resourceVersion"] = settle.next_version()
        value = {**live, "metadata": metadata, "spec": spec}
        self._cluster.put(NODE, "", metadata["name"], value)
        return value


def _registered(name: str) -> JsonObject:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    metadata = {"name": name, "labels": labels, "annotations": {REGISTERED: "true"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}


def _conflict(path: str, value: str) -> CloudError:
    return CloudError(
        "Conflict",
        f"{path} is '{value}' already, and something else wrote it; agree on one writer, or set the "
        f"annotation {_FORCE}",
    )


def _owned(live: JsonObject) -> JsonObject:
    for entry in live["metadata"].get("managedFields") or ():
        if entry["manager"] == _MANAGER:
            return dict(entry["fieldsV1"])
    return {}


def _without(live: JsonObject) -> JsonObject:
    """The node without what the patch wrote."""
    owned = _owned(live)
    metadata, spec = dict(live["metadata"]), dict(live.get("spec") or {})
    for part in _MAPS:
        mine = owned.get("f:metadata", {}).get(f"f:{part}", {})
        left = {key: value for key, value in (metadata.get(part) or {}).items() if f"f:{key}" not in mine}
        metadata[part] = left
    if "f:taints" in owned.get("f:spec", {}):
        spec.pop("taints", None)
    metadata.pop("managedFields", None)
    return {**live, "metadata": metadata, "spec": spec}


def _same(live: JsonObject, registered: JsonObject) -> bool:
    metadata = live["metadata"]
    return all(metadata.get(part) == registered["metadata"][part] for part in _MAPS) and not live["spec"]
