"""The inference phase: requests one after the other, with the latency of each."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from bedplate_training.batches import Batches
from bedplate_training.config import setting
from bedplate_training.errors import Problem
from bedplate_training.model import Gpt
from bedplate_training.parallel import Spread


@dataclass(frozen=True)
class InferenceConfig:
    """Requests after training; 0 leaves the phase out. A request of a GPT is a prompt and `new_tokens`
    after it.
    """

    requests: int = setting(20, at_least=0)
    warmup_requests: int = setting(2, at_least=0)
    batch_size: int = setting(1, at_least=1)
    prompt_tokens: int = setting(32, at_least=1)
    new_tokens: int = setting(16, at_least=1)

    def problems(self, path: str) -> list[Problem]:
        return []


@dataclass(frozen=True)
class Latency:
    """Percentiles of seconds, by nearest rank: each is a time that was measured."""

    count: int
    p50_seconds: float
    p95_seconds: float
    p99_seconds: float
    longest_seconds: float

    @staticmethod
    def of(seconds: Sequence[float]) -> "Latency":
        ordered = sorted(seconds)
        assert ordered

        def rank(share: float) -> float:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

        return Latency(len(ordered), rank(0.50), rank(0.95), rank(0.99), ordered[-1])


@dataclass(frozen=True)
class Inference:
    """What was measured. For images there is no first token, and an item is an image instead of a token."""

    request: Latency
    first_token: Latency | None
    next_token: Latency | None
    items_per_second: float
    wall_seconds: float


@torch.no_grad()
def generate(model: Gpt, prompt: Tensor, count: int, marks: list[float] | None = None) -> Tensor:
    """The `count` most likely tokens after `prompt`, with cached keys and values; `marks` gets each token's
    time.
    """
    logits, cache = model.extend(prompt, None)
    found: list[Tensor] = []
    for number in range(count):
        token = logits[:, -1:].argmax(dim=-1)
        found.append(token)
        if marks is not None:
            if token.is_cuda:
                torch.cuda.synchronize(token.device)
            marks.append(time.perf_counter())
        if number < count - 1:
            logits, cache = model.extend(token, cache)
    return torch.cat(found, dim=1)


@torch.no_grad()
def measure_inference(spread: Spread, batches: Batches, config: InferenceConfig) -> Inference:
    """Serve `config.requests` requests on this process, after a warm-up."""
    model = spread.model
    model.eval()
    requests: list[float] = []
    firsts: list[float] = []
    nexts: list[float] = []
    items = 0
    for number in range(config.warmup_requests + config.requests):
        inputs = next(batches)[0][: config.batch_size].to(spread.ranks.device)
        marks: list[float] = []
        spread.ranks.synchronize()
        start = time.perf_counter()
        with spread.autocast():
            if isinstance(model, Gpt):
                generate(model, inputs[:, : config.prompt_tokens], config.new_tokens, marks)
            else:
                model(inputs)
        spread.ranks.synchronize()
        end = time.perf_counter()
        if number < config.warmup_requests:
            continue
        requests.append(end - start)
        items += inputs.shape[0] * (config.new_tokens if marks else 1)
        if marks:
            firsts.append(marks[0] - start)
            nexts += [later - earlier for earlier, later in pairwise(marks)]
    model.train()
    batches.close()
    return Inference(
        request=Latency.of(requests),
        first_token=Latency.of(firsts) if firsts else None,
        next_token=Latency.of(nexts) if nexts else None,
        items_per_second=items / sum(requests),
        wall_seconds=sum(requests),
    )
