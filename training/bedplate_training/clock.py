"""A stopwatch that always runs for exactly one phase, so that the phases add up to wall time by
construction.
"""

import time
from enum import StrEnum


class Phase(StrEnum):
    """What a run's time goes into; exposed time: what overlaps with computing is in `compute`."""

    DATA = "data_wait"
    COMPUTE = "compute"
    COLLECTIVE = "collective"
    CHECKPOINT = "checkpoint"
    EVALUATION = "evaluation"
    INFERENCE = "inference"
    OTHER = "other"


class Clock:
    """Nanoseconds of each phase since it was made or since the last `lap`."""

    def __init__(self) -> None:
        self._phase = Phase.OTHER
        self._since = time.perf_counter_ns()
        self._spent = dict.fromkeys(Phase, 0)

    def to(self, phase: Phase) -> None:
        """From now on, time is charged to `phase`."""
        now = time.perf_counter_ns()
        self._spent[self._phase] += now - self._since
        self._phase, self._since = phase, now

    def move(self, seconds: float, source: Phase, target: Phase) -> None:
        """Charge `seconds` of what `source` has to `target`; never more than it has."""
        self.to(self._phase)
        amount = min(max(0, int(seconds * 1e9)), self._spent[source])
        self._spent[source] -= amount
        self._spent[target] += amount

    def lap(self) -> dict[Phase, float]:
        """Seconds of each phase since the last lap; they sum to the time between the laps."""
        self.to(self._phase)
        spent, self._spent = self._spent, dict.fromkeys(Phase, 0)
        return {phase: nanoseconds / 1e9 for phase, nanoseconds in spent.items()}
