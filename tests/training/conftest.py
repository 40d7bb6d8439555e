"""Fixtures of the training workload's tests: a small model, batches that need no store, one process."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

if find_spec("torch") is None:
    raise pytest.UsageError(
        "the workload's tests need PyTorch; install it and run them with: make test-training"
    )

# Before torch is imported: two processes of a test would else fight for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from bedplate_training.config import parse
from bedplate_training.parallel import ParallelConfig, Ranks, process_group
from bedplate_training.run import RunConfig

SMALL: dict[str, Any] = {
    "gpt": {"size": "custom", "width": 32, "layers": 2, "heads": 2, "hidden": 64, "sequence_length": 16},
    "loop": {"steps": 14, "warmup_steps": 2},
    "inference": {"requests": 3, "warmup_requests": 1, "prompt_tokens": 4, "new_tokens": 3},
}


@pytest.fixture
def settings() -> dict[str, Any]:
    """The settings of a run with a model of 25 thousand parameters, as a file gives them."""
    return dict(SMALL)


@pytest.fixture
def small(settings: dict[str, Any]) -> RunConfig:
    """The same as a run's configuration."""
    torch.set_num_threads(1)
    return parse(RunConfig, settings)


@pytest.fixture
def alone() -> Iterator[Ranks]:
    """A process group of this process only."""
    with process_group(ParallelConfig()) as ranks:
        yield ranks
    torch.use_deterministic_algorithms(False)
