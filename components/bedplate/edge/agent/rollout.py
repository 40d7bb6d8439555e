"""What is to be rolled out, how far it has come, and what that means for one site."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["running", "done", "held", "rolled-back"]


@dataclass(frozen=True)
class Release:
    """One version of a model: it never changes."""

    version: str
    uri: str
    sha256: str
    size: int
    file_name: str = "model"
    signature: str = ""


@dataclass(frozen=True)
class Wave:
    """Sites that get the release together, and how many nodes they have."""

    name: str
    sites: tuple[str, ...]
    nodes: int


@dataclass(frozen=True)
class Gate:
    """When the next wave may begin, and when the fleet goes back."""

    minimum_seconds: float
    timeout_seconds: float
    ready_percent: float = 100.0
    query: str = ""
    at_least: float | None = None
    at_most: float | None = None
    failures: int = 3
    failed_nodes: int = 0


@dataclass(frozen=True)
class Plan:
    """What the program says."""

    model: str
    release: Release
    waves: tuple[Wave, ...]
    gate: Gate

    @classmethod
    def parse(cls, text: str) -> "Plan":
        read: dict[str, Any] = json.loads(text)
        return cls(
            model=read["model"],
            release=Release(**read["release"]),
            waves=tuple(
                Wave(name=one["name"], sites=tuple(one["sites"]), nodes=one["nodes"]) for one in read["waves"]
            ),
            gate=Gate(**read["gate"]),
        )

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)


@dataclass
class Progress:
    """What the coordinator says: how far the release has come."""

    version: str = ""
    wave: int = -1
    verdict: Verdict = "running"
    since: float = 0.0
    healthy_since: float = 0.0
    failures: int = 0
    reason: str = field(default="")

    @classmethod
    def parse(cls, text: str) -> "Progress":
        """Nothing begun where the text says nothing."""
        return cls(**json.loads(text)) if text.strip() else cls()

    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


Wish = Literal["release", "previous", "stay"]


def wish(plan: Plan, progress: Progress, site: str) -> Wish:
    """What the site is to serve: the release, what it had before the release, or what it has."""
    if progress.version != plan.release.version:
        return "stay"
    if progress.verdict == "rolled-back":
        return "previous"
    reached = plan.waves[: progress.wave + 1]
    return "release" if any(site in wave.sites for wave in reached) else "stay"
