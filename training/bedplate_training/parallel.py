"""Processes, data parallelism (DDP, FSDP2) and number formats."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore, PrefixStore, Store
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from bedplate_training.config import setting
from bedplate_training.errors import ConfigError, Problem
from bedplate_training.exposed import DdpTimer, FsdpTimer
from bedplate_training.float8 import float8_problem, to_float8


@dataclass(frozen=True)
class ParallelConfig:
    """How a model is spread over processes, and the number formats that it computes in."""

    strategy: str = setting("ddp", choices=("ddp", "fsdp"))
    precision: str = setting("float32", choices=("float32", "bfloat16", "float8"))
    compile: bool = setting(False)
    deterministic: bool = setting(True)
    bucket_mib: float = setting(25.0, above=0)
    reshard_after_forward: bool = setting(True)
    timeout_seconds: float = setting(600.0, at_least=1)

    def problems(self, path: str) -> list[Problem]:
        return []


@dataclass(frozen=True)
class Ranks:
    """This process among its peers, and the device that it computes on."""

    rank: int
    world: int
    local_rank: int
    device: torch.device

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def synchronize(self) -> None:
        """Wait for the device; on a CPU there is nothing to wait for."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def mean(self, value: Tensor) -> float:
        """The mean of a scalar over all processes, the same number on each."""
        total = value.detach().to(torch.float32).clone()
        if self.world > 1:
            dist.all_reduce(total)
        return float(total.item()) / self.world


@contextlib.contextmanager
def process_group(config: ParallelConfig) -> Iterator[Ranks]:
    """Join the processes that torchrun started (RANK, WORLD_SIZE, LOCAL_RANK), or be the only one.

    Collectives go over gloo on CPUs and over NCCL on GPUs; checkpoints always coordinate over gloo.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    timeout = timedelta(seconds=config.timeout_seconds)
    if "WORLD_SIZE" in os.environ:
        store, rank, world = next(rendezvous("env://", timeout=timeout))
        store = PrefixStore(_attempt(store, rank, world, config.timeout_seconds), store)
    else:
        store, rank, world = HashStore(), 0, 1
    dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=timeout)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), local_rank, device)
    finally:
        dist.destroy_process_group()


def _attempt(store: Store, rank: int, world: int, timeout_seconds: float) -> str:
    """A name that the processes of this attempt share, and none of an attempt before.

    torchrun's agent keeps its store over restarts, where the addresses of killed processes are still found:
    whoever connects to one waits until the time is out. The first process answers each greeting until all
    have heard it; a greeting left by a killed process is answered in vain.
    """
    own = secrets.token_hex(8)
    if rank:
        store.set(f"greeting/{rank}", own)
        store.wait([f"answer/{own}"], timedelta(seconds=timeout_seconds))
        name = store.get(f"answer/{own}").decode()
        store.set(f"heard/{name}/{rank}", "1")
        return name
    waiting, end = set(range(1, world)), time.monotonic() + timeout_seconds
    while waiting:
        for other in sorted(waiting):
            if store.check([f"heard/{own}/{other}"]):
                waiting.discard(other)
            elif store.check([f"greeting/{other}"]):
                store.set(f"answer/{store.get(f'greeting/{other}').decode()}", own)
        if time.monotonic() > end:
            raise TimeoutError(f"processes {sorted(waiting)} did not come within {timeout_seconds:g} s")
        time.sleep(0.01)
    return own


def make_deterministic(seed: int, strict: bool) -> None:
    """Fix the seeds, and with `strict` refuse operations whose result differs from run to run."""
    torch.manual_seed(seed)
    if strict:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False


class Spread:
    """A model spread over the processes: call `forward`, then ask what its collectives cost."""

    def __init__(self, model: nn.Module, config: ParallelConfig, ranks: Ranks):
        problem = float8_problem(ranks.device) if config.precision == "float8" else None
        if problem is not None:
            raise ConfigError([problem])
        self.config, self.ranks = config, ranks
        self.model = model.to(ranks.device)
        if config.precision == "float8":
            to_float8(self.model)
        self._ddp: DistributedDataParallel | None = None
        self._ddp_timer: DdpTimer | None = None
        self._fsdp_timer: FsdpTimer | None = None
        if config.strategy == "fsdp":
            self._shard()
        if config.compile:
            self.model.compile()
        if config.strategy == "ddp" and ranks.world > 1:
            self._ddp = DistributedDataParallel(
                self.model,
                device_ids=[ranks.local_rank] if ranks.cuda else None,
                bucket_cap_mb=config.bucket_mib,
                gradient_as_bucket_view=True,
            )
            self._ddp_timer = DdpTimer(self._ddp, ranks.cuda)

    def _shard(self) -> None:
        low = None if self.config.precision == "float32" else torch.bfloat16
        policy = MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32)
        reshard = self.config.reshard_after_forward
        layers = list(self.model.get_submodule("layers").children())
        wrapped = [
            fully_shard(layer, mp_policy=policy, reshard_after_forward=reshard) for layer in layers
        ] + [fully_shard(self.model, mp_policy=policy, reshard_after_forward=reshard)]
        if hasattr(self.model, "extend"):
            register_fsdp_forward_method(self.model, "extend")
        if self.ranks.world > 1 and not self.ranks.cuda:
            self._fsdp_timer = FsdpTimer(wrapped)

    @property
    def collectives_timed(self) -> bool:
        """Whether exposed collectives are told apart from computing: always but for FSDP on GPUs, where
        gathering goes on in streams of its own and the wait for it counts as computing."""
        return self.ranks.world == 1 or self._ddp_timer is not None or self._fsdp_timer is not None

    def forward(self, inputs: Tensor) -> Tensor:
        """The model's output for a batch on the device, in the configured number format."""
        module = self._ddp if self._ddp is not None else self.model
        with self.autocast():
            output: Tensor = module(inputs)
        return output

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which the model computes; FSDP casts by itself."""
        if self.config.precision == "float32" or self.config.strategy == "fsdp":
            return contextlib.nullcontext()
        return torch.autocast(self.ranks.device.type, dtype=torch.bfloat16)

    @contextlib.contextmanager
    def part(self, last: bool) -> Iterator[None]:
        """One of the parts that gradients are accumulated over; they are exchanged in the last."""
        if self.config.strategy == "fsdp":
            self.model.set_requires_gradient_sync(last)  # type: ignore[operator]  # fully_shard adds it
        if last and self._ddp_timer is not None:
            self._ddp_timer.start()
        with contextlib.nullcontext() if last or self._ddp is None else self._ddp.no_sync():
            yield

    def exposed_seconds(self) -> float:
        """Seconds of this step in which nothing was computed because of a collective; call it after the
        backward pass of the last part, with the device synchronized."""
        if self._ddp_timer is not None:
            return self._ddp_timer.stop()
        return self._fsdp_timer.stop() if self._fsdp_timer is not None else 0.0
