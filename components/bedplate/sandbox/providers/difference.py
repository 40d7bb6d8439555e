"""What changed between the old and the new inputs of a resource, and which inputs a refresh leads to."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.sandbox.providers.handler import Handler
from bedplate.sandbox.providers.schema import ResourceSchema, join
from bedplate.sandbox.providers.wire import has_unknown, plain

_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Change:
    """One property that differs. `kind` is "add", "delete" or "update"."""

    path: str
    kind: str
    replaces: bool

    @property
    def top(self) -> str:
        """The name of the top-level property."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]


def changes(handler: Handler, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every difference between two sets of inputs. That a value became secret, or no longer is, is none."""
    found: list[tuple[str, str]] = []
    old_plain, new_plain = plain(old), plain(new)
    for name in sorted({*old_plain, *new_plain}):
        _compare(handler, old_plain.get(name), new_plain.get(name), join("", name), found)
    return [Change(path, kind, _replaces(handler, path)) for path, kind in found]


def against_state(
    handler: Handler,
    schema: ResourceSchema,
    found: Iterable[Change],
    state: Mapping[str, Any],
    new: Mapping[str, Any],
) -> list[Change]:
    """The changes of the inputs that are changes of the resource as well.

    As with the vendor's provider, which compares with the state: giving a property the value that it has, or
    a false one where there was none, changes nothing, and nor does leaving out what the cloud chose. (An
    imported resource has all of its properties as inputs, those that the cloud chose included.)
    """

    def real(change: Change) -> bool:
        if change.kind == "delete":
            return change.path not in schema.computed and change.path not in handler.filled_in
        if change.kind == "add" and change.path == change.top:
            value, before = plain(new.get(change.top)), plain(state.get(change.top))
            return not (type(value) is type(before) and value == before) and not (
                value is False and before is None
            )
        return True

    return [change for change in found if real(change)]


def without_ignored(found: Iterable[Change], ignored: Iterable[str]) -> list[Change]:
    """The changes that no ignored path covers."""
    paths = list(ignored)
    return [
        change
        for change in found
        if not any(change.path == path or change.path.startswith((f"{path}.", f"{path}[")) for path in paths)
    ]


def refreshed_inputs(
    handler: Handler, schema: ResourceSchema, old: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs that describe the resource as it is now.

    What was given keeps its form (order of a set, spelling of a JSON document) as long as it means what the
    cloud shows; what was not given stays out, or the next run would show a default of the cloud as a change.
    """
    return {
        name: _refreshed(handler, schema.inputs.get(name, "any"), value, outputs.get(name), name)
        for name, value in old.items()
    }


def imported_inputs(
    schema: ResourceSchema, outputs: Mapping[str, Any], default_region: str
) -> dict[str, Any]:
    """Inputs for a resource that no program has described yet: what can be given, where it says something."""
    return {
        name: value
        for name, value in outputs.items()
        if name in schema.inputs
        and name != "tagsAll"
        and value not in (None, "", [], {}, False)
        and not (name == "region" and value == default_region)
    }


def _compare(handler: Handler, old: Any, new: Any, path: str, found: list[tuple[str, str]]) -> None:
    pattern = _INDEX.sub("[]", path)
    if has_unknown(new) and not isinstance(new, Mapping | list):
        found.append((path, "add" if old is None else "update"))
    elif (old == new and type(old) is type(new)) or _both_numbers(old, new):
        return
    elif old is None or new is None:
        found.append((path, "add" if old is None else "delete"))
    elif pattern in handler.json_documents and _same_json(old, new):
        return
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            _compare(handler, old.get(name), new.get(name), join(path, name), found)
    elif isinstance(old, list) and isinstance(new, list):
        if pattern in handler.unordered and not has_unknown(new):
            if sorted(map(_canonical, old)) == sorted(map(_canonical, new)):
                return
            _compare_sets(old, new, path, found)
        else:
            for index in range(max(len(old), len(new))):
                before = old[index] if index < len(old) else None
                after = new[index] if index < len(new) else None
                _compare(handler, before, after, f"{path}[{index}]", found)
    else:
        found.append((path, "update"))


def _compare_sets(old: list[Any], new: list[Any], path: str, found: list[tuple[str, str]]) -> None:
    """Elements that came or went; the index is the element's own in the list that has it."""
    before, after = [_canonical(item) for item in old], [_canonical(item) for item in new]
    gone = {index for index, item in enumerate(before) if item not in after}
    come = {index for index, item in enumerate(after) if item not in before}
    if not gone and not come:
        found.append((path, "update"))  # the same elements, another number of times
    for index in sorted(gone | come):
        kind = "update" if index in gone and index in come else ("delete" if index in gone else "add")
        found.append((f"{path}[{index}]", kind))


def _replaces(handler: Handler, path: str) -> bool:
    pattern = _INDEX.sub("[]", path)
    parts = re.split(r"(?=[.\[])", pattern)
    prefixes = {"".join(parts[: count + 1]) for count in range(len(parts))}
    return bool(prefixes & handler.replace_on)


def _refreshed(handler: Handler, spec: Any, old: Any, now: Any, path: str) -> Any:
    if now is None or old == now:
        # Write-only inputs (a `forceDestroy`) have no output, or one that the handler kept from the state.
        return old
    if path in handler.json_documents and _same_json(old, now):
        return old
    if isinstance(old, Mapping) and isinstance(now, Mapping):
        if isinstance(spec, list) and spec[0] == "map":
            return now
        return {
            name: _refreshed(handler, "any", value, now.get(name), join(path, name))
            for name, value in old.items()
        }
    if isinstance(old, list) and isinstance(now, list):
        return _refreshed_list(handler, spec, old, now, path)
    return now


def _refreshed_list(handler: Handler, spec: Any, old: list[Any], now: list[Any], path: str) -> list[Any]:
    inner = spec[1] if isinstance(spec, list) and spec[0] == "list" else "any"
    if _INDEX.sub("[]", path) in handler.unordered:
        left, ordered = list(now), []
        for item in old:
            match = next(
                (other for other in left if _refreshed(handler, inner, item, other, f"{path}[]") == item),
                None,
            )
            if match is not None:
                left.remove(match)
                ordered.append(item)
        return ordered + left
    if len(old) != len(now):
        return now
    return [
        _refreshed(handler, inner, item, other, f"{path}[]") for item, other in zip(old, now, strict=True)
    ]


def _both_numbers(old: Any, new: Any) -> bool:
    numbers = not isinstance(old, bool) and not isinstance(new, bool)
    return numbers and isinstance(old, int | float) and isinstance(new, int | float) and old == new


def _same_json(old: Any, new: Any) -> bool:
    try:
        return bool(_document(old) == _document(new))
    except ValueError:
        return False


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
