"""How an operation ended, the same for both engines, and its one-line summary for machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

CHANGES = ("create", "update", "replace", "delete", "same")


@dataclass(frozen=True)
class Outcome:
    """`engine` is "offline" or "pulumi 3.x.y"; `resources` is what is left in the state, without
    the providers that an engine makes by itself."""

    engine: str
    ok: bool
    changes: Mapping[str, int] = field(default_factory=dict)
    resources: int = 0
    outputs: Mapping[str, object] = field(default_factory=dict)
    duration_seconds: float = 0.0
    errors: tuple[str, ...] = ()
    interrupted: bool = False

    def summary(self, operation: str, environment: str) -> dict[str, Json]:
        """The last line of `--json`. A failure adds `ok` (false) and `errors`."""
        line: dict[str, Json] = {
            "engine": self.engine,
            "operation": operation,
            "environment": environment,
            "changes": {name: self.changes.get(name, 0) for name in CHANGES},
            "resources": self.resources,
            "duration_seconds": round(self.duration_seconds, 3),
        }
        if not self.ok:
            line["ok"] = False
            line["errors"] = list(self.errors)
        return line
