"""Policy documents: what AWS refuses in one, by the grammar of IAM policies.

Source: "Grammar of the IAM JSON policy language" and "IAM and AWS STS quotas", IAM user guide, 2026-11.
"""

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN = re.compile(r"\*|\*?arn:[^:]*:[^:]*:[^:]*:[^:]*:.+|arn:\S*\*|[*?]+.*")
_PRINCIPALS = ("AWS", "Service", "Federated", "CanonicalUser")
_STATEMENT_KEYS = frozenset(
    [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ]
)


class DocumentKind(Enum):
    """What a document is attached to: decides its elements, and its size (characters, no white space)."""

    IDENTITY = ("an identity policy", 6144)
    INLINE = ("an inline role policy", 10240)
    TRUST = ("a trust policy", 4096)
    RESOURCE = ("a resource policy", 20480)
    KEY = ("a key policy", 32768)

    @property
    def title(self) -> str:
        return self.value[0]

    @property
    def limit(self) -> int:
        return self.value[1]


def document_problems(document: Any, kind: DocumentKind) -> list[str]:
    """Reasons why AWS would refuse the document as MalformedPolicyDocument; empty where it would take it."""
    if not isinstance(document, str):
        parsed = document
    else:
        try:
            parsed = json.loads(document)
        except ValueError as error:
            return [
                f"MalformedPolicyDocument: not JSON ({error}); build it with json.dumps or Output.json_dumps"
            ]
        size = len(re.sub(r"\s", "", document))
        if size > kind.limit:
            return [
                f"LimitExceeded: {size} characters, {kind.title} may have {kind.limit}; split or shorten it"
            ]
    if not isinstance(parsed, Mapping):
        return ["MalformedPolicyDocument: must be a JSON object with Version and Statement"]
    return [f"MalformedPolicyDocument: {reason}" for reason in _document(parsed, kind)]


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a document (JSON text or parsed); empty where it has none that can be read."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    if not isinstance(document, Mapping):
        return []
    return [item for item in as_list(document.get("Statement")) if isinstance(item, Mapping)]


def as_list(value: Any) -> list[Any]:
    """A policy element that may be one value or a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def trusts_service(document: Any, service: str) -> bool:
    """Whether a trust policy lets a service (e.g. "eks.amazonaws.com") assume the role."""
    for statement in statements(document):
        principal = statement.get("Principal")
        services = as_list(principal.get("Service")) if isinstance(principal, Mapping) else []
        actions = as_list(statement.get("Action"))
        if statement.get("Effect") == "Allow" and service in services:
            return any(action in ("sts:AssumeRole", "sts:*", "*") for action in actions)
    return False


def _document(parsed: Mapping[str, Any], kind: DocumentKind) -> Iterator[str]:
    unknown = sorted(set(parsed) - {"Version", "Id", "Statement"})
    if unknown:
        yield f"unknown element {unknown[0]!r}; allowed are Version, Id and Statement"
    if parsed.get("Version", _VERSIONS[1]) not in _VERSIONS:
        yield f"Version {parsed['Version']!r} is not one of {', '.join(_VERSIONS)}; use {_VERSIONS[0]!r}"
    found = as_list(parsed.get("Statement"))
    if not found:
        yield "no Statement; give at least one"
    sids: set[str] = set()
    for index, statement in enumerate(found):
        if not isinstance(statement, Mapping):
            yield f"Statement[{index}] is not an object"
            continue
        for reason in _statement(statement, kind):
            yield f"Statement[{index}]: {reason}"
        sid = statement.get("Sid")
        if sid and sid in sids:
            yield f"Statement[{index}]: Sid {sid!r} is used twice; statement ids must be unique"
        sids.add(str(sid or ""))


def _statement(statement: Mapping[str, Any], kind: DocumentKind) -> Iterator[str]:
    unknown = sorted(set(statement) - _STATEMENT_KEYS)
    if unknown:
        yield f"unknown element {unknown[0]!r}; allowed are {', '.join(sorted(_STATEMENT_KEYS))}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"Effect {statement.get('Effect')!r} is not one of Allow, Deny"
    if ("Action" in statement) == ("NotAction" in statement):
        yield "exactly one of Action and NotAction is needed"
    for action in [*as_list(statement.get("Action")), *as_list(statement.get("NotAction"))]:
        if not isinstance(action, str) or not _ACTION.fullmatch(action):
            yield f"action {action!r} is not '*' or 'service:Action', e.g. 's3:GetObject'"
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    has_resource = "Resource" in statement or "NotResource" in statement
    if kind in (DocumentKind.IDENTITY, DocumentKind.INLINE):
        if has_principal:
            yield "an identity policy must not have Principal; remove it (who it is attached to is it)"
        if not has_resource:
            yield "Resource is missing; name ARNs, or '*'"
    elif not has_principal:
        yield f"{kind.title} needs Principal in every statement, e.g. {{'Service': 'eks.amazonaws.com'}}"
    if kind is DocumentKind.TRUST and has_resource:
        yield "a trust policy must not have Resource; remove it (the resource is the role)"
    if kind in (DocumentKind.RESOURCE, DocumentKind.KEY) and not has_resource:
        yield "Resource is missing; name what the policy is attached to, or '*'"
    for resource in [*as_list(statement.get("Resource")), *as_list(statement.get("NotResource"))]:
        if not isinstance(resource, str) or not _ARN.fullmatch(resource):
            yield f"resource {resource!r} is not an ARN (arn:partition:service:region:account:name) or '*'"
    yield from _principal(statement.get("Principal", statement.get("NotPrincipal")))
    yield from _condition(statement.get("Condition"))


def _principal(principal: Any) -> Iterator[str]:
    if principal is None or principal == "*":
        return
    if not isinstance(principal, Mapping) or not principal:
        yield f"Principal {principal!r} is not '*' or an object such as {{'AWS': arn}}"
        return
    for kind, names in principal.items():
        if kind not in _PRINCIPALS:
            yield f"Principal type {kind!r} is not one of {', '.join(_PRINCIPALS)}"
        for name in as_list(names):
            if not isinstance(name, str) or not name:
                yield f"Principal {kind} holds {name!r}; give a name or an ARN"
            elif kind == "Service" and "." not in name:
                yield f"Principal Service {name!r} is not a service name such as 'eks.amazonaws.com'"


def _condition(condition: Any) -> Iterator[str]:
    if condition is None:
        return
    if not isinstance(condition, Mapping):
        yield "Condition is not an object {operator: {key: value}}"
        return
    for operator, keys in condition.items():
        if not isinstance(keys, Mapping):
            yield f"Condition {operator!r} is not an object {{key: value}}"
