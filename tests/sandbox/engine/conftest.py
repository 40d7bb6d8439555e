"""Running the engine from tests, in this process or in one that can be killed."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

THING = """
import pulumi
from pulumi import ResourceOptions


class Thing(pulumi.CustomResource):
    echo: pulumi.Output[str]
    serial: pulumi.Output[int]

    def __init__(self, resource_name, opts=None, **props):
        super().__init__("probe:index:Thing", resource_name, {"echo": None, "serial": None, **props}, opts)

"""

# A process that runs one command of the engine and prints its result: what a test kills.
COMMAND = """
import json, sys
from pathlib import Path
from bedplate.sandbox.engine import PathProgram, Request, StackId, run

operation, root, address = sys.argv[1:4]
result = run(Request(
    operation, StackId("kill", "dev"), Path(root) / "state", {"probe": address},
    program=PathProgram(Path(root) / "program", Path(root)), passphrase="secret words",
))
print(json.dumps({"ok": result.ok, "changes": result.changes, "errors": result.errors}))
"""


@dataclass
class Runs:
    """Commands on one stack, whose program lies in `root/program`."""

    root: Path
    probe: Any
    events: list[Any] = field(default_factory=list)

    def write(self, program: str) -> None:
        directory = self.root / "program"
        directory.mkdir(exist_ok=True)
        (self.root / "state").mkdir(exist_ok=True)
        (directory / "__main__.py").write_text(THING + textwrap.dedent(program))

    def request(self, operation: str, **options: Any) -> Any:
        from bedplate.sandbox.engine import PathProgram, Request, StackId

        defaults: dict[str, Any] = {
            "stack": StackId("kill", "dev"),
            "backend": self.root / "state",
            "providers": {"probe": self.probe.address},
            "program": PathProgram(self.root / "program", self.root),
            "passphrase": "secret words",
            "on_event": self.events.append,
        }
        return Request(operation, **{**defaults, **options})

    def run(self, operation: str, **options: Any) -> Any:
        from bedplate.sandbox.engine import run

        return run(self.request(operation, **options))

    def inline(self, operation: str, func: Callable[[], None], **options: Any) -> Any:
        from bedplate.sandbox.engine import InlineProgram

        (self.root / "state").mkdir(exist_ok=True)
        return self.run(operation, program=InlineProgram(func), **options)

    def start(self, operation: str) -> "subprocess.Popen[str]":
        """The command in a process of its own."""
        command = [sys.executable, "-c", COMMAND, operation, str(self.root), self.probe.address]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )

    @property
    def checkpoint(self) -> Path:
        return self.root / "state" / ".pulumi" / "stacks" / "kill" / "dev.json"

    def deployment(self) -> dict[str, Any]:
        latest: dict[str, Any] = json.loads(self.checkpoint.read_text())["checkpoint"]["latest"]
        return latest

    def things(self) -> dict[str, dict[str, Any]]:
        """The state's things by name."""
        found = [item for item in self.deployment()["resources"] if item["type"] == "probe:index:Thing"]
        return {item["urn"].rsplit("::", 1)[-1]: item for item in found}


@pytest.fixture
def runs(probe: Any, tmp_path: Path) -> Runs:
    return Runs(tmp_path, probe)


@pytest.fixture
def thing() -> Any:
    """The class Thing, for programs that are functions."""
    namespace: dict[str, Any] = {}
    exec(THING, namespace)
    return namespace["Thing"]
