"""The CustomResourceDefinitions that the sandbox has as data are definitions for a real API server."""

import pytest
from tests.conformance.client import Client
from tests.conformance.conftest import conditions

from bedplate.sandbox.providers.kubernetes import definitions

ALL = [(source, name) for source, names in definitions.index().items() for name in names]


def test_there_are_definitions() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize(("source", "name"), ALL, ids=[f"{source}-{name}" for source, name in ALL])
def test_a_definition_is_established(with_definitions: Client, source: str, name: str) -> None:
    definition = dict(definitions.source(source).definitions[name])
    again = with_definitions.apply(definition)
    assert again.ok, again.message
    found = conditions(with_definitions, definition)
    assert found["NamesAccepted"].startswith("True"), found
    assert found["Established"].startswith("True"), found
    assert not found.get("NonStructuralSchema", "").startswith("True"), found
