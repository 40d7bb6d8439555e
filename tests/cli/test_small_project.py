"""A project of a user's own with one resource: secrets, failures, Ctrl-C, and Pulumi's variables."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bedplate.sandbox import home as homes
from bedplate.sandbox.engine.secrets import Passphrase

pytestmark = pytest.mark.xdist_group("small-project")

_PROGRAM = """
import time
import pulumi
from pulumi_aws import s3

config = pulumi.Config()
token = config.require_secret("token")
s3.Bucket("data", tags={"owner": config.get("owner") or "me"})
if config.get_bool("broken"):
    raise ValueError("broken on purpose")
if config.get_bool("slow"):
    print("sleeping", flush=True)
    time.sleep(60)
pulumi.export("token", token)
pulumi.export("derived", token.apply(lambda text: {"header": f"Bearer {text}"}))
"""
_TOKEN = "hunter2-in-plain-text"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("small")
    (root / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (root / "__main__.py").write_text(_PROGRAM)
    passphrase = Passphrase(homes.passphrase(homes.find(root, environ={}), environ={}), None)
    secured = {"secure": passphrase.encrypt(_TOKEN)}
    config = {"aws:region": "eu-west-1", "small:token": secured}
    (root / "Pulumi.dev.yaml").write_text(
        yaml.safe_dump({"encryptionsalt": passphrase.salt, "config": config})
    )
    yield root
    _bedplate(root, "stop")


def _command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "bedplate.cli", "sandbox", *arguments, "--root", str(root)]


def _environ() -> dict[str, str]:
    tools = str(Path(sys.executable).parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return {**kept, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def _bedplate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(root, *arguments), env=_environ(), capture_output=True, text=True, check=False, timeout=120
    )


def _with(root: Path, **settings: str) -> str:
    """Set configuration values; returns the file's text from before."""
    file = root / "Pulumi.dev.yaml"
    before = file.read_text()
    document = yaml.safe_load(before)
    document["config"].update({f"small:{name}": value for name, value in settings.items()})
    file.write_text(yaml.safe_dump(document))
    return before


def test_a_secret_of_the_configuration_is_in_no_file_and_no_output(root: Path) -> None:
    up = _bedplate(root, "up", "dev", "--diff")
    assert up.returncode == 0, up.stdout + up.stderr
    assert re.search(r"token *: \[secret\]", up.stdout)
    assert _TOKEN not in up.stdout + up.stderr
    files = [path for path in (root / ".bedplate").rglob("*") if path.is_file()]
    assert any(path.name == "dev.json" for path in files)
    assert [path for path in files if _TOKEN.encode() in path.read_bytes()] == []


def test_secret_outputs_are_shown_only_when_asked_for(root: Path) -> None:
    assert _bedplate(root, "up", "dev").returncode == 0
    hidden = json.loads(_bedplate(root, "outputs", "dev", "--json").stdout)
    assert hidden == {"token": "[secret]", "derived": "[secret]"}
    shown = json.loads(_bedplate(root, "outputs", "dev", "--json", "--show-secrets").stdout)
    assert shown == {"token": _TOKEN, "derived": {"header": f"Bearer {_TOKEN}"}}
    assert "token: [secret]" in _bedplate(root, "outputs", "dev").stdout


def test_another_passphrase_is_refused_with_what_to_do(root: Path) -> None:
    done = subprocess.run(
        _command(root, "up", "dev", "--engine", "offline", "--json"),
        env={**_environ(), "PULUMI_CONFIG_PASSPHRASE": "wrong"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "PULUMI_CONFIG_PASSPHRASE" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is False


def test_a_failing_program_ends_with_1_and_its_own_words(root: Path) -> None:
    before = _with(root, broken="true")
    done = _bedplate(root, "up", "dev", "--json")
    (root / "Pulumi.dev.yaml").write_text(before)
    assert done.returncode == 1
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["ok"] is False
    assert any("broken on purpose" in error for error in summary["errors"])
    assert "broken on purpose" in done.stderr


def test_ctrl_c_ends_in_order_and_the_next_run_goes_on(root: Path) -> None:
    before = _with(root, slow="true")
    process = subprocess.Popen(
        _command(root, "up", "dev", "--engine", "offline", "--json"),
        env=_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(6)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    out, err = process.communicate(timeout=30)
    (root / "Pulumi.dev.yaml").write_text(before)
    assert process.returncode == 130, err
    assert "stopped by Ctrl-C" in err
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["ok"] is False
    assert _bedplate(root, "up", "dev").returncode == 0


def test_serve_prints_what_a_shell_can_evaluate(root: Path) -> None:
    shell = f'eval "$({" ".join(_command(root, "serve"))})" && env'
    done = subprocess.run(["bash", "-c", shell], env=_environ(), capture_output=True, text=True, check=True)
    served = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert served["PULUMI_DEBUG_PROVIDERS"].startswith("aws:")
    assert served["PULUMI_BACKEND_URL"] == (root / ".bedplate" / "state").as_uri()
    assert Path(served["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text().strip()
    assert served["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    # A second call finds the same server.
    assert (
        json.loads(_bedplate(root, "serve", "--json").stdout)["AWS_ENDPOINT_URL"]
        == served["AWS_ENDPOINT_URL"]
    )


def test_serve_in_the_foreground_stops_the_sandbox_at_ctrl_c(root: Path) -> None:
    process = subprocess.Popen(
        _command(root, "serve", "--foreground"),
        env=_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "Ctrl-C stops it" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "The sandbox has stopped." in err


def test_the_content_survives_a_stop(root: Path) -> None:
    assert _bedplate(root, "up", "dev").returncode == 0
    assert json.loads(_bedplate(root, "stop", "--json").stdout) == {"stopped": True}
    refreshed = _bedplate(root, "refresh", "dev", "--json")
    summary = json.loads(refreshed.stdout.splitlines()[-1])
    assert summary["changes"]["same"] == summary["resources"]


def test_types_say_where_each_is_kept(root: Path) -> None:
    kept = json.loads(_bedplate(root, "types", "--json").stdout)["aws"]
    assert kept["aws:s3/bucket:Bucket"] == "moto"
    assert set(kept.values()) == {"moto", "store"}
