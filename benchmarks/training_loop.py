"""What the workload's loop costs over a bare loop of the same model: goal under 3%.

Both train the same model on the same batches, in turns within one process, without checkpoints. Run it in the
environment of `make test-training`: .venv-training/bin/python benchmarks/training_loop.py
"""

import argparse
import json
import statistics
import sys
import time

import torch

from bedplate_training.batches import CalculatedBatches
from bedplate_training.config import parse
from bedplate_training.loop import Loop, loss_of
from bedplate_training.metrics import Metrics, MetricsConfig
from bedplate_training.optimizer import build_optimizer
from bedplate_training.parallel import ParallelConfig, Ranks, Spread, process_group
from bedplate_training.run import RunConfig, build_model

GOAL = 0.03


def bare(config: RunConfig, ranks: Ranks) -> float:
    """Seconds of a step of a loop that does nothing but train."""
    model = build_model(config, ranks).to(ranks.device)
    optimizer = build_optimizer(model, config.optimizer)
    batches = CalculatedBatches(config.shape, config.data.batch, 0, 1, 1)
    times = []
    for _ in range(config.loop.steps):
        start = time.perf_counter()
        inputs, targets = (part.to(ranks.device) for part in next(batches))
        loss = loss_of(model(inputs), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ranks.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[config.loop.warmup_steps :])


def ours(config: RunConfig, ranks: Ranks) -> float:
    """Seconds of a step of the workload's loop, its metrics included."""
    spread = Spread(build_model(config, ranks), config.parallel, ranks)
    optimizer = build_optimizer(spread.model, config.optimizer)
    batches = CalculatedBatches(config.shape, config.data.batch, 0, 1, 1)
    metrics = Metrics(MetricsConfig(), 0, 0)
    history = Loop(spread, optimizer, batches, config.loop, config.optimizer, metrics).run()
    return statistics.median(step.seconds for step in history.steps[config.loop.warmup_steps :])


def main() -> int:
    """Print the medians of the rounds; exit code 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    config = parse(RunConfig, {"loop": {"steps": options.steps, "warmup_steps": 5}})
    ratios, steps = [], []
    with process_group(ParallelConfig()) as ranks:
        for number in range(options.rounds):
            # In turns, so that what else the machine does meets both.
            order = (bare, ours) if number % 2 else (ours, bare)
            seconds = {run: run(config, ranks) for run in order}
            ratios.append(seconds[ours] / seconds[bare] - 1)
            steps.append(seconds[bare])
    overhead = statistics.median(ratios)
    print(
        json.dumps(
            {
                "bare_step_seconds": statistics.median(steps),
                "overhead": overhead,
                "overhead_lowest": min(ratios),
                "overhead_highest": max(ratios),
                "goal": GOAL,
            }
        )
    )
    return 0 if overhead < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
