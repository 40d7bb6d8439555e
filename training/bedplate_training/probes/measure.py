"""What a probe hands back: a value with unit, repeats and spread."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

LAYERS = ("storage", "network", "accelerator", "training")


@dataclass(frozen=True)
class Measure:
    """`name` begins with its layer, as in `storage.read`. The value is the median of the repeats."""

    name: str
    unit: str
    repeats: tuple[float, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.layer not in LAYERS or not self.repeats or not self.unit:
            raise ValueError(
                f"measure {self.name!r} with {len(self.repeats)} repeats in {self.unit!r}: its name "
                f"begins with one of {', '.join(LAYERS)}, and it has a unit and at least one repeat"
            )

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    @property
    def value(self) -> float:
        return statistics.median(self.repeats)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median; 0 for a single repeat."""
        low, high = min(self.repeats), max(self.repeats)
        return 0.0 if high == low else (high - low) / abs(self.value or high)

    def as_data(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self) | {"value": self.value, "spread": self.spread}


def timed(action: Callable[[], object], repeats: int, warm_up: int = 1) -> list[float]:
    """Seconds of each of `repeats` calls, after `warm_up` that are not counted."""
    for _ in range(warm_up):
        action()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return seconds


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that at least `share` (0 to 1) of the values do not exceed."""
    if not values or not 0 <= share <= 1:
        raise ValueError(
            f"percentile {share} of {len(values)} values; allowed are 0 to 1 and 1 value or more"
        )
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * len(ordered) * 1_000_000) // 1_000_000) - 1)]
