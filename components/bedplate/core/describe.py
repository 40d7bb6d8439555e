"""Values as error messages show them: short, and never an output's or a secret's content."""

from collections.abc import Mapping
from enum import Enum

import pulumi
from pydantic import SecretBytes, SecretStr


class Misfit:
    """A value of another type than its field has, which pydantic would turn into one: true into 1, "4" into
    4, 0 into false.
    """

    def __init__(self, value: object) -> None:
        self.value = value


_LONGEST = 80
_MOST_ITEMS = 6
# Of lists within lists: a list may hold itself, in a program and by an alias in YAML.
_DEEPEST = 6


def describe(value: object, depth: int = 0) -> str:
    """One value for a message; strings are cut at 80 characters, sequences at six items and six levels."""
    if isinstance(value, pulumi.Output):
        return "an output (known only while resources are made)"
    if isinstance(value, SecretStr | SecretBytes):
        return "a secret (not shown)"
    if isinstance(value, Misfit):
        return describe(value.value, depth)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing (null)"
    if isinstance(value, Enum):
        return _cut(repr(value.value))
    if isinstance(value, str | bytes | int | float):
        return _cut(repr(value))
    if isinstance(value, Mapping):
        keys = ", ".join(str(key) for key in list(value)[:_MOST_ITEMS])
        return f"a mapping with the keys {_cut(keys)}" if value else "an empty mapping"
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        if not items:
            return "an empty list"
        if depth >= _DEEPEST:
            return "[...]"
        shown = ", ".join(describe(item, depth + 1) for item in items[:_MOST_ITEMS])
        rest = f", and {len(items) - _MOST_ITEMS} more" if len(items) > _MOST_ITEMS else ""
        return f"[{_cut(shown)}{rest}]"
    # Any other object may hold a secret or an output in its repr.
    return f"a value of type {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
