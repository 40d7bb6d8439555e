"""Service accounts that Google makes by itself, and members that are everybody."""

import json
from collections.abc import Iterator, Mapping, Sequence

from bedplate_policies.checks import BuiltCheck, custom, on_values
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, Missing, Value, has_unknown

# The account that Compute Engine makes in each project has the role Editor in most of them.
_DEFAULT_ACCOUNT = "-compute@developer.gserviceaccount.com"
EVERYBODY = ("allUsers", "allAuthenticatedUsers")


def is_default_account(value: Value) -> bool:
    """Whether a service account is the one that Compute Engine made for the project."""
    return value == "default" or (isinstance(value, str) and value.endswith(_DEFAULT_ACCOUNT))


def own_service_account(path: str, missing: Missing = "violation") -> BuiltCheck:
    """The property names a service account that somebody made for this purpose."""
    return on_values(
        path,
        lambda value, _: "the default service account" if is_default_account(value) or value == "" else None,
        missing=missing,
        expected="so the machines run as the project's default service account",
    )


def no_public_member() -> BuiltCheck:
    """Nothing is granted to everybody, by whichever of the ways of granting in IAM."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in (*_given(resource, "member"), *resource.each("members[]")):
            where = resource.path(place)
            if value is UNKNOWN:
                yield Finding.undetermined(where)
            elif value in EVERYBODY:
                yield Finding.violation(f"{where} is everybody ({value})", where)
        yield from _in_policy(resource)

    return custom(run)


def _given(resource: Resource, path: str) -> Iterator[tuple[str, Value]]:
    value = resource.get(path)
    if value is not MISSING:
        yield path, value


def bindings_of(resource: Resource) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Role and members of each binding in a policy written as JSON; nothing for what is no such policy."""
    text = resource.get("policyData")
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return
    bindings = document.get("bindings") if isinstance(document, Mapping) else None
    for binding in bindings if isinstance(bindings, Sequence) and not isinstance(bindings, str) else ():
        if isinstance(binding, Mapping):
            members = binding.get("members")
            yield (
                str(binding.get("role", "")),
                tuple(str(one) for one in members) if isinstance(members, list | tuple) else (),
            )


def _in_policy(resource: Resource) -> Iterator[Finding]:
    where = resource.path("policyData")
    if has_unknown(resource.get("policyData")):
        yield Finding.undetermined(where)
        return
    for number, (_, members) in enumerate(bindings_of(resource)):
        for everybody in EVERYBODY:
            if everybody in members:
                yield Finding.violation(f"{where}: binding {number} has everybody ({everybody})", where)
