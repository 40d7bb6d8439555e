"""The command `probe`: all probes of a stack, under torchrun with as many processes as the training has."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist

from bedplate_training.config import load
from bedplate_training.parallel import Ranks, process_group
from bedplate_training.probes.accelerator import AcceleratorProbeConfig, probe_accelerator
from bedplate_training.probes.gpu import health, read_gpus
from bedplate_training.probes.measure import Measure
from bedplate_training.probes.network import (
    Bandwidth,
    NetworkProbeConfig,
    network_measures,
    probe_collectives,
)
from bedplate_training.probes.node import ranks_clock_offset, read_topology
from bedplate_training.probes.storage import StorageProbeConfig, probe_store
from bedplate_training.run import RunConfig
from bedplate_training.store import open_store
from bedplate_training.store_posix import whole_file


def probe(arguments: Sequence[str]) -> int:
    """Writes `probes.json` into `--output`; with `--quick`, small sizes that suit a machine without
    accelerators.
    """
    parser = argparse.ArgumentParser(prog="bedplate_training probe")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    config = load(RunConfig, options.config, options.set)
    quick = options.quick
    network = NetworkProbeConfig(largest_mib=4, repeats=3) if quick else NetworkProbeConfig()
    device = (
        AcceleratorProbeConfig(matrix=512, memory_mib=16, calls=3, repeats=3)
        if quick
        else AcceleratorProbeConfig()
    )
    storage = (
        StorageProbeConfig(object_mib=1, objects=4, threads=4, small_objects=20)
        if quick
        else StorageProbeConfig()
    )
    with process_group(config.parallel) as ranks:
        # One rank at a time measures what ranks of a node share; all of them what lies between them.
        bandwidths: list[Bandwidth] = []
        measures: list[Measure] = []
        if ranks.world > 1:
            bandwidths = probe_collectives(network, ranks.device)
            measures += network_measures(bandwidths)
            measures.append(ranks_clock_offset(lambda value: _gather(value, ranks)))
        if ranks.rank == 0:
            measures += probe_accelerator(device, ranks.device)
            measures += health(read_gpus())
            if config.data_url:
                store = open_store(config.data_url, options=config.store)
                measures += probe_store(store, storage)
                store.close()
            document = {
                "measures": [measure.as_data() for measure in measures],
                "bandwidth": [found.as_data() for found in bandwidths],
                "topology": asdict(read_topology()),
                "threads": torch.get_num_threads(),
                "local_ranks": int(os.environ.get("LOCAL_WORLD_SIZE", ranks.world)),
                "device": torch.cuda.get_device_name(ranks.device) if ranks.cuda else "cpu",
            }
            with whole_file(options.output / "probes.json") as part:
                part.write_text(json.dumps(document, indent=1))
        if ranks.world > 1:
            dist.barrier()
    return 0


def _gather(value: float, ranks: Ranks) -> list[float]:
    mine = torch.tensor([value], dtype=torch.float64, device=ranks.device)
    parts = [torch.zeros_like(mine) for _ in range(ranks.world)]
    dist.all_gather(parts, mine)
    return [float(part.item()) for part in parts]
