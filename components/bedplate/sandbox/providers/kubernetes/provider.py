"""The Kubernetes provider behind the provider protocol: secrets, unknown values, and exactly-once operations.

What an API server checks is in `api.py`; which resource is what, in `_life`.
"""

import importlib.metadata
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from bedplate.sandbox.providers import difference
from bedplate.sandbox.providers.handler import CloudError, Created, Handler, JsonObject, ObjectStore
from bedplate.sandbox.providers.kubernetes import brought, connection, eks, invokes, secrets
from bedplate.sandbox.providers.kubernetes.cluster import DEFINITION, Cluster
from bedplate.sandbox.providers.kubernetes.connection import Connection
from bedplate.sandbox.providers.kubernetes.helm import ReleaseLife
from bedplate.sandbox.providers.kubernetes.kinds import built_in, default_version
from bedplate.sandbox.providers.kubernetes.lives import Life, ObjectLife
from bedplate.sandbox.providers.kubernetes.patches import NodePatchLife
from bedplate.sandbox.providers.provider import ENGINE_INPUTS, Difference, Refused, Values, hide
from bedplate.sandbox.providers.references import named
from bedplate.sandbox.providers.schema import Problem, without_nulls
from bedplate.sandbox.providers.wire import has_unknown, plain, secret_texts
from bedplate.sandbox.server.operations import Operations

T = TypeVar("T")
_RELEASE = "helm.sh/v3:Release"
_NODE_PATCH = "core/v1:NodePatch"


class _Manifest(Handler):
    """How manifests are compared: as they are written."""

    token = "kubernetes"


