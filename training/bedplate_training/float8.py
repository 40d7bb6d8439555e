"""Matrix products in 8-bit floating point (OCP E4M3 forward, E5M2 for gradients) by `torch._scaled_mm`.

Each operand is scaled by its own largest value at each call. Weights and activations stay in the caller's
type.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from bedplate_training.errors import Problem

FORWARD, GRADIENT = torch.float8_e4m3fn, torch.float8_e5m2
MULTIPLE = 16  # of both sides of a matrix, which cuBLAS's FP8 products ask for


def float8_problem(device: torch.device) -> Problem | None:
    """Why `device` cannot multiply in FP8; None where it can (Ada, Hopper and later: compute capability
    8.9).
    """
    allowed = "float8 on NVIDIA GPUs of compute capability 8.9 or higher (L4, L40S, H100, B200)"
    fix = "set parallel.precision=bfloat16"
    if device.type != "cuda":
        return Problem("parallel.precision", "float8", allowed, f"{fix}: this is {device.type}")
    major, minor = torch.cuda.get_device_capability(device)
    if (major, minor) < (8, 9):
        return Problem("parallel.precision", "float8", allowed, f"{fix}: this GPU has {major}.{minor}")
    return None


def _quantize(x: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """x in `kind`, and what to multiply it with to get x back."""
    scale = torch.finfo(kind).max / x.detach().abs().amax().float().clamp(min=1e-12)
    return (x * scale).clamp(-torch.finfo(kind).max, torch.finfo(kind).max).to(kind), scale.reciprocal()


def _product(left: Tensor, left_kind: torch.dtype, right: Tensor, right_kind: torch.dtype) -> Tensor:
    """left @ right; cuBLAS wants the left by rows and the right by columns."""
    a, a_scale = _quantize(left.contiguous(), left_kind)
    b, b_scale = _quantize(right.t().contiguous(), right_kind)
    return torch._scaled_mm(a, b.t(), scale_a=a_scale, scale_b=b_scale, out_dtype=torch.bfloat16)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, FORWARD, weight.t(), FORWARD)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        by_x = _product(gradient, GRADIENT, weight, FORWARD).to(x.dtype)
        by_weight = _product(gradient.t(), GRADIENT, x, FORWARD).to(weight.dtype)
        return by_x, by_weight


class Float8Linear(nn.Linear):
    """A linear layer without bias whose three products are in FP8; the result is bfloat16."""

    def forward(self, input: Tensor) -> Tensor:
        flat = input.reshape(-1, input.shape[-1])
        product = cast(Tensor, _Product.apply(flat, self.weight))
        return product.view(*input.shape[:-1], self.out_features)


def to_float8(model: nn.Module) -> int:
    """Turn the linear layers inside `model.layers` into FP8 ones, in place; how many. The ends stay."""
    changed = 0
    for module in model.get_submodule("layers").modules():
        if type(module) is not nn.Linear or module.bias is not None:
            continue
        if module.in_features % MULTIPLE == 0 and module.out_features % MULTIPLE == 0:
            module.__class__ = Float8Linear
            changed += 1
    return changed
