"""Runs whose processes are killed under torchrun: the loss goes on as if nothing had been."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bedplate_training.checkpoint import CheckpointConfig, committed_steps
from bedplate_training.store import open_store

# Run by torchrun. A process kills itself where the plan says, once: torchrun counts the attempts.
WORKER = """
import json, os, signal, sys
from bedplate_training.batches import CalculatedBatches
from bedplate_training.config import parse
from bedplate_training.run import RunConfig, execute
from bedplate_training.store import open_store

settings, plan = json.loads(sys.argv[1])
rank, attempt = os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]

def die(at):
    if plan.get(attempt) == [rank, at]:
        os.kill(os.getpid(), signal.SIGKILL)

class Batches(CalculatedBatches):
    def __next__(self):
        die(f"batch {self.position}")
        return super().__next__()

def fault(operation, key):
    if operation == "put":
        step = key.split("step-")[1][:8]
        die(f"{'manifest' if key.endswith('.json') else 'part'} {int(step)}")

config = parse(RunConfig, settings)
execute(
    config,
    lambda config, split, ranks: Batches(config.shape, config.data.batch, ranks.rank, ranks.world, 3),
    lambda: open_store(config.checkpoint.url, fault=fault),
)
"""


def torchrun(
    directory: Path, plan: dict[str, list[str]], base: dict[str, Any], strategy: str = "ddp"
) -> list[dict[str, Any]]:
    """The lines of the first process over all attempts."""
    directory.mkdir()
    worker = directory / "worker.py"
    worker.write_text(WORKER)
    given = {
        **base,
        "parallel": {"strategy": strategy, "timeout_seconds": 120},
        "checkpoint": {"url": str(directory / "store"), "every_steps": 4},
        "metrics": {"directory": str(directory / "metrics")},
        "inference": {"requests": 0},
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *(f"--max-restarts={len(plan)}", "--monitor-interval=0.1"),
            *(str(worker), json.dumps([given, plan])),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = (directory / "metrics/steps-rank-0.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def losses(lines: list[dict[str, Any]]) -> dict[int, set[float]]:
    """Each loss that was seen of a step: more than one where a step was done again and differed."""
    found: dict[int, set[float]] = {}
    for line in lines:
        if line["event"] == "step":
            found.setdefault(line["step"], set()).add(line["loss"])
    return found


def starts(lines: list[dict[str, Any]]) -> list[int]:
    return [line["step"] for line in lines if line["event"] == "start"]


def test_killed_processes_change_nothing_in_the_loss(tmp_path: Path, settings: dict[str, Any]) -> None:
    whole = losses(torchrun(tmp_path / "whole", {}, settings))
    assert len(whole) == 14
    # In mid-run; while its part is written; when all parts are written and the commit is about to be made.
    plan = {"0": ["1", "batch 6"], "1": ["1", "part 8"], "2": ["0", "manifest 12"]}
    killed = torchrun(tmp_path / "killed", plan, settings)
    assert starts(killed) == [0, 4, 4, 8]
    assert losses(killed) == whole
    left = committed_steps(open_store(tmp_path / "killed/store"), CheckpointConfig())
    assert left == [14, 12]
