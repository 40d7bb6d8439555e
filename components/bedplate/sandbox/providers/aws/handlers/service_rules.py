"""Checks that are data: closed sets (from botocore's service models), ranges and name patterns."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session

from bedplate.sandbox.providers.handler import JsonObject

Problem = tuple[str, str]


@dataclass(frozen=True)
class Pattern:
    """A regular expression for a whole string, and how to say it to a person."""

    expression: str
    meaning: str


@cache
def enum_values(service: str, shape: str) -> tuple[str, ...]:
    """The values of an enum shape in botocore's model of a service, e.g. ("eks", "AMITypes")."""
    model = _session().get_service_model(service)
    return tuple(getattr(model.shape_for(shape), "enum", ()))


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def values_at(inputs: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Every value that a dotted path names (`[]` stands for each element), with its exact property path."""
    yield from _walk(inputs, path.split("."), "")


def _walk(value: Any, parts: list[str], at: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if not parts:
        yield at, value
        return
    name, rest = parts[0], parts[1:]
    every = name.endswith("[]")
    name = name.removesuffix("[]")
    if not isinstance(value, Mapping) or value.get(name) is None:
        return
    here = f"{at}.{name}" if at else name
    if not every:
        yield from _walk(value[name], rest, here)
        return
    for index, element in enumerate(value[name]):
        yield from _walk(element, rest, f"{here}[{index}]")


def enum_problems(inputs: JsonObject, enums: Mapping[str, str | tuple[str, ...]]) -> list[Problem]:
    """`enums`: path -> "service.Shape" of botocore's model, or the values themselves."""
    problems = []
    for path, source in enums.items():
        for at, value in values_at(inputs, path):
            allowed = enum_values(*source.split(".")) if isinstance(source, str) else source
            if value not in allowed:
                problems.append((at, f"{value!r} is not one of {', '.join(allowed)}; choose one of these"))
    return problems


def range_problems(inputs: JsonObject, ranges: Mapping[str, tuple[float, float]]) -> list[Problem]:
    """`ranges`: path -> lowest and highest allowed number, both included."""
    return [
        (at, f"{value} is outside the allowed range {low} to {high}; give a value within it")
        for path, (low, high) in ranges.items()
        for at, value in values_at(inputs, path)
        if isinstance(value, int | float) and not low <= value <= high
    ]


def pattern_problems(inputs: JsonObject, patterns: Mapping[str, Pattern]) -> list[Problem]:
    """`patterns`: path -> what the whole string must look like."""
    return [
        (at, f"{value!r} is not allowed: must be {pattern.meaning}")
        for path, pattern in patterns.items()
        for at, value in values_at(inputs, path)
        if isinstance(value, str) and not re.fullmatch(pattern.expression, value, re.DOTALL)
    ]


def conflict_problems(inputs: JsonObject, groups: tuple[tuple[str, ...], ...]) -> list[Problem]:
    """`groups`: inputs of which at most one may be given."""
    problems = []
    for group in groups:
        given = [name for name in group if inputs.get(name) not in (None, [], {}, "")]
        if len(given) > 1:
            problems.append(
                (given[1], f"conflicts with {given[0]}: give at most one of {', '.join(group)}; remove one")
            )
    return problems
