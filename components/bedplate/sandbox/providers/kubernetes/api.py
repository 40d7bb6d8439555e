"""The API server of one cluster: which kinds there are, and what it takes to create, change and delete."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedplate.sandbox.providers.handler import CloudError, JsonObject
from bedplate.sandbox.providers.kubernetes import customs, metadata, operators, rules, settle
from bedplate.sandbox.providers.kubernetes.checks import unions
from bedplate.sandbox.providers.kubernetes.checks.forms import at, items
from bedplate.sandbox.providers.kubernetes.cluster import (
    DEFINITION,
    NAMESPACE,
    SYSTEM_NAMESPACES,
    Cluster,
    place,
)
from bedplate.sandbox.providers.kubernetes.defaults import with_defaults
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, group_of, is_namespaced
from bedplate.sandbox.providers.kubernetes.openapi import Checker
from bedplate.sandbox.providers.schema import Problem, nearest

# Finalizers whose controllers are part of Kubernetes itself, and have nothing to do here.
_OWN_FINALIZERS = ("kubernetes", "foregroundDeletion", "orphan")
_OWN_DOMAINS = (".kubernetes.io", ".k8s.io")
_STORAGE_CLASS = GroupKind("storage.k8s.io", "StorageClass")
_CLAIM = GroupKind("", "PersistentVolumeClaim")


@dataclass(frozen=True)
class Kind:
    """A kind in one API version. `definition`: its CustomResourceDefinition; None for a built-in kind."""

    group_kind: GroupKind
    namespaced: bool
    schema: Mapping[str, Any]
    definition: Mapping[str, Any] | None = None


def find_kind(
    cluster: Cluster, api_version: str, kind: str, announced: Mapping[str, Any] | None = None
) -> Kind | None:
    """`announced`: a definition that this run is going to make, for a kind that the cluster lacks.

    None for a custom kind without a definition. Raises CloudError for a kind that there cannot be.
    """
    group = group_of(api_version)
    schema = cluster.builtin.schema(api_version, kind)
    if schema is not None:
        return Kind(GroupKind(group, kind), is_namespaced(kind), schema)
    if cluster.builtin.owns(group):
        others = cluster.builtin.versions_of(kind)
        names = sorted({one.kind for one in cluster.builtin.kinds()})
        hint = f"this kind is in {', '.join(others)}" if others else nearest(kind, names)
        raise CloudError(
            "NoMatch",
            f"Kubernetes {cluster.builtin.version} has no kind {kind} in apiVersion {api_version}; {hint}",
        )
    definition = announced or cluster.definition(group, kind)
    if definition is None:
        return None
    versions = customs.served(definition)
    if api_version not in versions:
        raise CloudError(
            "NoMatch",
            f"the CustomResourceDefinition of {kind} serves {', '.join(versions)}, and not {api_version}",
        )
    namespaced = definition["spec"]["scope"] == "Namespaced"
    return Kind(GroupKind(group, kind), namespaced, customs.schema_of(definition, api_version), definition)


def problems(cluster: Cluster, kind: Kind, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with an object whatever else exists; parts that are not known yet are left alone."""
    yield from metadata.problems(kind.group_kind, kind.namespaced, manifest.get("metadata"))
    checker = Checker(cluster.builtin.definitions)
    if kind.definition is not None:
        meta = {"$ref": "#/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        yield from checker.problems(meta, manifest.get("metadata", {}), "metadata")
        yield from customs.problems(kind.definition, manifest)
        return
    found = list(checker.problems(kind.schema, manifest))
    yield from found
    if not found:
        yield from rules.problems(kind.group_kind, manifest)
        if kind.group_kind == DEFINITION:
            yield from customs.definition_problems(manifest)


def kept(kind: Kind, manifest: Mapping[str, Any]) -> JsonObject:
    """The object with the server's defaults."""
    if kind.definition is not None:
        return customs.defaulted(kind.definition, manifest)
    return with_defaults(kind.group_kind, manifest)


def create(cluster: Cluster, kind: Kind, manifest: JsonObject) -> JsonObject:
    """The new object. Raises CloudError where the API server would refuse it."""
    one, namespace, name = place(manifest)
    _check_place(cluster, one, namespace)
    if cluster.get(one, namespace, name) is not None:
        where = f" in namespace {namespace}" if namespace else ""
        raise CloudError(
            "AlreadyExists",
            f"{one.resource} '{name}' exists{where} already; choose another name or import it",
        )
    _check_references(cluster, kind, manifest)
    live = kept(kind, manifest)
    live["metadata"] = settle.new_metadata(live["metadata"])
    return _put(cluster, kind, live, None)


def update(
    cluster: Cluster, kind: Kind, live: JsonObject, old: JsonObject, manifest: JsonObject
) -> JsonObject:
    """The changed object. `old`: the inputs before. Raises CloudError where it would be refused."""
    _check_references(cluster, kind, manifest)
    check_change(kind, live, old, manifest)
    _check_growth(cluster, kind.group_kind, live, manifest)
    return _put(cluster, kind, settle.carried(live, old, kept(kind, manifest)), live)


def check_change(kind: Kind, live: JsonObject, old: JsonObject, manifest: JsonObject) -> None:
    """Raises CloudError for a change that the server refuses, for what stays of a default or by a rule of the
    object's definition. `old`: the inputs before.
    """
    if kind.definition is None:
        template = rules.template_path(kind.group_kind)
        found = list(unions.leftovers(kind.group_kind, live, old, manifest, template))
    else:
        found = customs.change_problems(kind.definition, live, manifest)
    if found:
        raise CloudError("Invalid", "; ".join(f"{path}: {reason}" for path, reason in found))


def _put(cluster: Cluster, kind: Kind, value: JsonObject, live: JsonObject | None) -> JsonObject:
    if kind.group_kind == settle.SERVICE:
        settle.addresses(cluster, value, live)
    if live is not None:
        settle.count(value, live)
    operators.hold(cluster, value, live)
    value["metadata"]["resourceVersion"] = settle.next_version()
    found = settle.status(kind.group_kind, value)
    if found is not None:
        value["status"] = found
    cluster.put(*place(value), value)
    return value


def delete(cluster: Cluster, kind: GroupKind, namespace: str, name: str) -> None:
    """Delete an object and what goes with it; one that is gone is no error.

    Raises CloudError, and deletes nothing, where a finalizer would hold the deletion up for ever.
    """
    delete_all(cluster, [(kind, namespace, name)])


def delete_all(
    cluster: Cluster, places: Sequence[operators.Place], going: Sequence[operators.Place] = ()
) -> None:
    """Delete several objects, all or none. `going`: what the caller deletes at the same time.

    Raises CloudError as `delete` does.
    """
    for kind, _, name in places:
        if kind == NAMESPACE and name in SYSTEM_NAMESPACES:
            raise CloudError(
                "Forbidden", f"the namespace '{name}' is the cluster's own and cannot be deleted"
            )
    doomed = [live for one in places if (live := cluster.get(*one)) is not None]
    for one in doomed:  # grows as what goes with each is found
        doomed += [other for other in _follows(cluster, one) if other not in doomed]
    leaving = [*going, *(place(one) for one in doomed)]
    for one in doomed:
        _check_finalizers(cluster, one, leaving)
    for one in reversed(doomed):
        cluster.remove(*place(one))


def _follows(cluster: Cluster, live: JsonObject) -> Iterator[JsonObject]:
    """What the deletion of an object deletes: a namespace's content, a definition's objects, dependents."""
    kind, namespace, name = place(live)
    if kind == DEFINITION:
        yield from cluster.objects(GroupKind(live["spec"]["group"], live["spec"]["names"]["kind"]))
    uid = live["metadata"].get("uid")
    for other in cluster.kinds():
        if kind == NAMESPACE:
            yield from cluster.objects(other, name)
        for one in cluster.objects(other, namespace or None):
            if any(owner.get("uid") == uid for owner in one["metadata"].get("ownerReferences") or ()):
                yield one


def _check_finalizers(cluster: Cluster, live: JsonObject, leaving: Sequence[operators.Place]) -> None:
    kind, _, name = place(live)
    waiting = operators.waits_for(cluster, live)
    if waiting is not None:
        raise CloudError("Terminating", f"{kind.resource} '{name}' cannot go: {waiting}")
    for finalizer in live["metadata"].get("finalizers") or ():
        domain = finalizer.partition("/")[0]
        if finalizer in _OWN_FINALIZERS or f".{domain}".endswith(_OWN_DOMAINS):
            continue
        if operators.releases(cluster, live, finalizer, leaving):
            continue
        chart = operators.owner(live, finalizer)
        if chart is not None:
            raise CloudError(
                "Terminating",
                f"{kind.resource} '{name}' has the finalizer {finalizer}, which the operator of the chart "
                f"{chart} takes away, and there is no release of it, or it goes at the same time: the "
                "deletion would wait for ever; let the object depend on the release, so that it goes first",
            )
        raise CloudError(
            "Terminating",
            f"{kind.resource} '{name}' has the finalizer {finalizer}, and no controller runs here to take it "
            "away: the deletion would wait for ever; remove metadata.finalizers and run `up` first",
        )


def _check_place(cluster: Cluster, kind: GroupKind, namespace: str) -> None:
    if namespace and cluster.get(NAMESPACE, "", namespace) is None:
        known = [one["metadata"]["name"] for one in cluster.objects(NAMESPACE)]
        raise CloudError(
            "NotFound",
            f"metadata.namespace: there is no namespace '{namespace}' for this {kind.kind}; make it first, "
            f"and let this object depend on it ({nearest(namespace, known)})",
        )


def _check_references(cluster: Cluster, kind: Kind, manifest: JsonObject) -> None:
    _, namespace, _ = place(manifest)
    for index, owner in enumerate(manifest["metadata"].get("ownerReferences") or ()):
        one = GroupKind(group_of(owner["apiVersion"]), owner["kind"])
        found = cluster.get(one, namespace, owner["name"]) or cluster.get(one, "", owner["name"])
        if found is None or found["metadata"].get("uid") != owner["uid"]:
            raise CloudError(
                "NotFound",
                f"metadata.ownerReferences[{index}]: there is no {owner['kind']} '{owner['name']}' with uid "
                f"{owner['uid']} in this namespace or without one; an owner must exist",
            )
    for path, name in _storage_classes(kind.group_kind, manifest):
        if cluster.get(_STORAGE_CLASS, "", name) is None:
            known = [one["metadata"]["name"] for one in cluster.objects(_STORAGE_CLASS)]
            hint = nearest(name, known) if known else "the cluster has none"
            raise CloudError(
                "NotFound",
                f"{path}: there is no StorageClass '{name}', and the claim would wait for ever; {hint}",
            )
    if kind.group_kind == GroupKind("", "Pod"):
        name = at(manifest, "spec", "priorityClassName")
        if name and cluster.get(GroupKind("scheduling.k8s.io", "PriorityClass"), "", name) is None:
            raise CloudError("Forbidden", f"spec.priorityClassName: there is no PriorityClass '{name}'")


def _storage_classes(kind: GroupKind, manifest: JsonObject) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, Any]] = []
    if kind == _CLAIM:
        found.append(("spec.storageClassName", at(manifest, "spec", "storageClassName")))
    for index, claim in enumerate(items(at(manifest, "spec", "volumeClaimTemplates"))):
        path = f"spec.volumeClaimTemplates[{index}].spec.storageClassName"
        found.append((path, at(claim, "spec", "storageClassName")))
    template = rules.template_path(kind)
    spec_path = (*template, "spec") if template else ("spec",)
    for index, volume in enumerate(items(at(manifest, *spec_path, "volumes"))):
        place_of = ("ephemeral", "volumeClaimTemplate", "spec", "storageClassName")
        path = f"{'.'.join(spec_path)}.volumes[{index}].{'.'.join(place_of)}"
        found.append((path, at(volume, *place_of)))
    return ((path, name) for path, name in found if isinstance(name, str) and name)


def _check_growth(cluster: Cluster, kind: GroupKind, live: JsonObject, manifest: JsonObject) -> None:
    where = ("spec", "resources", "requests", "storage")
    if kind != _CLAIM or at(live, *where) == at(manifest, *where):
        return
    name = at(live, "spec", "storageClassName")
    storage_class = cluster.get(_STORAGE_CLASS, "", name) if name else None
    if storage_class is None or not storage_class.get("allowVolumeExpansion"):
        raise CloudError(
            "Forbidden",
            f"{'.'.join(where)}: only a claim whose StorageClass has allowVolumeExpansion can grow",
        )
