"""A node's model: whole, checked, and back to the last good one, whatever happens in between."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import bedplate.edge.agent
from bedplate.edge.agent.fetch import Limits, Store
from bedplate.edge.agent.metrics import Metrics
from bedplate.edge.agent.rollout import Gate, Plan, Progress, Release, Wave, wish
from bedplate.edge.agent.slots import Slots
from bedplate.edge.agent.updater import Settings, Updater
from bedplate.edge.agent.windows import Window

OLD, NEW = b"old" * 1000, b"new" * 60_000
NOON = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)


class Killed(BaseException):
    """What `kill -9` does to a process, as far as the disk can tell."""


class Node:
    """One node: its disk, its clock, and a server of models that is well or not."""

    def __init__(self, root: Path, server, **settings) -> None:
        self.root, self.server, self.time, self.moment = root, server, 0.0, NOON
        self.healthy, self.idle, self.calls = True, True, list[tuple[str, str]]()
        server.files |= {"/v1": OLD, "/v2": NEW, "/v3": b"three"}
        self.settings = Settings(
            site="dresden",
            store=Store(plain_http=True),
            **{"health_url": "health", "reload_url": "reload", "probation_seconds": 60, **settings},
        )
        self.version, self.progress, self.signature = "v1", Progress("v1", 0), ""
        self.restart()

    def restart(self) -> None:
        self.slots = Slots(self.root)
        self.metrics = Metrics({"site": "dresden"})
        self.updater = Updater(
            self.settings,
            self.slots,
            self.metrics,
            lambda: (self.plan(), self.progress),
            get=self.get,
            clock=lambda: self.time,
            now=lambda: self.moment,
        )

    def get(self, url: str, method: str) -> bool:
        self.calls.append((url, method))
        return self.idle if url == "idle" else self.healthy

    def plan(self) -> Plan:
        body = self.server.files[f"/{self.version}"]
        release = Release(
            self.version,
            f"{self.server.url}/{self.version}",
            hashlib.sha256(body).hexdigest(),
            len(body),
            signature=self.signature,
        )
        return Plan("defects", release, (Wave("all", ("dresden",), 1),), Gate(60, 600))

    def want(self, version: str) -> None:
        self.version, self.progress = version, Progress(version, 0)

    def steps(self, count: int, seconds: float = 10.0) -> Node:
        for _ in range(count):
            self.updater.step()
            self.time += seconds
        return self

    @property
    def serves(self) -> bytes | None:
        current = self.root / "current" / "model"
        return current.read_bytes() if current.exists() else None

    @property
    def state(self) -> str:
        names = ("idle", "downloading", "waiting", "probation", "failed")
        found = [one for one in names if self.metrics.get("bedplate_edge_model_state", state=one)]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def node(server, tmp_path):
    def make(**settings) -> Node:
        return Node(tmp_path / "defects", server, **settings)

    return make


@pytest.fixture
def updated(node):
    """A node that serves v1, which is good."""

    def make(**settings) -> Node:
        one = node(**settings).steps(10)
        assert (one.serves, one.slots.state.good, one.state) == (OLD, "v1", "idle")
        one.calls.clear()
        return one

    return make


def test_a_new_version_is_served_after_reload_and_probation(updated) -> None:
    node = updated()
    node.want("v2")
    node.steps(2)
    assert (node.serves, node.slots.state.trial, node.calls[0]) == (NEW, "v2", ("reload", "POST"))
    node.steps(8)
    assert (node.slots.state.good, node.slots.state.previous, node.state) == ("v2", "v1", "idle")
    assert node.metrics.get("bedplate_edge_model_good_info", version="v2") == 1


def test_a_version_that_is_not_well_is_taken_back_and_not_tried_again(updated, server) -> None:
    node = updated()
    node.want("v2")
    node.steps(2)
    node.healthy = False
    node.steps(2)
    assert node.serves == NEW  # Two failures may be a restart of the server.
    node.steps(1)
    assert (node.serves, node.state) == (OLD, "failed")
    server.requests.clear()
    node.healthy = True
    node.steps(20)
    node.restart()
    node.steps(20)
    assert (node.serves, node.state, server.requests) == (OLD, "failed", [])
    assert node.metrics.get("bedplate_edge_model_bad_info", version="v2") == 1
    node.want("v3")
    assert node.steps(10).serves == b"three"


def test_a_first_version_that_is_not_well_leaves_none(node) -> None:
    one = node()
    one.healthy = False
    one.steps(10)
    assert (one.serves, one.slots.state.bad) == (None, ["v1"])


def test_one_good_answer_between_failures_counts_from_zero(updated) -> None:
    node = updated()
    node.want("v2")
    node.steps(2)
    for healthy in (False, False, True, False, False, True):
        node.healthy = healthy
        node.steps(1)
    node.steps(3)
    assert node.slots.state.good == "v2"


@pytest.mark.parametrize("fault", ["cut", "garbled", "503", "404"])
def test_the_old_version_is_served_until_the_new_one_is_whole(updated, server, faults, fault: str) -> None:
    node = updated()
    node.want("v2")
    kinds = {
        "cut": faults["cut_after"](50_000),
        "garbled": faults["garbled"](),
        "503": faults["answer"](503),
        "404": faults["answer"](404),
    }
    server.faults = [kinds[fault]] * 3
    reason = {"cut": "link", "garbled": "corrupt", "503": "link", "404": "refused"}[fault]
    while server.faults:
        node.steps(1, seconds=20)
        assert (node.serves, node.state) == (OLD, "downloading")
    assert node.metrics.get("bedplate_edge_model_download_failures_total", reason=reason) >= 2
    node.steps(12, seconds=60)
    assert (node.serves, node.slots.state.good) == (NEW, "v2")


def test_a_dead_link_is_not_hammered(updated, server) -> None:
    node = updated()
    node.want("v2")
    server.statuses["/v2"] = 503
    server.requests.clear()
    node.steps(360, seconds=10)  # An hour.
    assert 6 <= len(server.requests) <= 18


def test_a_full_disk_changes_nothing(updated) -> None:
    node = updated(limits=Limits(reserve_bytes=0))
    node.settings = Settings(**{**vars(node.settings), "limits": Limits(reserve_bytes=1 << 60)})
    node.restart()
    node.want("v2")
    node.steps(5)
    assert (node.serves, node.state) == (OLD, "downloading")
    assert node.metrics.get("bedplate_edge_model_download_failures_total", reason="disk") >= 1


def test_it_waits_for_the_window_and_for_the_line(node) -> None:
    one = node(windows=(Window(("wed",), "22:00", "04:00"),), idle_url="idle")
    one.idle = False
    one.steps(3)
    assert (one.serves, one.state, one.slots.versions) == (None, "waiting", ["v1"])
    one.moment = NOON.replace(hour=23)
    one.steps(3)
    assert (one.serves, one.state, one.calls[-1]) == (None, "waiting", ("idle", "GET"))
    one.moment, one.idle = NOON.replace(day=26, hour=3), True
    assert one.steps(1).serves == OLD


def test_two_versions_and_the_one_under_way_are_kept(updated) -> None:
    node = updated()
    for version in ("v2", "v3"):
        node.want(version)
        node.steps(10)
    assert node.slots.versions == ["v2", "v3"]


def test_what_nobody_wants_any_more_is_not_left_half(updated, server, faults) -> None:
    node = updated()
    node.want("v2")
    server.faults = [faults["cut_after"](70_000)]
    node.steps(1)
    assert list((node.root / "incoming").iterdir())
    node.want("v1")
    node.steps(1)
    assert list((node.root / "incoming").iterdir()) == []


def test_a_fleet_that_goes_back_takes_a_good_node_along(updated) -> None:
    node = updated()
    node.want("v2")
    node.steps(10)
    assert node.slots.state.good == "v2"
    node.progress = Progress("v2", 0, "rolled-back")
    node.steps(2)
    assert (node.serves, node.slots.state.good, node.slots.state.bad) == (OLD, "v1", ["v2"])
    assert node.calls[-1] == ("reload", "POST")
    node.steps(5)
    assert node.serves == OLD


def test_a_signature_is_asked_for_where_there_is_a_key(updated, server) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    node = updated()
    node.settings = Settings(**{**vars(node.settings), "public_key": public})
    node.restart()
    node.want("v2")
    node.steps(3)
    assert node.serves == OLD
    assert node.metrics.get("bedplate_edge_model_download_failures_total", reason="signature") >= 1
    node.signature = base64.b64encode(key.sign(NEW, ec.ECDSA(hashes.SHA256()))).decode()
    node.steps(10, seconds=60)
    assert node.serves == NEW


CRASHING = ("rename", "link", "symlink", "fsync", "mkdir", "unlink", "rmdir")


class Crash:
    """Dies at the n-th change of the disk, before or after it is made."""

    def __init__(self, at: int, after: bool, monkeypatch) -> None:
        self.left, self.after = at, after
        for name in CRASHING:
            monkeypatch.setattr(os, name, self._wrapped(getattr(os, name)))

    def _wrapped(self, real):
        def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            try:
                return real(*args, **kwargs)
            finally:
                if self.left == 0:
                    raise Killed

        return call


def changes_of(node: Node) -> int:
    """How many changes of the disk an update makes, so that it is killed at each of them."""
    crash_free = pytest.MonkeyPatch()
    with crash_free.context() as patch:
        counter = Crash(0, False, patch)
        node.steps(10)
    return -counter.left


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_change_of_the_disk_it_goes_on(server, tmp_path, after: bool) -> None:
    template = Node(tmp_path / "template", server)
    template.steps(10)
    counted = Node(shutil.copytree(tmp_path / "template", tmp_path / "n", symlinks=True), server)
    counted.want("v2")
    total = changes_of(counted)
    assert counted.serves == NEW
    assert total > 15
    for at in range(1, total + 1):
        root = tmp_path / f"{after}-{at}"
        shutil.copytree(tmp_path / "template", root, symlinks=True)
        node = Node(root, server)
        node.want("v2")
        with pytest.MonkeyPatch.context() as patch:
            Crash(at, after, patch)
            with pytest.raises(Killed):
                node.steps(10)
        assert node.serves in (OLD, NEW), at
        node.restart()
        assert node.serves in (OLD, NEW), at
        node.steps(12)
        assert (node.serves, node.slots.state.good, node.state) == (NEW, "v2", "idle"), at
        assert node.slots.versions == ["v1", "v2"], at
        assert sorted(one.name for one in root.iterdir()) == ["current", "incoming", "state.json", "versions"]
        assert list((root / "incoming").iterdir()) == [], at


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_going_back_it_is_back_afterwards(server, tmp_path, after: bool) -> None:
    template = Node(tmp_path / "template", server)
    template.steps(10)
    template.want("v2")
    template.steps(2)
    for at in range(1, 40):
        root = tmp_path / f"{after}-{at}"
        shutil.copytree(tmp_path / "template", root, symlinks=True)
        node = Node(root, server)
        node.want("v2")
        node.healthy = False
        with pytest.MonkeyPatch.context() as patch:
            crash = Crash(at, after, patch)
            try:
                node.steps(10)
            except Killed:
                node.restart()
        assert node.serves in (OLD, NEW), at
        node.steps(12)
        assert (node.serves, node.slots.state.bad) == (OLD, ["v2"]), at
        if crash.left > 0:
            return  # It was not killed any more: every point has been tried.
    raise AssertionError("going back changes the disk more often than was tried")


def test_a_state_that_the_disk_lost_counts_what_is_served_as_good(updated) -> None:
    node = updated()
    (node.root / "state.json").write_bytes(b"")
    node.restart()
    assert node.slots.state.good == "v1"


def test_a_process_that_is_killed_again_and_again_ends_with_the_whole_model(server, tmp_path) -> None:
    body = os.urandom(3_000_000)
    server.files["/big"] = body
    server.chunk_seconds = 0.02  # A second for all of it.
    shutil.copytree(
        Path(bedplate.edge.agent.__file__).parent,
        tmp_path / "code" / "agent",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    config = tmp_path / "config"
    (config / "rollout").mkdir(parents=True)
    root = tmp_path / "defects"
    (config / "config.json").write_text(
        json.dumps(
            {
                "root": str(root),
                "port": 0,
                "poll_seconds": 0.05,
                "store": {"plain_http": True},
                "settings": {"site": "dresden", "probation_seconds": 0.1},
            }
        )
    )
    release = Release("v9", f"{server.url}/big", hashlib.sha256(body).hexdigest(), len(body))
    plan = Plan("defects", release, (Wave("all", ("dresden",), 1),), Gate(60, 600))
    (config / "rollout" / "plan.json").write_text(plan.text())
    (config / "rollout" / "progress.json").write_text(Progress("v9", 0).text())
    kills = 0
    for attempt in range(20):
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'code')!r}); "
             "import runpy; sys.argv = ['agent', 'update']; runpy.run_module('agent', run_name='__main__')"],
            env={"BEDPLATE_CONFIG": str(config)},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        # Longer each time, so that a slow machine comes to the end, too.
        deadline = time.monotonic() + 0.45 * 1.25**attempt
        state = root / "state.json"
        while time.monotonic() < deadline and not (state.exists() and '"v9", "p' in state.read_text()):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        current = root / "current" / "model"
        if current.exists():
            assert current.read_bytes() == body
            if json.loads(state.read_text())["good"] == "v9":
                break
    else:
        raise AssertionError("twenty starts were not enough")
    assert kills > 1
    resumed = [asked for path, asked in server.requests if asked]
    assert resumed, "what had arrived was not used"


def test_metrics_are_served_and_a_loop_that_stands_still_is_told() -> None:
    from bedplate.edge.agent.metrics import serve

    metrics = Metrics({"site": 'dre"sden'})
    metrics.add("bedplate_edge_model_rollbacks_total")
    served = serve(metrics, 0, stuck_seconds=0.05)
    try:
        base = f"http://127.0.0.1:{served.server_port}"
        text = urllib.request.urlopen(f"{base}/metrics").read().decode()
        assert "# TYPE bedplate_edge_model_rollbacks_total counter" in text
        assert 'bedplate_edge_model_rollbacks_total{site="dre\\"sden"} 1' in text
        metrics.beat()
        assert urllib.request.urlopen(f"{base}/healthz").status == 200
        time.sleep(0.1)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{base}/healthz")
    finally:
        served.shutdown()
        served.server_close()


def test_a_site_gets_the_release_with_its_wave_and_not_before() -> None:
    waves = (Wave("canary", ("a",), 1), Wave("half", ("b", "c"), 2))
    plan = Plan("m", Release("v2", "s3://b/k", "0" * 64, 1), waves, Gate(60, 600))
    assert wish(plan, Progress(), "a") == "stay"
    assert wish(plan, Progress("v1", 1, "done"), "a") == "stay"
    assert [wish(plan, Progress("v2", 0), one) for one in "abc"] == ["release", "stay", "stay"]
    assert [wish(plan, Progress("v2", 1, "held"), one) for one in "abc"] == ["release"] * 3
    assert wish(plan, Progress("v2", 1, "rolled-back"), "c") == "previous"
    assert Plan.parse(plan.text()) == plan
    assert Progress.parse("") == Progress()
