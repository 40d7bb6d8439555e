"""Values against the schemas of the Kubernetes API: the built-in kinds' and those of custom resources.

Both are walked by one checker, strictly: a field that the schema does not have is refused with the nearest
name, as `kubectl apply --validate=strict` does. A value that is not known yet is never refused.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.schema import Problem, join, kind_of, nearest, shown
from bedplate.sandbox.providers.wire import Secret, Unknown, has_unknown

SchemaObject = Mapping[str, Any]

_QUANTITY = re.compile(r"^[+-]?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_RANGES = {"int32": 2**31, "int64": 2**63}
_QUANTITY_NAME = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING_NAME = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


class Checker:
    """Checks values. `definitions`: what a `$ref` may name; none in a custom resource's schema."""

    def __init__(self, definitions: Mapping[str, Any] | None = None) -> None:
        self._definitions = definitions
        self._structural = definitions is None

    def problems(
        self, schema: SchemaObject, value: Any, path: str = "", secret: bool = False, strict: bool = True
    ) -> Iterator[Problem]:
        """(path, what is wrong with what was given and what is allowed). `strict`: unknown fields are
        refused.
        """
        if isinstance(value, Secret):
            value, secret = value.value, True
        if isinstance(value, Unknown):
            return
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name:
            assert self._definitions is not None, "a custom resource's schema has no references"
            schema = self._definitions[name]
        text = "a secret value" if secret else f"{shown(value)} ({kind_of(value)})"
        if name == _QUANTITY_NAME:
            if not _is_quantity(value):
                yield path, f"{text} is no quantity; give one such as 500m, 2, 1.5 or 64Gi"
            return
        if name == _INT_OR_STRING_NAME or schema.get("x-kubernetes-int-or-string"):
            if not isinstance(value, int | str) or isinstance(value, bool):
                yield path, f"{text} was given; give a whole number or a string"
            else:
                yield from self._limits(schema, value, path, text)
            return
        if value is None:
            if self._structural and not schema.get("nullable") and schema.get("type"):
                yield path, "null was given; leave the field out"
            return
        kinds = schema.get("type")
        allowed = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds or ()) if kind != "null"]
        if allowed and not any(_is(kind, value) for kind in allowed):
            yield path, f"{text} was given; give a{'n' if allowed[0][0] in 'aeio' else ''} {allowed[0]}"
            return
        found = False
        for problem in self._limits(schema, value, path, text):
            found = True
            yield problem
        if found:
            return
        if isinstance(value, Mapping):
            yield from self._object(schema, value, path, secret, strict)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.problems(schema.get("items", {}), item, f"{path}[{index}]", secret, strict)
            yield from _duplicates(schema, value, path)
        yield from self._junctors(schema, value, path, secret)

    def _object(
        self, schema: SchemaObject, value: Mapping[str, Any], path: str, secret: bool, strict: bool
    ) -> Iterator[Problem]:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        for name in schema.get("required") or ():
            if value.get(name) is None and "default" not in properties.get(name, {}):
                yield join(path, name), "missing: this field is required"
        others = schema.get("additionalProperties")
        open_ended = (
            schema.get("x-kubernetes-preserve-unknown-fields")
            or others is True
            or isinstance(others, Mapping)
            or not (self._structural or properties)
            or (self._structural and not schema.get("type") and not properties)
            or not strict
        )
        for name, item in value.items():
            if name in properties:
                yield from self.problems(properties[name], item, join(path, name), secret, strict)
            elif isinstance(others, Mapping):
                yield from self.problems(others, item, join(path, name), secret, strict)
            elif schema.get("x-kubernetes-embedded-resource") and name in ("apiVersion", "kind", "metadata"):
                continue
            elif not open_ended:
                known = list(properties)
                hint = nearest(name, known) if known else "this object has no fields"
                yield join(path, name), f"unknown field; {hint}"

    def _limits(self, schema: SchemaObject, value: Any, path: str, text: str) -> Iterator[Problem]:
        if "enum" in schema and value not in schema["enum"]:
            yield path, f"{text} is not allowed; choose from {', '.join(map(str, schema['enum']))}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            limit = _RANGES.get(str(schema.get("format")))
            if limit is not None and not -limit <= value < limit:
                yield path, f"{text} does not fit in {schema['format']}"
            low, high = schema.get("minimum"), schema.get("maximum")
            if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
                yield path, f"{text} is too small; the minimum is {low}"
            if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
                yield path, f"{text} is too large; the maximum is {high}"
            step = schema.get("multipleOf")
            if step and value % step:
                yield path, f"{text} is no multiple of {step}"
        if isinstance(value, str):
            pattern = schema.get("pattern")
            if pattern and not _matches(pattern, value):
                yield path, f"{text} does not match {pattern}"
            yield from _form(str(schema.get("format")), value, path, text)
        for low_name, high_name, kind in (
            ("minLength", "maxLength", str),
            ("minItems", "maxItems", list),
            ("minProperties", "maxProperties", Mapping),
        ):
            if isinstance(value, kind):
                if len(value) < schema.get(low_name, 0):
                    yield path, f"has {len(value)}; at least {schema[low_name]} are needed ({low_name})"
                if len(value) > schema.get(high_name, len(value)):
                    yield path, f"has {len(value)}; at most {schema[high_name]} are allowed ({high_name})"

    def _junctors(self, schema: SchemaObject, value: Any, path: str, secret: bool) -> Iterator[Problem]:
        """allOf, anyOf, oneOf and not: in a structural schema they only restrict values (Kubernetes, "Extend
        the API with CustomResourceDefinitions", from memory), so that they name no fields of their own.
        """
        if has_unknown(value):
            return
        for part in schema.get("allOf") or ():
            yield from self.problems(part, value, path, secret, strict=False)
        for word in ("anyOf", "oneOf"):
            parts = schema.get(word)
            if not parts:
                continue
            tried = [list(self.problems(part, value, path, secret, strict=False)) for part in parts]
            passed = sum(not one for one in tried)
            if passed == 0:
                reasons = "; or ".join(f"{one[0][0]}: {one[0][1]}" for one in tried)
                yield path, f"fits none of the alternatives ({word}): {reasons}"
            elif passed > 1 and word == "oneOf":
                yield path, f"fits {passed} of the alternatives; exactly one is allowed (oneOf)"
        if "not" in schema and not list(self.problems(schema["not"], value, path, secret, strict=False)):
            yield path, "has what the schema rules out (not)"


