"""How long a step waits for collectives, as opposed to how long they take: the rest is hidden behind
computing.
"""

import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import GradBucket
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


class DdpTimer:
    """From the last bucket's start to the end of the backward pass.

    DDP starts a bucket's all-reduce as soon as its gradients are there and waits for all of them at the end
    of the backward pass. When the last bucket is handed over, no gradient is left to be computed: what
    follows is waiting. On a GPU two events in the computing stream tell the same, because that stream waits
    for NCCL's.
    """

    def __init__(self, model: DistributedDataParallel, cuda: bool):
        self._cuda = cuda
        self._mark: float | None = None
        self._event: torch.cuda.Event | None = None
        model.register_comm_hook(None, self._hook)

    def _hook(self, state: None, bucket: GradBucket) -> torch.futures.Future[Tensor]:
        if self._cuda:
            self._event = _event()
            self._event.record()
        self._mark = time.perf_counter()
        return allreduce_hook(dist.group.WORLD, bucket)  # type: ignore[arg-type]

    def start(self) -> None:
        self._mark = self._event = None

    def stop(self) -> float:
        if self._cuda and self._event is not None:
            end = _event()
            end.record()
            end.synchronize()
            return float(self._event.elapsed_time(end)) / 1e3
        return 0.0 if self._mark is None else time.perf_counter() - self._mark


class _Waited(dist.Work):
    """A collective's handle that adds the time of `wait` to the timer."""

    def __init__(self, work: dist.Work, timer: "FsdpTimer"):
        super().__init__()
        self._work, self._timer = work, timer

    def wait(self, *arguments: Any, **named: Any) -> bool:
        start = time.perf_counter()
        done = self._work.wait(*arguments, **named)
        self._timer.seconds += time.perf_counter() - start
        return done


class _Comm:
    def __init__(self, timer: "FsdpTimer"):
        self._timer = timer

    def allocate(
        self, size: Sequence[int | torch.SymInt], *, dtype: torch.dtype, device: torch.device
    ) -> Tensor:
        return torch.empty(*size, dtype=dtype, device=device)

    def _timed(self, call: Any, async_op: bool) -> dist.Work | None:
        start = time.perf_counter()
        work = call()
        self._timer.seconds += time.perf_counter() - start
        return _Waited(work, self._timer) if async_op and work is not None else None


class _Gather(_Comm):
    def __call__(
        self, output_tensor: Tensor, input_tensor: Tensor, group: dist.ProcessGroup, async_op: bool = False
    ) -> dist.Work | None:
        return self._timed(
            lambda: dist.all_gather_into_tensor(output_tensor, input_tensor, group=group, async_op=async_op),
            async_op,
        )


class _Scatter(_Comm):
    def __call__(
        self,
        output_tensor: Tensor,
        input_tensor: Tensor,
        group: dist.ProcessGroup,
        op: Any,
        async_op: bool = False,
    ) -> dist.Work | None:
        return self._timed(
            lambda: dist.reduce_scatter_tensor(
                output_tensor, input_tensor, op=op, group=group, async_op=async_op
            ),
            async_op,
        )


class FsdpTimer:
    """Seconds in which FSDP waited for gathers and scatters, on CPUs."""

    def __init__(self, modules: Sequence[FSDPModule]):
        self.seconds = 0.0
        for module in modules:
            module.set_custom_all_gather(_Gather(self))  # type: ignore[arg-type]  # the interface is private
            module.set_custom_reduce_scatter(_Scatter(self))  # type: ignore[arg-type]

    def stop(self) -> float:
        seconds, self.seconds = self.seconds, 0.0
        return seconds
