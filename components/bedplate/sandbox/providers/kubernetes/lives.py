"""Two kinds of resource that the provider has, alike from outside: an object, and a Helm release."""

from collections.abc import Mapping
from typing import Any, Protocol

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes import api, brought, immutable, names, refreshed, settle
from bedplate.sandbox.providers.kubernetes.cluster import Cluster, place
from bedplate.sandbox.providers.kubernetes.connection import Connection
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, group_of
from bedplate.sandbox.providers.schema import Problem
from bedplate.sandbox.providers.wire import UNKNOWN, has_unknown


class Life(Protocol):
    """A resource's life in one cluster, on values without secret marks."""

    def named(self, inputs: JsonObject, kept: Any, logical_name: str, seed: bytes) -> JsonObject:
        """The inputs with an automatic name, if they have none. `kept`: the inputs that have one already."""
        ...

    def automatic(self, inputs: Mapping[str, Any]) -> bool: ...
    def problems(self, inputs: JsonObject) -> list[Problem]: ...
    def replaces(self, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool: ...
    def moved(self, state: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        """Whether the provider's own namespace, which the object is in, has changed."""
        ...

    def preview(self, inputs: JsonObject, old: JsonObject, state: JsonObject | None) -> JsonObject: ...
    def create(self, inputs: JsonObject) -> JsonObject: ...
    def read(self, id: str) -> JsonObject | None: ...
    def inputs_now(self, inputs: JsonObject, outputs: JsonObject) -> JsonObject: ...
    def update(self, id: str, old: JsonObject, new: JsonObject) -> JsonObject: ...
    def delete(self, id: str) -> None: ...
    def id(self, outputs: Mapping[str, Any]) -> str: ...


class ObjectLife:
    """An object of a built-in or a custom kind."""

    def __init__(
        self,
        cluster: Cluster,
        connection: Connection,
        api_version: str,
        kind: str,
        announced: Mapping[str, Any] | None = None,
    ) -> None:
        self._cluster = cluster
        self._connection = connection
        self._api_version = api_version
        self._name = kind
        self.group_kind = GroupKind(group_of(api_version), kind)
        self.kind = api.find_kind(cluster, api_version, kind, announced)

    def named(self, inputs: JsonObject, kept: Any, logical_name: str, seed: bytes) -> JsonObject:
        inputs = {"apiVersion": self._api_version, "kind": self._name, **inputs}
        metadata = inputs.get("metadata", {})
        if not isinstance(metadata, dict) or "name" in metadata or "generateName" in metadata:
            return inputs
        annotations = metadata.get("annotations", {})
        if not isinstance(annotations, dict):
            return inputs
        before = kept["metadata"]["name"] if isinstance(kept, Mapping) and names.is_automatic(kept) else None
        name = before or names.automatic(logical_name, seed)
        marked = {**annotations, names.AUTONAMED: "true"}
        return {**inputs, "metadata": {**metadata, "name": name, "annotations": marked}}

    def automatic(self, inputs: Mapping[str, Any]) -> bool:
        return names.is_automatic(inputs)

    def problems(self, inputs: JsonObject) -> list[Problem]:
        # Of a custom kind without a definition nothing is known before it is made.
        return [] if self.kind is None else list(api.problems(self._cluster, self.kind, inputs))

    def replaces(self, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        secret = self.group_kind == GroupKind("", "Secret")
        mutable = self._connection.secrets_mutable if secret else self._connection.config_maps_mutable
        return immutable.replaces(self.group_kind, path, old, new, mutable)

    def moved(self, state: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        metadata = new.get("metadata")
        if not isinstance(metadata, Mapping) or "namespace" in metadata or self.kind is None:
            return False
        before = (state.get("metadata") or {}).get("namespace")
        return self.kind.namespaced and before not in (None, self._connection.namespace)

    def preview(self, inputs: JsonObject, old: JsonObject, state: JsonObject | None) -> JsonObject:
        manifest = self._placed(inputs)
        outputs = manifest if self.kind is None else api.kept(self.kind, manifest)
        if state is not None and isinstance(outputs.get("metadata"), dict):
            if self.kind is not None:
                api.check_change(self.kind, state, old, manifest)
            outputs = settle.carried(state, old, outputs)
            if self.group_kind == settle.SERVICE and isinstance(outputs.get("spec"), dict):
                outputs["spec"].setdefault("clusterIP", state["spec"].get("clusterIP", UNKNOWN))
            return outputs
        if isinstance(outputs.get("metadata"), dict):
            # As a dry run of the API server answers: with an identity that nothing will have.
            outputs["metadata"] = settle.new_metadata(outputs["metadata"])
        if self.group_kind == settle.SERVICE and isinstance(outputs.get("spec"), dict):
            outputs["spec"].setdefault("clusterIP", UNKNOWN)
        return {**outputs, "status": UNKNOWN}

    def create(self, inputs: JsonObject) -> JsonObject:
        kind = self._checked(inputs)
        manifest = self._placed(inputs)
        metadata = manifest["metadata"]
        if "name" not in metadata:
            metadata["name"] = f"{metadata['generateName']}{settle.next_version()[-5:]}"
        return api.create(self._cluster, kind, manifest)

    def read(self, id: str) -> JsonObject | None:
        namespace, _, name = id.rpartition("/")
        if self.kind is not None and self.kind.namespaced and not namespace:
            namespace = self._connection.namespace
        return self._cluster.get(self.group_kind, namespace, name)

    def inputs_now(self, inputs: JsonObject, outputs: JsonObject) -> JsonObject:
        return refreshed.inputs(inputs, outputs) if inputs else refreshed.imported(outputs)

    def update(self, id: str, old: JsonObject, new: JsonObject) -> JsonObject:
        live = self.read(id)
        if live is None:
            raise CloudError(
                "NotFound", f"{self.group_kind.resource} '{id}' does not exist any more; run a refresh first"
            )
        kind = self._checked(new)
        manifest = self._placed(new)
        manifest["metadata"]["name"] = live["metadata"]["name"]
        return api.update(self._cluster, kind, live, old, manifest)

    def delete(self, id: str) -> None:
        live = self.read(id)
        if live is not None:
            api.delete(self._cluster, *place(live))

    def id(self, outputs: Mapping[str, Any]) -> str:
        metadata = outputs["metadata"]
        namespace = metadata.get("namespace")
        return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])

    def _placed(self, inputs: JsonObject) -> JsonObject:
        metadata = inputs.get("metadata", {})
        if not isinstance(metadata, dict):
            return dict(inputs)
        placed = dict(metadata)
        if self.kind is not None and self.kind.namespaced:
            placed.setdefault("namespace", self._connection.namespace)
        return {**inputs, "metadata": placed}

    def _checked(self, inputs: JsonObject) -> api.Kind:
        """The kind, once more with what exists now. Raises CloudError with everything that is wrong."""
        assert not has_unknown(inputs)
        if self.kind is None:
            raise CloudError(
                "NoMatch",
                f"no kind {self._name} in apiVersion {self._api_version}: the cluster has no "
                f"CustomResourceDefinition of it; {brought.advice(self.group_kind)}",
            )
        if self.kind.definition is not None:
            found = list(api.problems(self._cluster, self.kind, inputs))
            if found:
                raise CloudError("Invalid", "; ".join(f"{path}: {reason}" for path, reason in found))
        return self.kind
