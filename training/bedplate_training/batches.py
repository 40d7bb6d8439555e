"""What the loop reads from: a data set in a store, or batches that are calculated.

The calculated ones tell nothing about storage: they are there to measure computing by itself.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from bedplate_training.data import Batch as Read
from bedplate_training.data import DataConfig, Position, ShardReader
from bedplate_training.data_shards import Array, DataError
from bedplate_training.image_model import VitConfig
from bedplate_training.model import GptConfig
from bedplate_training.store import Store

Batch = tuple[Tensor, Tensor]


class Batches(Protocol):
    """Batches without an end; the position is that of what was handed out, not of what was fetched ahead."""

    def __next__(self) -> Batch:
        """Inputs and targets: tokens [batch, length] twice, or images [batch, channels, size, size] and
        [batch].
        """

    def state_dict(self) -> dict[str, Any]:
        """The position, JSON-able."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a position."""

    def close(self) -> None:
        """Stop reading ahead."""


class StoreBatches:
    """A data set's records as tensors, made and pinned where they are read ahead.

    The data set has the columns `tokens` (bytes, one more than the sequence length) or `image` and `label`.
    """

    def __init__(
        self,
        store: Store,
        config: DataConfig,
        model: GptConfig | VitConfig,
        rank: int,
        world: int,
        pin_memory: bool,
    ):
        self.model, self.pin_memory = model, pin_memory
        self.reader = ShardReader(store, config, rank, world)
        self._position = Position(ranks=world)
        self._open: Iterator[Read] | None = None

    def __next__(self) -> Batch:
        if self._open is None:
            self._open = self.reader.batches(self._position, self._prepare)
        read = next(self._open)
        self._position = read.after
        return read.data["inputs"], read.data["targets"]

    def state_dict(self) -> dict[str, Any]:
        return self._position.as_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.close()
        self._position = Position.from_dict(state)

    def close(self) -> None:
        self.reader.close()
        self._open = None

    def _prepare(self, data: dict[str, Array]) -> dict[str, Tensor]:
        made = (
            self._tokens(data, self.model)
            if isinstance(self.model, GptConfig)
            else self._images(data, self.model)
        )
        return {name: tensor.pin_memory() if self.pin_memory else tensor for name, tensor in made.items()}

    def _tokens(self, data: dict[str, Array], model: GptConfig) -> dict[str, Tensor]:
        tokens = torch.from_numpy(_column(data, "tokens").astype(np.int64))
        if tokens.shape[1] != model.sequence_length + 1:
            raise DataError(
                f"records hold {tokens.shape[1]} tokens; gpt.sequence_length={model.sequence_length} needs "
                f"{model.sequence_length + 1}: write the data set with that context, or set the length to "
                f"{tokens.shape[1] - 1}"
            )
        return {"inputs": tokens[:, :-1].contiguous(), "targets": tokens[:, 1:].contiguous()}

    def _images(self, data: dict[str, Array], model: VitConfig) -> dict[str, Tensor]:
        images = torch.from_numpy(_column(data, "image").astype(np.float32))
        wanted = (model.channels, model.image_size, model.image_size)
        if tuple(images.shape[1:]) != wanted:
            raise DataError(
                f"images are {tuple(images.shape[1:])}; vit.channels, vit.image_size say {wanted}; set them"
            )
        # Every image by itself to mean 0 and deviation 1: the scale of pixels is the data set's own.
        mean, spread = images.mean(dim=(1, 2, 3), keepdim=True), images.std(dim=(1, 2, 3), keepdim=True)
        labels = torch.from_numpy(_column(data, "label").astype(np.int64))
        return {"inputs": (images - mean) / (spread + 1e-6), "targets": labels}


def _column(data: dict[str, Array], name: str) -> Array:
    if name not in data:
        raise DataError(
            f"the data set has the columns {', '.join(data)}, not {name}; is it that of another model?"
        )
    return data[name]


class CalculatedBatches:
    """Sequences that count up by a stride of their own, or images whose brightness tells their class."""

    def __init__(self, model: GptConfig | VitConfig, batch_size: int, rank: int, world: int, seed: int):
        self.model, self.batch_size = model, batch_size
        self.rank, self.world, self.seed = rank, world, seed
        self.position = 0

    def __next__(self) -> Batch:
        generator = torch.Generator().manual_seed(
            self.seed * 1_000_003 + self.position * self.world + self.rank
        )
        self.position += 1
        if isinstance(self.model, GptConfig):
            return self._tokens(self.model, generator)
        return self._images(self.model, generator)

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = int(state["batches"])

    def close(self) -> None:
        return

    def _tokens(self, model: GptConfig, generator: torch.Generator) -> Batch:
        start = torch.randint(0, model.vocabulary, (self.batch_size, 1), generator=generator)
        stride = torch.randint(1, 4, (self.batch_size, 1), generator=generator)
        line = (start + stride * torch.arange(model.sequence_length + 1)) % model.vocabulary
        return line[:, :-1].contiguous(), line[:, 1:].contiguous()

    def _images(self, model: VitConfig, generator: torch.Generator) -> Batch:
        classes = torch.randint(0, model.classes, (self.batch_size,), generator=generator)
        shape = (self.batch_size, model.channels, model.image_size, model.image_size)
        bright = (classes.float() / model.classes - 0.5).view(-1, 1, 1, 1)
        return torch.randn(shape, generator=generator) * 0.1 + bright, classes
