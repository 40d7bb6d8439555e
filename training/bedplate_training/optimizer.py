"""AdamW with a warm-up and a cosine to a floor. The rate is a function of the step: there is no state to
lose.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from bedplate_training.config import setting
from bedplate_training.errors import Problem


@dataclass(frozen=True)
class OptimizerConfig:
    """Settings of AdamW and of its schedule."""

    learning_rate: float = setting(3e-3, above=0, at_most=1)
    weight_decay: float = setting(0.1, at_least=0, at_most=1)
    beta1: float = setting(0.9, at_least=0, at_most=0.9999)
    beta2: float = setting(0.95, at_least=0, at_most=0.99999)
    rate_warmup_steps: int = setting(5, at_least=0)
    floor: float = setting(0.1, at_least=0, at_most=1, fix="it is a share of learning_rate")
    clip_norm: float = setting(1.0, above=0, fix="a large number clips nothing")

    def problems(self, path: str) -> list[Problem]:
        return []

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of `steps` in all."""
        if step < self.rate_warmup_steps:
            return self.learning_rate * (step + 1) / self.rate_warmup_steps
        span = max(1, steps - self.rate_warmup_steps)
        done = min(1.0, (step - self.rate_warmup_steps) / span)
        return self.learning_rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done)))


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over the model's parameters; vectors (norms, biases) do not decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2))
