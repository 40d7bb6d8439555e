"""Forms of values that more than one kind has, and ways into a manifest.

Nothing here refuses a value that is not known yet.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import metadata
from bedplate.sandbox.providers.schema import Problem

Values = Mapping[str, Any]
_PORT_NAME = re.compile(r"^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*$")
_DATA_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_PERCENT = re.compile(r"^[0-9]+%$")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def at(value: Any, *path: str) -> Any:
    """What is at a path; None where there is nothing, or nothing known."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def items(value: Any) -> list[Values]:
    """The objects of a list; nothing for what is not (yet) a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def each(value: Any, path: str) -> Iterator[tuple[str, Values]]:
    """The objects of a list, each with its path."""
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, Mapping):
            yield f"{path}[{index}]", item


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The strings of a list, each with its path."""
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, str):
            yield f"{path}[{index}]", item


def choice(value: Any, allowed: tuple[str, ...], path: str) -> Iterator[Problem]:
    """A value out of a closed set; what is absent or not known is fine."""
    if isinstance(value, str) and value not in allowed:
        yield path, f"'{value}'; choose from {', '.join(allowed)}"


def port(value: Any, path: str) -> Iterator[Problem]:
    """A port's number, or a port's name."""
    if isinstance(value, int) and not 1 <= value <= 65535:
        yield path, f"{value} is no port; give one from 1 to 65535"
    elif isinstance(value, str):
        yield from port_name(value, path)


def port_name(value: str, path: str) -> Iterator[Problem]:
    """IANA service name: at most 15 characters, at least one letter."""
    if len(value) > 15 or not _PORT_NAME.match(value) or value.endswith("-"):
        yield path, f"'{value}' is no port name; at most 15 of a-z, 0-9 and single '-', with a letter in it"


def one_of(value: Values, names: tuple[str, ...], path: str, needed: bool = True) -> Iterator[Problem]:
    """A union: one of its members, and no more."""
    given = [name for name in names if value.get(name) is not None]
    if len(given) > 1:
        yield path, f"has {' and '.join(given)}; give only one of them"
    elif needed and not given:
        yield path, f"empty; give one of {', '.join(names)}"


def needed(value: Values, names: tuple[str, ...], path: str) -> Iterator[Problem]:
    """Fields that must be there, and not empty."""
    for name in names:
        if value.get(name) in (None, "", [], {}):
            yield f"{path}.{name}", "missing: the API server needs it"


def subdomain(value: Any, path: str) -> Iterator[Problem]:
    """A name of most kinds of object. An empty one is as good as none."""
    if isinstance(value, str) and value:
        yield from metadata.dns_subdomain(value, path)


def label(value: Any, path: str) -> Iterator[Problem]:
    """An RFC 1123 label."""
    if isinstance(value, str):
        yield from metadata.dns_label(value, path)


def qualified(value: Any, path: str) -> Iterator[Problem]:
    """`[prefix/]name`."""
    if isinstance(value, str):
        yield from metadata.qualified_name(value, path)


def domain_path(value: Any, path: str) -> Iterator[Problem]:
    """`domain/path`, as the names of controllers are."""
    if not isinstance(value, str):
        return
    domain, slash, rest = value.partition("/")
    if not slash or not rest or list(metadata.dns_subdomain(domain, path)):
        yield path, f"'{value}'; give a domain and a path, such as example.com/name"


def address(value: Any, path: str) -> Iterator[Problem]:
    """An IP address."""
    if isinstance(value, str) and not is_address(value):
        yield path, f"'{value}' is no IP address; give one such as 10.9.8.7 or 2001:db8::ffff"


def is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def network(value: Any, path: str) -> Iterator[Problem]:
    """A CIDR."""
    if isinstance(value, str) and parsed_network(value) is None:
        yield path, f"'{value}' is no CIDR; give one such as 10.9.8.0/24 or 2001:db8::/64"


def parsed_network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(value, strict=False) if "/" in value else None
    except ValueError:
        return None


def share(value: Any, path: str, most: bool = True) -> Iterator[Problem]:
    """A count or a percentage. `most`: not more than 100%."""
    if isinstance(value, str):
        if not _PERCENT.match(value):
            yield path, f"'{value}' is no percentage; give a whole number, or one such as 25%"
        elif most and int(value[:-1]) > 100:
            yield path, f"{value}; must not be more than 100%"
    elif isinstance(value, int) and value < 0:
        yield path, f"{value}; must be 0 or more"


def is_zero(value: Any) -> bool:
    """Whether a count or a percentage is none at all."""
    return value in (0, "0%") and not isinstance(value, bool)


def data_key(value: Any, path: str) -> Iterator[Problem]:
    """A key of a ConfigMap or a Secret."""
    if isinstance(value, str) and value and not is_data_key(value):
        yield path, f"'{value}' is no key; letters, digits, '-', '_' and '.' are allowed"


def is_data_key(value: str) -> bool:
    return len(value) <= 253 and value != "." and not value.startswith("..") and bool(_DATA_KEY.match(value))


def no_backsteps(value: Any, path: str) -> Iterator[Problem]:
    """A path without `..`."""
    if isinstance(value, str) and ".." in value.split("/"):
        yield path, f"'{value}'; must not have '..' in it"


def relative(value: Any, path: str) -> Iterator[Problem]:
    """A path below a place."""
    if isinstance(value, str):
        if value.startswith("/"):
            yield path, f"'{value}'; must be a relative path"
        yield from no_backsteps(value, path)


def file_path(value: Any, path: str) -> Iterator[Problem]:
    """A file in a volume that the cluster writes: names that begin with `..` are the cluster's own."""
    yield from relative(value, path)
    if isinstance(value, str) and value.startswith("..") and ".." not in value.split("/"):
        yield path, f"'{value}'; must not begin with '..'"


def node_terms(value: Any, path: str) -> Iterator[Problem]:
    """The terms of a node selector."""
    if isinstance(value, list) and not value:
        yield path, "empty; give at least one term"
    for here, term in each(value, path):
        yield from node_term(term, here)


def node_term(term: Any, path: str) -> Iterator[Problem]:
    """Expressions over a node's labels and fields."""
    if not isinstance(term, Mapping):
        return
    for where, one in each(term.get("matchExpressions"), f"{path}.matchExpressions"):
        operator, values = one.get("operator"), one.get("values")
        yield from qualified(one.get("key"), f"{where}.key")
        yield from choice(operator, _OPERATORS, f"{where}.operator")
        if operator in ("In", "NotIn") and values in (None, []):
            yield f"{where}.values", f"missing: the operator {operator} needs at least one value"
        elif operator in ("Exists", "DoesNotExist") and isinstance(values, list) and values:
            yield f"{where}.values", f"the operator {operator} takes no values; leave them out"
        elif operator in ("Gt", "Lt") and (values is None or (isinstance(values, list) and len(values) != 1)):
            yield f"{where}.values", f"the operator {operator} needs exactly one value"
        if operator in ("In", "NotIn"):
            for place, text in texts(values, f"{where}.values"):
                yield from metadata.label_value(text, place)
    for where, one in each(term.get("matchFields"), f"{path}.matchFields"):
        values = one.get("values")
        yield from choice(one.get("key"), ("metadata.name",), f"{where}.key")
        yield from choice(one.get("operator"), ("In", "NotIn"), f"{where}.operator")
        if values is None or (isinstance(values, list) and len(values) != 1):
            yield f"{where}.values", "must be exactly one name"
