"""Checkpoints in an object store: written beside the training, committed as a whole, kept for a while.

    PREFIX/step-00000010/ATTEMPT/rank-00000-part-00000   what a process wrote
    PREFIX/step-00000010/manifest.json                   written last, and only if it is not there: the commit

A checkpoint without a manifest does not exist for readers. The manifest names each part with its SHA-256.
"""

import base64
import hashlib
import json
import random
import re
import secrets
import sys
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save, save

from bedplate_training.checkpoint_io import (
    SafeLoadPlanner,
    StoreReader,
    StoreWriter,
    metadata_from_data,
)
from bedplate_training.config import setting
from bedplate_training.errors import CheckpointError, Problem
from bedplate_training.parallel import Ranks
from bedplate_training.store import Store, StoreError

T = TypeVar("T")
VERSION = 1
_STEP = re.compile(r"step-(\d{8})/")
_MANIFEST = re.compile(r"step-(\d{8})/manifest\.json$")


@dataclass(frozen=True)
class CheckpointConfig:
    """Where and when checkpoints are written and how many are kept; `every_steps` 0 or no `url` writes none.

    `url` is s3://bucket/prefix, gs://bucket/prefix, file:///directory or a path.
    """

    url: str = setting("")
    every_steps: int = setting(10, at_least=0)
    asynchronous: bool = setting(True)
    keep: int = setting(2, at_least=1, fix="with 1, a broken newest one leaves none to go back to")
    prefix: str = setting("checkpoints")
    part_mib: int = setting(64, at_least=1, at_most=5120)

    def problems(self, path: str) -> list[Problem]:
        if self.prefix and not self.prefix.startswith("/") and ".." not in self.prefix.split("/"):
            return []
        allowed = "a relative key such as checkpoints/run-1"
        return [
            Problem(f"{path}.prefix", self.prefix, allowed, "objects are named below the store's own prefix")
        ]


@dataclass(frozen=True)
class Saved:
    """What a resumed run gets back beside model and optimizer: steps that are done, and each process's own
    state.

    Where the number of processes has changed, `data` has as many entries as there were.
    """

    step: int
    data: list[dict[str, Any]]


class Checkpoints:
    """Writes and reads the checkpoints of one run. All processes call its methods together, `poll` excepted.

    `fingerprint` is what the model's shape depends on: a checkpoint of another is refused.
    """

    def __init__(
        self,
        store: Store,
        config: CheckpointConfig,
        ranks: Ranks,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        fingerprint: str,
    ):
        self.store, self.config, self.ranks = store, config, ranks
        self.model, self.optimizer, self.fingerprint = model, optimizer, fingerprint
        self.committed_at = time.time()
        self.committed_step = 0
        # Writing goes on in a thread while training uses the default group: they must not meet.
        self._group = cast("dist.ProcessGroup", dist.new_group(backend="gloo"))
        self._writing: Future[Any] | None = None
        self._writing_step = 0

    def due(self, steps_done: int) -> bool:
        """Whether a checkpoint is to be written after that many steps."""
        return self.config.every_steps > 0 and steps_done % self.config.every_steps == 0

    def save(self, step: int, data: dict[str, Any]) -> None:
        """Copy the state after `step` steps, and write it: in the background if so configured.

        `data` is this process's own state, JSON-able. Waits for the checkpoint before: one is under way at a
        time.

        Raises:
            CheckpointError: this one (or in the background: the one before) could not be written or
            committed.
        """
        self.wait()
        attempt = self._everyone(secrets.token_hex(4))[0]
        prefix = _step_prefix(self.config, step)
        manifest = {
            "version": VERSION,
            "step": step,
            "world": self.ranks.world,
            "fingerprint": self.fingerprint,
            "ranks": self._everyone({"data": data, "random": _random_state(self.ranks)}),
        }
        writer = CommittingWriter(self, f"{prefix}/{attempt}", manifest)
        self._writing_step = step
        if self.config.asynchronous:
            self._writing = cast(
                "Future[Any]", async_save(self._state(), storage_writer=writer, process_group=self._group)
            )
            return
        try:
            save(self._state(), storage_writer=writer, process_group=self._group)
        except CheckpointException as error:
            raise self._failed(error) from error
        self._done()

    def poll(self) -> None:
        """Take note of a checkpoint that was committed meanwhile, or of its failure, without waiting.

        Raises:
            CheckpointError: as `save`.
        """
        if self._writing is not None and self._writing.done():
            self.wait()

    def wait(self) -> None:
        """Wait until the checkpoint under way is committed.

        Raises:
            CheckpointError: as `save`.
        """
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        try:
            writing.result()
        except (CheckpointException, StoreError, RuntimeError) as error:
            raise self._failed(error) from error
        self._done()

    def load(self) -> Saved | None:
        """The newest whole checkpoint, put into model, optimizer and random generators; None where there is
        none.

        A broken one is told on stderr and the one before is taken.

        Raises:
            CheckpointError: there are checkpoints, but none can be read, or they are of another model.
        """
        reasons = []
        for step in self._from_first(
            committed_steps(self.store, self.config) if self.ranks.rank == 0 else []
        ):
            reason, saved = None, None
            try:
                saved = self._load(step)
            except (CheckpointException, CheckpointError, StoreError) as error:
                reason = str(error)
            # All take it or none does.
            found = [text for text in self._everyone(reason) if text is not None]
            if not found:
                return saved
            reasons.append(f"step {step}: {found[0]}")
            if self.ranks.rank == 0:
                print(
                    f"bedplate_training: the checkpoint of {reasons[-1]}; trying the one before",
                    file=sys.stderr,
                )
        if reasons:
            raise CheckpointError("no checkpoint can be read: " + "; ".join(reasons))
        return None

    def _load(self, step: int) -> Saved:
        prefix = _step_prefix(self.config, step)
        manifest = read_manifest(self.store, f"{prefix}/manifest.json")
        if manifest["fingerprint"] != self.fingerprint:
            raise CheckpointError(
                f"it is of another model: {manifest['fingerprint']}, not {self.fingerprint}; "
                "set checkpoint.prefix to a new one, or the model's settings back"
            )
        state = self._state()
        reader = StoreReader(self.store, metadata_from_data(manifest["metadata"], manifest["parts"]))
        load(state, storage_reader=reader, planner=SafeLoadPlanner(), process_group=self._group)
        set_model_state_dict(self.model, state["model"])
        groups = get_optimizer_state_dict(self.model, self.optimizer)["param_groups"]
        set_optimizer_state_dict(
            self.model, self.optimizer, {"state": state["optimizer"], "param_groups": groups}
        )
        ranks = manifest["ranks"]
        if self.ranks.world == manifest["world"]:
            _set_random_state(self.ranks, ranks[self.ranks.rank]["random"])
        self.committed_step = manifest["step"]
        return Saved(manifest["step"], [rank["data"] for rank in ranks])

    def _state(self) -> dict[str, Any]:
        # The optimizer's settings are not part of it: they come from the configuration, the rate from the
        # step.
        optimizer = get_optimizer_state_dict(self.model, self.optimizer)["state"]
        return {"model": get_model_state_dict(self.model), "optimizer": optimizer}

    def _done(self) -> None:
        self.committed_at, self.committed_step = time.time(), self._writing_step

    def _failed(self, error: BaseException) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint of step {self._writing_step} in {self.store.url} was not committed: {error}; "
            f"the newest committed one is of step {self.committed_step or 'none'}"
        )

    def _everyone(self, value: T) -> list[T]:
        values: list[T | None] = [None] * self.ranks.world
        dist.all_gather_object(values, value, group=self._group)
        return cast("list[T]", values)

    def _from_first(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, src=0, group=self._group)
        return values[0]


