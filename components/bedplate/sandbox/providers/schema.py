"""A provider's types as data: which properties a resource has, of which type, and what is wrong with given
values.
"""

import difflib
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bedplate.sandbox.providers.wire import Secret, Unknown

# A type: "string" | "integer" | "number" | "boolean" | "any" | ["list", T] | ["map", T] | ["object", name].
Spec = str | list[Any]
Problem = tuple[str, str]


@dataclass(frozen=True)
class ResourceSchema:
    """One resource type, or the provider's own configuration (which has no outputs).

    `computed` are the inputs for which the cloud chooses a value that stays if none is given.
    """

    inputs: Mapping[str, Spec]
    required: tuple[str, ...]
    outputs: Mapping[str, Spec]
    computed: frozenset[str] = frozenset()


class Schema:
    """The schema file of a provider; see `aws/schema_build.py` for how it is made. Read at the first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _data(self) -> dict[str, Any]:
        data = json.loads(gzip.decompress(self._path.read_bytes()))
        assert isinstance(data, dict)
        return data

    @property
    def version(self) -> str:
        """The version of the SDK from which the file was made."""
        return str(self._data["version"])

    @cached_property
    def provider(self) -> ResourceSchema:
        return _resource(self._data["provider"])

    def resource(self, token: str) -> ResourceSchema:
        """The schema of a registered type."""
        found = self._resources.get(token)
        if found is None:
            raise LookupError(
                f"{token} is registered but not in {self._path.name}: run the schema_build module again"
            )
        return found

    def object(self, name: str) -> tuple[Mapping[str, Spec], list[str]]:
        """Members and required members of a nested object type."""
        nested = self._data["types"][name]
        return nested["inputs"], nested["required"]

    @cached_property
    def _resources(self) -> dict[str, ResourceSchema]:
        return {token: _resource(value) for token, value in self._data["resources"].items()}

    def problems(self, schema: ResourceSchema, values: Mapping[str, Any]) -> list[Problem]:
        """Unknown names, missing required properties and wrong types, as (property path, what to do)."""
        return list(self._object(schema.inputs, schema.required, values, ""))

    def _object(
        self,
        properties: Mapping[str, Spec],
        required: tuple[str, ...] | list[str],
        values: Mapping[str, Any],
        path: str,
    ) -> Iterator[Problem]:
        for name in required:
            if values.get(name) is None:
                yield (
                    join(path, name),
                    f"missing: this property is required; give it a {self._word(properties[name])}",
                )
        for name, value in values.items():
            if name not in properties:
                yield join(path, name), f"unknown property; {nearest(name, list(properties))}"
            elif value is not None:
                yield from self._value(properties[name], value, join(path, name))

    def _value(self, spec: Spec, value: Any, path: str, secret: bool = False) -> Iterator[Problem]:
        if isinstance(value, Secret):
            yield from self._value(spec, value.value, path, True)
            return
        if isinstance(value, Unknown) or spec == "any" or value is None:
            return
        if isinstance(spec, str):
            if not _is_plain(spec, value):
                given = "a secret" if secret else f"{shown(value)} ({kind_of(value)})"
                yield path, f"{given} was given; give a {self._word(spec)}"
            return
        kind, inner = spec
        if kind == "list" and isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._value(inner, item, f"{path}[{index}]", secret)
        elif kind == "map" and isinstance(value, Mapping):
            for key, item in value.items():
                yield from self._value(inner, item, join(path, key), secret)
        elif kind == "object" and isinstance(value, Mapping):
            members, required = self.object(inner)
            yield from self._object(members, required, value, path)
        else:
            yield path, f"{kind_of(value)} was given; give a {self._word(spec)}"

    def _word(self, spec: Spec) -> str:
        if isinstance(spec, str):
            return {"boolean": "boolean (true or false)", "integer": "whole number", "any": "value"}.get(
                spec, spec
            )
        kind, inner = spec
        if kind == "object":
            names = list(self.object(inner)[0])
            return f"object with {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        return f"{kind} of {self._word(inner)} values"


def join(path: str, name: str) -> str:
    """The path of a property inside another, in the notation of the provider protocol."""
    if name.replace("_", "a").replace("-", "a").isalnum():
        return f"{path}.{name}" if path else name
    return f"{path}[{json.dumps(name)}]"


def without_nulls(value: Any) -> Any:
    """The value without properties that are null: a null property is one that is not given."""
    if isinstance(value, Secret):
        return Secret(without_nulls(value.value))
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _resource(value: Mapping[str, Any]) -> ResourceSchema:
    return ResourceSchema(
        value["inputs"],
        tuple(value["required"]),
        value.get("outputs", {}),
        frozenset(value.get("computed", ())),
    )


def _is_plain(spec: str, value: Any) -> bool:
    if spec == "string":
        return isinstance(value, str)
    if spec == "boolean":
        return isinstance(value, bool)
    if spec == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    assert spec == "number", f"a type that is not known: {spec}"
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(name: str, known: list[str]) -> str:
    by_lower = {item.lower().replace("_", ""): item for item in known}
    found = difflib.get_close_matches(name.lower().replace("_", ""), by_lower, n=2, cutoff=0.6)
    if found:
        return "did you mean " + " or ".join(by_lower[item] for item in found) + "?"
    return "known are " + ", ".join(sorted(known))
