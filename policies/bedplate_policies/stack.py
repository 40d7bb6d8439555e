"""All resources of a stack together, and how they refer to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from bedplate_policies.resource import Resource
from bedplate_policies.value import UNKNOWN

# Properties by which other resources name one. Providers spell references as one of these.
_IDENTIFIERS = ("id", "arn", "name", "bucket", "keyId", "selfLink", "url", "bucketArn", "repositoryUrl")


class Stack:
    """The resources that a program named; `config` is the stack's configuration without its secrets."""

    def __init__(
        self, resources: Sequence[Resource], name: str = "", config: Mapping[str, str] | None = None
    ) -> None:
        self.resources = tuple(resources)
        self.name = name
        self.config = dict(config or {})

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found

    @cached_property
    def by_urn(self) -> dict[str, Resource]:
        """Every resource under its URN."""
        return {resource.urn: resource for resource in self.resources}

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of some types."""
        return [resource for name in types for resource in self._by_type.get(name, ())]

    def _index(self, type: str, property: str) -> tuple[dict[str, list[Resource]], dict[str, list[Resource]]]:
        # A scan per resource would make the cost of a stack grow with its square.
        key = (type, property)
        if key not in self._indexes:
            by_urn: dict[str, list[Resource]] = {}
            by_value: dict[str, list[Resource]] = {}
            for candidate in self._by_type.get(type, ()):
                for urn in candidate.property_dependencies.get(property.split(".")[0].split("[")[0], ()):
                    by_urn.setdefault(urn, []).append(candidate)
                for _, value in candidate.each(property):
                    if isinstance(value, str) and value:
                        by_value.setdefault(value, []).append(candidate)
            self._indexes[key] = (by_urn, by_value)
        return self._indexes[key]

    @cached_property
    def _indexes(self) -> dict[tuple[str, str], tuple[dict[str, list[Resource]], dict[str, list[Resource]]]]:
        return {}

    def companions(self, resource: Resource, type: str, property: str) -> list[Resource]:
        """The resources of a type whose property refers to a resource: by dependency, or by an equal value.

        Dependencies are known at preview, when the value itself is not.
        """
        by_urn, by_value = self._index(type, property)
        found = {candidate.urn: candidate for candidate in by_urn.get(resource.urn, ())}
        for identifier in _IDENTIFIERS:
            value = resource.get(identifier)
            if isinstance(value, str):
                for candidate in by_value.get(value, ()):
                    found.setdefault(candidate.urn, candidate)
        return [candidate for urn, candidate in found.items() if urn != resource.urn]

    def unresolved(self, type: str, property: str) -> bool:
        """Whether a resource of a type refers by a value that is unknown and comes from no resource here."""
        key = (type, property)
        if key not in self._unresolved:
            self._unresolved[key] = any(
                value is UNKNOWN
                for candidate in self._by_type.get(type, ())
                if not candidate.property_dependencies.get(property.split(".")[0].split("[")[0])
                for _, value in candidate.each(property)
            )
        return self._unresolved[key]

    @cached_property
    def _unresolved(self) -> dict[tuple[str, str], bool]:
        return {}
