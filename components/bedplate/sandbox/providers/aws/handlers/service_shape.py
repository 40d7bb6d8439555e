"""Between the provider's property names and boto3's, and between what was asked for and what is there."""

import json
from collections.abc import Mapping
from typing import Any

from bedplate.sandbox.providers.handler import JsonObject


def given(inputs: Mapping[str, Any], *names: str, **renamed: str) -> JsonObject:
    """The named inputs that have a value, for a boto3 call; `boto_name="inputName"` renames one."""
    pairs = [(name, name) for name in names] + list(renamed.items())
    return {target: inputs[source] for target, source in pairs if inputs.get(source) is not None}


def canonical_json(document: Any) -> Any:
    """A JSON document in a form in which equal policies are equal: lists are sets, one element is a list."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return document
    return _canonical(document)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if len(items) == 1:
            return items[0]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value


def keep_json(mine: Any, seen: str | None) -> Any:
    """The document as it was given where the cloud's means the same, else the cloud's."""
    if isinstance(mine, str) and seen is not None and canonical_json(mine) == canonical_json(seen):
        return mine
    return seen


def keep(mine: Any, seen: Any) -> Any:
    """The value as it was given where the cloud shows the same (lists in any order), else the cloud's."""
    return mine if _same(mine, seen) else seen


def _same(mine: Any, seen: Any) -> bool:
    if mine in (None, "", [], {}, False) and seen in (None, "", [], {}, False):
        return True
    if isinstance(mine, Mapping) and isinstance(seen, Mapping):
        return all(_same(mine.get(key), seen.get(key)) for key in {*mine, *seen})
    if isinstance(mine, list) and isinstance(seen, list):
        if len(mine) != len(seen):
            return False
        rest = list(seen)
        for item in mine:
            match = next((other for other in rest if _same(item, other)), None)
            if match is None:
                return False
            rest.remove(match)
        return True
    return bool(mine == seen)
