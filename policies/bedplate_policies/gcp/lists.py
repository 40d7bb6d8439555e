"""Checks of lists that a provider fills itself where a program leaves them out."""

from collections.abc import Iterator, Sequence

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, has_unknown


def must_hold(path: str, *wanted: str) -> BuiltCheck:
    """The list, where there is one, holds all of these."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        value, where = resource.get(path), resource.path(path)
        if value is MISSING:
            return
        found = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        absent = [one for one in wanted if one not in found]
        if absent and (value is UNKNOWN or has_unknown(value)):
            yield Finding.undetermined(where)
        elif absent:
            yield Finding.violation(f"{where} lacks {', '.join(absent)}", where)

    return custom(run, path)
