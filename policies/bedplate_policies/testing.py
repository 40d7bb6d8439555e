"""Helpers to test rules without an engine: what a rule says to a resource written down as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bedplate_policies.resource import Options, Resource
from bedplate_policies.rule import Config, Finding, Rule, StackRule
from bedplate_policies.stack import Stack
from bedplate_policies.value import UNKNOWN, Step, Value

__all__ = [
    "UNKNOWN",
    "Case",
    "Secret",
    "StackCase",
    "findings",
    "make_resource",
    "stack_findings",
    "violations",
]

StackResource = (
    tuple[str, str, Mapping[str, object]] | tuple[str, str, Mapping[str, object], Mapping[str, Sequence[str]]]
)
"""Type, name, properties, and the names of the resources that a property takes its value from."""


@dataclass(frozen=True)
class Case:
    """Resources that a rule passes and resources that it refuses."""

    rule_name: str
    good: Sequence[tuple[str, Mapping[str, object]]]
    bad: Sequence[tuple[str, Mapping[str, object]]]


@dataclass(frozen=True)
class StackCase:
    """Stacks that a rule passes and stacks that it refuses."""

    rule_name: str
    good: Sequence[Sequence[StackResource]]
    bad: Sequence[Sequence[StackResource]]


@dataclass(frozen=True)
class Secret:
    """Marks a value as a secret in the properties of a test."""

    value: Value


@dataclass
class _Reader:
    secrets: set[tuple[Step, ...]] = field(default_factory=set)

    def read(self, value: object, at: tuple[Step, ...] = ()) -> object:
        if isinstance(value, Secret):
            self.secrets.add(at)
            return self.read(value.value, at)
        if isinstance(value, Mapping):
            return {str(key): self.read(part, (*at, str(key))) for key, part in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.read(part, (*at, index)) for index, part in enumerate(value)]
        return value


def make_resource(
    type: str,
    inputs: Mapping[str, object],
    name: str = "resource",
    *,
    property_dependencies: Mapping[str, Sequence[str]] | None = None,
    **options: object,
) -> Resource:
    """A resource with these properties; options are those of resource.Options, such as protect=True."""
    reader = _Reader()
    properties = reader.read(inputs)
    return Resource(
        type=type,
        urn=_urn(type, name),
        name=name,
        properties=properties,
        options=Options(**options),  # type: ignore[arg-type]
        secrets=frozenset(reader.secrets),
        property_dependencies=property_dependencies or {},
    )


def _urn(type: str, name: str) -> str:
    return f"urn:pulumi:test::bedplate::{type}::{name}"


def findings(
    rule: Rule,
    type: str,
    inputs: Mapping[str, object],
    config: Mapping[str, object] | None = None,
    **options: object,
) -> list[Finding]:
    """What a rule finds in one resource; `config` overrides its settings."""
    assert type in rule.types, f"{rule.name} does not look at {type}"
    settings = Config({**rule.defaults(), **(config or {})})
    return list(rule.check(make_resource(type, inputs, **options), settings))  # type: ignore[arg-type]


def stack_findings(
    rule: StackRule,
    resources: Iterable[StackResource],
    config: Mapping[str, object] | None = None,
) -> list[Finding]:
    """What a stack rule finds in a stack."""
    written = [(one[0], one[1], one[2], one[3] if len(one) == 4 else {}) for one in resources]
    urns = {name: _urn(type, name) for type, name, _, _ in written}
    made = [
        make_resource(
            type,
            inputs,
            name,
            property_dependencies={key: [urns[other] for other in others] for key, others in depends.items()},
        )
        for type, name, inputs, depends in written
    ]
    settings = Config({**rule.defaults(), **(config or {})})
    return list(rule.check(Stack(made), settings))


def violations(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are violations."""
    return [one for one in found if one.kind == "violation"]
