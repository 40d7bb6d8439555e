"""Rules as objects: what they look at, what they ask, how grave a finding is and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from bedplate_policies.resource import Resource
from bedplate_policies.stack import Stack

Enforcement = Literal["mandatory", "advisory", "disabled"]
Group = Literal["encryption", "guardrails", "budget"]


class Severity(Enum):
    """How much harm a violation can do."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Control:
    """The published control that a rule answers."""

    framework: str
    id: str


@dataclass(frozen=True)
class Option:
    """One setting of a rule, checked before the pack looks at any resource."""

    kind: Literal["integer", "number", "string", "boolean", "array", "object"]
    default: object
    description: str
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple[object, ...] = ()

    def schema(self) -> dict[str, object]:
        """The option as a JSON schema, as Pulumi shows it."""
        schema: dict[str, object] = {
            "type": self.kind,
            "description": self.description,
            "default": self.default,
        }
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        if self.enum:
            schema["enum"] = list(self.enum)
        return schema


class Config(Mapping[str, object]):
    """The settings of one rule, defaults filled in."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, option: str) -> object:
        return self._values[option]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def number(self, option: str) -> float:
        """A numeric setting."""
        value = self._values[option]
        assert isinstance(value, int | float)
        return value

    def strings(self, option: str) -> tuple[str, ...]:
        """A setting that is a list of texts."""
        value = self._values[option]
        assert isinstance(value, list | tuple)
        return tuple(str(part) for part in value)


@dataclass(frozen=True)
class Finding:
    """What a rule found: a violation, or something that it cannot decide yet."""

    kind: Literal["violation", "undetermined"]
    message: str
    path: str = ""
    urn: str = ""
    """The resource that a stack rule speaks about; empty for the resource under check or the whole stack."""

    @staticmethod
    def violation(message: str, path: str = "", resource: Resource | None = None) -> Finding:
        """Something that the rule forbids. Its message holds no text that may be secret: see value.safe."""
        return Finding("violation", message, path, resource.urn if resource else "")

    @staticmethod
    def undetermined(path: str, resource: Resource | None = None) -> Finding:
        """The rule needs a value that nobody knows before the update."""
        return Finding("undetermined", f"{path} is not known yet", path, resource.urn if resource else "")


Check = Callable[[Resource, Config], Iterable[Finding]]
StackCheck = Callable[[Stack, Config], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class _Named:
    name: str
    description: str
    severity: Severity
    remediation: str
    controls: tuple[Control, ...]
    types: tuple[str, ...]
    reads: tuple[str, ...]
    enforcement: Enforcement = "mandatory"
    group: Group = "guardrails"
    config: Mapping[str, Option] = field(default_factory=dict)

    def defaults(self) -> Config:
        """The rule's settings as long as nobody changes them."""
        return Config({name: option.default for name, option in self.config.items()})


@dataclass(frozen=True, kw_only=True)
class Rule(_Named):
    """A rule that looks at one resource, before it is made."""

    check: Check


@dataclass(frozen=True, kw_only=True)
class StackRule(_Named):
    """A rule that looks at all resources together, when the program has named them all."""

    check: StackCheck


AnyRule = Rule | StackRule


def _all_reads(check: object, reads: tuple[str, ...]) -> tuple[str, ...]:
    """What the check says that it reads, where it is one of `checks`, and what the rule adds."""
    return tuple(dict.fromkeys((*getattr(check, "reads", ()), *reads)))


def _all_options(check: object, config: Mapping[str, Option] | None) -> dict[str, Option]:
    """The same for settings; the rule's own win."""
    return {**getattr(check, "options", {}), **(config or {})}


def rule(
    *,
    name: str,
    description: str,
    severity: Severity,
    remediation: str,
    types: tuple[str, ...],
    check: Check,
    controls: tuple[Control, ...] = (),
    reads: tuple[str, ...] = (),
    enforcement: Enforcement = "mandatory",
    group: Group = "guardrails",
    config: Mapping[str, Option] | None = None,
) -> Rule:
    """A rule whose `reads` and settings also come from its check, where that is one of `checks`."""
    return Rule(
        name=name,
        description=description,
        severity=severity,
        remediation=remediation,
        controls=controls,
        types=types,
        check=check,
        reads=_all_reads(check, reads),
        enforcement=enforcement,
        group=group,
        config=_all_options(check, config),
    )


def stack_rule(
    *,
    name: str,
    description: str,
    severity: Severity,
    remediation: str,
    types: tuple[str, ...],
    check: StackCheck,
    controls: tuple[Control, ...] = (),
    reads: tuple[str, ...] = (),
    enforcement: Enforcement = "mandatory",
    group: Group = "guardrails",
    config: Mapping[str, Option] | None = None,
) -> StackRule:
    """The same for a rule that looks at the whole stack; `reads` are properties of each of `types`."""
    return StackRule(
        name=name,
        description=description,
        severity=severity,
        remediation=remediation,
        controls=controls,
        types=types,
        check=check,
        reads=_all_reads(check, reads),
        enforcement=enforcement,
        group=group,
        config=_all_options(check, config),
    )
