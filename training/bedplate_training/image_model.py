"""A vision transformer (ViT, arXiv 2010.11929) with mean pooling instead of a class token."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedplate_training.config import setting
from bedplate_training.errors import Problem

# width, layers, heads: Ti, S, B and L are those of the DeiT and ViT papers (from memory); nano is for small
# tests.
SIZES = {
    "nano": (64, 4, 2),
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
}


@dataclass(frozen=True)
class VitConfig:
    """A ViT's settings; lengths are in pixels."""

    size: str = setting("nano", choices=SIZES)
    image_size: int = setting(32, at_least=4)
    patch_size: int = setting(4, at_least=1)
    channels: int = setting(3, at_least=1)
    classes: int = setting(10, at_least=2)

    @property
    def width(self) -> int:
        return SIZES[self.size][0]

    @property
    def layers(self) -> int:
        return SIZES[self.size][1]

    @property
    def heads(self) -> int:
        return SIZES[self.size][2]

    @property
    def patches(self) -> int:
        return (self.image_size // self.patch_size) ** 2

    @property
    def patch_values(self) -> int:
        return self.channels * self.patch_size**2

    def problems(self, path: str) -> list[Problem]:
        if self.image_size % self.patch_size == 0:
            return []
        allowed = f"a divisor of the image size {self.image_size}"
        return [Problem(f"{path}.patch_size", self.patch_size, allowed, "patches must tile the image")]

    def parameters(self) -> int:
        """The number of parameters, from the settings alone."""
        width = self.width
        norm = 2 * width
        layer = 4 * width * width + 4 * width + 8 * width * width + 5 * width + 2 * norm
        ends = self.patch_values * width + width + self.patches * width + norm
        return ends + self.layers * layer + width * self.classes + self.classes


class ImageLayer(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.mix(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = (
            F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, length, width)
        )
        x = x + self.output(mixed)
        return cast(Tensor, x + self.down(F.gelu(self.up(self.feed_norm(x)))))


class Vit(nn.Module):
    """Images [batch, channels, size, size] in, logits of classes out."""

    def __init__(self, config: VitConfig):
        super().__init__()
        self.config = config
        self.patch = nn.Linear(config.patch_values, config.width)
        self.position = nn.Parameter(torch.empty(1, config.patches, config.width))
        self.layers = nn.ModuleList(ImageLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.classes)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Initial weights."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.trunc_normal_(parameter, std=0.02)
            elif name.endswith("norm.weight"):
                nn.init.ones_(parameter)
            else:
                nn.init.zeros_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        side = self.config.patch_size
        x = F.unfold(images, kernel_size=side, stride=side).transpose(1, 2)
        x = self.patch(x) + self.position
        for layer in self.layers:
            x = layer(x)
        return cast(Tensor, self.head(self.norm(x).mean(dim=1)))
