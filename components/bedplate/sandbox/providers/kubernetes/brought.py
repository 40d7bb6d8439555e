"""What a helm release does with CustomResourceDefinitions: as helm 3 does (helm documentation,
best practices, "Custom Resource Definitions", from memory).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes import api, definitions, operators, settle
from bedplate.sandbox.providers.kubernetes.cluster import BROUGHT, DEFINITION, RELEASE, Cluster
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.wire import has_unknown

_RELEASE_NAME = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
_POLICY = "helm.sh/resource-policy"


@dataclass(frozen=True)
class Owner:
    """A release."""

    namespace: str
    name: str

    @property
    def annotations(self) -> dict[str, str]:
        return {_RELEASE_NAME: self.name, _RELEASE_NAMESPACE: self.namespace}

    def owns(self, live: Mapping[str, Any]) -> bool:
        annotations = live["metadata"].get("annotations") or {}
        return all(annotations.get(key) == value for key, value in self.annotations.items())


def announced(cluster: Cluster, inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The definitions that a release with these inputs is going to bring and that the cluster lacks."""
    for one in _wanted(inputs):
        for name, definition in definitions.source(one.source).definitions.items():
            if cluster.get(DEFINITION, "", name) is None:
                yield definition


def install(cluster: Cluster, owner: Owner, inputs: Mapping[str, Any]) -> None:
    """Raises CloudError, and puts nothing, where a definition in the chart's templates is another's."""
    wanted = list(_wanted(inputs))
    _check_ownership(cluster, owner, wanted, bool(inputs.get("takeOwnership")))
    for one in wanted:
        for name in definitions.index()[one.source]:
            if one.place == "templates":
                _put(cluster, one.source, name, owner)
            elif cluster.get(DEFINITION, "", name) is None:
                _put(cluster, one.source, name, None)


def upgrade(cluster: Cluster, owner: Owner, inputs: Mapping[str, Any]) -> None:
    """Helm leaves what is in `crds/` alone; definitions in templates come and go with their values."""
    wanted = [one for one in _wanted(inputs) if one.place == "templates"]
    _check_ownership(cluster, owner, wanted, bool(inputs.get("takeOwnership")))
    names = {name for one in wanted for name in definitions.index()[one.source]}
    _remove(cluster, owner, keeping=names)
    for one in wanted:
        for name in definitions.index()[one.source]:
            _put(cluster, one.source, name, owner)


def uninstall(cluster: Cluster, owner: Owner) -> None:
    """Takes away what the release's templates made, and with it every object of those kinds.

    Raises CloudError, and takes nothing, where one of those objects has a finalizer that nobody would remove.
    """
    _remove(cluster, owner, keeping=(), going=[(RELEASE, owner.namespace, owner.name)])


def advice(kind: GroupKind) -> str:
    """How a cluster comes by the definition of a kind that it lacks."""
    found = definitions.origin(kind.group, kind.kind)
    if found is None:
        return "make that first and let this object depend on it"
    if found.charts:
        named = " or ".join(found.charts)
        return f"the chart {named} brings it: make its Release first and let this object depend on it"
    source = definitions.source(found.source)
    return (
        f"no chart that is known here brings {found.name}; make it from {source.origin} first and let this "
        "object depend on it"
    )


def _wanted(inputs: Mapping[str, Any]) -> Iterator[definitions.Brought]:
    chart, values = inputs.get("chart"), inputs.get("values")
    if not isinstance(chart, str):
        return
    known = values if isinstance(values, Mapping) and not has_unknown(values) else {}
    skip = inputs.get("skipCrds") is True
    for one in definitions.of_chart(chart):
        if one.wanted(known, skip):
            yield one


def _check_ownership(cluster: Cluster, owner: Owner, wanted: list[definitions.Brought], takes: bool) -> None:
    for one in wanted:
        for name in definitions.index()[one.source] if one.place == "templates" and not takes else ():
            live = cluster.get(DEFINITION, "", name)
            if live is not None and not owner.owns(live):
                raise CloudError(
                    "InvalidOwnership",
                    f"chart: the CustomResourceDefinition {name} exists and is not this release's, and helm "
                    f"would not take it over; let the chart leave it out"
                    + (f" (values.{one.switch}: false)" if one.switch else "")
                    + ", or set takeOwnership",
                )


def _put(cluster: Cluster, source: str, name: str, owner: Owner | None) -> None:
    data = definitions.source(source).definitions[name]
    live: JsonObject | None = cluster.get(DEFINITION, "", name)
    annotations = {
        **(data["metadata"].get("annotations") or {}),
        **(owner.annotations if owner is not None else {}),
    }
    metadata: JsonObject = {"name": name, **({"annotations": annotations} if annotations else {})}
    spec = data["spec"]
    value: JsonObject = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": settle.new_metadata(metadata) if live is None else {**live["metadata"], **metadata},
        "spec": {part: spec[part] for part in ("group", "names", "scope")},
        BROUGHT: source,
        "status": settle.status(DEFINITION, {"spec": spec}),
    }
    value["metadata"]["resourceVersion"] = settle.next_version()
    cluster.put(DEFINITION, "", name, value)


def _remove(
    cluster: Cluster, owner: Owner, keeping: Collection[str], going: Sequence[operators.Place] = ()
) -> None:
    gone = [
        (DEFINITION, "", one["metadata"]["name"])
        for one in cluster.objects(DEFINITION)
        if owner.owns(one)
        and one["metadata"]["name"] not in keeping
        and (one["metadata"].get("annotations") or {}).get(_POLICY) != "keep"
    ]
    api.delete_all(cluster, gone, going)
