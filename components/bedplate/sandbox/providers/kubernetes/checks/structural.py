"""CustomResourceDefinitions: their names, and what makes a schema structural.

Rules: kubernetes/apiextensions-apiserver v0.36.3, pkg/apis/apiextensions/validation.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import validations
from bedplate.sandbox.providers.kubernetes.checks.admission import client, expression
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, choice, each
from bedplate.sandbox.providers.kubernetes.openapi import Checker
from bedplate.sandbox.providers.schema import Problem, join
from bedplate.sandbox.providers.wire import has_unknown

_NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = ("$ref", "$schema", "definitions", "dependencies", "deprecated", "discriminator", "id",
              "patternProperties", "readOnly", "writeOnly", "xml")  # fmt: skip
# What a branch of anyOf and its like may not say: it only narrows.
_NOT_IN_BRANCHES = ("additionalProperties", "default", "description", "nullable", "title", "type")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_NOT_RE2 = re.compile(r"(?<!\\)\(\?(=|!|<=|<!)|(?<!\\)\\[1-9]")
# Where Python's reader of patterns and Go's agree that one is wrong.
_BROKEN = (
    "unterminated",
    "missing )",
    "unbalanced",
    "nothing to repeat",
    "bad character range",
    "bad escape (",
)
_JSON_PATH = re.compile(r"^(\.[A-Za-z0-9_-]+(\['?[^\]]+'?\])?)+$")
_SELECTION = re.compile(r"(?<![\w.$?])self((?:\.[A-Za-z_]\w*)+)(\s*\()?")
_TEXTS = re.compile(r"""[rRbB]{0,2}("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")
_ALONE = re.compile(r"^self((?:\.[A-Za-z_]\w*)+)$")
_ANYWHERE = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}


def problems(manifest: Values) -> Iterator[Problem]:
    spec = manifest.get("spec")
    names = at(spec, "names")
    kind = at(names, "kind")
    parts = [("plural", at(names, "plural")), ("singular", at(names, "singular"))]
    parts += [("kind", kind.lower() if isinstance(kind, str) else None)]
    for name, value in parts:
        yield from _label(value or None, f"spec.names.{name}")
    if isinstance(kind, str) and kind and at(names, "listKind") == kind:
        yield "spec.names.listKind", f"'{kind}' is the kind itself; leave it out"
    for name in ("shortNames", "categories"):
        given = at(names, name)
        for index, one in enumerate(given if isinstance(given, list) else ()):
            yield from _label(one, f"spec.names.{name}[{index}]")
    yield from _conversion(at(spec, "conversion"))
    seen: set[str] = set()
    for here, version in each(at(spec, "versions"), "spec.versions"):
        named = version.get("name")
        yield from _label(named, f"{here}.name")
        if isinstance(named, str) and named in seen:
            yield f"{here}.name", f"'{named}' is there already"
        seen.add(str(named))
        yield from _scale(at(version, "subresources", "scale"), f"{here}.subresources.scale")
        for where, column in each(
            version.get("additionalPrinterColumns"), f"{here}.additionalPrinterColumns"
        ):
            path = column.get("jsonPath")
            if isinstance(path, str) and not path.startswith("."):
                yield f"{where}.jsonPath", f"'{path}'; must begin with '.'"
        schema = at(version, "schema", "openAPIV3Schema")
        if isinstance(schema, Mapping):
            yield from _schema(schema, f"{here}.schema.openAPIV3Schema", root=True)


def _label(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, str) and (len(value) > 63 or not _NAME.match(value)):
        yield path, f"'{value}'; at most 63 of a-z, 0-9 and '-', beginning with a letter"


def _conversion(conversion: Any) -> Iterator[Problem]:
    if not isinstance(conversion, Mapping):
        return
    webhook = conversion.get("webhook")
    if conversion.get("strategy") == "Webhook":
        if webhook is None:
            yield "spec.conversion.webhook", "missing: the strategy Webhook needs it"
        elif isinstance(webhook, Mapping):
            for name in ("clientConfig", "conversionReviewVersions"):
                if webhook.get(name) in (None, []):
                    yield f"spec.conversion.webhook.{name}", "missing: the strategy Webhook needs it"
            yield from client(webhook.get("clientConfig"), "spec.conversion.webhook.clientConfig")
    elif webhook is not None and isinstance(conversion.get("strategy"), str):
        yield "spec.conversion.webhook", "only with the strategy Webhook"


def _scale(scale: Any, path: str) -> Iterator[Problem]:
    wanted = {"specReplicasPath": ".spec.", "statusReplicasPath": ".status.", "labelSelectorPath": "."}
    for name, start in wanted.items():
        given = at(scale, name)
        if isinstance(given, str) and given and not (_JSON_PATH.match(given) and given.startswith(start)):
            yield f"{path}.{name}", f"'{given}'; must be a simple path that begins with {start}"


