"""A resource as a rule sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bedplate_policies.value import (
    MISSING,
    UNKNOWN,
    Step,
    Value,
    format_path,
    lookup,
    parse_path,
    safe,
    walk,
)


@dataclass(frozen=True)
class Options:
    """What a program said about a resource besides its properties."""

    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    delete_before_replace: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """One resource, or one part of it (`at`), with its properties as plain values."""

    type: str
    urn: str
    name: str
    properties: Value
    options: Options = Options()
    secrets: frozenset[tuple[Step, ...]] = frozenset()
    parent_urn: str = ""
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dependencies: Sequence[str] = ()
    provider_urn: str = ""
    provider: Value = MISSING
    base: tuple[Step, ...] = ()
    """Where this part stands in the whole resource."""
    parent: Resource | None = None
    """The part around this one, e.g. the pod around a container."""

    def get(self, path: str) -> Value:
        """The value at a path, MISSING where there is none, UNKNOWN where nobody knows yet."""
        return lookup(self.properties, parse_path(path))

    def each(self, path: str) -> Iterator[tuple[str, Value]]:
        """Every value that a path with `[]` leads to, with its own path; nothing where the list is absent."""
        for steps, value in walk(self.properties, parse_path(path)):
            yield format_path(steps), value

    def places(self, path: str) -> Iterator[tuple[tuple[Step, ...], Value]]:
        """As each(), with the steps of a place: writing a path out takes longer than looking at it."""
        return walk(self.properties, parse_path(path))

    def whole(self, steps: Sequence[Step]) -> str:
        """Steps of this part as a path of the whole resource."""
        return format_path((*self.base, *steps))

    def is_secret(self, path: str) -> bool:
        """Whether the value at a path, something around it or something in it, is a secret."""
        if not self.secrets:
            return False
        steps = (*self.base, *parse_path(path))
        return any(secret[: len(steps)] == steps[: len(secret)] for secret in self.secrets)

    def path(self, path: str) -> str:
        """A path of this part as one of the whole resource."""
        return format_path((*self.base, *parse_path(path)))

    def shown(self, path: str, allowed: Sequence[Value] = ()) -> str:
        """The value at a path as a message may show it."""
        value = self.get(path)
        if value is not MISSING and self.is_secret(path):
            return "a secret value"
        return safe(value, allowed)

    def at(self, path: str) -> Iterator[Resource]:
        """The parts that a path leads to; a part that is not known yet has UNKNOWN properties."""
        for steps, value in walk(self.properties, parse_path(path)):
            if value is not MISSING:
                yield Resource(
                    type=self.type,
                    urn=self.urn,
                    name=self.name,
                    properties=value,
                    options=self.options,
                    secrets=self.secrets,
                    parent_urn=self.parent_urn,
                    property_dependencies=self.property_dependencies,
                    dependencies=self.dependencies,
                    provider_urn=self.provider_urn,
                    provider=self.provider,
                    base=(*self.base, *steps),
                    parent=self,
                )

    @property
    def is_unknown(self) -> bool:
        """Whether nothing of this part is known yet."""
        return self.properties is UNKNOWN
