"""Finding the values that a `Reference` path names, and naming a resource in a message."""

from collections.abc import Iterator, Mapping
from typing import Any


def texts_at(inputs: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """(exact path, value) of every non-empty string at a dotted path; `[]` stands for each element of a
    list.
    """
    yield from _walk(inputs, path.replace("[]", ".[]").split("."), "")


def named(urn: str) -> str:
    """A resource as a user knows it: type and name of a URN; any other text as it is."""
    parts = urn.split("::")
    return f"{parts[2].rpartition('$')[2]} '{parts[3]}'" if len(parts) >= 4 else urn


def _walk(value: Any, parts: list[str], path: str) -> Iterator[tuple[str, str]]:
    if not parts:
        if isinstance(value, str) and value:
            yield path, value
        return
    head, rest = parts[0], parts[1:]
    if head == "[]":
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(item, rest, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        yield from _walk(value.get(head), rest, f"{path}.{head}" if path else head)
