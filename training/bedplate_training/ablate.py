"""What each lever is worth: turned on one after the other, each setting run several times.

The repeats go round (all settings once, then all again), so that a machine that warms up or a neighbour
that comes does not fall on one setting alone.
"""

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LEAST_REPEATS = 3
BASELINE = "all off"


@dataclass(frozen=True)
class Lever:
    """Something that can be on or off: settings by path, as `--set` takes them."""

    name: str
    off: Mapping[str, Any]
    on: Mapping[str, Any]

    def __post_init__(self) -> None:
        if set(self.off) != set(self.on) or self.off == self.on or not self.on:
            raise ValueError(
                f"lever {self.name!r}: off {dict(self.off)}, on {dict(self.on)}; "
                "both name the same settings, with other values"
            )


@dataclass(frozen=True)
class Outcome:
    """One run: wall seconds, R, and figures of its own (bytes read, loss)."""

    seconds: float
    utilisation: float
    more: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """One setting. Values are medians of the repeats.

    `gain` is the time of the setting before over this one's (1: nothing, 2: twice as fast), `spread` the
    largest less the smallest time over the median; a gain within the spreads is noise, and `noise` says
    so.
    """

    lever: str
    settings: Mapping[str, Any]
    seconds: float
    seconds_repeats: tuple[float, ...]
    utilisation: float
    utilisation_repeats: tuple[float, ...]
    spread: float
    gain: float
    noise: bool
    more: Mapping[str, float]

    def as_data(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def default_levers(cache_directory: str, data: str = "data", checkpoint: str = "checkpoint") -> list[Lever]:
    """The levers of reading and of checkpoints, cheapest first; `data` and `checkpoint` are where their
    settings are.
    """
    return [
        Lever(
            "sharded readers",
            {f"{data}.sharded": False, f"{data}.readers": 1},
            {f"{data}.sharded": True, f"{data}.readers": 4},
        ),
        Lever(
            "asynchronous prefetch",
            {f"{data}.prefetch_shards": 0, f"{data}.prefetch_batches": 0},
            {f"{data}.prefetch_shards": 4, f"{data}.prefetch_batches": 4},
        ),
        Lever("pinned memory", {"pin_memory": False}, {"pin_memory": True}),
        Lever("local cache", {f"{data}.cache_directory": ""}, {f"{data}.cache_directory": cache_directory}),
        Lever(
            "asynchronous checkpoints",
            {f"{checkpoint}.asynchronous": False},
            {f"{checkpoint}.asynchronous": True},
        ),
    ]


def compression_lever(plain_prefix: str, packed_prefix: str, data: str = "data") -> Lever:
    """Compression of shards: the same data set, written twice."""
    return Lever("compressed shards", {f"{data}.prefix": plain_prefix}, {f"{data}.prefix": packed_prefix})


def ablate(
    run: Callable[[Mapping[str, Any]], Outcome],
    levers: Sequence[Lever],
    repeats: int = LEAST_REPEATS,
    progress: Callable[[str, int], None] = lambda name, repeat: None,
) -> list[Row]:
    """Runs all off, then one lever more each time. `run` gets the settings; a run that fails ends it with
    its error.

    Raises ValueError for fewer than three repeats, no lever, and two levers that share a setting.
    """
    if repeats < LEAST_REPEATS:
        raise ValueError(
            f"repeats is {repeats}; allowed is {LEAST_REPEATS} or more: fewer have no spread to speak of"
        )
    if not levers:
        raise ValueError("no lever to turn; give one or more")
    for one, other in itertools.combinations(levers, 2):
        shared = sorted(set(one.on) & set(other.on))
        if shared:
            raise ValueError(
                f"levers {one.name!r} and {other.name!r} both turn {', '.join(shared)}; join them"
            )
    settings: list[tuple[str, dict[str, Any]]] = [
        (BASELINE, {k: v for lever in levers for k, v in lever.off.items()})
    ]
    for lever in levers:
        settings.append((lever.name, settings[-1][1] | dict(lever.on)))
    outcomes: list[list[Outcome]] = [[] for _ in settings]
    for repeat in range(repeats):
        for place, (name, values) in enumerate(settings):
            progress(name, repeat)
            outcomes[place].append(run(values))
    rows: list[Row] = []
    for (name, values), found in zip(settings, outcomes, strict=True):
        rows.append(_row(name, values, found, rows[-1] if rows else None))
    return rows


def _row(name: str, settings: Mapping[str, Any], found: Sequence[Outcome], before: Row | None) -> Row:
    seconds = tuple(outcome.seconds for outcome in found)
    shares = tuple(outcome.utilisation for outcome in found)
    middle = statistics.median(seconds)
    # Ranges that overlap cannot be told apart by so few repeats.
    noise = before is not None and (
        min(seconds) <= max(before.seconds_repeats) and min(before.seconds_repeats) <= max(seconds)
    )
    more = {key: statistics.median(outcome.more[key] for outcome in found) for key in found[0].more}
    return Row(
        name,
        dict(settings),
        middle,
        seconds,
        statistics.median(shares),
        shares,
        (max(seconds) - min(seconds)) / middle if middle else 0.0,
        before.seconds / middle if before and middle else 1.0,
        noise,
        more,
    )
