"""One suite, two engines: a driver runs a program's text on the offline engine or on Pulumi's own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PASSPHRASE = "correct horse battery staple"

# What every program starts with.
PRELUDE = """
import pulumi
from pulumi import ResourceOptions, ComponentResource, Output


class Thing(pulumi.CustomResource):
    echo: Output[str]
    name: Output[str]
    serial: Output[int]
    value: Output[str]

    def __init__(self, resource_name, opts=None, **props):
        outputs = {"echo": None, "serial": None, "name": None, "value": None, "token": None}
        super().__init__("probe:index:Thing", resource_name, {**outputs, **props}, opts)

    @property
    def token(self):
        return pulumi.get(self, "token")


class Group(ComponentResource):
    def __init__(self, resource_name, opts=None):
        super().__init__("test:index:Group", resource_name, None, opts)


class Probe(pulumi.ProviderResource):
    def __init__(self, resource_name, opts=None, **props):
        super().__init__("probe", resource_name, props, opts)
"""


@dataclass
class Outcome:
    """The end of a command, alike for both engines. `changes` does not count the stack itself."""

    ok: bool
    changes: dict[str, int]
    outputs: dict[str, Any]
    text: str


@dataclass
class Driver:
    """Runs programs on one stack; each test has its own."""

    probe: Any
    directory: Path

    def run(
        self, operation: str, program: str = "", config: Mapping[str, str] | None = None, parallel: int = 16
    ) -> Outcome:
        raise NotImplementedError

    def up(self, program: str, **options: Any) -> Outcome:
        outcome = self.run("up", program, **options)
        assert outcome.ok, outcome.text
        return outcome

    def preview(self, program: str, **options: Any) -> Outcome:
        outcome = self.run("preview", program, **options)
        assert outcome.ok, outcome.text
        return outcome

    def refresh(self, program: str = "") -> Outcome:
        outcome = self.run("refresh", program)
        assert outcome.ok, outcome.text
        return outcome

    def destroy(self, program: str = "") -> Outcome:
        outcome = self.run("destroy", program)
        assert outcome.ok, outcome.text
        return outcome

    def deployment(self) -> dict[str, Any]:
        path = self.directory / "state" / ".pulumi" / "stacks" / "life" / "dev.json"
        content = json.loads(path.read_text())
        assert content["version"] == 3
        return content["checkpoint"].get("latest") or {}

    def resources(self) -> list[dict[str, Any]]:
        return self.deployment().get("resources") or []

    def resource(self, name: str) -> dict[str, Any]:
        found = [item for item in self.resources() if item["urn"].endswith(f"::{name}")]
        assert len(found) == 1, (name, found)
        return found[0]

    def other(self) -> "Driver":
        """The other engine on the same stack: the offline one, which is what there always is."""
        return OfflineDriver(self.probe, self.directory)

    def text(self) -> str:
        """Every file of the state directory, as text."""
        files = (path for path in (self.directory / "state").rglob("*") if path.is_file())
        return "\n".join(path.read_text(errors="replace") for path in files)


class OfflineDriver(Driver):
    def run(
        self, operation: str, program: str = "", config: Mapping[str, str] | None = None, parallel: int = 16
    ) -> Outcome:
        from bedplate.sandbox.engine import (
            DiagnosticEvent,
            InlineProgram,
            Request,
            ResourceEvent,
            StackId,
            run,
        )

        def main() -> None:
            module = ModuleType("program")
            exec(compile(PRELUDE + program, "program.py", "exec"), module.__dict__)

        lines: list[str] = []
        stack_same = []

        def on_event(event: Any) -> None:
            if isinstance(event, DiagnosticEvent):
                lines.append(f"{event.severity}: {event.message}")
            elif isinstance(event, ResourceEvent) and event.phase == "done":
                lines.append(f"{event.op} {event.type} {event.name} {event.reason} {event.diff}")
                if event.type == "pulumi:pulumi:Stack":
                    stack_same.append(event.op)

        given = {f"life:{key}" if ":" not in key else key: value for key, value in (config or {}).items()}
        secret_keys = frozenset(key for key in given if key.endswith("Secret"))
        (self.directory / "state").mkdir(exist_ok=True)
        result = run(
            Request(
                operation,  # type: ignore[arg-type]
                StackId("life", "dev"),
                program=InlineProgram(main),
                backend=self.directory / "state",
                config=given,
                config_secret_keys=secret_keys,
                providers={"probe": self.probe.address},
                passphrase=PASSPHRASE,
                parallel=parallel,
                on_event=on_event,
            )
        )
        changes = dict(result.changes)
        for op in stack_same:
            changes[op] -= 1
        if operation == "refresh" and result.ok:
            changes["same"] = 0  # Pulumi counts here what it read, this engine what did not change
        outputs = {
            key: getattr(value, "value", value) if value is not None else None
            for key, value in result.outputs.items()
        }
        return Outcome(result.ok, changes, outputs, "\n".join([*lines, *result.errors]))


class PulumiDriver(Driver):
    """The command `pulumi`, attached to the same provider."""

    def _command(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # knows --event-log
            "PULUMI_HOME": str(self.directory / "home"),
            "PULUMI_DEBUG_PROVIDERS": f"probe:{self.probe.port}",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "NO_COLOR": "1",
        }
        result = subprocess.run(
            ["pulumi", *arguments],
            cwd=self.directory / "project",
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def _prepare(self, program: str, config: Mapping[str, str]) -> None:
        project = self.directory / "project"
        (self.directory / "state").mkdir(exist_ok=True)
        first = not project.exists()
        project.mkdir(exist_ok=True)
        settings = {"name": "life", "runtime": {"name": "python", "options": {}}}
        (project / "Pulumi.yaml").write_text(json.dumps(settings))
        (project / "__main__.py").write_text(PRELUDE + program)
        if first:
            self._command("stack", "init", "dev", "--non-interactive")
        for key, value in config.items():
            secret = "--secret" if key.endswith("Secret") else "--plaintext"
            self._command("config", "set", secret, "--stack", "dev", "--", key, value)

    def run(
        self, operation: str, program: str = "", config: Mapping[str, str] | None = None, parallel: int = 16
    ) -> Outcome:
        self._prepare(program, config or {})
        log = self.directory / "events.jsonl"
        log.unlink(missing_ok=True)
        command = [
            operation,
            "--stack",
            "dev",
            "--non-interactive",
            "--event-log",
            str(log),
            "--parallel",
            str(parallel),
        ]
        if operation != "preview":
            command += ["--yes", "--skip-preview"]
        if operation == "preview":
            command += ["--diff"]
        result = self._command(*command, check=False)
        changes = dict.fromkeys(("create", "update", "replace", "delete", "same"), 0)
        lines = [result.stdout, result.stderr]
        for line in log.read_text().splitlines() if log.exists() else ():
            event = json.loads(line)
            lines.append(line)
            # What a refresh found is known after a step; a component without outputs has no event after it.
            step = event.get("resOutputsEvent" if operation == "refresh" else "resourcePreEvent")
            if step is None:
                continue
            metadata = step["metadata"]
            name = metadata["urn"].rsplit("::", 1)[-1]
            if metadata["type"] == "pulumi:pulumi:Stack" or name.startswith("default"):
                continue
            op = metadata["op"]
            if op == "refresh":
                old, new = metadata.get("old"), metadata.get("new")
                same = bool(old and new) and old.get("outputs") == new.get("outputs")
                op = "delete" if not new else "same" if same else "update"
            # A replacement has three steps: create-replacement, replace, delete-replaced.
            names = {"create-replacement": "replace", "replace": "", "read": "same", "discard": "delete"}
            counted = names.get(op, op)
            if counted in changes:
                changes[counted] += 1
        if operation == "refresh":
            changes["same"] = 0
        outputs: dict[str, Any] = {}
        if operation in ("up", "refresh") and result.returncode == 0:
            shown = self._command("stack", "output", "--json", "--show-secrets", "--stack", "dev")
            outputs = json.loads(shown.stdout)
        return Outcome(result.returncode == 0, changes, outputs, "\n".join(lines))


@pytest.fixture
def stack(request: pytest.FixtureRequest, probe: Any, tmp_path: Path) -> Driver:
    """A fresh stack on the engine that `--engine` names."""
    if request.config.getoption("--engine") == "offline":
        return OfflineDriver(probe, tmp_path)
    if shutil.which("pulumi") is None:
        pytest.fail(
            "--engine pulumi: no `pulumi` on PATH; install it, or run the suite with --engine offline"
        )
    return PulumiDriver(probe, tmp_path)
