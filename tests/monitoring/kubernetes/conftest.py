"""Prometheus' and Alertmanager's own programs; a test fails without them and says what installs them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program."""

    def find(name: str) -> str:
        # Debian's name first; elsewhere the program is called as its makers do.
        found = shutil.which(name) or shutil.which(name.removeprefix("prometheus-"))
        if found is None:
            pytest.fail(
                f"{name} is missing; install it with: make system "
                f"(or: sudo apt-get install --no-install-recommends {_PACKAGES[name]})"
            )
        return found

    return find


@pytest.fixture(scope="session")
def call(program: Callable[[str], str]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a program to its end and gives its exit code and what it wrote."""

    def run(name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program(name), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
        )

    return run
