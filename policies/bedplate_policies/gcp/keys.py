"""Customer-managed keys and other resources that a property names."""

from collections.abc import Iterator

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, parse_path


def key_given(path: str) -> BuiltCheck:
    """The property names a key of the customer."""
    return given(path, ", so Google's own key encrypts it")


def given(path: str, consequence: str = "") -> BuiltCheck:
    """The property names something that is never empty. What is made in the same update counts.

    An unknown around the property is another matter: nobody can say whether a name stands in it.
    """
    depth = len(parse_path(path))

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.each(path):
            where = resource.path(place)
            if value is UNKNOWN:
                if len(parse_path(place)) < depth:
                    yield Finding.undetermined(where)
            elif value is MISSING or value == "":
                yield Finding.violation(f"{where} is not set{consequence}", where)

    return custom(run, path)