class KubernetesProvider:
    """Serves every cluster of a sandbox; each provider instance of a program has a connection of its own."""

    name = "kubernetes"

    def __init__(self, store: ObjectStore, operations: Operations) -> None:
        self.version = importlib.metadata.version("pulumi_kubernetes")
        self._store = store
        self._operations = operations
        self._connections: dict[str, Connection] = {}
        self._latest: Connection | None = None
        # Definitions that this run has checked: its custom resources are checked against them at preview.
        self._announced: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        # Names, addresses and ports are given out to one object at a time.
        self._lock = threading.RLock()

    def package(self) -> JsonObject:
        return {"name": self.name, "version": self.version, "resources": {}}

    def check_config(self, inputs: Values) -> tuple[Values, list[Problem]]:
        given = without_nulls(inputs)
        known = {key: plain(value) for key, value in given.items() if not has_unknown(value)}
        return given, connection.problems({k: v for k, v in known.items() if k not in ENGINE_INPUTS})

    def config_replaces(self, old: Values, new: Values) -> list[str]:
        """What tells clusters apart, where it means another cluster now. What is unknown means no other."""
        before, after = without_nulls(old), without_nulls(new)
        changed = [name for name in connection.IDENTITY if plain(before.get(name)) != plain(after.get(name))]
        if any(has_unknown(values.get(name)) for values in (before, after) for name in changed):
            return []
        try:
            same = connection.cluster_name(plain(before)) == connection.cluster_name(plain(after))
        except CloudError:
            return []
        return [] if same else changed

    def configure(self, peer: str, inputs: Values) -> None:
        own = {key: value for key, value in without_nulls(inputs).items() if key not in ENGINE_INPUTS}
        found = self._guarded("provider kubernetes", own, lambda: connection.connect(plain(own)))
        self._connections.pop(peer, None)
        self._latest = self._connections[peer] = found

    def check(
        self, peer: str, urn: str, old: Values, new: Values, seed: bytes
    ) -> tuple[Values, list[Problem]]:
        """The inputs with an automatic name, and everything that is wrong with them."""
        given = without_nulls(new)

        def action() -> tuple[Values, list[Problem]]:
            life = self._life(peer, urn, planned=True)
            inputs = plain(given)
            kept = plain(old) or self._operations.expected_inputs(urn)
            inputs = life.named(inputs, kept, urn.split("::")[-1], seed)
            self._announce(peer, life, inputs)
            return secrets.marked_like(inputs, given), life.problems(inputs)

        inputs, problems = self._guarded(urn, given, action)
        hidden = secret_texts(given)
        return inputs, [(path, hide(hidden, reason)) for path, reason in problems]

    def diff(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, ignored: Iterable[str]
    ) -> Difference:
        """What differs between the old and the new inputs."""
        self._operations.acknowledge(urn, id)
        life = self._guarded(urn, new, lambda: self._life(peer, urn))
        before, after = plain(old), plain(new)
        found = [
            difference.Change(change.path, change.kind, life.replaces(change.path, before, after))
            for change in difference.changes(_Manifest(), before, after)
        ]
        if life.moved(plain(state), after):
            found.append(difference.Change("metadata.namespace", "update", True))
        found = difference.without_ignored(found, ignored)
        # Two objects of one name cannot be: the old one goes first where the program chose the name.
        return Difference(tuple(found), not life.automatic(after))

    def create(self, peer: str, urn: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        """The id and the object as it is kept; at preview no id, and unknown for what only the cluster can
        tell.
        """
        given = plain(inputs)
        life = self._guarded(urn, inputs, lambda: self._life(peer, urn, planned=preview))
        if preview:
            outputs = self._guarded(urn, inputs, lambda: life.preview(given, {}, None))
            return "", secrets.outputs(urn, outputs, inputs)
        if has_unknown(given):
            raise Refused(f"{urn}: a create with unknown values")

        def make() -> Created:
            with self._lock:
                outputs = life.create(given)
            return Created(life.id(outputs), outputs)

        def remove(made: Created) -> None:
            with self._lock:
                life.delete(made.id)

        created = self._guarded(
            urn,
            inputs,
            lambda: self._operations.create(
                urn, given, make, lambda made: life.read(made.id) is not None, remove
            ),
        )
        return created.id, secrets.outputs(urn, created.outputs, inputs)

    def read(
        self, peer: str, urn: str, id: str, inputs: Values, state: Values
    ) -> tuple[Values, Values] | None:
        """Inputs and outputs as they are in the cluster now, or None where the object is gone."""
        self._operations.acknowledge(urn, id)
        life = self._guarded(urn, inputs, lambda: self._life(peer, urn))
        outputs = life.read(id)
        if outputs is None:
            return None
        now = life.inputs_now(plain(without_nulls(inputs)), outputs)
        return secrets.inputs(urn, now, inputs), secrets.outputs(urn, outputs, {**state, **inputs})

    def update(
        self, peer: str, urn: str, id: str, old: Values, state: Values, new: Values, preview: bool
    ) -> Values:
        """The object after a change in place."""
        before, after = plain(old), plain(new)
        life = self._guarded(urn, new, lambda: self._life(peer, urn, planned=preview))
        if preview:
            outputs = self._guarded(urn, new, lambda: life.preview(after, before, plain(state)))
            return secrets.outputs(urn, outputs, new)
        if has_unknown(after):
            raise Refused(f"{urn}: an update with unknown values")

        def action() -> JsonObject:
            with self._lock:
                return life.update(id, before, after)

        outputs = self._guarded(urn, {**state, **new}, lambda: self._operations.update(urn, id, action))
        return secrets.outputs(urn, outputs, new)

    def delete(self, peer: str, urn: str, id: str, state: Values) -> None:
        """Delete; that the object is gone already is success."""
        life = self._guarded(urn, state, lambda: self._life(peer, urn))

        def action() -> None:
            with self._lock:
                life.delete(id)

        self._guarded(urn, state, lambda: self._operations.delete(urn, id, action))

    def invoke(self, peer: str, token: str, args: Values) -> JsonObject:
        given = without_nulls(args)
        if has_unknown(given):
            raise Refused(f"{token}: called with unknown arguments")
        return self._guarded(token, given, lambda: invokes.invoke(token, plain(given)))

    # Parts.

    def _connection(self, peer: str) -> Connection:
        found = self._connections.get(peer, self._latest)
        if found is None:
            raise Refused("the kubernetes provider was asked before it was configured")
        return found

    def cluster(self, name: str) -> Cluster:
        """What is in a cluster. Its version: what the latest kubeconfig or EKS tells, else the default."""
        connections = reversed(self._connections.values())
        told = next((one.version for one in connections if one.cluster == name and one.version), "")
        return self._cluster(name, told)

    def _cluster(self, name: str, told: str) -> Cluster:
        return Cluster(self._store, name, built_in(told or eks.version_of(name) or default_version()))

    def _life(self, peer: str, urn: str, planned: bool = False) -> Life:
        """`planned`: with the definitions that this run is going to make, too."""
        here = self._connection(peer)
        cluster = self._cluster(here.cluster, here.version)
        token = urn.split("::")[2].rpartition("$")[2].removeprefix("kubernetes:")
        if token == _RELEASE:
            return ReleaseLife(cluster, here)
        if token == _NODE_PATCH:
            return NodePatchLife(cluster, here)
        api_version, _, kind = token.rpartition(":")
        api_version = api_version.removeprefix("core/")
        self._refuse_special(cluster, api_version, kind)
        group = api_version.rpartition("/")[0]
        announced = self._announced.get((here.cluster, group, kind)) if planned else None
        return ObjectLife(cluster, here, api_version, kind, announced)

    def _refuse_special(self, cluster: Cluster, api_version: str, kind: str) -> None:
        kinds = {one.kind for one in cluster.builtin.kinds()} | {"CustomResource"}
        if kind.endswith("Patch") and kind.removesuffix("Patch") in kinds:
            base = kind.removesuffix("Patch")
            raise CloudError(
                "NotSupported",
                f"{kind} changes an object that something else owns, which the sandbox does not do; manage "
                f"the {base} itself, or import it",
            )
        if kind.endswith("List") and kind.removesuffix("List") in kinds:
            raise CloudError(
                "NotSupported",
                f"a {kind} is not kept by a cluster; register each {kind.removesuffix('List')}",
            )

    def _announce(self, peer: str, life: Life, inputs: JsonObject) -> None:
        connection_here = self._connection(peer)
        here = connection_here.cluster
        if isinstance(life, ReleaseLife):
            cluster = self._cluster(here, connection_here.version)
            for definition in brought.announced(cluster, inputs):
                part = definition["spec"]
                self._announced[here, part["group"], part["names"]["kind"]] = definition
        if (
            not isinstance(life, ObjectLife)
            or life.group_kind != DEFINITION
            or has_unknown(inputs.get("spec"))
        ):
            return
        if life.problems(inputs):
            return
        spec: Mapping[str, Any] = inputs["spec"]
        self._announced[here, spec["group"], spec["names"]["kind"]] = inputs

    def _guarded(self, urn: str, values: Values, action: Callable[[], T]) -> T:
        """A refusal becomes one line for the user, without anything secret."""
        try:
            return action()
        except CloudError as error:
            text = f"{named(urn)}: {error.code}: {error.message}"
            raise Refused(hide(secret_texts(values), text)) from error
