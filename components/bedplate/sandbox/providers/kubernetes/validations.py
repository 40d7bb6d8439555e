"""Rules in CEL (`x-kubernetes-validations`) of custom resources, evaluated by the CEL project's own runtime.

As an API server does (Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions",
"Validation rules", and "Common Expression Language in Kubernetes", both from memory): every rule at every
place that the object has, with `self` and, for a transition rule, `oldSelf`. A rule that cannot be compiled
or evaluated here is passed over, and never a reason to refuse.
"""

import base64
import binascii
import datetime as dt
import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlparse

from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem, join
from bedplate.sandbox.providers.wire import has_unknown, plain

_OLD = re.compile(r"\boldSelf\b")
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_MISSING: Any = object()


def problems(schema: Mapping[str, Any], value: Any, old: Any = _MISSING) -> Iterator[Problem]:
    """The rules that an object breaks. `old`: the object before a change, for transition rules."""
    yield from _walk(schema, plain(value), plain(old) if old is not _MISSING else _MISSING, "")


def uncompiled(schema: Mapping[str, Any]) -> Iterator[str]:
    """The rules of a schema that are never evaluated here."""
    for rule in schema.get("x-kubernetes-validations") or ():
        if _compiled(rule["rule"]) is None:
            yield rule["rule"]
    parts = [
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    for part in parts:
        if isinstance(part, Mapping):
            yield from uncompiled(part)


def _walk(schema: Mapping[str, Any], value: Any, old: Any, path: str) -> Iterator[Problem]:
    if value is None or (has_unknown(value) and not isinstance(value, Mapping | list)):
        return
    rules = schema.get("x-kubernetes-validations") or ()
    if rules and not has_unknown(value):
        yield from _broken(rules, schema, value, old, path)
    if isinstance(value, Mapping):
        properties = schema.get("properties") or {}
        others = schema.get("additionalProperties")
        for name, item in value.items():
            part = properties.get(name, others)
            if isinstance(part, Mapping):
                before = old.get(name, _MISSING) if isinstance(old, Mapping) else _MISSING
                yield from _walk(part, item, before, join(path, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            before = _correlated(schema, item, old)
            yield from _walk(schema["items"], item, before, f"{path}[{index}]")


def _correlated(schema: Mapping[str, Any], item: Any, old: Any) -> Any:
    """The element before a change: only a list that is a map has one for each key."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if (
        schema.get("x-kubernetes-list-type") != "map"
        or not isinstance(old, list)
        or not isinstance(item, Mapping)
    ):
        return _MISSING
    for one in old:
        if isinstance(one, Mapping) and all(one.get(key) == item.get(key) for key in keys):
            return one
    return _MISSING


def _broken(rules: Any, schema: Mapping[str, Any], value: Any, old: Any, path: str) -> Iterator[Problem]:
    data: dict[str, Any] | None = None
    for rule in rules:
        text = rule["rule"]
        transition = bool(_OLD.search(text))
        if transition and (old is _MISSING or old is None or rule.get("optionalOldSelf")):
            continue
        if data is None:
            data = {"self": _converted(schema, value, root=not path)}
            if old is not _MISSING and old is not None:
                data["oldSelf"] = _converted(schema, old, root=not path)
        if _evaluated(text, data) is False:
            where = join(path, rule["fieldPath"].lstrip(".")) if rule.get("fieldPath") else path
            yield where or "spec", _message(rule, data)


def _message(rule: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    told = _evaluated(rule["messageExpression"], data) if rule.get("messageExpression") else None
    if isinstance(told, str) and told.strip():
        return told.strip()
    given = rule.get("message")
    if given:
        return " ".join(given.split())
    return f"breaks the rule {' '.join(rule['rule'].split())}"


def _evaluated(text: str, data: Mapping[str, Any]) -> Any:
    """The value; None where it cannot be told."""
    program = _compiled(text)
    if program is None:
        return None
    try:
        return program.eval(data=data).value()
    except Exception:  # noqa: BLE001 - the runtime has no error classes of its own
        return None


@lru_cache(maxsize=4096)
def syntax_error(text: str) -> str | None:
    """What is wrong with the form of an expression; None for nothing, whatever it means."""
    try:
        _environment().compile(text)
    except Exception as error:  # noqa: BLE001 - the runtime has no error classes of its own
        wrong = str(error).partition("Syntax error: ")[2]
        return wrong.partition("\n")[0].partition(" expecting {")[0] or None
    return None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    """None for a rule that the library does not take."""
    try:
        return _environment().compile(text)
    except Exception:  # noqa: BLE001 - as above
        return None


@cache
def _environment() -> Any:
    # Loaded with the first rule: it takes a tenth of a second.
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_bindings, ext_math, ext_optional, ext_strings

    text, dyn, boolean = cel.Type.STRING, cel.Type.DYN, cel.Type.BOOL
    number, whole = cel.Type.DOUBLE, cel.Type.INT

    def function(name: str, implementation: Any, result: Any, *parameters: Any, member: bool = False) -> Any:
        overload = cel.Overload(
            f"bedplate_{name}_{len(parameters)}", result, list(parameters), member, implementation
        )
        return cel.FunctionDecl(name, [overload])

    own = cel.CelExtension(
        "kubernetes",
        [
            function("find", _find, text, text, text, member=True),
            function("isIP", _is_ip, boolean, text),
            function("isCIDR", _is_cidr, boolean, text),
            function("isURL", _is_url, boolean, text),
            function("isQuantity", lambda value: amount(value) is not None, boolean, text),
            function("quantity", _quantity, number, text),
            function("isGreaterThan", lambda one, other: one > other, boolean, number, number, member=True),
            function("isLessThan", lambda one, other: one < other, boolean, number, number, member=True),
            function(
                "compareTo",
                lambda one, other: (one > other) - (one < other),
                whole,
                number,
                number,
                member=True,
            ),
        ],
    )
    extensions = [
        ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath(),
        ext_bindings.ExtBindings(), own,
    ]  # fmt: skip
    return cel.NewEnv(variables={"self": dyn, "oldSelf": dyn}, extensions=extensions)


def _converted(schema: Mapping[str, Any], value: Any, root: bool = False) -> Any:
    """A value as CEL sees it: typed by its schema, fields with escaped names."""
    if isinstance(value, Mapping):
        properties = schema.get("properties") or {}
        others = schema.get("additionalProperties")
        found = {}
        for name, item in value.items():
            if item is None:
                continue
            if root and name == "metadata" and isinstance(item, Mapping):
                found[name] = {key: item[key] for key in ("name", "generateName") if key in item}
            elif name in properties:
                found[escaped(name)] = _converted(properties[name], item)
            else:
                found[name] = _converted(others if isinstance(others, Mapping) else {}, item)
        return found
    if isinstance(value, list):
        items = schema.get("items")
        return [_converted(items if isinstance(items, Mapping) else {}, item) for item in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    return _formed(schema.get("format"), value) if isinstance(value, str) else value


def _formed(form: Any, value: str) -> Any:
    try:
        if form == "date-time":
            return dt.datetime.fromisoformat(value)
        if form == "byte":
            return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return value
    return (_duration(value) or value) if form == "duration" else value


def _duration(value: str) -> dt.timedelta | None:
    parts = _DURATION_PART.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value.lstrip("+-"):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return dt.timedelta(seconds=-seconds if value.startswith("-") else seconds)


def escaped(name: str) -> str:
    """A field's name as it is written in CEL."""
    for plain_text, escape in _ESCAPES:
        name = name.replace(plain_text, escape)
    return f"__{name}__" if name in _RESERVED else name


def _find(value: str, pattern: str) -> str:
    match = re.search(pattern, value)
    return match[0] if match else ""


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_cidr(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return "/" in value


def _is_url(value: str) -> bool:
    parsed = urlparse(value)
    return bool(parsed.scheme and (parsed.netloc or parsed.path.startswith("/")))


def _quantity(value: str) -> float:
    found = amount(value)
    if found is None:
        raise ValueError(value)
    return float(found)
