"""Customer-managed keys, wherever a service takes one."""

from collections.abc import Iterator

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, parse_path


def key_given(path: str) -> BuiltCheck:
    """The property names a key. One that is made in the same update counts: its id is never empty.

    An unknown around the property is another matter: nobody can say whether a key stands in it.
    """
    depth = len(parse_path(path))

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.each(path):
            where = resource.path(place)
            if value is UNKNOWN:
                if len(parse_path(place)) < depth:
                    yield Finding.undetermined(where)
            elif value is MISSING or value == "":
                yield Finding.violation(f"{where} is not set, so Google's own key encrypts it", where)

    return custom(run, path)
