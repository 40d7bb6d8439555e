"""One training run: settings in, model, data and checkpoints put together, results out."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bedplate_training.batches import Batches, CalculatedBatches, StoreBatches
from bedplate_training.checkpoint import CheckpointConfig, Checkpoints
from bedplate_training.config import setting
from bedplate_training.corpus import write_digits, write_text
from bedplate_training.data import DataConfig
from bedplate_training.data_shards import ShardConfig
from bedplate_training.errors import CheckpointError, ConfigError, Problem
from bedplate_training.flops import training_flop_per_sample
from bedplate_training.image_model import Vit, VitConfig
from bedplate_training.inference import Inference, InferenceConfig, measure_inference
from bedplate_training.loop import Evaluation, History, Loop, LoopConfig, evaluate
from bedplate_training.metrics import Metrics, MetricsConfig
from bedplate_training.model import Gpt, GptConfig
from bedplate_training.optimizer import OptimizerConfig, build_optimizer
from bedplate_training.parallel import ParallelConfig, Ranks, Spread, make_deterministic, process_group
from bedplate_training.store import Store, StoreOptions, open_store


@dataclass(frozen=True)
class RunConfig:
    """All settings of a run.

    `data_url` is the store of the data set: s3://bucket/prefix, gs://bucket/prefix, file:///directory or a
    path. Without one, batches are calculated: that measures computing, not storage.
    """

    model: str = setting("gpt", choices=("gpt", "vit"))
    data_url: str = setting("")
    data: DataConfig = field(default_factory=DataConfig)
    pin_memory: bool = setting(True, fix="it has an effect where there is a GPU")
    gpt: GptConfig = field(default_factory=GptConfig)
    vit: VitConfig = field(default_factory=VitConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    store: StoreOptions = field(default_factory=StoreOptions)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    inference: InferenceConfig = field(default_factory=InferenceConfig)

    def problems(self, path: str) -> list[Problem]:
        found = []
        prompt, length = self.inference.prompt_tokens, self.gpt.sequence_length
        if self.model == "gpt" and self.inference.requests and prompt > length:
            allowed = f"at most gpt.sequence_length = {length}"
            found.append(
                Problem("inference.prompt_tokens", prompt, allowed, "prompts are cut from sequences")
            )
        if self.model == "vit" and self.parallel.precision == "float8":
            fix = "set parallel.precision=bfloat16"
            found.append(Problem("parallel.precision", "float8", "float8 with model gpt", fix))
        return found

    @property
    def shape(self) -> GptConfig | VitConfig:
        return self.gpt if self.model == "gpt" else self.vit


OpenBatches = Callable[[RunConfig, str, Ranks], Batches]
"""Batches of a split ("train", "eval") for one process."""


def open_batches(config: RunConfig, split: str, ranks: Ranks) -> Batches:
    """From the data set's part "train" or "eval"; calculated where there is no `data_url`."""
    if not config.data_url:
        seed = config.data.seed + (0 if split == "train" else 7_919)
        return CalculatedBatches(config.shape, config.data.batch, ranks.rank, ranks.world, seed)
    store = open_store(config.data_url, options=config.store)
    data = dataclasses.replace(
        config.data, prefix=f"{config.data.prefix.rpartition('/')[0]}/{split}".lstrip("/")
    )
    pin = config.pin_memory and ranks.cuda
    return StoreBatches(store, data, config.shape, ranks.rank, ranks.world, pin)


def write_data(config: RunConfig, shards: ShardConfig) -> str:
    """Write the packaged text or images, as the model wants them, to `data_url`; the data set's place in it.

    Raises:
        ConfigError: there is no `data_url`.
    """
    if not config.data_url:
        raise ConfigError([Problem("data_url", "", "s3://, gs://, file:// or a path", "say where to write")])
    store = open_store(config.data_url, options=config.store)
    place = config.data.prefix.rpartition("/")[0]
    if config.model == "gpt":
        write_text(store, place, config.gpt.sequence_length, shards)
    else:
        write_digits(store, place, shards)
    store.close()
    return place


@dataclass(frozen=True)
class RunResult:
    """What a process measured. Rates are over the measured steps, those after `warmup_steps`, of all
    processes.
    """

    config: RunConfig
    rank: int
    world: int
    device: str
    parameters: int
    resumed_from: int
    history: History
    measured_steps: int
    step_seconds: float
    tokens_per_second: float
    samples_per_second: float
    flop_per_step: int
    flop_per_second: float
    collectives_timed: bool
    peak_memory_bytes: int
    evaluation: Evaluation
    inference: Inference | None
    inference_flop: int

    def as_data(self) -> dict[str, Any]:
        """JSON-able."""
        return dataclasses.asdict(self)


