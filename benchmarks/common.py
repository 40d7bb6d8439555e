"""A throw-away project, the command run on it, and the table that a benchmark prints."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Project:
    """A project directory with one environment."""

    root: Path
    environment: str

    def sandbox(self, operation: str, *more: str) -> tuple[dict[str, Any], float]:
        """One operation with the offline engine: its summary, and the wall time of the whole command in
        seconds.

        Raises RuntimeError with what the command said where it fails.
        """
        command = [sys.executable, "-m", "bedplate.cli", "sandbox", operation, self.environment]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, "--engine", "offline", "--json", "--root", str(self.root), *more],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{operation} of {self.environment} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1]), seconds

    def state(self) -> dict[str, Any]:
        """The latest deployment."""
        name = yaml.safe_load((self.root / "Pulumi.yaml").read_text())["name"]
        file = self.root / ".bedplate" / "state" / ".pulumi" / "stacks" / name / f"{self.environment}.json"
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return latest

    def stop(self) -> None:
        command = [sys.executable, "-m", "bedplate.cli", "sandbox", "stop", "--root", str(self.root)]
        subprocess.run(command, capture_output=True, check=True)


@contextmanager
def project(program: str | None = None, config: dict[str, str] | None = None) -> Iterator[Project]:
    """A project in a temporary directory: this repository's own aws-dev, or a program of its own."""
    with tempfile.TemporaryDirectory(prefix="bedplate-bench-") as name:
        root = Path(name)
        if program is None:
            shutil.copy(REPOSITORY / "Pulumi.yaml", root)
            shutil.copytree(REPOSITORY / "stacks", root / "stacks")
            made = Project(root, "aws-dev")
        else:
            (root / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
            (root / "__main__.py").write_text(program)
            (root / "Pulumi.bench.yaml").write_text(yaml.safe_dump({"config": config or {}}))
            made = Project(root, "bench")
        try:
            yield made
        finally:
            made.stop()


def machine() -> str:
    """What the figures were taken on; a figure without it says little."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def finish(name: str, figures: dict[str, object], goals: dict[str, bool]) -> int:
    """Print the figures and one JSON line; the exit code is 1 where a goal is missed."""
    print(f"{name} ({machine()})")
    for key, value in figures.items():
        print(f"  {key}: {value}")
    for goal, met in goals.items():
        print(f"  {'met' if met else 'MISSED'}: {goal}")
    print(json.dumps({"benchmark": name, "machine": machine(), **figures, "goals": goals}))
    return 0 if all(goals.values()) else 1
