"""The loop: what a step does, where its time goes, what it tells."""

import json
import re
import time
import urllib.request
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from bedplate_training import __main__ as command
from bedplate_training import metrics as metrics_module
from bedplate_training.batches import Batch, CalculatedBatches
from bedplate_training.clock import Clock, Phase
from bedplate_training.config import load, parse
from bedplate_training.errors import ConfigError, NotFinite
from bedplate_training.loop import History, Loop
from bedplate_training.metrics import Metrics, MetricsConfig
from bedplate_training.optimizer import OptimizerConfig, build_optimizer
from bedplate_training.parallel import Ranks, Spread
from bedplate_training.run import RunConfig, build_model, execute

ROOT = Path(__file__).parents[2]


def loop_of(
    config: RunConfig, ranks: Ranks, batches: CalculatedBatches | None = None, metrics: Metrics | None = None
) -> Loop:
    spread = Spread(build_model(config, ranks), config.parallel, ranks)
    optimizer = build_optimizer(spread.model, config.optimizer)
    batches = batches or CalculatedBatches(config.shape, config.data.batch, 0, 1, 1)
    metrics = metrics or Metrics(MetricsConfig(), 0, 0)
    return Loop(spread, optimizer, batches, config.loop, config.optimizer, metrics)


class SlowBatches(CalculatedBatches):
    def __next__(self) -> Batch:
        time.sleep(0.02)
        return super().__next__()


def test_parts_of_a_step_add_up_to_its_wall_time_and_a_slow_source_is_told(
    small: RunConfig, alone: Ranks
) -> None:
    loop = loop_of(small, alone, SlowBatches(small.shape, 8, 0, 1, 1))
    start = time.perf_counter()
    history = loop.run()
    wall = time.perf_counter() - start
    assert history.wall_seconds == pytest.approx(wall, rel=0.02)
    assert sum(history.parts.values()) == pytest.approx(history.wall_seconds)
    assert len(history.steps) == 14
    for step in history.steps:
        assert sum(step.parts.values()) == pytest.approx(step.seconds)
        assert step.parts["data_wait"] >= 0.02
    assert history.parts[Phase.DATA] < 14 * 0.03


def test_a_clock_never_moves_more_than_there_is() -> None:
    clock = Clock()
    clock.to(Phase.COMPUTE)
    time.sleep(0.01)
    clock.move(5.0, Phase.COMPUTE, Phase.COLLECTIVE)
    parts = clock.lap()
    assert parts[Phase.COMPUTE] < 0.005  # what passed since
    assert 0.01 <= parts[Phase.COLLECTIVE] < 1


def test_accumulated_parts_give_the_gradient_of_the_whole_batch(small: RunConfig, alone: Ranks) -> None:
    class Halves(CalculatedBatches):
        held: Batch | None = None

        def __next__(self) -> Batch:
            if self.held is not None:
                held, self.held = self.held, None
                return held
            inputs, targets = super().__next__()
            self.held = inputs[4:], targets[4:]
            return inputs[:4], targets[:4]

    whole = loop_of(small, alone).run()
    parts = loop_of(
        replace(small, loop=replace(small.loop, accumulate=2)), alone, Halves(small.shape, 8, 0, 1, 1)
    ).run()
    assert [step.loss for step in parts.steps] == pytest.approx([step.loss for step in whole.steps], abs=1e-4)
    assert [step.samples for step in parts.steps] == [step.samples for step in whole.steps]


def test_two_runs_are_the_same_to_the_bit(small: RunConfig, alone: Ranks) -> None:
    def losses(history: History) -> list[float]:
        return [step.loss for step in history.steps]

    assert losses(loop_of(small, alone).run()) == losses(loop_of(small, alone).run())
    other = replace(small, loop=replace(small.loop, seed=5))
    assert losses(loop_of(other, alone).run()) != losses(loop_of(small, alone).run())


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(small: RunConfig, alone: Ranks) -> None:
    loop = loop_of(small, alone)
    loop.run()
    weights = {name: value.clone() for name, value in loop.spread.model.state_dict().items()}
    with torch.no_grad():
        loop.spread.model.get_parameter("norm.weight")[0] = float("nan")
    with pytest.raises(NotFinite, match=r"step 1: loss nan.*the weights are of step 0"):
        loop.run()
    after = loop.spread.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in weights.items() if name != "norm.weight")
    assert 'bedplate_training_loss{run="validation",rank="0"} NaN' in loop.metrics.text()


