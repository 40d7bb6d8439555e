"""Values of resources as rules see them: plain Python, with marks for what is absent or not known yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, Literal

from bedplate_policies.errors import PathError


class Mark(Enum):
    """What a path leads to when it leads to no value."""

    MISSING = "missing"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        # A rule that forgets to ask treats both as "not set", which fails closed for `must` rules.
        return False


MISSING: Final = Mark.MISSING
UNKNOWN: Final = Mark.UNKNOWN

# Any JSON value, or a mark. `object` keeps rules honest: they must look at what they got.
Value = object
Step = str | int | None
"""One step of a path: a key, an index, or None for every element."""

_STEP = re.compile(r"""\.?([^.\[\]]+)|\[(\d*)\]|\["([^"]*)"\]""")


@lru_cache(maxsize=4096)
def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of `a.b[0].c`, `rules[].x` (every element) or `labels["a.b/c"]` (a key with dots)."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise PathError(f'"{path}" is not a property path: it goes wrong at "{path[position:]}"')
        key, index, quoted = found.groups()
        if quoted is not None:
            steps.append(quoted)
        elif key is not None:
            steps.append(key)
        else:
            steps.append(int(index) if index else None)
        position = found.end()
    return tuple(steps)


def format_path(steps: Sequence[Step]) -> str:
    """The path of some steps, as users write it."""
    text = ""
    for step in steps:
        if step is None:
            text += "[]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif not step or re.search(r"[.\[\]]", step):
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text


def walk(
    value: Value, steps: Sequence[Step], at: tuple[Step, ...] = ()
) -> Iterator[tuple[tuple[Step, ...], Value]]:
    """Every place that the steps lead to, with what is there.

    An unknown on the way is yielded as UNKNOWN at the place where it stands: nobody can say what lies beyond.
    """
    if value is UNKNOWN or not steps:
        yield at, value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        if isinstance(value, Mapping):
            # A block that the SDK spells as one object where others take a list.
            yield from walk(value, rest, at)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for index, element in enumerate(value):
                yield from walk(element, rest, (*at, index))
        return
    yield from walk(child(value, step), rest, (*at, step))


def child(value: Value, step: str | int) -> Value:
    """What stands under one key or index."""
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(step, int):
        if isinstance(value, Sequence) and not isinstance(value, str) and step < len(value):
            return value[step]
        return MISSING
    if isinstance(value, Mapping):
        found = value.get(step, MISSING)
        # Null and absent are the same to a provider.
        return MISSING if found is None else found
    return MISSING


def lookup(value: Value, steps: Sequence[Step]) -> Value:
    """The value at a path without `[]`."""
    for step in steps:
        if step is None:
            raise PathError(f'"{format_path(steps)}" names several values: use each()')
        value = child(value, step)
        if value is UNKNOWN or value is MISSING:
            return value
    return value


def has_unknown(value: Value) -> bool:
    """Whether any part of the value is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(part) for part in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(has_unknown(part) for part in value)
    return False


def same(value: Value, expected: Value) -> bool:
    """Equality as providers see it: some of them spell booleans and numbers as text."""
    if isinstance(expected, bool):
        return value is expected or (isinstance(value, str) and value.lower() == str(expected).lower())
    if isinstance(value, bool):
        return isinstance(expected, str) and expected.lower() == str(value).lower()
    if isinstance(expected, int | float) and isinstance(value, str):
        return number(value) == expected
    return bool(value == expected)


def number(value: Value) -> float | None:
    """The number that a value is or spells, None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def safe(value: Value, allowed: Sequence[Value] = ()) -> str:
    """The value as a message may show it.

    Booleans, numbers and texts from a closed set (`allowed`) tell nothing that could be secret; any other
    text may be a password that someone put in the wrong place.
    """
    if value is MISSING:
        return "not set"
    if value is UNKNOWN:
        return "not known yet"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return f'"{value}"' if value in allowed or value.lower() in ("true", "false") else "another value"
    if isinstance(value, Mapping):
        return "an object"
    return "a list"


Missing = Literal["violation", "ok"]
