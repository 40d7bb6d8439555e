"""The pytest fixture `sandbox`: create Pulumi resources in a test, then ask boto3 what exists.

The plugin is loaded in every pytest run where the package is installed, so nothing is imported before a test
asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bedplate.sandbox.fixture import SandboxFixture
    from bedplate.sandbox.server import SandboxServer


@pytest.fixture(scope="session")
def _bedplate_sandbox_server() -> Iterator["SandboxServer"]:
    """One emulated cloud per test process, started by the first test that uses it."""
    from bedplate.sandbox.server import SandboxServer

    server = SandboxServer.start(None)
    yield server
    server.stop()


@pytest.fixture
def sandbox(
    _bedplate_sandbox_server: "SandboxServer", tmp_path_factory: pytest.TempPathFactory
) -> Iterator["SandboxFixture"]:
    """An empty emulated cloud with an engine to fill it; what the test made is gone when it ends.

    While the test runs, AWS_ENDPOINT_URL and credentials in the environment are the emulated cloud's, so that
    no client made in the test can reach a real one.
    """
    from bedplate.sandbox.fixture import SandboxFixture
    from bedplate.sandbox.server import client_environment

    server = _bedplate_sandbox_server
    server.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in client_environment(server).items():
            patch.setenv(name, value)
        yield SandboxFixture(server, tmp_path_factory.mktemp("sandbox"))
