"""IAM policy documents (AWS): read once, asked by predicates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bedplate_policies.basic import BuiltCheck
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, Missing, Value, has_unknown


@dataclass(frozen=True)
class Statement:
    """One statement with every list spelt as a list."""

    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    """Every principal of every kind; "*" is everybody."""
    not_principals: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def allows(self) -> bool:
        """Whether the statement grants."""
        return self.effect == "Allow"

    def condition(self, operator: str, key: str) -> tuple[str, ...]:
        """The values of one condition; names of operators and keys are not case-sensitive in IAM."""
        for name, keys in self.conditions.items():
            if name.lower().removesuffix("ifexists") == operator.lower():
                for found, values in keys.items():
                    if found.lower() == key.lower():
                        return values
        return ()


@dataclass(frozen=True)
class Document:
    """A policy document."""

    statements: tuple[Statement, ...]


Predicate = Callable[[Document], Iterable[str]]
"""Says what is wrong with a document, in words that hold no value of it."""


def policy_document(path: str, *predicates: Predicate, missing: Missing = "ok") -> BuiltCheck:
    """The IAM policy at a path (JSON text, or an object) holds every predicate."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.each(path):
            where = resource.path(place)
            if value is UNKNOWN:
                yield Finding.undetermined(where)
                continue
            if value is MISSING:
                if missing == "violation":
                    yield Finding.violation(f"{where} is not set", where)
                continue
            parsed = parse(value)
            if parsed is None:
                yield Finding.violation(f"{where} is no policy document in JSON", where)
            elif has_unknown(parsed):
                yield Finding.undetermined(where)
            else:
                document = read(parsed)
                for predicate in predicates:
                    for wrong in predicate(document):
                        yield Finding.violation(f"{where}: {wrong}", where)

    return BuiltCheck(run, (path,))


def parse(value: Value) -> Mapping[str, object] | None:
    """The document's object, None for what is no document."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def read(parsed: Mapping[str, object]) -> Document:
    """The document with every list spelt as a list."""
    statements = parsed.get("Statement", ())
    if isinstance(statements, Mapping):
        statements = (statements,)
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        statements = ()
    return Document(tuple(_statement(one) for one in statements if isinstance(one, Mapping)))


def _statement(one: Mapping[str, object]) -> Statement:
    conditions: dict[str, dict[str, tuple[str, ...]]] = {}
    given = one.get("Condition")
    for operator, keys in (given if isinstance(given, Mapping) else {}).items():
        if isinstance(keys, Mapping):
            conditions[str(operator)] = {str(key): _strings(values) for key, values in keys.items()}
    return Statement(
        effect=str(one.get("Effect", "")),
        actions=_strings(one.get("Action")),
        not_actions=_strings(one.get("NotAction")),
        resources=_strings(one.get("Resource")),
        not_resources=_strings(one.get("NotResource")),
        principals=_principals(one.get("Principal")),
        not_principals=_principals(one.get("NotPrincipal")),
        conditions=conditions,
    )


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(part for one in value for part in _strings(one))
    return (str(value),)


def _principals(value: object) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        # A federated or service principal "*" would be everybody as well.
        return tuple(part for one in value.values() for part in _strings(one))
    return _strings(value)


# Conditions that narrow "everybody" to somebody (AWS: S3 user guide, "The meaning of public"; from memory).
_NARROWING = (
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:userid",
    "kms:calleraccount",
    "elasticfilesystem:accessedviamounttarget",
    "elasticfilesystem:accesspointarn",
)


def no_public_principal(document: Document) -> Iterator[str]:
    """Nothing is granted to everybody, unless a condition names who that is."""
    for number, statement in enumerate(document.statements):
        if statement.allows and (_everybody(statement.principals) or statement.not_principals):
            if _narrowed(statement):
                continue
            yield f"statement {number} grants to everybody without a condition that says who"


def _everybody(principals: Iterable[str]) -> bool:
    return any(principal in ("*", "arn:aws:iam::*:root") for principal in principals)


def _narrowed(statement: Statement) -> bool:
    for operator, keys in statement.conditions.items():
        name = operator.lower()
        if "notequals" in name or "notlike" in name or name.endswith("ifexists") or name == "null":
            continue
        for key, values in keys.items():
            if key.lower() in _NARROWING and values and not any(set(value) <= {"*"} for value in values):
                return True
    return False


def no_wildcard_action(document: Document) -> Iterator[str]:
    """No grant of every action of a service, or of all services, on everything."""
    for number, statement in enumerate(document.statements):
        if not statement.allows or "*" not in statement.resources:
            continue
        if statement.not_actions:
            yield f"statement {number} grants everything but a few actions on every resource"
        elif any(action == "*" or action.endswith(":*") for action in statement.actions):
            yield f"statement {number} grants every action of a service on every resource"


def no_admin(document: Document) -> Iterator[str]:
    """No grant of every action on every resource."""
    for number, statement in enumerate(document.statements):
        if (
            statement.allows
            and any(action in ("*", "*:*") for action in statement.actions)
            and "*" in statement.resources
        ):
            yield f"statement {number} grants every action on every resource"


def grants_none_of(*actions: str) -> Predicate:
    """No statement grants one of these actions on every resource, also not by a wildcard."""

    def predicate(document: Document) -> Iterator[str]:
        for number, statement in enumerate(document.statements):
            if not statement.allows or "*" not in statement.resources:
                continue
            for action in actions:
                if any(fnmatchcase(action.lower(), granted.lower()) for granted in statement.actions):
                    yield f"statement {number} grants {action} on every resource"

    return predicate


def requires_tls(document: Document) -> Iterator[str]:
    """A statement denies everybody everything that does not come over TLS."""
    for statement in document.statements:
        if (
            statement.effect == "Deny"
            and _everybody(statement.principals)
            and any(value.lower() == "false" for value in statement.condition("Bool", "aws:SecureTransport"))
            and any(action == "*" or action.endswith(":*") for action in statement.actions)
        ):
            return
    yield 'no statement denies everybody what comes without TLS (Bool "aws:SecureTransport": "false")'
