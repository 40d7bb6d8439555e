"""One control plane for the whole run, and the sandbox's own API server beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.client import Client, Manifest
from tests.conformance.programs import Missing
from tests.conformance.server import Plane, plane, wait_for
from tests.sandbox.providers.kubernetes.conftest import Api

from bedplate.sandbox.providers.kubernetes import definitions


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Starts at the first test that needs it. Its logs stay in pytest's folder, which a failure names."""
    folder: Path = tmp_path_factory.mktemp("plane")
    try:
        with plane(folder) as one:
            yield one
    except Missing as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def real(control_plane: Plane) -> Client:
    """The real API server."""
    return control_plane.client


@pytest.fixture
def ours() -> Api:
    """The sandbox's API server, empty."""
    return Api()


def conditions(real: Client, definition: Manifest) -> dict[str, str]:
    """What the server says of a definition, by type."""
    live = real.get(definition) or {}
    found = (live.get("status") or {}).get("conditions") or []
    return {one["type"]: f"{one['status']} {one.get('message', '')}" for one in found}


@pytest.fixture(scope="session")
def with_definitions(control_plane: Plane) -> Client:
    """The real API server with every definition that the sandbox has, as far as it takes them."""
    real = control_plane.client
    put = []
    for source in definitions.index():
        for definition in definitions.source(source).definitions.values():
            if real.apply(dict(definition)).ok:
                put.append(dict(definition))
    for definition in put:
        _wait_for_answer(real, definition)
    return real


def _wait_for_answer(real: Client, definition: Manifest) -> None:
    name = definition["metadata"]["name"]
    wait_for(f"an answer to {name}", lambda: "Established" in conditions(real, definition), 60)
