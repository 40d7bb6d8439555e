"""Brings one model of one node to the version that is wanted, and back when it does not do."""

import datetime
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import SignatureError, TransferError
from .fetch import NO_LIMITS, Backoff, Limits, Store, fetch
from .metrics import Metrics
from .rollout import Plan, Progress, Release, wish
from .signature import verify
from .slots import Slots
from .windows import Window, is_open

STATES = ("idle", "downloading", "waiting", "probation", "failed")
Get = Callable[[str, str], bool]


def answers(url: str, method: str = "GET") -> bool:
    """Whether the URL answers with a 2xx within ten seconds."""
    try:
        request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
        with urllib.request.urlopen(request, timeout=10) as response:
            return bool(200 <= response.status < 300)
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Settings:
    """How the node updates. URLs are those of the model's server beside it."""

    site: str
    store: Store
    limits: Limits = NO_LIMITS
    windows: tuple[Window, ...] = ()
    idle_url: str = ""
    health_url: str = ""
    reload_url: str = ""
    probation_seconds: float = 600.0
    health_failures: int = 3
    public_key: str = ""
    keep: int = 2


class Updater:
    """One turn of the loop is `step`; everything that must last is in the slots, so a new one goes on."""

    def __init__(
        self,
        settings: Settings,
        slots: Slots,
        metrics: Metrics,
        read: Callable[[], tuple[Plan, Progress]],
        *,
        get: Get = answers,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._settings, self._slots, self._metrics, self._read = settings, slots, metrics, read
        self._get, self._clock, self._now = get, clock, now
        self._backoff = Backoff()
        self._next_attempt = 0.0
        self._trial_since: float | None = None
        self._health_failures = 0
        self._refused = ""

    def step(self) -> None:
        """One turn. Never raises for what the link, the server or the file bring."""
        self._metrics.beat()
        plan, progress = self._read()
        state = self._turn(plan, progress)
        for one in STATES:
            self._metrics.set("bedplate_edge_model_state", float(one == state), state=one)
        self._show(plan)

    def _turn(self, plan: Plan, progress: Progress) -> str:
        if self._slots.state.trial is not None:
            return self._probation()
        wanted, version = wish(plan, progress, self._settings.site), plan.release.version
        if wanted == "previous" and self._slots.current == version:
            self._back(self._slots.revert())
            return "idle"
        if wanted != "release" or self._slots.current == version:
            self._slots.keep_only_part_of(None)
            return "idle"
        if version in self._slots.state.bad:
            return "failed"
        if not self._slots.has(version):
            return self._download(plan.release)
        if not is_open(self._settings.windows, self._now()):
            return "waiting"
        if self._settings.idle_url and not self._get(self._settings.idle_url, "GET"):
            return "waiting"
        self._swap(version)
        return "probation"

    def _download(self, release: Release) -> str:
        if self._clock() < self._next_attempt:
            return "downloading"
        self._slots.keep_only_part_of(release.version)
        self._slots.prune(also=release.version)
        part = self._slots.part(release.version)
        try:
            fetch(
                self._settings.store,
                release.uri,
                part,
                size=release.size,
                sha256=release.sha256,
                limits=self._settings.limits,
                beat=self._received,
            )
            if self._settings.public_key:
                self._verify(release, part)
        except TransferError as error:
            wait = self._backoff.failed(error.retry_after_seconds, random.random())
            self._next_attempt = self._clock() + wait
            self._metrics.add("bedplate_edge_model_download_failures_total", reason=error.reason)
            print(f"{release.version}: {error}; again in {wait:.0f} s", flush=True)
            return "downloading"
        self._backoff.succeeded()
        self._slots.install(release.version, release.file_name)
        return "waiting"

    def _verify(self, release: Release, part: Path) -> None:
        try:
            verify(part, release.signature, self._settings.public_key)
        except SignatureError:
            part.unlink()
            raise

    def _received(self, count: int) -> None:
        self._metrics.beat()
        self._metrics.add("bedplate_edge_model_download_bytes_total", count)

    def _swap(self, version: str) -> None:
        self._slots.begin(version)
        self._start_probation()
        print(f"{version}: swapped in, on probation", flush=True)

    def _start_probation(self) -> None:
        self._trial_since, self._health_failures = self._clock(), 0
        if self._settings.reload_url:
            self._get(self._settings.reload_url, "POST")

    def _probation(self) -> str:
        trial = self._slots.state.trial
        assert trial is not None
        if self._trial_since is None or self._slots.current != trial:
            # A new process: it was killed somewhere around the swap. Again, from the beginning.
            if not self._slots.has(trial):
                self._back(self._slots.failed())
                return "failed"
            self._slots.begin(trial)
            self._start_probation()
            return "probation"
        healthy = not self._settings.health_url or self._get(self._settings.health_url, "GET")
        self._health_failures = 0 if healthy else self._health_failures + 1
        if self._health_failures >= self._settings.health_failures:
            self._trial_since = None
            self._back(self._slots.failed())
            return "failed"
        if healthy and self._clock() - self._trial_since >= self._settings.probation_seconds:
            self._trial_since = None
            self._slots.passed()
            self._metrics.set("bedplate_edge_model_last_update_timestamp_seconds", self._now().timestamp())
            print(f"{trial}: good", flush=True)
            return "idle"
        return "probation"

    def _back(self, good: str | None) -> None:
        self._metrics.add("bedplate_edge_model_rollbacks_total")
        if self._settings.reload_url and good is not None:
            self._get(self._settings.reload_url, "POST")
        print(f"rolled back to {good}", flush=True)

    def _show(self, plan: Plan) -> None:
        metrics, slots = self._metrics, self._slots
        metrics.only("bedplate_edge_model_wanted_info", version=plan.release.version)
        metrics.clear("bedplate_edge_model_info")
        if slots.current is not None:
            metrics.only("bedplate_edge_model_info", version=slots.current)
        metrics.clear("bedplate_edge_model_good_info")
        if slots.state.good is not None:
            metrics.only("bedplate_edge_model_good_info", version=slots.state.good)
        metrics.clear("bedplate_edge_model_bad_info")
        for version in slots.state.bad:
            metrics.set("bedplate_edge_model_bad_info", 1.0, version=version)
        disk = os.statvfs(slots.part("x").parent)
        metrics.set("bedplate_edge_model_disk_free_bytes", disk.f_bavail * disk.f_frsize)


def reader(directory: Path) -> Callable[[], tuple[Plan, Progress]]:
    """Reads what the kubelet keeps up to date; while the link is down, it stays as it was."""

    def read() -> tuple[Plan, Progress]:
        plan = Plan.parse((directory / "plan.json").read_text(encoding="utf-8"))
        state = directory / "progress.json"
        return plan, Progress.parse(state.read_text(encoding="utf-8") if state.exists() else "")

    return read


def settings_from(read: Mapping[str, object], store: Store) -> Settings:
    """The settings as the ConfigMap has them."""
    plain = dict(read)
    windows = plain.pop("windows", [])
    limits = plain.pop("limits", {})
    assert isinstance(windows, list)
    assert isinstance(limits, dict)
    return Settings(
        **plain,  # type: ignore[arg-type]
        store=store,
        limits=Limits(**limits),
        windows=tuple(Window(**{**one, "days": tuple(one["days"])}) for one in windows),
    )
