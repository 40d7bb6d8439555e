"""Checkpoints: committed whole or not at all, read back to the bit, resumed after processes are killed."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bedplate_training.checkpoint import CheckpointConfig, Checkpoints, Saved, committed_steps, prune
from bedplate_training.errors import CheckpointError
from bedplate_training.optimizer import build_optimizer
from bedplate_training.parallel import Ranks, Spread
from bedplate_training.run import RunConfig, build_model
from bedplate_training.store import Fault, Store, StoreOptions, Transient, open_store

CONFIG = CheckpointConfig(every_steps=2, prefix="runs/one")


class Trained:
    """A model whose weights can be changed, and its checkpoints."""

    def __init__(self, config: RunConfig, ranks: Ranks, store: Store, checkpoint: CheckpointConfig = CONFIG):
        self.model = Spread(build_model(config, ranks), config.parallel, ranks).model
        self.optimizer = build_optimizer(self.model, config.optimizer)
        self.checkpoints = Checkpoints(store, checkpoint, ranks, self.model, self.optimizer, "shape")

    def change(self, count: int = 1) -> None:
        for _ in range(count):
            self.model(torch.randint(0, 256, (2, 8))).square().mean().backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def tensors(self) -> list[torch.Tensor]:
        moments = [value for state in self.optimizer.state.values() for value in state.values()]
        return [value.clone() for value in (*self.model.parameters(), *moments)]


def keys(store: Store) -> list[str]:
    return [info.key for info in store.list("")]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_is_read_back_is_what_was_at_the_time_of_saving(
    small: RunConfig, alone: Ranks, tmp_path: Path, asynchronous: bool
) -> None:
    store = open_store(tmp_path)
    one = Trained(small, alone, store, replace(CONFIG, asynchronous=asynchronous))
    one.change(3)
    before, draw = one.tensors(), torch.get_rng_state()
    one.checkpoints.save(3, {"slot": 7})
    one.change(3)  # while it is written
    one.checkpoints.wait()
    other = Trained(small, alone, store)
    other.change()
    assert other.checkpoints.load() == Saved(3, [{"slot": 7}])
    assert all(torch.equal(a, b) for a, b in zip(before, other.tensors(), strict=True))
    assert torch.equal(torch.get_rng_state(), draw)


def test_the_manifest_comes_last_and_a_slow_store_does_not_hold_up_training(
    small: RunConfig, alone: Ranks, tmp_path: Path
) -> None:
    order: list[str] = []
    free = threading.Event()

    def fault(operation: str, key: str) -> None:
        if operation == "put":
            assert free.wait(20)
            order.append(key)

    store = open_store(tmp_path, fault=fault)
    one = Trained(small, alone, store, replace(CONFIG, part_mib=1))
    one.change()
    one.checkpoints.save(2, {})
    one.change()
    one.checkpoints.poll()
    assert committed_steps(store, CONFIG) == []
    assert Trained(small, alone, open_store(tmp_path)).checkpoints.load() is None
    free.set()
    one.checkpoints.wait()
    assert [key.endswith("manifest.json") for key in order] == [False] * (len(order) - 1) + [True]
    assert committed_steps(store, CONFIG) == [2]


def test_a_damaged_checkpoint_is_told_and_the_one_before_taken(
    small: RunConfig, alone: Ranks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path)
    one = Trained(small, alone, store, replace(CONFIG, keep=3))
    for step in (2, 4, 6):
        one.change()
        one.checkpoints.save(step, {})
    one.checkpoints.wait()
    (part,) = [key for key in keys(store) if "step-00000006" in key and "part" in key]
    data = bytearray(store.get(part))
    data[len(data) // 2] ^= 1
    store.put(part, bytes(data))
    store.put("runs/one/step-00000004/manifest.json", b'{"sha256": "0", "body": "{}"}')
    saved = Trained(small, alone, store).checkpoints.load()
    assert saved is not None
    assert saved.step == 2
    told = capsys.readouterr().err
    assert "step 6" in told
    assert "SHA-256" in told
    assert "step 4" in told
    store.delete(next(key for key in keys(store) if "step-00000002" in key and "part" in key))
    with pytest.raises(
        CheckpointError, match=r"(?s)no checkpoint can be read: step 6.*step 4.*step 2.*missing"
    ):
        Trained(small, alone, store).checkpoints.load()


def test_only_the_newest_are_kept_and_aborted_attempts_go(
    small: RunConfig, alone: Ranks, tmp_path: Path
) -> None:
    store = open_store(tmp_path)
    store.put("runs/one/step-00000003/dead/rank-00000-part-00000", b"aborted")
    store.put("runs/one/step-00000099/live/rank-00000-part-00000", b"of a later step")
    store.put("runs/two/step-00000001/manifest.json", b"of another run")
    one = Trained(small, alone, store)
    for step in (2, 4, 6):
        one.change()
        one.checkpoints.save(step, {})
    one.checkpoints.wait()
    assert committed_steps(store, CONFIG) == [6, 4]
    steps = {key.split("/")[2] for key in keys(store) if key.startswith("runs/one/")}
    assert steps == {"step-00000004", "step-00000006", "step-00000099"}
    assert store.get("runs/two/step-00000001/manifest.json") == b"of another run"
    prune(store, replace(CONFIG, keep=1))
    assert committed_steps(store, CONFIG) == [6]


def test_two_runs_with_one_prefix_are_told(small: RunConfig, alone: Ranks, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one, other = Trained(small, alone, store), Trained(small, alone, store)
    one.change()
    one.checkpoints.save(2, {})
    one.checkpoints.wait()
    other.change()
    other.checkpoints.save(2, {})
    with pytest.raises(CheckpointError, match="another run writes there"):
        other.checkpoints.wait()


def test_another_model_is_refused(small: RunConfig, alone: Ranks, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one = Trained(small, alone, store)
    one.checkpoints.save(2, {})
    one.checkpoints.wait()
    one.checkpoints.fingerprint = "wider"
    with pytest.raises(CheckpointError, match="it is of another model: shape, not wider"):
        one.checkpoints.load()


def test_a_store_that_fails_for_good_stops_the_run_and_one_that_recovers_does_not(
    small: RunConfig, alone: Ranks, tmp_path: Path
) -> None:
    options = StoreOptions(attempts=3, first_delay_seconds=0.001)

    def failing(times: int) -> Fault:
        left = [times]

        def fault(operation: str, key: str) -> None:
            if operation == "put" and left[0]:
                left[0] -= 1
                raise Transient("503 SlowDown", throttled=True)

        return fault

    one = Trained(small, alone, open_store(tmp_path / "a", options=options, fault=failing(2)))
    one.change()
    one.checkpoints.save(2, {})
    one.checkpoints.wait()
    assert one.checkpoints.committed_step == 2
    other = Trained(small, alone, open_store(tmp_path / "b", options=options, fault=failing(99)))
    other.change()
    other.checkpoints.save(2, {})
    with pytest.raises(
        CheckpointError, match=r"(?s)step 2 .*was not committed.*503 SlowDown.*is of step none"
    ):
        _until(other.checkpoints.poll)
    assert not list(open_store(tmp_path / "b").list(""))


def _until(action: Callable[[], None]) -> None:
    for _ in range(500):
        action()
        time.sleep(0.01)
