"""A GPT: pre-norm, RMSNorm, rotary positions, grouped-query attention, SwiGLU or GELU."""

from dataclasses import dataclass, fields
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedplate_training.config import setting
from bedplate_training.errors import Problem


@dataclass(frozen=True)
class GptShape:
    """What a size fixes. `hidden` is the width inside the feed-forward part."""

    width: int
    layers: int
    heads: int
    key_heads: int
    hidden: int


# A size's name is its parameters with the vocabulary of bytes, within 5%. 8b has the layers of Llama 3 8B
# (arXiv 2407.21783, table 3, from memory) and four more of them, because a vocabulary of bytes needs no large
# embedding.
SIZES = {
    "1m": GptShape(128, 5, 4, 4, 344),
    "10m": GptShape(320, 8, 5, 5, 856),
    "100m": GptShape(768, 14, 12, 12, 2048),
    "350m": GptShape(1024, 28, 16, 16, 2736),
    "1b": GptShape(2048, 20, 16, 16, 5464),
    "3b": GptShape(3072, 26, 24, 24, 8192),
    "8b": GptShape(4096, 36, 32, 8, 14336),
}


@dataclass(frozen=True)
class GptConfig:
    """A GPT's settings: a named size, or `custom` with each number given (0: as the size says)."""

    size: str = setting("1m", choices=(*SIZES, "custom"))
    vocabulary: int = setting(256, at_least=2, at_most=2**20)
    sequence_length: int = setting(128, at_least=2, at_most=2**20)
    activation: str = setting("swiglu", choices=("swiglu", "gelu"))
    tied_embeddings: bool = setting(True)
    rope_base: float = setting(10_000.0, above=1)
    width: int = setting(0, at_least=0)
    layers: int = setting(0, at_least=0)
    heads: int = setting(0, at_least=0)
    key_heads: int = setting(0, at_least=0)
    hidden: int = setting(0, at_least=0)

    @property
    def shape(self) -> GptShape:
        size = SIZES.get(self.size)
        numbers = {
            field.name: getattr(self, field.name) or (getattr(size, field.name) if size else 0)
            for field in fields(GptShape)
        }
        if not numbers["key_heads"]:
            numbers["key_heads"] = numbers["heads"]
        return GptShape(**numbers)

    def problems(self, path: str) -> list[Problem]:
        shape, found = self.shape, []
        for field in fields(GptShape):
            if not getattr(shape, field.name):
                found.append(
                    Problem(f"{path}.{field.name}", 0, "at least 1", "a custom size needs each number")
                )
        if not found and (shape.width % shape.heads or (shape.width // shape.heads) % 2):
            allowed = f"a divisor of the width {shape.width} with an even quotient"
            found.append(
                Problem(f"{path}.heads", shape.heads, allowed, "rotary positions turn pairs of a head")
            )
        if not found and shape.heads % shape.key_heads:
            allowed = f"a divisor of the heads {shape.heads}"
            found.append(
                Problem(f"{path}.key_heads", shape.key_heads, allowed, "key heads are shared evenly")
            )
        return found

    def parameters(self) -> int:
        """The number of parameters, from the settings alone."""
        shape = self.shape
        embeddings = self.vocabulary * shape.width * (1 if self.tied_embeddings else 2)
        return embeddings + shape.layers * (self.layer_weights() + 2 * shape.width) + shape.width

    def layer_weights(self) -> int:
        """The weights in one layer's matrices."""
        shape = self.shape
        head = shape.width // shape.heads
        attention = 2 * shape.width * shape.width + 2 * shape.width * head * shape.key_heads
        matrices = 3 if self.activation == "swiglu" else 2
        return attention + matrices * shape.width * shape.hidden


Cache = list[tuple[Tensor, Tensor]]


class Attention(nn.Module):
    def __init__(self, shape: GptShape):
        super().__init__()
        self.heads, self.key_heads, self.head = shape.heads, shape.key_heads, shape.width // shape.heads
        self.query = nn.Linear(shape.width, shape.width, bias=False)
        self.key = nn.Linear(shape.width, self.key_heads * self.head, bias=False)
        self.value = nn.Linear(shape.width, self.key_heads * self.head, bias=False)
        self.output = nn.Linear(shape.width, shape.width, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None, keep: bool
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        batch, length, width = x.shape
        query = _rotate(self.query(x).view(batch, length, self.heads, self.head).transpose(1, 2), turn)
        key = _rotate(self.key(x).view(batch, length, self.key_heads, self.head).transpose(1, 2), turn)
        value = self.value(x).view(batch, length, self.key_heads, self.head).transpose(1, 2)
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        mixed = F.scaled_dot_product_attention(
            query, key, value, is_causal=past is None, enable_gqa=self.heads != self.key_heads
        )
        return self.output(mixed.transpose(1, 2).reshape(batch, length, width)), (
            key,
            value,
        ) if keep else None


class FeedForward(nn.Module):
    def __init__(self, shape: GptShape, activation: str):
        super().__init__()
        self.up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False) if activation == "swiglu" else None
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.gelu(self.up(x)) if self.gate is None else F.silu(self.gate(x)) * self.up(x)
        return cast(Tensor, self.down(inner))


class Layer(nn.Module):
    def __init__(self, shape: GptShape, activation: str):
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.attention = Attention(shape)
        self.feed_norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.feed = FeedForward(shape, activation)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None, keep: bool
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        mixed, kept = self.attention(self.attention_norm(x), turn, past, keep)
        x = x + mixed
        return x + self.feed(self.feed_norm(x)), kept


class Gpt(nn.Module):
    """Tokens in, logits out. `layers` is the unit that FSDP shards and gathers."""

    def __init__(self, config: GptConfig):
        super().__init__()
        self.config = config
        shape = config.shape
        self.embedding = nn.Embedding(config.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape, config.activation) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.head = nn.Linear(shape.width, config.vocabulary, bias=False)
        if config.tied_embeddings:
            self.head.weight = self.embedding.weight
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Initial weights: normal with 0.02, and less into the residual stream the deeper the model
        (GPT-2's).
        """
        deep = 0.02 / (2 * len(self.layers)) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                last = name.endswith(("attention.output.weight", "feed.down.weight"))
                nn.init.normal_(parameter, std=deep if last else 0.02)
            else:
                nn.init.ones_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        return self._pass(tokens, None, keep=False)[0]

    def extend(self, tokens: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        """Logits of `tokens` after `past`, and the past that includes them. With a past, one token at a
        time.
        """
        assert past is None or tokens.shape[1] == 1
        return self._pass(tokens, past, keep=True)

    def _pass(self, tokens: Tensor, past: Cache | None, keep: bool) -> tuple[Tensor, Cache]:
        start = past[0][0].shape[2] if past else 0
        x = self.embedding(tokens)
        head = self.config.shape.width // self.config.shape.heads
        turn = _angles(start, tokens.shape[1], head, self.config.rope_base, x)
        kept: Cache = []
        for index, layer in enumerate(self.layers):
            x, pair = layer(x, turn, past[index] if past else None, keep)
            if pair is not None:
                kept.append(pair)
        return self.head(self.norm(x)), kept


def _angles(start: int, length: int, head: int, base: float, like: Tensor) -> tuple[Tensor, Tensor]:
    # Calculated at each call: as a buffer it would have to be rebuilt when a model leaves the meta device.
    steps = torch.arange(start, start + length, device=like.device, dtype=torch.float32)
    speeds = base ** (-torch.arange(0, head, 2, device=like.device, dtype=torch.float32) / head)
    angles = torch.outer(steps, speeds)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turn
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1).to(x.dtype)
