"""What a change leaves behind of a default, so that the API server refuses it.

A server-side apply takes away only what was given before. Where the server filled in one member of a union
and a change asks for another, both are there, and the change is refused: at preview, too (pulumi-kubernetes
issue 2843, seen with kube-apiserver v1.36.3). Members that the program gave itself go as they should.
"""

from collections.abc import Iterator
from typing import Any

from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, items
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.schema import Problem

# Where the type is told, and the one that has rollingUpdate.
_STRATEGIES = {
    GroupKind("apps", "Deployment"): ("strategy", "Recreate"),
    GroupKind("apps", "StatefulSet"): ("updateStrategy", "OnDelete"),
}


def leftovers(
    kind: GroupKind, live: Values, old: Values, new: Values, template: tuple[str, ...] | None
) -> Iterator[Problem]:
    """`old`: what was given before. `template`: where the kind has its pod template."""
    field, other = _STRATEGIES.get(kind, ("", ""))
    place = ("spec", field, "rollingUpdate")
    if field and at(new, "spec", field, "type") == other and at(new, *place) is None:
        yield from _leftover(at(live, *place), at(old, *place), ".".join(place), f"the type {other}")
    if template is None:
        return
    here = (*template, "spec", "volumes")
    before, kept = _by_name(at(old, *here)), _by_name(at(live, *here))
    for volume in items(at(new, *here)):
        name = volume.get("name")
        sources = sorted(set(volume) - {"name"})
        if name in before and sources and sources != ["emptyDir"]:
            path = f"{'.'.join(here)}[{name}].emptyDir"
            given = any(one != "name" for one in before[name]) or None
            yield from _leftover(at(kept.get(name), "emptyDir"), given, path, sources[0])


def _by_name(volumes: Any) -> dict[Any, Values]:
    return {one.get("name"): one for one in items(volumes)}


def _leftover(live: Any, given: Any, path: str, wanted: str) -> Iterator[Problem]:
    if live is not None and given is None:
        yield (
            path,
            "the cluster has filled it in, a server-side apply does not take it away, and it does not go "
            f"with {wanted}; give it as it is, run `up`, and then make this change, or replace the object",
        )
