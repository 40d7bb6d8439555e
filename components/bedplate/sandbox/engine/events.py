"""What a run tells while it goes on, and what it hands back at the end."""

from dataclasses import dataclass, field
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Operation = Literal["preview", "up", "refresh", "destroy"]
StepOp = Literal["create", "update", "replace", "delete", "same", "read", "refresh"]
Severity = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True)
class PropertyChange:
    """One property that differs. Secrets are shown as `[secret]`, values not known yet as `[unknown]`."""

    path: str
    kind: Literal["add", "delete", "update"]
    old: Json
    new: Json
    forces_replace: bool = False


@dataclass(frozen=True)
class ResourceEvent:
    """A step of one resource; `seconds` is set on "done" and "failed"."""

    phase: Literal["start", "done", "failed"]
    op: StepOp
    urn: str
    type: str
    name: str
    reason: str = ""
    diff: tuple[PropertyChange, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class DiagnosticEvent:
    """A message of the engine, a provider or the program."""

    severity: Severity
    message: str
    urn: str = ""


@dataclass(frozen=True)
class PolicyEvent:
    """What a policy pack found: a mandatory finding fails the run, an advisory one does not."""

    level: Literal["mandatory", "advisory"]
    pack: str
    version: str
    rule: str
    severity: str
    message: str
    urn: str

    def text(self) -> str:
        """The finding in one paragraph, the same whoever shows it."""
        grave = f", {self.severity}" if self.severity else ""
        return f"{self.pack}@v{self.version} {self.rule} [{self.level}{grave}]: {self.message}"


Event = ResourceEvent | DiagnosticEvent | PolicyEvent


class Secret:
    """A secret output: `str()` hides it, `.value` shows it."""

    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value

    def __str__(self) -> str:
        return "[secret]"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.value == self.value

    def __hash__(self) -> int:
        return hash(Secret)


Output = Json | Secret


@dataclass(frozen=True)
class Result:
    """The end of a run. `changes` counts create, update, replace, delete and same; providers that the engine
    made by itself are not counted. `resources` is what is left in the state, counted likewise."""

    ok: bool
    operation: Operation
    changes: dict[str, int]
    resources: int
    outputs: dict[str, Output]
    duration_seconds: float
    errors: list[str] = field(default_factory=list)
