"""What the API server asks of an object's metadata: names, labels, annotations.

Rules: Kubernetes documentation, "Object Names and IDs", "Labels and Selectors", "Annotations" (from memory).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.sandbox.providers.schema import Problem, join

_LABEL_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_SERVICE_NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_QUALIFIED = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_ANNOTATIONS_BYTES = 256 * 1024
_BY_LABEL = frozenset({GroupKind("", "Namespace"), GroupKind("apps", "StatefulSet")})
_BY_PATH = "rbac.authorization.k8s.io"


def problems(kind: GroupKind, namespaced: bool, metadata: Any) -> Iterator[Problem]:
    """Everything wrong with metadata; values that are not known yet are left alone."""
    if not isinstance(metadata, Mapping):
        return
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if isinstance(name, str):
        yield from name_problems(kind, name, "metadata.name")
    elif isinstance(prefix, str):
        yield from name_problems(kind, f"{prefix}x", "metadata.generateName")
    namespace = metadata.get("namespace")
    if namespace is not None and not namespaced:
        yield "metadata.namespace", f"a {kind.kind} lives in no namespace; leave the field out"
    elif isinstance(namespace, str):
        yield from dns_label(namespace, "metadata.namespace")
    yield from labels(metadata.get("labels"), "metadata.labels")
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping):
        for key in annotations:
            yield from qualified_name(key, join("metadata.annotations", key))
        size = sum(len(key) + len(value) for key, value in annotations.items() if isinstance(value, str))
        if size > _ANNOTATIONS_BYTES:
            yield "metadata.annotations", f"{size} bytes in all; at most {_ANNOTATIONS_BYTES} are allowed"
    finalizers = metadata.get("finalizers")
    for index, finalizer in enumerate(finalizers if isinstance(finalizers, list) else ()):
        if isinstance(finalizer, str):
            yield from qualified_name(finalizer, f"metadata.finalizers[{index}]")


def name_problems(kind: GroupKind, name: str, path: str) -> Iterator[Problem]:
    """An object's name: a DNS subdomain for most kinds, stricter or looser for some."""
    if kind == GroupKind("", "Service"):
        if len(name) > 63 or not _SERVICE_NAME.match(name):
            yield (
                path,
                f"'{name}' is no name for a Service; at most 63 of a-z, 0-9 and '-', beginning with a letter "
                "and ending with a letter or digit",
            )
    elif kind in _BY_LABEL:
        yield from dns_label(name, path)
    elif kind.group == _BY_PATH:
        if name in (".", "..") or "/" in name or "%" in name:
            yield path, f"'{name}' must be neither '.' nor '..' and have no '/' or '%'"
    else:
        yield from dns_subdomain(name, path)


def dns_label(value: str, path: str) -> Iterator[Problem]:
    """RFC 1123 label."""
    if len(value) > 63 or not _LABEL_NAME.match(value):
        yield (
            path,
            f"'{value}' is no DNS label; at most 63 of a-z, 0-9 and '-', beginning and ending with a letter "
            "or digit",
        )


def dns_subdomain(value: str, path: str) -> Iterator[Problem]:
    """RFC 1123 subdomain."""
    if len(value) > 253 or not _SUBDOMAIN.match(value):
        yield (
            path,
            f"'{value}' is no DNS subdomain; at most 253 of a-z, 0-9, '-' and '.', each part beginning and "
            "ending with a letter or digit",
        )


def labels(given: Any, path: str) -> Iterator[Problem]:
    """Keys and values of a map of labels."""
    if not isinstance(given, Mapping):
        return
    for key, value in given.items():
        yield from qualified_name(key, join(path, key))
        if isinstance(value, str):
            yield from label_value(value, join(path, key))


def label_value(value: str, path: str) -> Iterator[Problem]:
    """What a label can be; it may be empty."""
    if value and (len(value) > 63 or not _QUALIFIED.match(value)):
        yield (
            path,
            f"'{value}' is no label value; at most 63 letters, digits, '-', '_' and '.', beginning and "
            "ending with a letter or digit",
        )


def qualified_name(key: str, path: str) -> Iterator[Problem]:
    """A key of a label or annotation: an optional DNS prefix and '/', then a name of 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if slash:
        yield from dns_subdomain(prefix, path)
    if len(name) > 63 or not _QUALIFIED.match(name):
        yield (
            path,
            f"'{key}' is no key; [prefix/]name where the name has at most 63 letters, digits, '-', '_' and "
            "'.', beginning and ending with a letter or digit",
        )


def selector(given: Any, path: str) -> Iterator[Problem]:
    """A label selector: matchLabels and matchExpressions."""
    if not isinstance(given, Mapping):
        return
    yield from labels(given.get("matchLabels"), f"{path}.matchLabels")
    for index, one in _expressions(given):
        here = f"{path}.matchExpressions[{index}]"
        operator, values = one.get("operator"), one.get("values")
        if operator in ("In", "NotIn") and not values:
            yield f"{here}.values", f"missing: the operator {operator} needs at least one value"
        elif operator in ("Exists", "DoesNotExist") and values:
            yield f"{here}.values", f"the operator {operator} takes no values; leave them out"
        elif isinstance(operator, str) and operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield f"{here}.operator", f"'{operator}'; choose from In, NotIn, Exists, DoesNotExist"


def matches(given: Any, found: Any) -> bool:
    """Whether labels fit a selector; True where either is not known yet."""
    if not isinstance(given, Mapping) or not isinstance(found, Mapping):
        return found is not None or not given
    wanted = given.get("matchLabels")
    for key, value in wanted.items() if isinstance(wanted, Mapping) else ():
        now = found.get(key)
        if now is None or (isinstance(now, str) and isinstance(value, str) and now != value):
            return False
    for _, one in _expressions(given):
        now, values = found.get(one.get("key")), one.get("values")
        if not isinstance(values, list):
            values = []
        operator = one.get("operator")
        fits = {
            "In": now in values,
            "NotIn": now not in values,
            "Exists": now is not None,
            "DoesNotExist": now is None,
        }.get(str(operator), True)
        if not fits:
            return False
    return True


def _expressions(given: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The expressions of a selector that are known, with their indexes."""
    expressions = given.get("matchExpressions")
    for index, one in enumerate(expressions if isinstance(expressions, list) else ()):
        if isinstance(one, Mapping):
            yield index, one
