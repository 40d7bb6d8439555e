"""Drives Pulumi's own engine against the sandbox: the command a user would type, with the right variables."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bedplate.sandbox import event_log, stack_files, variables
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import Home
from bedplate.sandbox.outcome import CHANGES, Outcome
from bedplate.sandbox.task import Task

_FLAGS = {
    "up": ["--yes", "--skip-preview"],
    "refresh": ["--yes", "--skip-preview"],
    "destroy": ["--yes", "--skip-preview"],
    "preview": [],
}


@dataclass(frozen=True)
class PulumiCommand:
    """The `pulumi` command that was found, and the version that it reports, e.g. 3.260.0."""

    path: Path
    version: str


def find(environ: Mapping[str, str] = os.environ) -> PulumiCommand | None:
    """The command on PATH, or None. Raises UsageError for one that does not run."""
    path = shutil.which("pulumi", path=environ.get("PATH"))
    if path is None:
        return None
    try:
        answer = subprocess.run(
            [path, "version"],
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"{path} is on PATH but `pulumi version` fails ({error}); repair it or choose --engine offline"
        ) from error
    # A build from source reports no version.
    return PulumiCommand(Path(path), answer.stdout.strip().removeprefix("v") or "(built from source)")


def not_found() -> UsageError:
    return UsageError(
        "--engine pulumi: no `pulumi` on PATH; install it (https://www.pulumi.com/docs/install/) or leave "
        "--engine out to use the offline engine"
    )


def run(pulumi: PulumiCommand, home: Home, task: Task, people: TextIO, machine: TextIO) -> Outcome:
    """Run one operation. Pulumi writes its own progress to `people`; with `task.machine` each finished step
    is a JSON line on `machine`. After Ctrl-C, which Pulumi gets too, this waits for its orderly end.
    """
    began = time.monotonic()
    config = stack_files.stack_file(home.root, task.environment)
    environ = _environ(home)
    unlock_dead(home, task.environment)
    copy = _stack_copy(pulumi, home, task.environment, config, environ)
    with tempfile.TemporaryDirectory(prefix="events.", dir=home.path) as scratch:
        code, interrupted, record = 0, False, event_log.read(Path(scratch) / "none")
        # What is protected stops a plan, and only single steps of a destroy: half would be gone by then.
        plans = [["--preview-only"]] if task.operation == "destroy" else []
        for number, flags in enumerate([*plans, _FLAGS[task.operation]]):
            log = Path(scratch) / f"events-{number}.jsonl"
            command = [
                str(pulumi.path), task.operation, *flags,
                "--stack", task.environment, "--non-interactive", "--event-log", str(log),
                "--config-file", str(copy), "--parallel", str(task.parallel),
                "--color", "always" if task.color else "never",
            ]  # fmt: skip
            if task.full_diff:
                command.append("--diff")
            if task.operation in ("preview", "up"):
                command += _policies(task)
            code, interrupted = _stream(command, home.root, environ, people)
            record = event_log.read(log)
            if code or interrupted:
                if number < len(plans):
                    record = dataclasses.replace(record, changes=dict.fromkeys(CHANGES, 0), lines=())
                break
    if task.machine:
        for line in record.lines:
            print(json.dumps(line), file=machine, flush=True)
    errors = list(record.errors)
    if interrupted:
        errors.append("stopped by Ctrl-C")
    if code != 0 and not errors:
        errors.append(f"pulumi {task.operation} ended with exit code {code}; what it said is above")
    return Outcome(
        engine=f"pulumi {pulumi.version}",
        ok=code == 0,
        changes=record.changes,
        resources=stack_files.resource_count(home, task.environment),
        duration_seconds=time.monotonic() - began,
        errors=tuple(errors) if code else (),
        interrupted=interrupted,
    )


def _policies(task: Task) -> list[str]:
    """Pulumi pairs packs and configurations by their order, as we do."""
    packs = task.policy_packs
    return [
        *(part for path, _ in packs for part in ("--policy-pack", str(path))),
        *(part for _, config in packs if config for part in ("--policy-pack-config", str(config))),
    ]


def unlock_dead(home: Home, environment: str) -> list[Path]:
    """Remove the locks of a `pulumi` that was killed on this machine; returns them. A live one's stay."""
    name = str(stack_files.project(home.root)["name"])
    removed = []
    for lock in (home.backend / ".pulumi" / "locks" / "organization" / name / environment).glob("*.json"):
        holder = json.loads(lock.read_text())
        if holder.get("hostname") == os.uname().nodename and not _runs(int(holder["pid"])):
            lock.unlink()
            removed.append(lock)
    return removed


def _runs(pid: int) -> bool:
    """Whether the process still runs. A killed one that nobody has waited for (a zombie) does not."""
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        # The state follows the command's name, which is in brackets and may hold anything.
        return status.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _environ(home: Home) -> dict[str, str]:
    environ = {**os.environ, **variables.for_pulumi(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    # `--event-log` is offered only with this.
    environ["PULUMI_DEBUG_COMMANDS"] = "true"
    # The environment's tools come first: Pulumi looks for `uv`, and the program's Python, on PATH.
    tools = [str(home.root / ".venv" / "bin"), str(Path(sys.executable).parent)]
    environ["PATH"] = os.pathsep.join([*tools, environ.get("PATH", os.defpath)])
    # `make setup` has made the environment from the lock file; Pulumi's `uv sync` has nothing to resolve.
    environ.setdefault("UV_FROZEN", "1")
    return environ


def _stack_copy(
    pulumi: PulumiCommand, home: Home, environment: str, config: Path, environ: Mapping[str, str]
) -> Path:
    """The environment's configuration beside the state, and the stack made where there is none.

    Pulumi writes the salt of its passphrase into the configuration file. Here the passphrase belongs to the
    sandbox, so the salt goes into a copy: a file under version control does not change by trying it.
    """
    directory = home.path / "pulumi"
    directory.mkdir(exist_ok=True)
    name = str(stack_files.project(home.root)["name"])
    (directory / "Pulumi.yaml").write_text(json.dumps({"name": name, "runtime": "python"}))
    copy = directory / f"Pulumi.{environment}.yaml"
    shutil.copyfile(config, copy)
    if stack_files.checkpoint_file(home, environment) is None:
        made = subprocess.run(
            [str(pulumi.path), "stack", "init", environment, "--no-select", "--non-interactive"],
            cwd=directory,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise UsageError(f"pulumi stack init {environment}: {made.stderr.strip() or made.stdout.strip()}")
    return copy


def _stream(command: list[str], root: Path, environ: Mapping[str, str], people: TextIO) -> tuple[int, bool]:
    """Run with the output going to `people` as it comes; returns the exit code and whether Ctrl-C came."""
    interrupted = False
    people.flush()
    with subprocess.Popen(
        command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        while True:
            try:
                for line in process.stdout:
                    people.write(line)
                    people.flush()
                return process.wait(), interrupted
            except KeyboardInterrupt:
                interrupted = True  # Pulumi has got the signal as well and finishes what it has begun
