"""Floating-point operations (FLOP) of a training step, for model FLOP/s utilisation (MFU).

The count is that of PaLM (arXiv 2204.02311, appendix B, from memory): a matrix of n weights costs 2n FLOP per
token forward and twice that backward, attention over T positions costs 4 T d forward in each layer. Norms,
activations and the loss are left out; attention counts the whole square, although a causal kernel can leave
half of it out; and nothing is counted that is done again (activation checkpointing). A multiplication and its
addition are two operations.
"""

from bedplate_training.image_model import VitConfig
from bedplate_training.model import GptConfig

BACKWARD = 2


def gpt_forward_flop_per_token(config: GptConfig) -> int:
    """FLOP of one token's forward pass, within a sequence of `config.sequence_length` tokens."""
    shape = config.shape
    weights = shape.layers * config.layer_weights() + config.vocabulary * shape.width
    return 2 * weights + 4 * shape.layers * config.sequence_length * shape.width


def vit_forward_flop_per_image(config: VitConfig) -> int:
    """FLOP of one image's forward pass."""
    patch = config.patch_values * config.width
    layer = 12 * config.width**2 + 2 * config.patches * config.width
    return 2 * (config.patches * (patch + config.layers * layer) + config.width * config.classes)


def training_flop_per_sample(config: GptConfig | VitConfig) -> int:
    """FLOP of one sequence or image, forward and backward."""
    if isinstance(config, GptConfig):
        forward = config.sequence_length * gpt_forward_flop_per_token(config)
    else:
        forward = vit_forward_flop_per_image(config)
    return (1 + BACKWARD) * forward
