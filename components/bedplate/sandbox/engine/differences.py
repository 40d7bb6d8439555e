"""From a provider's diff to what a person reads, and the options that change what a diff means."""

from dataclasses import replace
from typing import Literal

from .events import PropertyChange
from .paths import contains, look_up, parse_path, reset
from .provider_client import Difference
from .resources import Resource
from .values import Properties, mask

Kind = Literal["add", "delete", "update"]
_KINDS: dict[str, Kind] = {"add": "add", "delete": "delete", "update": "update"}


def _copy(value: Properties) -> Properties:
    def deep(item: object) -> object:
        if isinstance(item, dict):
            return {key: deep(inner) for key, inner in item.items()}
        return [deep(inner) for inner in item] if isinstance(item, list) else item

    return {key: deep(item) for key, item in value.items()}  # type: ignore[misc]


def ignore_changes(inputs: Properties, olds: Properties, paths: list[str]) -> tuple[Properties, list[str]]:
    """The inputs with the ignored paths as they were, and the paths that could not be ignored.

    Raises ValueError for a path that cannot be read.
    """
    if not paths:
        return inputs, []
    result, failed = _copy(inputs), []
    for text in paths:
        path = parse_path(text)
        if path and not reset(olds, result, path):
            failed.append(text)
    return result, failed


def apply_replace_on_changes(difference: Difference, patterns: list[str]) -> Difference:
    """The difference with those properties forcing a replacement that the option names."""
    if not difference.changed or not patterns:
        return difference
    parsed = [parse_path(pattern) for pattern in patterns]

    def named(path: str) -> bool:
        steps = parse_path(path)
        return any(contains(pattern, steps) for pattern in parsed)

    details = {
        path: (kind, forces or named(path), is_input)
        for path, (kind, forces, is_input) in difference.details.items()
    }
    keys = [*difference.replace_keys, *(key for key in difference.changed_keys if named(key))]
    return replace(difference, details=details, replace_keys=tuple(dict.fromkeys(keys)))


def changes(difference: Difference, old: Resource, news: Properties) -> tuple[PropertyChange, ...]:
    """The changed properties, secrets masked, in the order of their paths."""
    result = []
    details = dict(difference.details)
    if not details:
        for key in dict.fromkeys([*difference.changed_keys, *difference.replace_keys]):
            kind = "add" if key not in old.inputs else "delete" if key not in news else "update"
            details[key] = (kind, key in difference.replace_keys, True)
    for path, (kind, forces, is_input) in sorted(details.items()):
        steps = parse_path(path)
        before = look_up(old.inputs if is_input else old.outputs, steps)
        if before is None:
            before = look_up(old.outputs, steps)
        after = look_up(news, steps)
        top = str(steps[0]) if steps else path
        result.append(
            PropertyChange(
                path, _KINDS[kind], mask(before), mask(after), forces or top in difference.replace_keys
            )
        )
    return tuple(result)


def reason(difference: Difference, properties: tuple[PropertyChange, ...]) -> str:
    """Why a resource changes, in a few words."""
    forcing = [item.path for item in properties if item.forces_replace] or list(difference.replace_keys)
    if forcing:
        return f"changed {', '.join(forcing)}, which needs a new one"
    changed = [item.path for item in properties] or list(difference.changed_keys)
    return f"changed {', '.join(changed)}" if changed else ""
