"""Utilisation R and composite P, the limits, and the verdict."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate_training.clock import Phase
from bedplate_training.figures import (
    Parts,
    Peaks,
    Work,
    composite,
    composite_of_peaks,
    parts_of,
    utilisation,
)
from bedplate_training.probes.measure import LAYERS, Measure, percentile
from bedplate_training.thresholds import machine_of, read_thresholds, thresholds_for
from bedplate_training.verdict import judge, run_measures

SECONDS = st.floats(0, 1e6, allow_subnormal=False)
HEAD = "machine,measure,unit,better,peak,green,amber,source,date\n"


def parts(training: float, inference: float, transfer: float, other: float = 0.0) -> Parts:
    return Parts(training, inference, transfer, other, training + inference + transfer + other)


def test_the_definitions_by_hand() -> None:
    run = parts(6, 2, 2, 1)
    assert utilisation(run) == pytest.approx(0.8)
    work = Work(training_flop=12e9, inference_flop=1e9, moved_bytes=4e9)
    plain = composite(work, run)
    assert (plain.training, plain.inference, plain.transfer) == (2, 0.5, 2)
    assert plain.total == 4.5
    shares = composite_of_peaks(work, run, Peaks(flop_per_second=4e9, bytes_per_second=8e9))
    assert (shares.training, shares.inference, shares.transfer) == (0.5, 0.125, 0.25)


@given(SECONDS, SECONDS, SECONDS, SECONDS)
def test_utilisation_is_a_share_and_falls_with_transfer(a: float, b: float, c: float, d: float) -> None:
    r = utilisation(parts(a, b, c, d))
    assert 0 <= r <= 1
    assert utilisation(parts(a, b, c + 1, d)) <= r
    assert utilisation(parts(a, b, c, d + 5)) == r
    if c == 0 and a + b > 0:
        assert r == 1


@given(st.floats(0.01, 1e5), st.floats(-0.1, 0.1))
def test_parts_add_up_to_wall_time_within_two_per_cent(seconds: float, off: float) -> None:
    if abs(off) <= 0.0199:
        Parts(seconds * (1 + off), 0, 0, 0, seconds)
    elif abs(off) > 0.0201:
        with pytest.raises(ValueError, match="a part is missing or counted twice"):
            Parts(seconds * (1 + off), 0, 0, 0, seconds)


@given(st.dictionaries(st.sampled_from(sorted(Phase)), st.floats(0, 1e4)))
def test_every_phase_of_the_clock_has_a_part(phases: dict[Phase, float]) -> None:
    wall = sum(phases.values())
    assert parts_of(phases, wall).sum_seconds == pytest.approx(wall)


def test_an_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match=r"phases \['sleep'\]: known are compute"):
        parts_of({"sleep": 1.0}, 1.0)


def test_hidden_transfer_leaves_its_term_out() -> None:
    work = Work(1e9, 0, 1e9)
    hidden = composite(work, parts(1, 0, 0))
    assert hidden.transfer is None
    assert hidden.total == 1
    assert composite(Work(1e9, 0, 0), parts(1, 0, 0)).transfer == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Parts(-1, 0, 0, 0, 1), r"training_seconds.*allowed is 0 or more"),
        (lambda: Parts(float("nan"), 0, 0, 0, 1), "allowed is 0 or more"),
        (lambda: Work(0, 0, -1), "moved_bytes"),
        (lambda: Peaks(0, 1), "flop_per_second.*above 0"),
        (lambda: composite(Work(1, 0, 0), parts(0, 1, 0)), "1 FLOP in 0 s"),
        (lambda: Measure("disk.read", "MB/s", (1.0,)), "its name begins with one of storage"),
        (lambda: Measure("storage.read", "MB/s", ()), "0 repeats"),
        (lambda: percentile([], 0.5), "0 values"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make()


def test_a_measure_is_its_median_with_spread() -> None:
    measure = Measure("storage.read", "MB/s", (90.0, 100.0, 120.0))
    assert (measure.value, measure.spread, measure.layer) == (100, 0.3, "storage")
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(range(1, 101), 0.99) == 99


def test_every_shipped_limit_has_a_source_and_belongs_to_a_layer() -> None:
    for machine in ("cpu", "H100-SXM5-80GB", "A100-SXM4-40GB"):
        rows = thresholds_for(machine)
        assert {row.measure.partition(".")[0] for row in rows.values()} == set(LAYERS)
        assert all(len(row.source) > 5 and row.date.startswith("2026-") for row in rows.values())
    matmul = thresholds_for("H100-SXM5-80GB")["accelerator.matmul_bf16"]
    assert matmul.green[0] == pytest.approx(0.65 * 989.4)
    assert [matmul.colour(v) for v in (700, 600, 100, float("nan"))] == ["green", "amber", "red", "red"]


@pytest.mark.parametrize(
    ("device", "machine"),
    [("NVIDIA H100 80GB HBM3", "H100-SXM5-80GB"), ("NVIDIA H200", "H200-SXM5-141GB"), ("cpu", "cpu")],
)
def test_names_of_drivers(device: str, machine: str) -> None:
    assert machine_of(device) == machine


def test_own_limits_go_first(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(HEAD + "*,training.utilisation,ratio,higher,,0.99,0.98,our own,2026-01-01\n")
    assert thresholds_for("cpu", own)["training.utilisation"].green[0] == 0.99


def test_bad_limits_are_all_told() -> None:
    rows = (
        "*,training.a,ratio,up,,1,1,s,d\n*,disk.a,ratio,higher,,1,1,s,d\n*,training.b,,lower,,1,2,,d\n"
        "*,training.c,ratio,higher,,1,2,s,d\n*,training.d,ratio,lower,,x,2,s,d\n"
    )
    with pytest.raises(
        ValueError, match=r"line 2: better.*line 3: measure.*line 4: unit, source.*line 5.*line 6"
    ):
        read_thresholds(HEAD + rows, "own.csv")
    with pytest.raises(ValueError, match="given twice"):
        read_thresholds(HEAD + "*,training.c,ratio,higher,,2,1,s,d\n" * 2, "own.csv")


HEALTHY = {
    "phases": {"compute": 9.6, "data_wait": 0.1, "collective": 0.2, "checkpoint": 0.1},
    "wall_seconds": 10.0,
    "compute_seconds_by_rank": [0.1, 0.102],
    "threads": 1,
    "local_ranks": 2,
    "cores": 2,
    "losses": [5.5, 4.0, 3.0],
    "utilisation": 0.96,
    "requests": {"ok": 1000},
}


@pytest.mark.parametrize(
    ("sickness", "layer", "says"),
    [
        ({"phases": {"compute": 5, "data_wait": 5}, "utilisation": 0.5}, "storage", "the store, or the path"),
        ({"requests": {"ok": 100, "throttled": 20}}, "storage", "storage.throttled is 0.1667"),
        ({"requests": {"ok": 90, "error": 10}}, "storage", "storage.errors is 0.1"),
        ({"compute_seconds_by_rank": [0.1, 0.2]}, "accelerator", "rank 1 computes slower"),
        ({"compute_seconds_by_rank": [0.3, 0.1, 0.1, 0.1]}, "accelerator", "rank 0 computes slower"),
        ({"threads": 4}, "accelerator", "2 ranks of 4 threads on 2 cores"),
        ({"threads": 1, "cores": 8}, "accelerator", "2 ranks of 1 threads on 8 cores"),
        (
            {"phases": {"compute": 5, "collective": 5}, "utilisation": 0.5},
            "network",
            "collectives are waited for",
        ),
        ({"losses": [5.5, 5.6]}, "training", "does not learn"),
    ],
)
def test_a_sick_stack_is_red_and_the_layer_is_named(
    sickness: dict[str, object], layer: str, says: str
) -> None:
    limits = thresholds_for("cpu")
    healthy = judge(run_measures(**HEALTHY), limits)  # type: ignore[arg-type]
    assert healthy.colour == "green", healthy.summary()
    assert healthy.summary() == "all layers are green"
    sick = judge(run_measures(**(HEALTHY | sickness)), limits)  # type: ignore[arg-type]
    assert (sick.colour, sick.good, sick.of(layer).colour) == ("red", False, "red")
    assert says in sick.of(layer).reason
    assert f"{layer}: red" in sick.summary()
    others = {found.layer for found in sick.layers if found.colour == "red"} - {layer, "training"}
    assert not others, "another layer is blamed too"


def test_a_layer_that_nobody_measured_is_not_green() -> None:
    verdict = judge([Measure("training.utilisation", "ratio", (0.99,))], thresholds_for("cpu"))
    assert verdict.of("network").colour == "amber"
    assert verdict.of("training").colour == "green"
    assert verdict.colour == "amber"


def test_units_must_agree() -> None:
    with pytest.raises(ValueError, match="use one unit"):
        judge([Measure("storage.small_read_p99", "s", (1.0,))], thresholds_for("cpu"))
    with pytest.raises(ValueError, match=r"measured twice: training\.x"):
        judge([Measure("training.x", "s", (1.0,))] * 2, {})
