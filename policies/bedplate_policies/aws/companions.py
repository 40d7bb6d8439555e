"""Stack rules that ask for a companion: a bucket without its public access block, a VPC without flow logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding, StackCheck
from bedplate_policies.stack import Stack
from bedplate_policies.value import MISSING, UNKNOWN


def every_has(
    owners: Sequence[str],
    companions: Sequence[str],
    property: str,
    message: str,
    *,
    inline: Sequence[str] = (),
    having: str = "",
) -> StackCheck:
    """Every resource of `owners` is named by the property of a companion, or says the same `inline`.

    With `having`, a companion counts only if that path leads to a value in it.
    """

    def run(stack: Stack, _: Config) -> Iterator[Finding]:
        for owner in stack.of_type(*owners):
            if any(owner.get(path) not in (MISSING, "", [], {}) for path in inline):
                continue
            found = [one for kind in companions for one in stack.companions(owner, kind, property)]
            states = [_has(one, having) for one in found]
            if True in states:
                continue
            if UNKNOWN in states or any(stack.unresolved(kind, property) for kind in companions):
                yield Finding.undetermined(having or property, owner)
            else:
                yield Finding.violation(message, "", owner)

    return run


def _has(companion: Resource, path: str) -> object:
    if not path:
        return True
    values = [value for _, value in companion.each(path)]
    if any(value not in (MISSING, UNKNOWN) for value in values):
        return True
    return UNKNOWN if UNKNOWN in values else False
