"""A release goes from wave to wave while it is well, stops when nobody knows, goes back when it is bad."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.edge.agent import coordinator
from bedplate.edge.agent.coordinator import ConfigMap, advance, prometheus, turn
from bedplate.edge.agent.rollout import Gate, Plan, Progress, Release, Wave

WAVES = (Wave("canary", ("a",), 2), Wave("rest", ("b", "c"), 4))
GATE = Gate(600, 7200, ready_percent=75, query="rate{site=~'$sites'}", at_most=0.05)
PLAN = Plan("defects", Release("v2", "s3://b/k", "0" * 64, 1), WAVES, GATE)


class Fleet:
    """What Prometheus would say."""

    def __init__(self) -> None:
        self.good: float | None = 2.0
        self.bad: float | None = None
        self.rate: float | None = 0.01
        self.asked: list[str] = []

    def __call__(self, text: str) -> float | None:
        self.asked.append(text)
        if "bedplate_edge_model_good_info" in text:
            return self.good
        return self.bad if "bedplate_edge_model_bad_info" in text else self.rate


def run(progress: Progress, fleet: Fleet, *times: float) -> Progress:
    for now in times:
        progress = advance(PLAN, progress, fleet, now)
    return progress


def test_waves_follow_each_other_after_the_time_that_each_must_be_well() -> None:
    fleet = Fleet()
    progress = run(Progress("v1", 1, "done"), fleet, 0, 60)
    assert (progress.version, progress.wave, progress.verdict) == ("v2", 0, "running")
    assert run(progress, fleet, 600).wave == 0
    progress = run(progress, fleet, 660)
    assert (progress.wave, progress.since) == (1, 660)
    fleet.asked.clear()
    fleet.good = 3.0  # 75% of 4 are enough.
    progress = run(progress, fleet, 720, 1320)
    assert (progress.wave, progress.verdict) == (1, "done")
    assert run(progress, fleet, 9000) == progress
    # Nodes are counted in the wave; who went back, and the gate, in all that have the release.
    labels = 'model="defects",version="v2",site=~'
    by_node = "count(count by (site, node) (bedplate_edge_model_%s_info{%s%s}))"
    assert by_node % ("good", labels, '"b|c"') in fleet.asked
    assert by_node % ("bad", labels, '"a|b|c"') in fleet.asked
    assert "rate{site=~'a|b|c'}" in fleet.asked


@pytest.mark.parametrize("blind", [{"good": None}, {"good": 1.0}, {"rate": None}, {"rate": float("nan")}])
def test_what_nobody_knows_stops_the_release_and_takes_nothing_back(blind: dict) -> None:
    fleet = Fleet()
    vars(fleet).update(blind)
    progress = run(Progress("v2", 0), fleet, *range(60, 7200, 60))
    assert (progress.wave, progress.verdict) == (0, "running")
    progress = run(progress, fleet, 7200)
    assert (progress.verdict, progress.reason) == ("held", "wave canary was not well in time")


def test_it_must_be_well_without_a_break() -> None:
    fleet = Fleet()
    progress = run(Progress("v2", 0), fleet, 60, 500)
    fleet.good = 1.0
    progress = run(progress, fleet, 560)
    fleet.good = 2.0
    assert run(progress, fleet, 620, 1200).wave == 0
    assert run(progress, fleet, 620, 1220).wave == 1


def test_three_bad_answers_in_a_row_take_everything_back() -> None:
    fleet = Fleet()
    fleet.rate = 0.2
    progress = run(Progress("v2", 1), fleet, 60, 120)
    fleet.rate = 0.01
    progress = run(progress, fleet, 180)
    fleet.rate = 0.2
    progress = run(progress, fleet, 240, 300)
    assert progress.verdict == "running"
    progress = run(progress, fleet, 360)
    assert (progress.verdict, progress.wave) == ("rolled-back", 1)
    assert "0.2" in progress.reason


def test_a_node_that_went_back_by_itself_takes_the_fleet_along() -> None:
    fleet = Fleet()
    fleet.bad = 1.0
    progress = run(Progress("v2", 0), fleet, 60)
    assert (progress.verdict, progress.reason) == ("rolled-back", "1 nodes went back by themselves")


def test_what_was_ended_begins_again_only_with_another_version() -> None:
    fleet = Fleet()
    ended = Progress("v1", 0, "rolled-back")
    assert run(ended, fleet, 60).version == "v2"
    held = Progress("v2", 0, "held")
    assert run(held, fleet, 60, 1e9) == held


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, 0.0, 1.0, 2.0, 4.0]),
            st.sampled_from([None, 0.0, 1.0]),
            st.sampled_from([None, 0.01, 0.2]),
            st.floats(1, 2000),
        ),
        max_size=60,
    )
)
def test_waves_are_never_skipped_and_never_go_on_without_ten_good_minutes(turns) -> None:
    progress, now, well_since = Progress(), 0.0, None
    for good, bad, rate, passed in turns:
        now += passed
        fleet = Fleet()
        fleet.good, fleet.bad, fleet.rate = good, bad, rate
        before, progress = progress, advance(PLAN, progress, fleet, now)
        well = not bad and rate == 0.01 and (good or 0) * 100 >= 75 * WAVES[max(before.wave, 0)].nodes
        well_since = (well_since or now) if well and before.version == "v2" else None
        if progress.wave > max(before.wave, 0) or progress.verdict == "done" != before.verdict:
            assert progress.wave - before.wave <= 1
            assert well_since is not None
            assert now - well_since >= 600
            well_since = None
        assert before.verdict in ("running", progress.verdict)


@pytest.fixture
def cluster(monkeypatch, tmp_path) -> Iterator[dict]:
    """An API server with one ConfigMap, and a Prometheus."""
    state: dict = {"data": {}, "tokens": [], "answer": {"result": [{"value": [0, "0.5"]}]}, "types": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["tokens"].append(self.headers.get("Authorization"))
            query = self.path.startswith("/api/v1/query")
            self._answer({"data": state["answer"]} if query else {"data": state["data"]})

        def do_PATCH(self) -> None:
            state["types"].append(self.headers["Content-Type"])
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state["data"].update(body["data"])
            self._answer({})

        def _answer(self, body: dict) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    (tmp_path / "token").write_text("renewed")
    monkeypatch.setattr(coordinator, "_ACCOUNT", tmp_path)
    state["url"] = f"http://127.0.0.1:{listening.server_port}"
    yield state
    listening.shutdown()
    listening.server_close()


def test_progress_is_kept_in_the_config_map_and_written_only_when_it_changes(cluster) -> None:
    memory = ConfigMap("edge", "defects-progress", cluster["url"])
    fleet = Fleet()
    assert turn(PLAN, memory, fleet, now=lambda: 0).wave == 0
    assert turn(PLAN, memory, fleet, now=lambda: 60).healthy_since == 60
    turn(PLAN, memory, fleet, now=lambda: 90)
    assert cluster["types"] == ["application/merge-patch+json"] * 2
    assert Progress.parse(cluster["data"]["progress.json"]).wave == 0
    assert set(cluster["tokens"]) == {"Bearer renewed"}


def test_prometheus_is_asked_with_its_token_and_odd_answers_are_none(cluster, tmp_path) -> None:
    query = prometheus(cluster["url"], token_file=str(tmp_path / "token"))
    assert query("up") == 0.5
    assert cluster["tokens"] == ["Bearer renewed"]
    for odd in ({"result": []}, {"result": [{"value": [0, "1"]}] * 2}, {"result": [{}]}, {}, None):
        cluster["answer"] = odd
        assert query("up") is None
    assert prometheus("http://127.0.0.1:9")("up") is None
