"""Checks as data: a check looks at one value and says what is wrong with it, or nothing.

Wording: the value given, what is allowed, what to do.
"""

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

Problem = tuple[str, str]
Check = Callable[[Any], str | None]


def values_at(inputs: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each value that a dotted path names (`[]`: every element), with its exact property path."""
    yield from _walk(inputs, path.split("."), "")


def _walk(value: Any, parts: list[str], at: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if not parts:
        yield at, value
        return
    name = parts[0].removesuffix("[]")
    if not isinstance(value, Mapping):
        return
    here = f"{at}.{name}" if at else name
    inner = value.get(name)
    if not parts[0].endswith("[]"):
        yield from _walk(inner, parts[1:], here)
    elif isinstance(inner, list):
        for index, element in enumerate(inner):
            yield from _walk(element, parts[1:], f"{here}[{index}]")


def run_checks(inputs: Mapping[str, Any], checks: Mapping[str, Check]) -> list[Problem]:
    problems = []
    for path, check in checks.items():
        for at, value in values_at(inputs, path):
            reason = check(value)
            if reason:
                problems.append((at, reason))
    return problems


def conflict_problems(inputs: Mapping[str, Any], groups: tuple[tuple[str, ...], ...]) -> list[Problem]:
    """`groups`: inputs of which at most one may be given."""
    problems = []
    for group in groups:
        present = [name for name in group if inputs.get(name) not in (None, "", [], {})]
        if len(present) > 1:
            problems.append(
                (present[1], f"conflicts with {present[0]}; give at most one of {', '.join(group)}")
            )
    return problems


def one_of_problems(
    inputs: Mapping[str, Any], groups: tuple[tuple[str, ...], ...], unknown: frozenset[str]
) -> list[Problem]:
    """`groups`: inputs of which exactly one must be given; one that is not known yet counts as given."""
    problems = []
    for group in groups:
        present = [name for name in group if inputs.get(name) not in (None, "", [], {}) or name in unknown]
        if len(present) != 1:
            found = f"{' and '.join(present)} are given" if present else "none is given"
            at = present[1] if present else group[0]
            problems.append((at, f"{found}; give exactly one of {', '.join(group)}"))
    return problems


def enum(*allowed: Any) -> Check:
    def check(value: Any) -> str | None:
        if value in allowed:
            return None
        return f"{value!r} is not one of {', '.join(map(str, allowed))}; choose one of these"

    return check


def shape_enum(shape: str, service: str = "ec2") -> Check:
    """One of the values that botocore's model of the service gives for a shape."""

    def check(value: Any) -> str | None:
        return enum(*_enum_values(service, shape))(value)

    return check


@cache
def _enum_values(service: str, shape: str) -> tuple[str, ...]:
    model = botocore.session.get_session().get_service_model(service)
    return tuple(getattr(model.shape_for(shape), "enum", ()))


def between(low: float, high: float, unit: str = "") -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, int | float) and low <= value <= high:
            return None
        return f"{value!r} is not between {low:g} and {high:g}{unit}; choose a value in that range"

    return check


def matching(pattern: str, allowed: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        return None if compiled.fullmatch(str(value)) else f"{value!r} is not allowed: {allowed}"

    return check


def text_bool(value: Any) -> str | None:
    """The provider's three-valued flags are text: true, false, or not given."""
    if value in ("true", "false", "1", "0", "", True, False):
        return None
    return f'{value!r} is not true or false; write "true" or "false"'


def cidr(version: int | None = None, low: int = 0, high: int = 128) -> Check:
    """A CIDR block without host bits and with a prefix length in the range."""

    def check(value: Any) -> str | None:
        kind = {4: "an IPv4", 6: "an IPv6"}.get(version or 0, "a")
        try:
            block = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            example = "fd00::/56" if version == 6 else "10.0.0.0/16"
            return f"{value!r} is not {kind} CIDR block; write one such as {example}"
        if "/" not in str(value) or (version and block.version != version):
            return f"{value!r} is not {kind} CIDR block; give the address and the prefix length"
        if str(block.network_address) != str(ipaddress.ip_address(str(value).split("/")[0])):
            return f"{value!r} has bits set beyond its prefix; write {block}"
        if not low <= block.prefixlen <= high:
            return f"{value!r} has prefix length /{block.prefixlen}; choose one from /{low} to /{high}"
        return None

    return check


def json_document(value: Any) -> str | None:
    try:
        parsed = json.loads(value)
    except (TypeError, ValueError) as error:
        return f"is not a JSON document ({error}); write valid JSON"
    return None if isinstance(parsed, dict) else "is JSON, but not an object; write a policy document"


def user_data(value: Any) -> str | None:
    """Base64 of at most 16 KiB before encoding (EC2 user guide, "User data" (from memory))."""
    try:
        raw = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return "is not base64; encode it first (base64.b64encode)"
    if len(raw) > 16384:
        return f"is {len(raw)} bytes before encoding, 16384 are allowed; move the rest to an object store"
    return None


def resource_id(*prefixes: str) -> Check:
    """An identifier of one of the given kinds, e.g. `subnet`."""
    names = " or ".join(f"{prefix}-..." for prefix in prefixes)
    return matching(rf"({'|'.join(map(re.escape, prefixes))})-[0-9a-zA-Z-]+", f"must be an id {names}")
