"""Which sites get a release when, and how well they must be in between."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.edge.agent.rollout import Gate, Wave
from bedplate.kubernetes.names import K8sLabel


class UpdateWave(Args):
    """Sites that get the release together.

    Attributes:
        sites: The sites, by name; or
        percent: so many of all sites, those of the waves before included. The inventory's order decides.
    """

    sites: tuple[K8sLabel, ...] = ()
    percent: Annotated[float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "UpdateWave":
        if bool(self.sites) == (self.percent is not None):
            raise ValueError(
                f"{len(self.sites)} sites and percent {self.percent}; allowed: one of the two; give one"
            )
        return self


class HealthGate(Args):
    """When the next wave may begin, and when all go back to what they had.

    Attributes:
        query: PromQL that gives one number over the sites that have the release; `$sites` stands for them, as
            in rate(rejects_total{site=~"$sites"}[30m]). None: only that the nodes are well counts.
        at_least: The number must not be smaller.
        at_most: The number must not be larger.
        minimum_minutes: How long a wave must be well without a break; 60 by default.
        timeout_minutes: After how long a wave that is not well stops the rollout; 1440 by default. Nothing is
            taken back then: sites may only be offline.
        ready_percent: Nodes of the wave on which the release passed its probation; 100 by default.
        failures: Bad answers in a row, one a minute, after which all go back; 3 by default.
        failed_nodes: Nodes that may go back by themselves before all go back; 0 by default.
    """

    query: str | None = Field(default=None, min_length=1)
    at_least: float | None = None
    at_most: float | None = None
    minimum_minutes: float = Field(default=60, ge=1)
    timeout_minutes: float = Field(default=1440, ge=1)
    ready_percent: float = Field(default=100, gt=0, le=100)
    failures: int = Field(default=3, ge=1, le=100)
    failed_nodes: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> "HealthGate":
        problems = Problems("HealthGate")
        bounds = (self.at_least, self.at_most) != (None, None)
        if bounds and self.query is None:
            problems.add("query", "none, and a limit for its answer; give the metric, or remove the limit")
        if self.query is not None and not bounds:
            problems.add("at_most", "neither at_least nor at_most, so that any answer would do; give one")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            problems.add("at_least", f"{self.at_least} is above at_most {self.at_most}; no answer would do")
        if self.timeout_minutes <= self.minimum_minutes:
            problems.add(
                "timeout_minutes",
                f"{self.timeout_minutes:g} is not above minimum_minutes {self.minimum_minutes:g}, so that no "
                "wave could pass; raise it",
            )
        problems.raise_if_any()
        return self

    def gate(self) -> Gate:
        """The gate as the coordinator takes it."""
        return Gate(
            minimum_seconds=self.minimum_minutes * 60,
            timeout_seconds=self.timeout_minutes * 60,
            ready_percent=self.ready_percent,
            query=self.query or "",
            at_least=self.at_least,
            at_most=self.at_most,
            failures=self.failures,
            failed_nodes=self.failed_nodes,
        )


def plan_waves(waves: Sequence[UpdateWave], sites: Sequence[str], nodes: dict[str, int]) -> list[Wave]:
    """The waves with their sites; `nodes` says how many nodes each site has.

    Raises ArgsError where a site is missing, given twice or unknown, and where shares do not grow to 100.
    """
    problems = Problems("waves")
    planned: list[Wave] = []
    taken: list[str] = []
    last = 0.0
    for index, wave in enumerate(waves):
        where = f"waves[{index}]"
        chosen: list[str] = []
        if wave.percent is not None:
            if wave.percent <= last:
                problems.add(f"{where}.percent", f"{wave.percent:g} does not grow from {last:g}; raise it")
            last = max(last, wave.percent)
            # Rounded up, so that a small share is still a site.
            wanted = -(-len(sites) * wave.percent // 100)
            chosen = [one for one in sites if one not in taken][: max(0, int(wanted) - len(taken))]
            if not chosen and wave.percent > 0 and not problems:
                problems.add(
                    f"{where}.percent",
                    f"{wave.percent:g}% of {len(sites)} sites is no more than before; raise it",
                )
        for site in wave.sites:
            if site not in sites:
                problems.add(
                    f"{where}.sites", f"{site!r} has no such model; allowed: {', '.join(sites)}; correct it"
                )
            elif site in taken or site in chosen:
                problems.add(f"{where}.sites", f"{site!r} is in two waves; remove it from one")
            else:
                chosen.append(site)
        taken += chosen
        name = "canary" if index == 0 else f"wave-{index}"
        planned.append(Wave(name, tuple(chosen), sum(nodes[site] for site in chosen)))
    missing = [site for site in sites if site not in taken]
    if missing and not problems:
        problems.add(
            "waves",
            f"{', '.join(missing)} would never get the release; end with percent 100, or name them",
        )
    problems.raise_if_any()
    return planned
