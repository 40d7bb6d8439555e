"""A Pulumi resource as pricing sees it: type, inputs, and what its inputs refer to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final


class Mark(Enum):
    """What a path leads to where it leads to no value."""

    MISSING = "missing"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Mark.MISSING
UNKNOWN: Final = Mark.UNKNOWN


@dataclass(frozen=True)
class StackResource:
    """One resource of a stack: its inputs in Pulumi's own names, UNKNOWN where a value is not known yet.

    Attributes:
        id: what the provider calls it; empty before it is made.
        dependencies: for each property, the URNs of the resources that its value comes from.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, object]
    id: str = ""
    dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def get(self, *path: str | int) -> object:
        """The value at a path, MISSING where there is none, UNKNOWN where nobody knows yet."""
        return get(self.inputs, *path)

    def text(self, *path: str | int) -> str:
        """A text, empty where there is none or none is known."""
        value = self.get(*path)
        return value if isinstance(value, str) else ""

    def parts(self, *path: str | int) -> Iterator[Mapping[str, object]]:
        """The objects of a list (or the one object that stands for it); what is unknown is left out."""
        value = self.get(*path)
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Mapping):
                yield part


def get(value: object, *path: str | int) -> object:
    """The value at a path in nested objects and lists."""
    for step in path:
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, Mapping):
            value = value.get(str(step), MISSING)
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return MISSING
        if value is None:
            return MISSING
    return value


def whole(value: object) -> int | None:
    """The whole number that a value is or spells (launch templates spell theirs), None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return int(found) if found.is_finite() and found == int(found) else None


def true(value: object) -> bool:
    """Whether a value is true or spells it."""
    return value is True or (isinstance(value, str) and value.lower() == "true")
