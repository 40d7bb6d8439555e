"""The training loop: what a step does, and where its time goes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedplate_training.batches import Batches
from bedplate_training.checkpoint import Checkpoints
from bedplate_training.clock import Clock, Phase
from bedplate_training.config import setting
from bedplate_training.errors import NotFinite, Problem
from bedplate_training.metrics import Metrics, Step
from bedplate_training.optimizer import OptimizerConfig
from bedplate_training.parallel import Spread

MEASURED_AT_LEAST = 10


@dataclass(frozen=True)
class LoopConfig:
    """How long to train. The first `warmup_steps` are done and told, but not measured."""

    steps: int = setting(30, at_least=1)
    warmup_steps: int = setting(5, at_least=0)
    accumulate: int = setting(1, at_least=1)
    evaluate_every: int = setting(0, at_least=0)
    evaluation_batches: int = setting(4, at_least=1)
    seed: int = setting(1234, at_least=0)

    def problems(self, path: str) -> list[Problem]:
        if self.steps - self.warmup_steps >= MEASURED_AT_LEAST:
            return []
        allowed = f"at least warmup_steps + {MEASURED_AT_LEAST} = {self.warmup_steps + MEASURED_AT_LEAST}"
        return [Problem(f"{path}.steps", self.steps, allowed, "fewer measured steps tell nothing")]


@dataclass(frozen=True)
class Evaluation:
    """Mean loss in nats and share of right answers over all processes, after `step` steps."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class History:
    """What this process saw since it started (a resumed run: since it was resumed)."""

    first_step: int
    steps: Sequence[Step]
    evaluations: Sequence[Evaluation]
    wall_seconds: float
    """From the first step's start to the end, checkpoints that were waited for included."""
    parts: dict[Phase, float]
    """The same time by phase; it sums to `wall_seconds`."""


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of each token or image."""
    return F.cross_entropy(logits.flatten(0, -2).float(), targets.flatten())


class Loop:
    """Trains a spread model from `start`, the number of steps that are done, to the end."""

    def __init__(
        self,
        spread: Spread,
        optimizer: torch.optim.Optimizer,
        batches: Batches,
        config: LoopConfig,
        rates: OptimizerConfig,
        metrics: Metrics,
        checkpoints: Checkpoints | None = None,
        validation: Callable[[], Batches] | None = None,
    ):
        self.spread, self.optimizer, self.batches = spread, optimizer, batches
        self.config, self.rates, self.metrics = config, rates, metrics
        self.checkpoints, self.validation = checkpoints, validation
        self.clock = Clock()
        self._told_at = 0.0

    def run(self, start: int = 0) -> History:
        """Train.

        Raises:
            NotFinite: on all processes in the same step, before the weights are changed.
            CheckpointError: a checkpoint could not be written or committed.
        """
        steps: list[Step] = []
        evaluations: list[Evaluation] = []
        totals = dict.fromkeys(Phase, 0.0)
        self.spread.model.train()
        self.clock = Clock()
        for number in range(start, self.config.steps):
            loss, norm, samples, tokens = self._step(number)
            done = number + 1
            if self.checkpoints is not None:
                self.clock.to(Phase.CHECKPOINT)
                self._checkpoint(self.checkpoints, done)
            if (
                self.validation is not None
                and self.config.evaluate_every
                and done % self.config.evaluate_every == 0
            ):
                self.clock.to(Phase.EVALUATION)
                evaluations.append(
                    evaluate(self.spread, self.validation(), self.config.evaluation_batches, done)
                )
                self.metrics.line("evaluation", vars(evaluations[-1]))
            self.clock.to(Phase.OTHER)
            parts = self.clock.lap()
            for phase, seconds in parts.items():
                totals[phase] += seconds
            steps.append(
                Step(
                    step=done,
                    loss=loss,
                    gradient_norm=norm,
                    learning_rate=self.rates.rate(number, self.config.steps),
                    samples=samples,
                    tokens=tokens,
                    seconds=sum(parts.values()),
                    compute_seconds=parts[Phase.COMPUTE],
                    parts={phase.value: seconds for phase, seconds in parts.items()},
                )
            )
            self.metrics.step(steps[-1])
        if self.checkpoints is not None:
            self.clock.to(Phase.CHECKPOINT)
            self.checkpoints.wait()
            self._tell_checkpoint(self.checkpoints)
        for phase, seconds in self.clock.lap().items():
            totals[phase] += seconds
        return History(start, steps, evaluations, sum(totals.values()), totals)

    def _step(self, number: int) -> tuple[float, float, int, int]:
        spread, clock = self.spread, self.clock
        total: Tensor | None = None
        samples = tokens = 0
        for part in range(self.config.accumulate):
            clock.to(Phase.DATA)
            inputs, targets = next(self.batches)
            clock.to(Phase.COMPUTE)
            samples += inputs.shape[0]
            tokens += targets.numel()
            inputs = inputs.to(spread.ranks.device, non_blocking=True)
            targets = targets.to(spread.ranks.device, non_blocking=True)
            with spread.part(last=part == self.config.accumulate - 1):
                loss = loss_of(spread.forward(inputs), targets) / self.config.accumulate
                loss.backward()  # type: ignore[no-untyped-call]
            total = loss.detach() if total is None else total + loss.detach()
        spread.ranks.synchronize()
        clock.move(spread.exposed_seconds(), Phase.COMPUTE, Phase.COLLECTIVE)
        assert total is not None
        norm = clip(spread.model, self.rates.clip_norm)
        clock.to(Phase.COLLECTIVE)
        mean = spread.ranks.mean(total)
        clock.to(Phase.COMPUTE)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            self.metrics.loss_not_finite(mean)
            raise NotFinite(
                f"step {number + 1}: loss {mean}, gradient norm {norm}; the weights are of step {number}. "
                "Lower optimizer.learning_rate, or take the last checkpoint and skip this batch; "
                "if it comes at another step when repeated, suspect the hardware"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates.rate(number, self.config.steps)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        spread.ranks.synchronize()
        return mean, norm, samples, tokens

    def _checkpoint(self, checkpoints: Checkpoints, done: int) -> None:
        checkpoints.poll()
        if checkpoints.due(done) or (done == self.config.steps and checkpoints.config.every_steps):
            checkpoints.save(done, self.batches.state_dict())
        self._tell_checkpoint(checkpoints)

    def _tell_checkpoint(self, checkpoints: Checkpoints) -> None:
        if checkpoints.committed_at != self._told_at:
            self._told_at = checkpoints.committed_at
            self.metrics.checkpoint(self._told_at)


def clip(model: nn.Module, norm: float) -> float:
    """Scale the gradients so that their norm over all processes is at most `norm`; the norm before."""
    total: Any = nn.utils.clip_grad_norm_(model.parameters(), norm)
    return float(total.full_tensor() if hasattr(total, "full_tensor") else total)


@torch.no_grad()
def evaluate(spread: Spread, batches: Batches, count: int, step: int) -> Evaluation:
    """Loss and accuracy over `count` batches of each process."""
    spread.model.eval()
    loss = torch.zeros((), device=spread.ranks.device)
    right = torch.zeros((), device=spread.ranks.device)
    for _ in range(count):
        inputs, targets = (part.to(spread.ranks.device) for part in next(batches))
        with spread.autocast():
            logits: Tensor = spread.model(inputs)
        loss += loss_of(logits, targets) / count
        right += (logits.argmax(dim=-1) == targets).float().mean() / count
    spread.model.train()
    batches.close()
    return Evaluation(step, spread.ranks.mean(loss), spread.ranks.mean(right))