def with_defaults(schema: SchemaObject, value: Any) -> Any:
    """A custom resource's value with the defaults of its structural schema."""
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        filled = dict(value)
        for name, part in properties.items():
            if name not in filled and "default" in part:
                filled[name] = part["default"]
        others = schema.get("additionalProperties")
        for name, item in filled.items():
            part = properties.get(name, others if isinstance(others, Mapping) else {})
            filled[name] = with_defaults(part, item)
        return filled
    if isinstance(value, list):
        return [with_defaults(schema.get("items") or {}, item) for item in value]
    return value


def _duplicates(schema: SchemaObject, value: list[Any], path: str) -> Iterator[Problem]:
    """Server-side apply takes a list of this kind as a map or a set: two elements of one key are refused."""
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        if has_unknown(item):
            continue
        if kind == "map" and isinstance(item, Mapping):
            # The API server fills in the protocol before it compares.
            named = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
            if all(part is None for part in named.values()):
                continue
        elif kind == "set" or schema.get("uniqueItems"):
            named = {"value": item}
        else:
            return
        text = json.dumps(named, sort_keys=True, default=str)
        if text in seen:
            shown_key = ", ".join(f"{key} {part}" for key, part in named.items())
            yield f"{path}[{index}]", f"a duplicate of {path}[{seen[text]}]: {shown_key}"
        seen.setdefault(text, index)


def _form(form: str, value: str, path: str, text: str) -> Iterator[Problem]:
    if form == "date-time" and not _TIME.match(value):
        yield path, f"{text} is no time; give one such as 2026-01-31T12:00:00Z"
    if form == "byte":
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            yield path, "is not base64; encode it, or give plain text in stringData where the kind has it"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # Go's syntax has a little that Python's lacks; such a pattern is not checked
        return True


def _is_quantity(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (isinstance(value, str) and bool(_QUANTITY.match(value)))


def _is(kind: str, value: Any) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (
            whole if kind == "integer" else isinstance(value, int | float)
        )
    types: dict[str, type | tuple[type, ...]] = {
        "string": str, "boolean": bool, "array": list, "object": Mapping,
    }  # fmt: skip
    return isinstance(value, types[kind])
