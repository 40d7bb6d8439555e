"""Settings as frozen dataclasses: read from TOML or JSON, overridden by `path=value`, all problems told at
once.

A dataclass lives beside the code that it configures and describes its fields with `setting`. Checks over
several fields are a method `problems(path) -> list[Problem]` of the dataclass.
"""

import dataclasses
import difflib
import json
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from bedplate_training.errors import ConfigError, Problem

T = TypeVar("T")
_RULE = "bedplate_training.rule"


@dataclass(frozen=True)
class Rule:
    """What a field may hold, beside its type."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()
    fix: str = ""

    def allowed(self, kind: str) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        bounds = []
        if self.at_least is not None:
            bounds.append(f"at least {self.at_least:g}")
        if self.above is not None:
            bounds.append(f"above {self.above:g}")
        if self.at_most is not None:
            bounds.append(f"at most {self.at_most:g}")
        return kind + (" " + " and ".join(bounds) if bounds else "")

    def accepts(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return (
                value == value
                and (self.at_least is None or value >= self.at_least)
                and (self.above is None or value > self.above)
                and (self.at_most is None or value <= self.at_most)
            )
        return True


def setting(
    default: T,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    choices: Iterable[str] = (),
    fix: str = "",
) -> T:
    """A field with a default and the values that it may hold."""
    rule = Rule(at_least, above, at_most, tuple(choices), fix)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def parse(cls: type[T], data: Mapping[str, object]) -> T:
    """An instance of the dataclass `cls`.

    Raises:
        ConfigError: with every unknown name, wrong type, value out of bounds and impossible combination.
    """
    problems: list[Problem] = []
    value = _build(cls, data, "", problems)
    if problems:
        raise ConfigError(problems)
    return cast(T, value)


def load(cls: type[T], path: Path | None, overrides: Iterable[str] = ()) -> T:
    """An instance of `cls` from a .toml or .json file (or from nothing) and `path.to.field=value` overrides.

    The value of an override is read as JSON where it is JSON, as text otherwise.

    Raises:
        ConfigError: as `parse`, and for a file that cannot be read and an override without `=`.
    """
    problems: list[Problem] = []
    data = _read(path, problems) if path is not None else {}
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals or not all(name.split(".")):
            problems.append(Problem("--set", override, "NAME=VALUE", "for example --set loop.steps=20"))
            continue
        _put(data, name.split("."), _value(text), problems)
    value = _build(cls, data, "", problems)
    if problems:
        raise ConfigError(problems)
    return cast(T, value)


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    allowed = "a readable .toml or .json file with a table at its top"
    readers: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix)
    if reader is None:
        problems.append(Problem("--config", str(path), allowed, "rename it to .toml or .json"))
        return {}
    try:
        data = reader(path.read_text())
    except (OSError, ValueError) as error:
        problems.append(Problem("--config", str(path), allowed, f"it could not be read: {error}"))
        return {}
    if not isinstance(data, dict):
        problems.append(Problem("--config", str(path), allowed, f"its top is {_name(type(data))}"))
        return {}
    return data


def _put(data: dict[str, Any], parts: list[str], value: object, problems: list[Problem]) -> None:
    here = data
    for part in parts[:-1]:
        inner = here.setdefault(part, {})
        if not isinstance(inner, dict):
            problems.append(Problem("--set", ".".join(parts), f"a field of {part}", f"{part} is no table"))
            return
        here = inner
    here[parts[-1]] = value


def _value(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except ValueError:
        return text


def _build(cls: type[Any], data: Mapping[str, object], path: str, problems: list[Problem]) -> object:
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for name in data:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            fix = f"did you mean {near[0]}?" if near else "take it out"
            allowed = "one of " + ", ".join(sorted(fields))
            problems.append(Problem(_join(path, name), data[name], allowed, fix))
    before = len(problems)
    arguments: dict[str, object] = {}
    for name, field in fields.items():
        where = _join(path, name)
        hint = hints[name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            inner = data.get(name, {})
            if isinstance(inner, Mapping):
                arguments[name] = _build(hint, inner, where, problems)
            else:
                problems.append(Problem(where, inner, "a table", f"write its fields under [{where}]"))
        elif name in data:
            arguments[name] = _checked(data[name], hint, field, where, problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(Problem(where, None, _name(hint), "give it"))
    if len(problems) > before:
        return None
    try:
        made = cls(**arguments)
    except ValueError as error:
        problems.append(Problem(path or cls.__name__, dict(data), "what its check accepts", str(error)))
        return None
    check = getattr(made, "problems", None)
    if check is not None:
        problems.extend(check(path))
    return made


def _checked(
    value: object, hint: Any, field: "dataclasses.Field[Any]", path: str, problems: list[Problem]
) -> object:
    rule = cast(Rule, field.metadata.get(_RULE, Rule()))
    converted, fits = _convert(value, hint)
    if not fits or not rule.accepts(converted):
        default = "" if field.default is MISSING else f" (the default is {field.default!r})"
        problems.append(Problem(path, value, rule.allowed(_name(hint)), (rule.fix or "change it") + default))
    return converted


def _convert(value: object, hint: Any) -> tuple[object, bool]:
    """The value as its type holds it, and whether it fits; whole numbers are numbers, booleans are not."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        tried = (_convert(value, part) for part in typing.get_args(hint))
        return next(((made, True) for made, fits in tried if fits), (value, False))
    if hint is type(None):
        return value, value is None
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return value, False
        parts = [_convert(part, typing.get_args(hint)[0]) for part in value]
        return tuple(made for made, _ in parts), all(fits for _, fits in parts)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), True
    return value, isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _name(hint: Any) -> str:
    if hint is None or hint is type(None):
        return "nothing"
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_name(part) for part in arguments)
    if typing.get_origin(hint) is tuple:
        return f"a list of {_name(arguments[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
