"""Leads a release from wave to wave: the next one begins when the last one has been well for long enough.

It runs in the centre. Its memory is the ConfigMap that the nodes read, so a new one goes on where it was.
"""

import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .rollout import Plan, Progress, Wave

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
Query = Callable[[str], float | None]


def advance(plan: Plan, progress: Progress, query: Query, now: float) -> Progress:
    """What the progress is next. `query` answers with a number, or None where there is no answer."""
    if progress.version != plan.release.version:
        return Progress(version=plan.release.version, wave=0, since=now)
    if progress.verdict != "running":
        return progress
    done, wave = plan.waves[: progress.wave + 1], plan.waves[progress.wave]
    gate = plan.gate
    failed = query(_count("bedplate_edge_model_bad_info", plan, done)) or 0.0
    if failed > gate.failed_nodes:
        return _end(progress, "rolled-back", f"{failed:.0f} nodes went back by themselves")
    failures = progress.failures
    healthy = _ready(plan, wave, query)
    if gate.query:
        value = query(_filled(gate.query, done))
        within = _within(value, gate.at_least, gate.at_most)
        # No answer is no reason to go back: the link may be down. It is none to go on either.
        failures = 0 if within else failures + (within is False)
        healthy = healthy and within is True
        if failures >= gate.failures:
            return _end(progress, "rolled-back", f"the gate's query gives {value}")
    since = (progress.healthy_since or now) if healthy else 0.0
    if since and now - since >= gate.minimum_seconds:
        if progress.wave + 1 == len(plan.waves):
            return _end(progress, "done", "")
        return Progress(version=progress.version, wave=progress.wave + 1, since=now)
    if now - progress.since >= gate.timeout_seconds:
        return _end(progress, "held", f"wave {wave.name} was not well in time")
    return Progress(progress.version, progress.wave, "running", progress.since, since, failures)


def _end(progress: Progress, verdict: str, reason: str) -> Progress:
    assert verdict in ("done", "held", "rolled-back")
    return Progress(progress.version, progress.wave, verdict, progress.since, reason=reason)  # type: ignore[arg-type]


def _ready(plan: Plan, wave: Wave, query: Query) -> bool:
    good = query(_count("bedplate_edge_model_good_info", plan, (wave,))) or 0.0
    return good * 100 >= plan.gate.ready_percent * wave.nodes


def _count(metric: str, plan: Plan, waves: tuple[Wave, ...]) -> str:
    labels = f'model="{plan.model}",version="{plan.release.version}",site=~"{_sites(waves)}"'
    # By node: a pod that was replaced is still remembered for some minutes.
    return f"count(count by (site, node) ({metric}{{{labels}}}))"


def _filled(query: str, waves: tuple[Wave, ...]) -> str:
    return query.replace("$sites", _sites(waves))


def _sites(waves: tuple[Wave, ...]) -> str:
    # Names of sites are labels: no character of them means anything in a regular expression.
    return "|".join(site for wave in waves for site in wave.sites)


def _within(value: float | None, at_least: float | None, at_most: float | None) -> bool | None:
    if value is None or value != value:
        return None
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def prometheus(url: str, token_file: str = "", ca_file: str = "") -> Query:
    """Asks Prometheus; no answer, an empty one or several series are None."""
    context = ssl.create_default_context(cafile=ca_file or None) if url.startswith("https:") else None

    def query(text: str) -> float | None:
        request = urllib.request.Request(
            f"{url.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': text})}"
        )
        if token_file:
            token = Path(token_file).read_text(encoding="utf-8").strip()
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as response:
                result = json.load(response)["data"]["result"]
            return float(result[0]["value"][1]) if len(result) == 1 else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"no answer from Prometheus: {error}", flush=True)
            return None

    return query


class ConfigMap:
    """The ConfigMap that holds the progress, by the API server of the pod's own cluster."""

    def __init__(self, namespace: str, name: str, server: str = "https://kubernetes.default.svc") -> None:
        self._url = f"{server}/api/v1/namespaces/{namespace}/configmaps/{name}"
        ca = _ACCOUNT / "ca.crt"
        self._context = ssl.create_default_context(cafile=str(ca)) if server.startswith("https:") else None

    def _call(self, method: str, body: bytes | None = None) -> dict[str, object]:
        request = urllib.request.Request(self._url, data=body, method=method)
        request.add_header("Content-Type", "application/merge-patch+json")
        token = _ACCOUNT / "token"
        if token.exists():  # It is renewed under its name.
            request.add_header("Authorization", f"Bearer {token.read_text(encoding='utf-8')}")
        with urllib.request.urlopen(request, timeout=30, context=self._context) as response:
            read: dict[str, object] = json.load(response)
            return read

    def read(self) -> Progress:
        data = self._call("GET").get("data") or {}
        assert isinstance(data, dict)
        return Progress.parse(str(data.get("progress.json", "")))

    def write(self, progress: Progress) -> None:
        self._call("PATCH", json.dumps({"data": {"progress.json": progress.text()}}).encode())


def turn(plan: Plan, memory: ConfigMap, query: Query, now: Callable[[], float] = time.time) -> Progress:
    """One turn of the loop: read, decide, write what is new."""
    before = memory.read()
    after = advance(plan, before, query, now())
    if after != before:
        memory.write(after)
        print(after.text(), flush=True)
    return after
