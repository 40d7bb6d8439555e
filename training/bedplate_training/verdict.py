"""One verdict for each layer: green, amber or red, with the reason; and one for the stack."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bedplate_training.probes.measure import LAYERS, Measure
from bedplate_training.thresholds import AMBER, GREEN, RED, Threshold

_ORDER = {GREEN: 0, AMBER: 1, RED: 2}

# Where a run waits -> the layer to look at.
_CAUSES = {"data_wait": "storage", "checkpoint": "storage", "collective": "network"}


@dataclass(frozen=True)
class Finding:
    """One measure against its limits."""

    measure: str
    value: float
    unit: str
    colour: str
    reason: str
    source: str


@dataclass(frozen=True)
class LayerVerdict:
    """The worst of a layer's findings. `reason` is that finding's; a layer of which nothing was judged is
    amber.
    """

    layer: str
    colour: str
    reason: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Verdict:
    """The stack's colour is its worst layer's."""

    layers: tuple[LayerVerdict, ...]

    @property
    def colour(self) -> str:
        return max((layer.colour for layer in self.layers), key=_ORDER.__getitem__)

    @property
    def good(self) -> bool:
        """No layer is red."""
        return self.colour != RED

    def of(self, layer: str) -> LayerVerdict:
        return next(found for found in self.layers if found.layer == layer)

    def summary(self) -> str:
        """One line for each layer that is not green, or that all are."""
        bad = [layer for layer in self.layers if layer.colour != GREEN]
        return (
            "\n".join(f"{layer.layer}: {layer.colour}: {layer.reason}" for layer in bad)
            or "all layers are green"
        )

    def as_data(self) -> dict[str, Any]:
        """JSON-able."""
        return {"colour": self.colour, "layers": [asdict(layer) for layer in self.layers]}


def judge(measures: Sequence[Measure], thresholds: Mapping[str, Threshold]) -> Verdict:
    """Judges what has limits; what has none is in the report only.

    Raises ValueError for a measure whose unit is not that of its limits, and for two of one name.
    """
    names = [measure.name for measure in measures]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"measured twice: {', '.join(twice)}")
    findings: dict[str, list[Finding]] = {layer: [] for layer in LAYERS}
    for measure in measures:
        limit = thresholds.get(measure.name)
        if limit is None:
            continue
        if limit.unit != measure.unit:
            raise ValueError(
                f"{measure.name} is in {measure.unit}, its limits are in {limit.unit}; use one unit"
            )
        findings[measure.layer].append(_finding(measure, limit))
    return Verdict(tuple(_layer(layer, findings[layer]) for layer in LAYERS))


def _finding(measure: Measure, limit: Threshold) -> Finding:
    colour = limit.colour(measure.value)
    reason = f"{measure.name} is {measure.value:.4g} {measure.unit}, wanted {limit.wanted()}"
    if colour != GREEN and measure.about.get("culprit"):
        reason += f": {measure.about['culprit']}"
    return Finding(measure.name, measure.value, measure.unit, colour, reason, f"{limit.source}, {limit.date}")


def _layer(layer: str, findings: list[Finding]) -> LayerVerdict:
    if not findings:
        return LayerVerdict(layer, AMBER, "nothing was measured that has limits for this machine", ())
    worst = max(findings, key=lambda finding: _ORDER[finding.colour])
    bad = [finding.reason for finding in findings if finding.colour == worst.colour != GREEN]
    reason = "; ".join(bad) or f"{len(findings)} measures within their limits"
    return LayerVerdict(layer, worst.colour, reason, tuple(findings))


def run_measures(
    phases: Mapping[str, float],
    wall_seconds: float,
    compute_seconds_by_rank: Sequence[float],
    threads: int,
    local_ranks: int,
    cores: int,
    losses: Sequence[float],
    utilisation: float,
    requests: Mapping[str, int],
) -> list[Measure]:
    """The measures of a training run that tell a sick stack.

    `phases` are seconds of one rank (or the mean of all) by the loop's clock, `compute_seconds_by_rank`
    the median time of a step's computing on each rank, before its collectives; `threads` are those of one
    rank. `requests` are counts by result (`ok`, `error`, `throttled`) of all stores.
    """
    if not wall_seconds > 0 or not compute_seconds_by_rank or cores < 1 or not losses:
        raise ValueError("a run without time, ranks, cores or losses cannot be judged")
    waits = {name: phases.get(name, 0.0) for name in _CAUSES}
    most = max(waits, key=waits.__getitem__)
    ordered = sorted(compute_seconds_by_rank)
    # The lower middle: of two ranks the faster one is the measure, or half of them could not be called slow.
    middle = ordered[(len(ordered) - 1) // 2]
    slowest = max(range(len(ordered)), key=compute_seconds_by_rank.__getitem__)
    asked = sum(requests.values())
    thread_share = threads * local_ranks / cores
    return [
        Measure(
            "storage.data_wait",
            "share of wall time",
            ((waits["data_wait"] + waits["checkpoint"]) / wall_seconds,),
            {"culprit": "the store, or the path to it, does not keep up with training"},
        ),
        *(
            Measure(f"storage.{name}", "share of requests", (requests.get(result, 0) / asked,))
            for name, result in (("throttled", "throttled"), ("errors", "error"))
            if asked
        ),
        Measure(
            "network.collective",
            "share of wall time",
            (waits["collective"] / wall_seconds,),
            {"culprit": "collectives are waited for; see also accelerator.rank_skew"},
        ),
        Measure(
            "accelerator.rank_skew",
            "ratio",
            (compute_seconds_by_rank[slowest] / middle if middle else 1.0,),
            {"culprit": f"rank {slowest} computes slower than the others"},
        ),
        Measure(
            "accelerator.threads",
            "share of cores",
            (thread_share,),
            {"culprit": f"{local_ranks} ranks of {threads} threads on {cores} cores; set OMP_NUM_THREADS"},
        ),
        Measure(
            "training.utilisation",
            "ratio",
            (utilisation,),
            {"culprit": f"most of the transfer is {most}: look at {_CAUSES[most]}"},
        ),
        Measure(
            "training.loss_fall",
            "share of first loss",
            ((losses[0] - losses[-1]) / losses[0] if losses[0] else 0.0,),
            {"culprit": "the model does not learn"},
        ),
    ]
