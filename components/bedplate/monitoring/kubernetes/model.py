"""What an alert is: a name, a condition, how urgent it is, and what a person does about it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How urgent an alert is."""

    CRITICAL = "critical"
    """Wakes somebody: work or data is lost now, or soon."""
    WARNING = "warning"
    """To be looked at on the same working day."""
    INFO = "info"
    """Good to know; costs money or speed, breaks nothing."""


class AlertGroup(StrEnum):
    """What an alert is about; one rule group, one runbook."""

    GPU = "gpu"
    NODES = "nodes"
    CEPH = "ceph"
    QUEUE = "queue"
    TRAINING = "training"
    OBJECT_STORE = "object-store"
    EDGE = "edge"
    KUBERNETES = "kubernetes"
    MONITORING = "monitoring"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `meaning` and `steps` are its runbook.

    `summary` and `description` may use Prometheus' templates.
    """

    name: str
    expr: str
    severity: Severity
    for_seconds: int
    summary: str
    description: str
    meaning: str
    steps: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.for_seconds >= 0
        assert all((self.name, self.expr, self.summary, self.description, self.meaning, self.steps))


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that is worked out once, because several alerts or panels ask for it."""

    record: str
    expr: str


@dataclass(frozen=True, slots=True)
class Group:
    """The rules of one subject. `needs` says which exporter and setting its metrics come from."""

    name: AlertGroup
    title: str
    needs: str
    alerts: tuple[Alert, ...]
    recordings: tuple[Recording, ...] = ()


_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def duration(seconds: int) -> str:
    """Seconds as Prometheus writes them, in the largest unit that divides them: 5400 is `90m`."""
    assert seconds >= 0
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0s"


def number(value: float) -> str:
    """A threshold as PromQL writes it, without an exponent or trailing zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
