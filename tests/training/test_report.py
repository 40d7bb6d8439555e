"""The report: page and document agree, nothing secret is in them, two can be compared; and what levers are
worth.
"""

import itertools
import json
import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate_training.ablate import BASELINE, Lever, Outcome, ablate, compression_lever, default_levers
from bedplate_training.config import parse
from bedplate_training.data import DataConfig, ShardReader
from bedplate_training.data_shards import ShardConfig, write_shards
from bedplate_training.figures import Peaks, Work, composite, composite_of_peaks, parts_of, utilisation
from bedplate_training.probes.measure import Measure
from bedplate_training.report import HIDDEN, Report, compare, comparison_page, page, read_report, write_report
from bedplate_training.report_svg import Axis, lines, number
from bedplate_training.store import open_store
from bedplate_training.thresholds import thresholds_for
from bedplate_training.verdict import judge


def example() -> Report:
    phases = {
        "compute": 8.0,
        "inference": 1.0,
        "data_wait": 0.5,
        "collective": 0.3,
        "checkpoint": 0.1,
        "other": 0.1,
    }
    parts = parts_of(phases, 10.0)
    work = Work(3.2e12, 1.7e11, 5.4e9)
    measures = [
        Measure("storage.read", "MB/s", (812.3, 799.9, 820.1), {"store": "s3://data"}),
        Measure("storage.small_read_p99", "ms", (31.7,)),
        Measure("network.all_reduce_bus_2", "GB/s", (1.234567,)),
        Measure("accelerator.rank_skew", "ratio", (1.07,)),
        Measure("training.utilisation", "ratio", (utilisation(parts),)),
    ]
    return Report(
        about={"run": "example <b>", "ranks": 2},
        verdict=judge(measures, thresholds_for("cpu")),
        measures=measures,
        figures={
            "utilisation": utilisation(parts),
            "composite": composite(work, parts).as_data(),
            "composite_of_peaks": composite_of_peaks(work, parts, Peaks(1e12, 1e10)).as_data(),
        },
        parts_seconds=phases,
        loss=[(step, 5.5 / (1 + step)) for step in range(30)],
        throughput=[(step, 1000.0 + step) for step in range(30)],
        bandwidth=[
            {"collective": name, "message_bytes": 4**n * 1024, "bus_gb_per_second": 0.1 * n + 0.1}
            for name in ("all_reduce", "all_gather")
            for n in range(6)
        ],
        ablation=[row.as_data() for row in ablate(lambda s: Outcome(2.0 - s["a.b"], 0.9, {}), [LEVER])],
        extra={"inference": {"p99_ms": 12.3456, "requests": 30}},
    )


LEVER = Lever("one", {"a.b": 0}, {"a.b": 1})


