"""The commands `report` and `compare`: from what `probe` and `train` wrote to the report."""

import argparse
import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedplate_training.figures import Peaks, Work, composite, composite_of_peaks, parts_of, utilisation
from bedplate_training.probes.measure import Measure
from bedplate_training.report import Report, comparison_page, read_report, write_report
from bedplate_training.store_posix import whole_file
from bedplate_training.thresholds import machine_of, thresholds_for
from bedplate_training.verdict import judge, run_measures

RED_EXIT = 3
_REQUESTS = re.compile(r'^bedplate_object_store_requests_total\{[^}]*result="(\w+)"[^}]*\} ([\d.e+]+)', re.M)
_BYTES = re.compile(r"^bedplate_object_store_bytes_total\{[^}]*\} ([\d.e+]+)", re.M)


def report(arguments: Sequence[str]) -> int:
    """Writes report.json and report.html; 0 where no layer is red, else 3."""
    parser = argparse.ArgumentParser(prog="bedplate_training report")
    parser.add_argument("--results", type=Path, required=True, help="metrics.directory of the training run")
    parser.add_argument("--probes", type=Path, required=True, help="where `probe` wrote probes.json")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--thresholds", type=Path, help="a CSV of your own limits")
    parser.add_argument("--machine", default="", help="as in thresholds.csv; default: by the device's name")
    options = parser.parse_args(arguments)
    try:
        results = [
            json.loads(path.read_text()) for path in sorted(options.results.glob("result-rank-*.json"))
        ]
        probes = json.loads((options.probes / "probes.json").read_text())
        texts = [path.read_text() for path in sorted(options.results.glob("*.prom"))]
        if not results:
            raise ValueError(
                f"{options.results}: no result-rank-*.json; run `train` with metrics.directory set to it"
            )
        machine = options.machine or machine_of(probes["device"])
        made = build_report(results, probes, texts, machine, options.thresholds)
    except (OSError, ValueError) as problem:
        print(f"bedplate_training: {problem}", file=sys.stderr)
        return 2
    for path in write_report(made, options.output):
        print(path)
    print(f"{made.verdict.colour}\n{made.verdict.summary()}")
    return 0 if made.verdict.good else RED_EXIT


def compare(arguments: Sequence[str]) -> int:
    """Writes a page that compares two report.json."""
    parser = argparse.ArgumentParser(prog="bedplate_training compare")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    try:
        text = comparison_page(read_report(options.before), read_report(options.after))
    except (OSError, ValueError) as problem:
        print(f"bedplate_training: {problem}", file=sys.stderr)
        return 2
    with whole_file(options.output) as part:
        part.write_text(text)
    return 0


def build_report(
    results: Sequence[Mapping[str, Any]],
    probes: Mapping[str, Any],
    metrics_texts: Sequence[str],
    machine: str,
    own_thresholds: Path | None = None,
) -> Report:
    """One report of the results of all ranks (as train writes them) and the probes.

    Warm-up steps are left out. Seconds are the mean of the ranks, work is that of one rank.
    """
    first = results[0]
    runs = [_measured(result) for result in results]
    phases = {name: statistics.fmean(run[name] for run in runs) for name in runs[0]}
    wall = sum(phases.values())
    steps = first["history"]["steps"]
    warm = first["config"]["loop"]["warmup_steps"]
    parts = parts_of(phases, wall)
    measures = [Measure(m["name"], m["unit"], tuple(m["repeats"]), m["about"]) for m in probes["measures"]]
    counted = Counter[str]()
    for text in metrics_texts:
        for result, count in _REQUESTS.findall(text):
            counted[result] += int(float(count))
    measures += run_measures(
        phases,
        wall,
        [statistics.median(s["parts"]["compute"] for s in r["history"]["steps"][warm:]) for r in results],
        probes["threads"],
        probes["local_ranks"],
        probes["topology"]["cores"],
        [step["loss"] for step in steps],
        utilisation(parts),
        counted,
    )
    world, count = first["world"], len(steps) - warm
    stored = sum(float(size) for text in metrics_texts for size in _BYTES.findall(text)) / world
    # Gradients in float32, as all-reduce moves them over the bus.
    gradients = first["parameters"] * 4 * 2 * (world - 1) / world * count
    work = Work(first["flop_per_step"] / world * count, first["inference_flop"], stored + gradients)
    figures: dict[str, Any] = {
        "utilisation": utilisation(parts),
        "composite": composite(work, parts).as_data(),
    }
    values = {measure.name: measure.value for measure in measures}
    matmul = values.get("accelerator.matmul_bf16" if machine != "cpu" else "accelerator.matmul_fp32")
    bus = values.get(f"network.all_reduce_bus_{world}") or values.get("storage.read", 0) / 1e3
    if matmul:
        # Of one rank: on a CPU the probe ran on one rank's threads, on a GPU it is one device.
        measures.append(
            Measure("training.mfu", _MFU_UNITS[machine == "cpu"], (_mfu(first, world, matmul, machine),))
        )
        if bus:
            peaks = Peaks(matmul * 1e12, bus * 1e9)
            figures["composite_of_peaks"] = composite_of_peaks(work, parts, peaks).as_data()
    throughput = "tokens" if steps and steps[0]["tokens"] else "samples"
    about = {
        "machine": machine,
        "device": probes["device"],
        "ranks": world,
        "parameters": first["parameters"],
    }
    return Report(
        about=about | {"topology": probes["topology"], "config": first["config"]},
        verdict=judge(measures, thresholds_for(machine, own_thresholds)),
        measures=measures,
        figures=figures,
        parts_seconds=phases,
        loss=[(step["step"], step["loss"]) for step in steps],
        throughput=[
            (step["step"], step[throughput] * world / step["seconds"]) for step in steps if step["seconds"]
        ],
        bandwidth=probes["bandwidth"],
        extra={"evaluation": first["evaluation"], "inference": first["inference"] or {}},
    )


_MFU_UNITS = {True: "share of measured matmul", False: "share of vendor's peak"}


def _mfu(result: Mapping[str, Any], world: int, matmul_tflops: float, machine: str) -> float:
    each = float(result["flop_per_second"]) / world
    limit = thresholds_for(machine).get("accelerator.matmul_bf16")
    if machine == "cpu" or limit is None or limit.peak is None:
        return each / (matmul_tflops * 1e12)
    return each / (limit.peak * 1e12)


def _measured(result: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by phase without the warm-up, with inference after the training."""
    history = result["history"]
    phases = dict(history["parts"])
    for step in history["steps"][: result["config"]["loop"]["warmup_steps"]]:
        for name, seconds in step["parts"].items():
            phases[name] -= seconds
    phases = {name: max(0.0, seconds) for name, seconds in phases.items()}
    if result["inference"]:
        phases["inference"] = phases.get("inference", 0.0) + result["inference"]["wall_seconds"]
    return phases