def _schema(schema: Values, path: str, root: bool = False) -> Iterator[Problem]:
    kind = schema.get("type")
    yield from choice(kind or None, _TYPES, f"{path}.type")
    for name in _FORBIDDEN:
        if schema.get(name):
            yield f"{path}.{name}", "not in the schema of a custom resource"
    if schema.get("uniqueItems") is True:
        yield f"{path}.uniqueItems", "cannot be true; use x-kubernetes-list-type: set"
    yield from _pattern(schema.get("pattern"), f"{path}.pattern")
    yield from _extensions(schema, kind, path)
    if "default" in schema and not has_unknown(schema) and kind in _TYPES:
        yield from Checker().problems(schema, schema["default"], f"{path}.default")
    for name in _JUNCTORS:
        for here, branch in each(schema.get(name), f"{path}.{name}"):
            yield from _branch(branch, here, bool(schema.get("x-kubernetes-int-or-string")))
    if isinstance(schema.get("not"), Mapping):
        yield from _branch(schema["not"], f"{path}.not", False)
    for here, rule in each(schema.get("x-kubernetes-validations"), f"{path}.x-kubernetes-validations"):
        yield from _rule(rule, here, schema, root)
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(part, Mapping):
            yield from _schema(part, join(f"{path}.properties", name))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from _schema(schema[name], f"{path}.{name}")


def _pattern(pattern: Any, path: str) -> Iterator[Problem]:
    if not isinstance(pattern, str):
        return
    if _NOT_RE2.search(pattern):
        yield path, f"'{pattern}' looks around or back, which the API server's patterns cannot"
        return
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            re.compile(pattern)
    except re.error as error:
        if str(error).startswith(_BROKEN):
            yield path, f"'{pattern}' is no regular expression: {error}"


def _extensions(schema: Values, kind: Any, path: str) -> Iterator[Problem]:
    listed, mapped = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-map-type")
    keys = schema.get("x-kubernetes-list-map-keys")
    yield from choice(listed, ("atomic", "set", "map"), f"{path}.x-kubernetes-list-type")
    yield from choice(mapped, ("atomic", "granular"), f"{path}.x-kubernetes-map-type")
    if listed is not None and kind != "array" and isinstance(kind, str):
        yield f"{path}.x-kubernetes-list-type", f"only for an array, and this is of the type {kind}"
    if mapped is not None and kind != "object" and isinstance(kind, str):
        yield f"{path}.x-kubernetes-map-type", f"only for an object, and this is of the type {kind}"
    if listed == "map" and keys in (None, []):
        yield f"{path}.x-kubernetes-list-map-keys", "missing: the list type map needs them"
    elif keys and listed != "map" and (listed is None or isinstance(listed, str)):
        yield f"{path}.x-kubernetes-list-map-keys", "only with x-kubernetes-list-type: map"
    known = at(schema, "items", "properties")
    for key in keys if isinstance(keys, list) and isinstance(known, Mapping) else ():
        if isinstance(key, str) and key not in known:
            yield f"{path}.x-kubernetes-list-map-keys", f"the items have no field '{key}'"
    if schema.get("x-kubernetes-embedded-resource") is True and kind != "object":
        yield f"{path}.type", "must be object with x-kubernetes-embedded-resource"
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield f"{path}.x-kubernetes-preserve-unknown-fields", "can only be true; leave it out"


def _branch(branch: Values, path: str, int_or_string: bool) -> Iterator[Problem]:
    for name in _NOT_IN_BRANCHES:
        if branch.get(name) and not (name == "type" and int_or_string):
            yield f"{path}.{name}", "not in a branch; say it outside"
    properties = branch.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(part, Mapping):
            yield from _branch(part, join(f"{path}.properties", name), False)


def _rule(rule: Values, path: str, schema: Values, root: bool) -> Iterator[Problem]:
    text = rule.get("rule")
    yield from expression(text, f"{path}.rule")
    yield from expression(rule.get("messageExpression") or None, f"{path}.messageExpression")
    if not isinstance(text, str) or not text.strip() or validations.syntax_error(text) is not None:
        return
    for match in _SELECTION.finditer(_TEXTS.sub('""', text)):
        fields = match[1].split(".")[1:]
        wrong = _missing(schema, fields[:-1] if match[2] else fields, root)
        if wrong:
            yield f"{path}.rule", f"'{text}': the schema has no field '{wrong}' there"
            return
    alone = _ALONE.match(text.strip())
    found = _reached(schema, alone[1].split(".")[1:], root) if alone else None
    kind = at(found, "type")
    if isinstance(kind, str) and kind != "boolean":
        yield f"{path}.rule", f"'{text}' is {kind}; a rule is true or false"


def _missing(schema: Values, fields: list[str], root: bool) -> str:
    """The first of the fields that cannot be there; "" for none."""
    for index, name in enumerate(fields):
        found = _reached(schema, fields[: index + 1], root)
        if found is None:
            return name
        if not found:
            return ""
    return ""


def _reached(schema: Values, fields: list[str], root: bool) -> Values | None:
    """The schema at a place; empty where nothing can be told, None where there can be nothing."""
    here: Any = schema
    for index, name in enumerate(fields):
        others, properties = here.get("additionalProperties"), here.get("properties")
        free = here.get("x-kubernetes-preserve-unknown-fields") or here.get("x-kubernetes-int-or-string")
        whole = (root and index == 0) or here.get("x-kubernetes-embedded-resource")
        known = {validations.escaped(key): part for key, part in (properties or {}).items()}
        if whole and name in _ANYWHERE:
            return {}
        if name in known:
            here = known[name]
        elif others is not None:
            here = others if isinstance(others, Mapping) else {}
        elif free or here.get("type") != "object":
            return {}
        else:
            return None
        if not isinstance(here, Mapping) or has_unknown(here.get("type")):
            return {}
    found: Values = here
    return found