def test_the_rate_warms_up_and_falls_to_its_floor() -> None:
    config = OptimizerConfig(learning_rate=1.0, rate_warmup_steps=4, floor=0.1)
    rates = [config.rate(step, 104) for step in range(105)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[54] == pytest.approx(0.55)
    assert rates[104] == pytest.approx(0.1)
    assert all(later <= earlier for earlier, later in pairwise(rates[4:]))


@pytest.mark.parametrize("model", ["gpt", "vit"])
def test_a_run_learns_and_tells_what_it_measured(small: RunConfig, tmp_path: Path, model: str) -> None:
    config = replace(
        small,
        model=model,
        vit=replace(small.vit, image_size=8, classes=4),
        loop=replace(small.loop, steps=80, evaluate_every=40),
        optimizer=replace(small.optimizer, learning_rate=0.01),
        metrics=MetricsConfig(directory=str(tmp_path), tensorboard=True),
    )
    result = execute(config)
    first, last = result.history.steps[0].loss, result.evaluation.loss
    assert last < 0.6 * first
    assert [evaluation.step for evaluation in result.history.evaluations] == [40, 80]
    assert result.measured_steps == 78
    assert result.inference is not None
    assert result.inference.request.count == 3
    assert (result.inference.next_token is None) == (model == "vit")
    written = json.loads((tmp_path / "result-rank-0.json").read_text())
    assert written["flop_per_step"] == result.flop_per_step
    lines = [json.loads(line) for line in (tmp_path / "steps-rank-0.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "step"] == list(range(1, 81))
    assert list((tmp_path / "tensorboard").iterdir())


def test_metrics_are_those_that_the_alerts_are_written_for(
    tmp_path: Path, small: RunConfig, alone: Ranks
) -> None:
    page = (ROOT / "docs/monitoring.md").read_text()
    table = re.findall(r"^\| `(bedplate_training_\w+)` \| (\w+) \| `run`, `rank`", page, re.M)
    assert len(table) == 7
    free = MetricsConfig(port=_free_port(), address="127.0.0.1", directory=str(tmp_path))
    metrics = Metrics(free, 0, 0)
    try:
        loop_of(small, alone, metrics=metrics).run()
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    assert re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M) == [(name, kind) for name, kind in _ordered(table)]
    values = dict(re.findall(r'^(\w+)\{run="validation",rank="0"\} (\S+)$', text, re.M))
    assert float(values["bedplate_training_steps_total"]) == 14
    assert float(values["bedplate_training_samples_total"]) == 14 * 8
    assert (
        0
        < float(values["bedplate_training_step_compute_seconds"])
        <= float(values["bedplate_training_step_seconds"])
    )
    assert (tmp_path / "rank-0.prom").read_text() == text


def _ordered(table: list[tuple[str, str]]) -> list[tuple[str, str]]:
    # The loss comes last: there is none before the first step.
    return sorted(table, key=lambda row: row[0].endswith("_loss"))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_tensorboard_is_refused_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        parse(MetricsConfig, {"tensorboard": True, "directory": "x"})


def test_all_problems_of_a_file_and_of_overrides_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('model = "gtp"\n[loop]\nsteps = 5\n[optimizer]\nlearning_rate = "fast"\nflor = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, path, ["parallel.strategy=zero", "gpt.size", "metrics.port=true", "store.attempts=0"])
    told = str(caught.value)
    for part in (
        "8 problems in the settings",
        "model: got 'gtp'; allowed: one of gpt, vit",
        "loop.steps: got 5; allowed: at least warmup_steps + 10 = 15",
        "optimizer.learning_rate: got 'fast'; allowed: a number above 0 and at most 1",
        "optimizer.flor: got 1; allowed: one of",
        "did you mean floor?",
        "parallel.strategy: got 'zero'; allowed: one of ddp, fsdp",
        "--set: got 'gpt.size'; allowed: NAME=VALUE",
        "metrics.port: got True; allowed: a whole number at least 0 and at most 65000",
        "store: got {'attempts': 0}",
    ):
        assert part in told


def test_a_file_and_overrides_make_settings(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"loop": {"steps": 20}, "optimizer": {"learning_rate": 1}}))
    config = load(RunConfig, path, ["loop.steps=40", "gpt.size=10m", "parallel.compile=true"])
    assert (config.loop.steps, config.gpt.size, config.parallel.compile) == (40, "10m", True)
    assert config.optimizer.learning_rate == 1.0
    with pytest.raises(ConfigError, match=r"a readable \.toml or \.json file"):
        load(RunConfig, tmp_path / "run.yaml")


def test_the_command_tells_how_to_install_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert command.main(["train"]) == 2
    assert "pip install 'bedplate[training]'" in capsys.readouterr().err
