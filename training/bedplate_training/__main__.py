"""`python -m bedplate_training COMMAND`: under torchrun for more than one process."""

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bedplate_training.run import RunConfig

COMMANDS = {
    "data": ("bedplate_training.__main__:data", "write the packaged text or images to data_url"),
    "train": ("bedplate_training.__main__:train", "train, evaluate, infer, and write what was measured"),
}


def _settings(command: str, arguments: Sequence[str]) -> "RunConfig":
    from bedplate_training.config import load
    from bedplate_training.run import RunConfig

    parser = argparse.ArgumentParser(prog=f"bedplate_training {command}")
    parser.add_argument("--config", type=Path, help="a .toml or .json file of settings")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, as in loop.steps=20"
    )
    options = parser.parse_args(arguments)
    return load(RunConfig, options.config, options.set)


def data(arguments: Sequence[str]) -> int:
    """The command `data`."""
    from bedplate_training.data_shards import ShardConfig
    from bedplate_training.errors import ConfigError
    from bedplate_training.run import write_data

    try:
        config = _settings("data", arguments)
        print(f"{config.data_url}: {write_data(config, ShardConfig())}")
    except ConfigError as error:
        print(f"bedplate_training: {error}", file=sys.stderr)
        return 2
    return 0


def train(arguments: Sequence[str]) -> int:
    """The command `train`."""
    from bedplate_training.data_shards import DataError
    from bedplate_training.errors import CheckpointError, ConfigError, NotFinite
    from bedplate_training.run import execute
    from bedplate_training.store import StoreError

    try:
        result = execute(_settings("train", arguments))
    except (CheckpointError, ConfigError, DataError, NotFinite, StoreError) as error:
        print(f"bedplate_training: {error}", file=sys.stderr)
        return 2
    if result.rank == 0:
        summary = {
            "parameters": result.parameters,
            "loss_first": result.history.steps[0].loss if result.history.steps else None,
            "loss_last": result.history.steps[-1].loss if result.history.steps else None,
            "evaluation_loss": result.evaluation.loss,
            "step_seconds": result.step_seconds,
            "tokens_per_second": result.tokens_per_second,
            "flop_per_second": result.flop_per_second,
            "seconds": {phase.value: seconds for phase, seconds in result.history.parts.items()},
        }
        print(json.dumps(summary))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run a command; the exit code."""
    if find_spec("torch") is None:
        print("bedplate_training needs PyTorch: pip install 'bedplate[training]'", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in COMMANDS:
        lines = [f"  {name:12}{about}" for name, (_, about) in COMMANDS.items()]
        print("\n".join(["usage: python -m bedplate_training COMMAND", *lines]), file=sys.stderr)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    module, _, function = COMMANDS[arguments[0]][0].partition(":")
    command = cast("Callable[[Sequence[str]], int]", getattr(importlib.import_module(module), function))
    return command(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
