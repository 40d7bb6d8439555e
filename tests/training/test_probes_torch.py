"""Probes that need PyTorch: collectives over gloo, matrix multiplications, memory."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
import torch.distributed as dist  # noqa: E402
import torch.multiprocessing as mp  # noqa: E402

from bedplate_training.probes.accelerator import AcceleratorProbeConfig, probe_accelerator  # noqa: E402
from bedplate_training.probes.network import (  # noqa: E402
    ALL_GATHER,
    ALL_REDUCE,
    NetworkProbeConfig,
    bus_bytes_per_second,
    message_sizes,
    network_measures,
    probe_collectives,
)


@pytest.mark.parametrize(
    ("collective", "ranks", "factor"),
    [
        (ALL_REDUCE, 2, 1.0),
        (ALL_REDUCE, 8, 1.75),
        (ALL_GATHER, 2, 0.5),
        (ALL_GATHER, 8, 0.875),
        (ALL_REDUCE, 1, 0.0),
    ],
)
def test_bus_bandwidth_is_that_of_nccl_tests(collective: str, ranks: int, factor: float) -> None:
    assert bus_bytes_per_second(collective, 1000, 0.5, ranks) == 2000 * factor


def test_other_collectives_and_no_time_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast in 1 s: allowed are all_reduce, all_gather"):
        bus_bytes_per_second("broadcast", 1, 1, 2)
    with pytest.raises(ValueError, match="a time above 0"):
        bus_bytes_per_second(ALL_REDUCE, 1, 0, 2)


def test_sizes_go_up_to_the_largest() -> None:
    assert message_sizes(NetworkProbeConfig(smallest_kib=256, largest_mib=3)) == [2**18, 2**20, 3 * 2**20]


def _rank(rank: int, directory: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{directory}/meet", rank=rank, world_size=2)
    found = probe_collectives(
        NetworkProbeConfig(smallest_kib=64, largest_mib=1, repeats=3), torch.device("cpu")
    )
    Path(directory, f"rank-{rank}").write_text(repr(found))
    assert [m.name for m in network_measures(found)] == [
        "network.all_reduce_bus_2",
        "network.all_gather_bus_2",
    ]
    assert all(m.value > 0 and m.about["message_bytes"] == 2**20 for m in network_measures(found))
    dist.destroy_process_group()


def test_two_ranks_measure_the_same(tmp_path: Path) -> None:
    mp.spawn(_rank, (str(tmp_path),), nprocs=2)
    one, two = (Path(tmp_path, f"rank-{rank}").read_text() for rank in range(2))
    assert one == two
    assert one.count("Bandwidth(") == 2 * 3


def test_matmul_and_memory_have_units_and_repeats() -> None:
    config = AcceleratorProbeConfig(matrix=128, memory_mib=4, calls=2, repeats=3)
    measures = {m.name: m for m in probe_accelerator(config, torch.device("cpu"))}
    assert {name: m.unit for name, m in measures.items()} == {
        "accelerator.matmul_bf16": "TFLOP/s",
        "accelerator.matmul_fp32": "TFLOP/s",
        "accelerator.memory_copy": "GB/s",
        "accelerator.memory_triad": "GB/s",
    }
    assert all(len(m.repeats) == 3 and m.value > 0 for m in measures.values())
    assert measures["accelerator.memory_copy"].about["array_mib"] == 4
