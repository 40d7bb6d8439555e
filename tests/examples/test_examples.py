"""Every example runs as its own text says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.xdist_group("examples")


def _run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _bedplate(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "bedplate.cli", "sandbox", *arguments], directory)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in _EXAMPLES.glob("*/Pulumi.yaml")))
def test_a_project_comes_up_is_stable_and_goes_down(name: str, tmp_path: Path) -> None:
    copy = tmp_path / name
    shutil.copytree(_EXAMPLES / name, copy)
    try:
        first = json.loads(_bedplate(copy, "up", "dev", "--json").stdout.splitlines()[-1])
        assert first["changes"]["create"] == first["resources"] > 0
        again = json.loads(_bedplate(copy, "up", "dev", "--json").stdout.splitlines()[-1])
        assert again["changes"]["same"] == first["resources"]
        assert json.loads(_bedplate(copy, "outputs", "dev", "--json").stdout)
        down = json.loads(_bedplate(copy, "destroy", "dev", "--json").stdout.splitlines()[-1])
        assert down["resources"] == 0
    finally:
        _bedplate(copy, "stop")


@pytest.mark.parametrize("name", sorted({path.parent.name for path in _EXAMPLES.glob("*/test_*.py")}))
def test_a_composition_passes_its_own_tests(name: str, tmp_path: Path) -> None:
    copy = tmp_path / name
    shutil.copytree(_EXAMPLES / name, copy)
    assert " passed" in _run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], copy).stdout


def test_every_example_is_run_by_one_of_these() -> None:
    directories = [path for path in _EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert directories
    for directory in directories:
        assert (directory / "Pulumi.yaml").is_file() or list(directory.glob("test_*.py")), directory
