"""The command line without an engine: usage, the project's root, the passphrase, the doctor."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bedplate import __version__
from bedplate.cli import main
from bedplate.sandbox import home as homes
from bedplate.sandbox.errors import UsageError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\nstackConfigDir: config\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "Pulumi.dev.yaml").write_text("config: {}\n")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    return tmp_path


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"bedplate {__version__}\n"


def test_the_command_line_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from bedplate.cli import main\n"
        "main(['--version'])\n"
        "heavy = {'pulumi', 'boto3', 'moto', 'grpc', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "required"),
        (["sandbox"], "required"),
        (["sandbox", "up"], "ENV"),
        (["sandbox", "up", "dev", "--parallel", "0"], "not a whole number of 1 or more"),
        (["sandbox", "up", "dev", "--engine", "terraform"], "offline"),
        (["frobnicate"], "doctor"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_allowed(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    assert said in capsys.readouterr().err


def test_the_root_is_found_upwards(project: Path) -> None:
    home = homes.find(project / "deep" / "down", environ={})
    assert home.root == project
    assert home.path == project / ".bedplate"
    assert home.backend_url == f"file://{project}/.bedplate/state"


def test_the_home_can_be_elsewhere(project: Path, tmp_path: Path) -> None:
    assert homes.find(project, environ={"BEDPLATE_HOME": str(tmp_path / "other")}).path == tmp_path / "other"


def test_outside_a_project_the_command_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "up", "dev", "--root", str(tmp_path)]) == 2
    assert "--root DIR" in capsys.readouterr().err


def test_an_unknown_environment_is_refused_with_those_that_exist(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "up", "prod", "--root", str(project)]) == 2
    error = capsys.readouterr().err
    assert "no environment 'prod'" in error
    assert "there is one of dev" in error
    assert not (project / ".bedplate").exists()


def test_pulumi_asked_for_but_absent_is_a_usage_error(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["sandbox", "up", "dev", "--root", str(project), "--engine", "pulumi"]) == 2
    assert "no `pulumi` on PATH" in capsys.readouterr().err


def test_outputs_before_the_first_up(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "outputs", "dev", "--root", str(project)]) == 1
    assert "bedplate sandbox up dev" in capsys.readouterr().err


def test_the_generated_passphrase_is_private_and_stays(project: Path) -> None:
    home = homes.find(project, environ={})
    first = homes.passphrase(home, environ={})
    assert len(first) >= 32
    assert stat.S_IMODE(home.passphrase_file.stat().st_mode) == 0o600
    assert homes.passphrase(home, environ={}) == first
    assert [file.name for file in home.path.iterdir() if file.is_file()] == ["passphrase"]


def test_the_users_own_passphrase_is_used(project: Path, tmp_path: Path) -> None:
    home = homes.find(project, environ={})
    assert homes.passphrase(home, environ={"PULUMI_CONFIG_PASSPHRASE": ""}) == ""
    file = tmp_path / "mine"
    file.write_text("open sesame\n")
    assert homes.passphrase(home, environ={"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}) == "open sesame"
    assert not home.passphrase_file.exists()
    with pytest.raises(UsageError, match="PULUMI_CONFIG_PASSPHRASE_FILE=/nope"):
        homes.passphrase(home, environ={"PULUMI_CONFIG_PASSPHRASE_FILE": "/nope"})


def test_reset_asks_and_deletes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = homes.find(project)
    homes.passphrase(home, environ={})
    assert main(["sandbox", "reset", "--root", str(project)]) == 2  # no terminal to ask on
    assert "--yes" in capsys.readouterr().err
    assert home.path.is_dir()
    assert main(["sandbox", "reset", "--yes", "--root", str(project)]) == 0
    assert not home.path.exists()


def _doctor(environ: dict[str, str], root: Path) -> tuple[int, dict[str, dict[str, str]]]:
    done = subprocess.run(
        [sys.executable, "-m", "bedplate.cli", "doctor", "--json", "--root", str(root)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    return done.returncode, {row["name"]: row for row in report["checks"]}


def test_the_doctor_names_fixes_and_shows_no_secret(project: Path, tmp_path: Path) -> None:
    environ = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "AKIASECRETID",
        "AWS_SECRET_ACCESS_KEY": "very-secret-key",
    }
    code, rows = _doctor(environ, project)
    assert code == 0
    assert rows["engine"]["status"] == "optional"
    assert "get.pulumi.com" in rows["engine"]["fix"]
    assert rows["plugin aws"]["fix"].startswith("pulumi plugin install resource aws v7.")
    assert rows["aws credentials"]["status"] == "ok"
    assert rows["gcp credentials"]["fix"]
    assert all(row["fix"] for row in rows.values() if row["status"] != "ok")
    assert "AKIASECRETID" not in json.dumps(rows)
    assert "very-secret-key" not in json.dumps(rows)


def test_the_doctor_finds_what_is_there(project: Path, tmp_path: Path) -> None:
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    for name, answer in {"pulumi": "v3.260.0", "pulumi-language-python": "", "uv": ""}.items():
        command = bin_directory / name
        command.write_text(f"#!/bin/sh\necho {answer}\n")
        command.chmod(0o755)
    wanted = {row["name"]: row for row in _doctor({"PATH": "", "HOME": str(tmp_path)}, project)[1].values()}
    version = wanted["plugin aws"]["fix"].split()[-1]
    (tmp_path / ".pulumi" / "plugins" / f"resource-aws-{version}").mkdir(parents=True)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("{}")
    path = os.pathsep.join([str(bin_directory), "/usr/bin", "/bin"])
    _, rows = _doctor({"PATH": path, "HOME": str(tmp_path)}, project)
    assert rows["engine"]["found"].startswith("pulumi 3.260.0 ")
    for name in ("python for pulumi", "plugin aws", "uv", "kubeconfig", "loopback", "packages"):
        assert rows[name]["status"] == "ok", rows[name]


def test_a_pulumi_that_does_not_run_is_reported(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "pulumi"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    code, rows = _doctor({"PATH": f"{tmp_path}:/bin:/usr/bin", "HOME": str(tmp_path)}, project)
    assert code == 1
    assert rows["engine"]["status"] == "missing"
    assert rows["engine"]["fix"]
