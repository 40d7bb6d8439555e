"""From what the ranks wrote to a verdict: healthy, and sick in ways that must be found."""

import json
from pathlib import Path
from typing import Any

import pytest

from bedplate_training.report_run import RED_EXIT, compare, report

PROBES = {
    "measures": [
        {"name": "storage.small_read_p99", "unit": "ms", "repeats": [5.0, 6.0, 7.0], "about": {}},
        {"name": "network.all_reduce_bus_2", "unit": "GB/s", "repeats": [1.5], "about": {}},
        {"name": "accelerator.matmul_fp32", "unit": "TFLOP/s", "repeats": [0.05, 0.05, 0.06], "about": {}},
    ],
    "bandwidth": [{"collective": "all_reduce", "message_bytes": 4096, "bus_gb_per_second": 0.5}],
    "topology": {"cores": 2},
    "threads": 1,
    "local_ranks": 2,
    "device": "cpu",
}


def result(rank: int, compute: float = 0.1, data: float = 0.001, collective: float = 0.002) -> dict[str, Any]:
    parts = {"compute": compute, "data_wait": data, "collective": collective, "other": 0.0005}
    steps = [
        {
            "step": n + 1,
            "loss": 5.0 / (n + 1),
            "tokens": 512,
            "samples": 8,
            "seconds": sum(parts.values()),
            "parts": parts,
        }
        for n in range(14)
    ]
    return {
        "config": {"loop": {"warmup_steps": 2}},
        "rank": rank,
        "world": 2,
        "parameters": 100_000,
        "flop_per_step": 8e9,
        "flop_per_second": 4e10,
        "inference_flop": 1e8,
        "history": {"steps": steps, "parts": {name: seconds * 14 for name, seconds in parts.items()}},
        "evaluation": {"step": 14, "loss": 2.0, "accuracy": 0.4},
        "inference": {"wall_seconds": 0.05},
    }


def run(
    tmp_path: Path, results: list[dict[str, Any]], probes: dict[str, Any], prom: str = ""
) -> tuple[int, Any]:
    (tmp_path / "out").mkdir(parents=True)
    for rank, found in enumerate(results):
        (tmp_path / "out" / f"result-rank-{rank}.json").write_text(json.dumps(found))
    (tmp_path / "out" / "rank-0.prom").write_text(prom)
    (tmp_path / "out" / "probes.json").write_text(json.dumps(probes))
    out = str(tmp_path / "out")
    code = report(["--results", out, "--probes", out, "--output", str(tmp_path / "report")])
    return code, json.loads((tmp_path / "report" / "report.json").read_text())


def test_a_healthy_run_is_green_and_its_parts_add_up(tmp_path: Path) -> None:
    code, data = run(tmp_path, [result(0), result(1)], PROBES)
    assert (code, data["verdict"]["colour"]) == (0, "green"), data["verdict"]
    assert data["parts_seconds"]["compute"] == pytest.approx(12 * 0.1), "warm-up is left out"
    computing, moving = 12 * 0.1 + 0.05, 12 * 0.003
    assert data["figures"]["utilisation"] == pytest.approx(computing / (computing + moving))
    assert data["figures"]["composite"]["training"] == pytest.approx(4e9 * 12 / (12 * 0.1) / 1e9)
    assert data["measures"]["training.mfu"]["value"] == pytest.approx(2e10 / 0.05e12)
    page = tmp_path / "compared.html"
    both = [str(tmp_path / "report" / "report.json")] * 2
    assert compare([*both, str(page)]) == 0
    assert "training.mfu" in page.read_text()


@pytest.mark.parametrize(
    ("results", "probes", "prom", "layer"),
    [
        ([result(0, data=0.2), result(1, data=0.2)], {}, "", "storage"),
        ([result(0), result(1, compute=0.3)], {}, "", "accelerator"),
        ([result(0), result(1)], {"threads": 8}, "", "accelerator"),
        (
            [result(0), result(1)],
            {},
            'bedplate_object_store_requests_total{store="d",operation="get",result="throttled"} 30\n'
            'bedplate_object_store_requests_total{store="d",operation="get",result="ok"} 70\n',
            "storage",
        ),
    ],
)
def test_a_sick_run_is_red_and_the_layer_is_named(
    tmp_path: Path, results: list[dict[str, Any]], probes: dict[str, Any], prom: str, layer: str
) -> None:
    code, data = run(tmp_path, results, PROBES | probes, prom)
    red = {found["layer"] for found in data["verdict"]["layers"] if found["colour"] == "red"}
    assert code == RED_EXIT
    assert layer in red
    assert red <= {layer, "training"}


def test_no_results_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "probes.json").write_text(json.dumps(PROBES))
    where = str(tmp_path)
    assert report(["--results", where, "--probes", where, "--output", where]) == 2
    assert "no result-rank-*.json; run `train`" in capsys.readouterr().err