class CommittingWriter(StoreWriter):
    """Commits when all processes have written, then prunes; both by the first process."""

    def __init__(self, owner: Checkpoints, prefix: str, manifest: dict[str, Any]):
        super().__init__(owner.store, prefix, owner.ranks.rank, owner.config.part_mib * 2**20)
        self.owner, self.manifest = owner, manifest

    def commit(self, parts: dict[str, str], metadata: dict[str, Any]) -> None:
        key = _step_prefix(self.owner.config, self.manifest["step"]) + "/manifest.json"
        body = json.dumps({**self.manifest, "parts": parts, "metadata": metadata})
        data = json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "body": body}).encode()
        if not self.store.put_if_absent(key, data):
            fix = "give this one a checkpoint.prefix of its own"
            raise CheckpointError(f"{key} exists: another run writes there; {fix}")
        prune(self.store, self.owner.config)


def committed_steps(store: Store, config: CheckpointConfig) -> list[int]:
    """Steps with a whole checkpoint, the newest first."""
    found = (_MANIFEST.search(info.key) for info in store.list(f"{config.prefix}/step-"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def prune(store: Store, config: CheckpointConfig) -> None:
    """Take away committed checkpoints beyond the newest `keep`, and what aborted attempts left before the
    newest.
    """
    keys = [info.key for info in store.list(f"{config.prefix}/step-")]
    steps = sorted((int(match[1]) for match in map(_MANIFEST.search, keys) if match), reverse=True)
    kept = set(steps[: config.keep])
    numbered = ((int(match[1]), key) for key in keys if (match := _STEP.search(key)))
    going = [key for step, key in numbered if steps and step < steps[0] and step not in kept]
    # The manifest goes first: without it nobody reads the rest.
    for key in sorted(going, key=lambda key: not key.endswith("/manifest.json")):
        store.delete(key)


def read_manifest(store: Store, key: str) -> dict[str, Any]:
    """A manifest that is whole.

    Raises:
        CheckpointError: it is not, or it is of another version.
    """
    try:
        outer = json.loads(store.get(key))
        body: str = outer["body"]
        whole = hashlib.sha256(body.encode()).hexdigest() == outer["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{key}: no manifest: {error}") from error
    if not whole:
        raise CheckpointError(f"{key}: its content is not what was written")
    manifest = cast("dict[str, Any]", json.loads(body))
    if manifest["version"] != VERSION:
        raise CheckpointError(f"{key}: version {manifest['version']}; this program reads version {VERSION}")
    return manifest


def _step_prefix(config: CheckpointConfig, step: int) -> str:
    return f"{config.prefix}/step-{step:08d}"


def _random_state(ranks: Ranks) -> dict[str, Any]:
    version, numbers, gauss = random.getstate()
    states = {"torch": torch.get_rng_state()}
    if ranks.cuda:
        states["cuda"] = torch.cuda.get_rng_state(ranks.device)
    coded = {name: base64.b64encode(bytes(state.tolist())).decode() for name, state in states.items()}
    return {**coded, "python": [version, list(numbers), gauss]}


def _set_random_state(ranks: Ranks, state: dict[str, Any]) -> None:
    def tensor(name: str) -> torch.Tensor:
        return torch.tensor(list(base64.b64decode(state[name])), dtype=torch.uint8)

    torch.set_rng_state(tensor("torch"))
    if ranks.cuda and "cuda" in state:
        torch.cuda.set_rng_state(tensor("cuda"), ranks.device)
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