def build_model(config: RunConfig, ranks: Ranks) -> nn.Module:
    """The model with its initial weights: the same on each process."""
    make_deterministic(config.loop.seed, config.parallel.deterministic)
    if config.model == "gpt":
        with ranks.device:
            return Gpt(config.gpt)
    with ranks.device:
        return Vit(config.vit)


def execute(
    config: RunConfig,
    open_batches: OpenBatches = open_batches,
    open_checkpoints: Callable[[], Store] | None = None,
) -> RunResult:
    """Join the process group, resume if there is a checkpoint, train, evaluate, infer."""
    with process_group(config.parallel) as ranks:
        spread = Spread(build_model(config, ranks), config.parallel, ranks)
        optimizer = build_optimizer(spread.model, config.optimizer)
        batches = open_batches(config, "train", ranks)
        store, checkpoints, start = None, None, 0
        if config.checkpoint.every_steps and (config.checkpoint.url or open_checkpoints):
            opener = open_checkpoints or (lambda: open_store(config.checkpoint.url, options=config.store))
            store = opener()
            fingerprint = json.dumps({config.model: dataclasses.asdict(config.shape)}, sort_keys=True)
            checkpoints = Checkpoints(store, config.checkpoint, ranks, spread.model, optimizer, fingerprint)
            start = _resume(checkpoints, batches, ranks)
        extra = store.counters.samples if store is not None else lambda: ()
        metrics = Metrics(config.metrics, ranks.rank, ranks.local_rank, extra)
        try:
            metrics.line("start", {"step": start, "world": ranks.world})
            loop = Loop(
                spread, optimizer, batches, config.loop, config.optimizer, metrics, checkpoints,
                lambda: open_batches(config, "eval", ranks),
            )  # fmt: skip
            history = loop.run(start)
            count = config.loop.evaluation_batches
            evaluation = evaluate(spread, open_batches(config, "eval", ranks), count, config.loop.steps)
            inference = None
            if config.inference.requests:
                validation = open_batches(config, "eval", ranks)
                inference = measure_inference(spread, validation, config.inference)
            result = _result(config, ranks, spread, start, history, evaluation, inference)
            if config.metrics.directory:
                path = Path(config.metrics.directory) / f"result-rank-{ranks.rank}.json"
                path.write_text(json.dumps(result.as_data(), indent=1))
            return result
        finally:
            metrics.close()
            batches.close()
            if store is not None:
                store.close()


def _resume(checkpoints: Checkpoints, batches: Batches, ranks: Ranks) -> int:
    saved = checkpoints.load()
    if saved is None:
        return 0
    if len(saved.data) != ranks.world and any(state != saved.data[0] for state in saved.data):
        raise CheckpointError(
            f"the checkpoint was written by {len(saved.data)} processes at different places in the data; "
            f"{ranks.world} cannot go on from there: start as many as before"
        )
    batches.load_state_dict(saved.data[ranks.rank if len(saved.data) == ranks.world else 0])
    return saved.step


def _result(
    config: RunConfig,
    ranks: Ranks,
    spread: Spread,
    start: int,
    history: History,
    evaluation: Evaluation,
    inference: Inference | None,
) -> RunResult:
    measured = history.steps[config.loop.warmup_steps :]
    seconds = sum(step.seconds for step in measured)
    samples = sum(step.samples for step in measured) * ranks.world
    tokens = sum(step.tokens for step in measured) * ranks.world
    per_sample = training_flop_per_sample(config.shape)
    per_step = per_sample * config.data.batch * config.loop.accumulate * ranks.world
    served = 0
    if inference is not None:
        # Forward only, and a GPT's request is a prompt and one pass for each new token but the last.
        share = 1.0
        if isinstance(config.shape, GptConfig):
            length = config.inference.prompt_tokens + config.inference.new_tokens - 1
            share = length / config.shape.sequence_length
        size = min(config.inference.batch_size, config.data.batch)
        served = int(per_sample / 3 * share * size * config.inference.requests)
    return RunResult(
        config=config,
        rank=ranks.rank,
        world=ranks.world,
        device=torch.cuda.get_device_name(ranks.device) if ranks.cuda else "cpu",
        parameters=config.shape.parameters(),
        resumed_from=start,
        history=history,
        measured_steps=len(measured),
        step_seconds=seconds / len(measured) if measured else 0.0,
        tokens_per_second=tokens / seconds if measured else 0.0,
        samples_per_second=samples / seconds if measured else 0.0,
        flop_per_step=per_step,
        flop_per_second=per_sample * samples / seconds if measured else 0.0,
        collectives_timed=spread.collectives_timed,
        peak_memory_bytes=torch.cuda.max_memory_allocated(ranks.device) if ranks.cuda else 0,
        evaluation=evaluation,
        inference=inference,
        inference_flop=served,
    )
