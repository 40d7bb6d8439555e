"""How Pulumi's own command is called, with a stand-in on PATH that writes down what it was given."""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from bedplate.cli import main
from bedplate.sandbox import home as homes
from bedplate.sandbox import pulumi_engine, variables

_STAND_IN = """#!{python}
import json, os, pathlib, sys
calls = pathlib.Path({calls!r})
arguments = sys.argv[1:]
if arguments == ["version"]:
    print("v3.260.0")
    sys.exit(0)
with calls.open("a") as out:
    out.write(json.dumps({{"arguments": arguments, "cwd": os.getcwd(), "environ": dict(os.environ)}}) + "\\n")
url = os.environ["PULUMI_BACKEND_URL"]
backend = pathlib.Path(url.removeprefix("file://")) / ".pulumi" / "stacks" / "demo"
backend.mkdir(parents=True, exist_ok=True)
if arguments[0] == "stack":
    (backend / "dev.json").write_text('{{"checkpoint": {{"latest": {{}}}}}}')
    sys.exit(0)
log = pathlib.Path(arguments[arguments.index("--event-log") + 1])
urn = "urn:pulumi:dev::demo::aws:s3/bucket:Bucket::data"
step = {{"op": "create", "urn": urn, "type": "aws:s3/bucket:Bucket", "logical": True, "detailedDiff": None}}
fails = {fails!r}
if fails:
    event = {{"severity": "error", "message": "no such subnet"}}
    log.write_text(json.dumps({{"diagnosticEvent": event}}) + "\\n")
    print("error: no such subnet")
    sys.exit(255)
resources = [{{"urn": urn}}, {{"urn": "urn:pulumi:dev::demo::pulumi:providers:aws::default_7_51_1"}}]
(backend / "dev.json").write_text(json.dumps({{"checkpoint": {{"latest": {{"resources": resources}}}}}}))
log.write_text(
    json.dumps({{"resOutputsEvent": {{"metadata": step}}}}) + "\\n"
    + json.dumps({{"summaryEvent": {{"resourceChanges": {{"create": 1, "same": 2}}}}}}) + "\\n"
)
print(" +  aws:s3/bucket:Bucket data created")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    home = homes.find(tmp_path, environ={})
    monkeypatch.setattr(
        variables,
        "for_pulumi",
        lambda home: {"PULUMI_DEBUG_PROVIDERS": "aws:1", "PULUMI_BACKEND_URL": home.backend_url},
    )
    assert home.root == tmp_path
    return tmp_path


def _install(root: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool = False) -> Path:
    calls = root / "calls.jsonl"
    directory = root / "bin"
    directory.mkdir()
    command = directory / "pulumi"
    command.write_text(_STAND_IN.format(python=sys.executable, calls=str(calls), fails=fails))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    return calls


def test_up_is_pulumis_own_command_with_the_sandboxs_variables(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = _install(root, monkeypatch)
    assert main(["sandbox", "up", "dev", "--root", str(root), "--json", "--parallel", "4"]) == 0
    captured = capsys.readouterr()
    made, up = (json.loads(line) for line in calls.read_text().splitlines())
    assert made["arguments"][:3] == ["stack", "init", "dev"]
    arguments = up["arguments"]
    assert arguments[:3] == ["up", "--yes", "--skip-preview"]
    assert arguments[arguments.index("--parallel") + 1] == "4"
    assert arguments[arguments.index("--color") + 1] == "never"
    assert up["cwd"] == str(root)
    assert up["environ"]["PULUMI_DEBUG_PROVIDERS"] == "aws:1"
    assert up["environ"]["PATH"].split(os.pathsep)[0] == str(root / ".venv" / "bin")
    assert "Engine: pulumi 3.260.0" in captured.err
    assert "data created" in captured.err
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert lines[0]["name"] == "data"
    duration = lines[-1].pop("duration_seconds")
    assert duration > 0
    assert lines[-1] == {
        "engine": "pulumi 3.260.0",
        "operation": "up",
        "environment": "dev",
        "changes": {"create": 1, "update": 0, "replace": 0, "delete": 0, "same": 2},
        "resources": 1,
    }


def test_the_stack_is_made_once_and_the_configuration_file_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _install(root, monkeypatch)
    for _ in range(2):
        assert main(["sandbox", "up", "dev", "--root", str(root)]) == 0
    commands = [json.loads(line)["arguments"] for line in calls.read_text().splitlines()]
    assert [command[0] for command in commands] == ["stack", "up", "up"]
    config = Path(commands[1][commands[1].index("--config-file") + 1])
    assert config.read_text() == (root / "Pulumi.dev.yaml").read_text()
    assert config.is_relative_to(root / ".bedplate")


def test_a_failure_ends_with_1_and_the_engines_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _install(root, monkeypatch, fails=True)
    assert main(["sandbox", "preview", "dev", "--root", str(root), "--json"]) == 1
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["ok"] is False
    assert summary["errors"] == ["no such subnet"]
    assert summary["operation"] == "preview"


def test_only_the_lock_of_a_dead_pulumi_on_this_machine_is_removed(root: Path) -> None:
    home = homes.find(root, environ={})
    locks = home.backend / ".pulumi" / "locks" / "organization" / "demo" / "dev"
    locks.mkdir(parents=True)
    true = shutil.which("true") or "/bin/true"
    dead, zombie = (os.posix_spawn(true, ["true"], {}) for _ in range(2))
    os.waitpid(dead, 0)
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    here = socket.gethostname()
    for name, pid, host in (
        ("dead", dead, here),
        ("zombie", zombie, here),
        ("live", os.getpid(), here),
        ("other", dead, "elsewhere"),
    ):
        (locks / f"{name}.json").write_text(json.dumps({"pid": pid, "hostname": host}))
    pulumi_engine.unlock_dead(home, "dev")
    os.waitpid(zombie, 0)
    assert sorted(lock.stem for lock in locks.iterdir()) == ["live", "other"]


def test_no_pulumi_is_no_error_unless_it_was_asked_for(tmp_path: Path) -> None:
    assert pulumi_engine.find({"PATH": str(tmp_path)}) is None
