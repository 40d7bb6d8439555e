"""A copy of this repository's project in a directory of its own, and the command run on it as a user
would.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """One finished command."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        return self.lines[-1]

    def changed(self) -> dict[str, str]:
        """Names of the resources that this run touched, with the operation."""
        done = [line for line in self.lines if line.get("phase") == "done"]
        return {line["name"]: line["op"] for line in done if line["op"] not in ("same", "read", "refresh")}


@dataclass
class ProjectCopy:
    """A project on disk and the engine that its commands use."""

    root: Path
    engine: str
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "bedplate.cli", "sandbox", *arguments, "--root", str(self.root)]

    def environ(self) -> Mapping[str, str]:
        tools = str(Path(sys.executable).parent)
        return {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", **self.variables}

    def run(self, *arguments: str) -> Run:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def operate(self, operation: str, environment: str = "aws-dev", *more: str) -> Run:
        """The operation with --json; a failure shows what the command said."""
        run = self.run(operation, environment, "--engine", self.engine, "--json", *more)
        assert run.code == 0, "\n".join(run.stderr.splitlines()[-40:]) + run.stdout.splitlines()[-1]
        return run

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of this project's sandbox, with nothing but what `serve` prints."""
        served = self.served()
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region or self.region,
            endpoint_url=served["AWS_ENDPOINT_URL"],
            aws_access_key_id=served["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=served["AWS_SECRET_ACCESS_KEY"],
        )

    def served(self) -> dict[str, str]:
        """What `serve` prints."""
        found: dict[str, str] = json.loads(self.run("serve", "--json").stdout)
        return found

    @property
    def config_file(self) -> Path:
        return self.root / "stacks" / "config" / "Pulumi.aws-dev.yaml"

    @property
    def region(self) -> str:
        config = yaml.safe_load(self.config_file.read_text())["config"]
        found: str = config["aws:region"]
        return found


def engines() -> list[str]:
    """Both engines where `pulumi` is on PATH."""
    return ["offline", *(["pulumi"] if shutil.which("pulumi") else [])]


@pytest.fixture(scope="module", params=engines())
def project_copy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProjectCopy]:
    """This repository's own project; the virtual environment is the one that runs the tests."""
    copy = copy_project(tmp_path_factory.mktemp("project"), request.param)
    yield copy
    copy.run("stop")


def copy_project(directory: Path, engine: str) -> ProjectCopy:
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    # The copy has no pyproject.toml for the toolchain to install from; Pulumi takes the `python` on PATH
    # instead.
    project["runtime"] = "python"
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    shutil.copytree(REPOSITORY / "stacks", directory / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    return ProjectCopy(directory, engine)