class Cells(HTMLParser):
    """The numbers of the page by path, every address in it, and the tags that are open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.numbers: dict[str, str] = {}
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self._path = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "link"):
            self.open.append(tag)
        self._path = values.get("data-path") or ""
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action") and v]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._path = ""

    def handle_data(self, data: str) -> None:
        if self._path:
            self.numbers[self._path] = data


def at(data: Any, path: str) -> Any:
    for step in re.split(r"(?<!\\)\.", path):
        name = step.replace("\\.", ".")
        data = data[int(name)] if isinstance(data, list) else data[name]
    return data


def test_the_pages_numbers_are_the_documents(tmp_path: Path) -> None:
    json_path, html_path = write_report(example(), tmp_path)
    data, cells = json.loads(json_path.read_text()), Cells(html_path.read_text())
    assert not cells.open
    for path, shown in cells.numbers.items():
        assert shown == number(at(data, path)), path
        assert float(shown) == pytest.approx(at(data, path), rel=5e-4)
    for path in (
        "figures.utilisation",
        "figures.composite.total",
        "parts_seconds.compute",
        "ablation.1.gain",
    ):
        assert path in cells.numbers
    assert {f"measures.{name}.value".replace("storage.", "storage\\.") for name in ("storage.read",)} < set(
        cells.numbers
    )
    assert sum(path.startswith("measures.") for path in cells.numbers) == 2 * len(data["measures"])


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    text = page(example().as_data())
    cells = Cells(text)
    assert cells.addresses == ["data:,"]
    assert not {"script", "img", "iframe", "object", "embed"} & set(cells.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert "example &lt;b&gt;" in text
    assert text.count("<svg") == 5
    for said in ("network", "amber", "all_reduce", "data_wait"):
        assert said in text


def test_it_opens_in_a_browser_without_a_complaint(tmp_path: Path) -> None:
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.fail("needs Chromium: sudo apt-get install --no-install-recommends chromium")
    _, html_path = write_report(example(), tmp_path)
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--v=0",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, html_path.as_uri()], capture_output=True, text=True, timeout=50, check=True
    )
    assert "CONSOLE" not in done.stderr
    assert 'data-path="figures.utilisation"' in done.stdout


@pytest.mark.parametrize(
    "about",
    [
        {"env": {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI"}},
        {"url": "https://user:wJalrXUtnFEMI@gateway/x"},
        {"note": "key AKIAIOSFODNN7EXAMPLE used"},
        {"header": "Authorization: Bearer wJalrXUtnFEMI12345"},
        {"hf_token": "wJalrXUtnFEMI"},
        {"url": "https://b.s3/x?X-Amz-Signature=wJalrXUtnFEMI&a=1"},
        {"list": [{"password": ["wJalrXUtnFEMI"]}]},
    ],
)
def test_secrets_do_not_get_in(about: dict[str, object], tmp_path: Path) -> None:
    report = replace(example(), about=about, extra=about)
    for path in write_report(report, tmp_path):
        text = path.read_text()
        assert "wJalrXUtnFEMI" not in text
        assert "AKIAIOSFODNN7EXAMPLE" not in text
        assert HIDDEN in text


def test_numbers_named_tokens_are_no_secrets() -> None:
    data = replace(example(), extra={"tokens_per_second": 12.5, "max_token": 7}).as_data()
    assert data["extra"] == {"tokens_per_second": 12.5, "max_token": 7}


@settings(max_examples=20, deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_what_is_no_number_is_null(value: float) -> None:
    data = replace(example(), extra={"x": value}, loss=[(1, value)]).as_data()
    text = json.dumps(data, allow_nan=False)
    assert not Cells(page(json.loads(text))).open


def test_two_reports_are_compared(tmp_path: Path) -> None:
    first = example()
    faster = [Measure(m.name, m.unit, tuple(v * 2 for v in m.repeats)) for m in first.measures]
    json_path, _ = write_report(first, tmp_path)
    before, after = read_report(json_path), replace(first, measures=faster).as_data()
    changes = {change.path: change for change in compare(before, after)}
    assert changes["measures.storage.read"].ratio == pytest.approx(2)
    assert changes["figures.utilisation"].ratio == 1
    assert changes["extra.inference.p99_ms"].before == 12.3456
    assert "measures.storage.read" in comparison_page(before, after)
    json_path.write_text('{"format": 9}')
    with pytest.raises(ValueError, match="not a report of format 1"):
        read_report(json_path)


@given(st.floats(0, 1e9), st.floats(1e-3, 1e9))
def test_ticks_lie_within_their_axis(low: float, span: float) -> None:
    axis = Axis(low, low + span, 0, 100)
    assert len(axis.ticks()) <= 12
    assert all(-0.5 <= axis.at(tick) <= 100.5 for tick in axis.ticks())


def test_a_plot_of_nothing_says_so() -> None:
    assert "not measured" in lines("Loss", "x", "y", [("loss", [])])
    assert "not measured" in lines("Loss", "x", "y", [("loss", [(1.0, float("nan"))])])
    assert "nan" not in lines("Loss", "x", "y", [("loss", [(1.0, 2.0)])])


def test_levers_are_turned_on_one_after_the_other_and_repeats_go_round() -> None:
    asked: list[tuple[int, int]] = []
    cost = {(0, 0): 4.0, (1, 0): 2.0, (1, 1): 2.01}

    def run(settings):  # type: ignore[no-untyped-def]
        key = settings["a"], settings["b"]
        asked.append(key)
        return Outcome(cost[key] + 0.02 * (len(asked) > 3), 0.5, {"bytes": 7.0})

    rows = ablate(run, [Lever("a", {"a": 0}, {"a": 1}), Lever("b", {"b": 0}, {"b": 1})])
    assert asked == [(0, 0), (1, 0), (1, 1)] * 3
    assert [row.lever for row in rows] == [BASELINE, "a", "b"]
    assert rows[1].gain == pytest.approx(2, rel=0.01)
    assert [row.noise for row in rows] == [False, False, True]
    assert rows[1].spread == pytest.approx(0.02 / 2.02)
    assert rows[2].more == {"bytes": 7.0}


@pytest.mark.parametrize(
    ("levers", "repeats", "message"),
    [
        ([LEVER], 2, "repeats is 2; allowed is 3 or more"),
        ([], 3, "no lever"),
        ([LEVER, Lever("two", {"a.b": 0}, {"a.b": 2})], 3, "'one' and 'two' both turn a.b"),
    ],
)
def test_an_ablation_that_tells_nothing_is_refused(levers: list[Lever], repeats: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ablate(lambda settings: Outcome(1, 1, {}), levers, repeats)
    with pytest.raises(ValueError, match="with other values"):
        Lever("same", {"a": 1}, {"a": 1})


def test_levers_of_reading_are_worth_something_on_a_slow_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    rows = np.zeros((64, 2000), np.uint8)
    for name, codec in (("plain", "none"), ("packed", "zstd")):
        write_shards(store, name, {"x": rows}, {}, ShardConfig(records=8, compression=codec))
    sizes = {info.key: info.size_bytes for info in store.list()}

    def slow(operation: str, key: str) -> None:
        if operation == "get":
            time.sleep(0.004 + sizes.get(key, 0) / 2e6)

    def run(settings):  # type: ignore[no-untyped-def]
        fields = {name.removeprefix("data."): v for name, v in settings.items() if name.startswith("data.")}
        config = parse(DataConfig, fields | {"batch": 8})
        began = time.perf_counter()
        with ShardReader(open_store(store.url, fault=slow), config, 0, 2) as reader:
            for _ in itertools.islice(reader.batches(), 10):
                time.sleep(0.004)
        wall = time.perf_counter() - began
        return Outcome(
            wall, max(0.0, 1 - reader.stats.wait_seconds / wall), {"read": reader.stats.stored_bytes}
        )

    levers = [
        compression_lever("plain", "packed"),
        *(
            lever
            for lever in default_levers(str(tmp_path / "cache"))
            if lever.name.startswith(("sharded", "async", "local"))
        ),
    ]
    rows_out = ablate(run, [lever for lever in levers if "checkpoint" not in lever.name])
    assert rows_out[1].lever == "compressed shards"
    assert rows_out[1].gain > 1.2
    assert not rows_out[1].noise
    assert rows_out[-1].seconds < 0.75 * rows_out[0].seconds
    assert rows_out[-1].utilisation > rows_out[0].utilisation
