"""What one device reaches: matrix multiplications, and its memory."""

from dataclasses import dataclass

import torch

from bedplate_training.config import setting
from bedplate_training.probes.measure import Measure, timed


@dataclass(frozen=True)
class AcceleratorProbeConfig:
    """Sizes are chosen for the device where they are 0."""

    matrix: int = setting(0, at_least=0, fix="rows of a square matrix; 0: 8192 on a GPU, 1024 on a CPU")
    memory_mib: int = setting(0, at_least=0, fix="of each of three arrays; 0: 1024 on a GPU, 64 on a CPU")
    calls: int = setting(10, at_least=1, fix="in each repeat")
    repeats: int = setting(5, at_least=3)


def probe_accelerator(config: AcceleratorProbeConfig, device: torch.device) -> list[Measure]:
    """`accelerator.matmul_bf16` and `..._fp32` (TFLOP/s); `accelerator.memory_copy` and `..._triad`
    (GB/s).

    A product of n x n matrices is 2n^3 FLOP. Copy moves two arrays and triad (a = b + s * c) three:
    STREAM, J. D. McCalpin, https://www.cs.virginia.edu/stream/ref.html, which does not count the read
    before a write either.
    """
    gpu = device.type == "cuda"
    size = config.matrix or (8192 if gpu else 1024)
    out = []
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        product = torch.empty(size, size, device=device, dtype=dtype)

        def multiply(a: torch.Tensor = left, b: torch.Tensor = right, c: torch.Tensor = product) -> None:
            for _ in range(config.calls):
                torch.mm(a, b, out=c)
            _finish(device)

        seconds = timed(multiply, config.repeats, warm_up=2)
        flop = 2 * size**3 * config.calls
        about = {"matrix": size, "device": _name(device), "threads": 0 if gpu else torch.get_num_threads()}
        values = tuple(flop / value / 1e12 for value in seconds)
        out.append(Measure(f"accelerator.matmul_{name}", "TFLOP/s", values, about))
    count = (config.memory_mib or (1024 if gpu else 64)) * 2**20 // 4
    a, b, c = (torch.ones(count, device=device) for _ in range(3))

    def copy() -> None:
        for _ in range(config.calls):
            a.copy_(b)
        _finish(device)

    def triad() -> None:
        for _ in range(config.calls):
            torch.add(b, c, alpha=3.0, out=a)
        _finish(device)

    for name, action, arrays in (("copy", copy, 2), ("triad", triad, 3)):
        moved = arrays * count * 4 * config.calls
        values = tuple(moved / seconds / 1e9 for seconds in timed(action, config.repeats))
        about = {"array_mib": count * 4 // 2**20, "device": _name(device)}
        out.append(Measure(f"accelerator.memory_{name}", "GB/s", values, about))
    return out


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
