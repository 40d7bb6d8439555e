"""Progress and results of the offline engine, as users of Pulumi's command know them."""

import threading
from collections.abc import Mapping
from typing import TextIO

from bedplate.sandbox.engine.events import DiagnosticEvent, Event, PolicyEvent, PropertyChange, ResourceEvent
from bedplate.sandbox.outcome import Outcome
from bedplate.sandbox.values import block, short

_RESET, _BOLD, _RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = (
    "\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[36m",
)  # fmt: skip

_SYMBOLS = {
    "create": "+",
    "update": "~",
    "replace": "+-",
    "delete": "-",
    "same": "",
    "read": ">",
    "refresh": "r",
}
_COLORS = {
    "create": _GREEN, "update": _YELLOW, "replace": _MAGENTA, "delete": _RED, "read": _CYAN, "refresh": _CYAN
}  # fmt: skip
_DOING = {
    "create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting",
    "read": "reading", "refresh": "refreshing", "same": "",
}  # fmt: skip
_DONE = {
    "create": "created", "update": "updated", "replace": "replaced", "delete": "deleted",
    "read": "read", "refresh": "refreshed", "same": "unchanged",
}  # fmt: skip
_KIND_SYMBOLS = {"add": "+", "delete": "-", "update": "~"}
_TITLES = {"preview": "Previewing", "up": "Updating", "refresh": "Refreshing", "destroy": "Destroying"}
_SERIOUS = ("error", "warning")
# Without --diff this many properties of one resource are shown; the rest are counted.
_SHOWN_PROPERTIES = 12


class Display:
    """Writes lines for people. Events may come from several threads; a line is never torn."""

    def __init__(
        self, stream: TextIO, operation: str, *, color: bool = False, full_diff: bool = False
    ) -> None:
        self._stream = stream
        self._operation = operation
        self._color = color
        self._full_diff = full_diff
        self._lock = threading.Lock()
        self._diagnostics: dict[str, list[tuple[str, str]]] = {}
        self._started: set[str] = set()

    def start(self, environment: str) -> None:
        self._write([f"{self._paint(_BOLD, _TITLES[self._operation])} ({environment}):"])

    def event(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, DiagnosticEvent):
                if event.severity == "debug":
                    return
                self._diagnostics.setdefault(event.urn or "", []).append(
                    (event.severity, event.message.rstrip())
                )
            elif isinstance(event, PolicyEvent):
                severity = "error" if event.level == "mandatory" else "warning"
                self._diagnostics.setdefault(event.urn or "", []).append((severity, event.text()))
            elif isinstance(event, ResourceEvent):
                self._write(self._resource(event))

    def finish(self, outcome: Outcome) -> None:
        """Diagnostics grouped by resource, outputs, counts and duration, as `pulumi up` ends."""
        lines = self._diagnostic_lines(outcome)
        if outcome.outputs and self._operation != "destroy":
            lines += [self._paint(_BOLD, "Outputs:")]
            lines += [
                f"    {name}: {block(value, '    ')}" for name, value in sorted(outcome.outputs.items())
            ]
            lines.append("")
        lines += [self._paint(_BOLD, "Resources:"), *self._counts(outcome.changes), ""]
        if not outcome.ok:
            lines.append(
                self._paint(_RED, f"{self._operation} failed")
                + f" after {_duration(outcome.duration_seconds)}"
            )
        else:
            lines.append(f"{self._paint(_BOLD, 'Duration:')} {_duration(outcome.duration_seconds)}")
        self._write(["", *lines])

    def _resource(self, event: ResourceEvent) -> list[str]:
        if event.op == "same" or (event.op == "refresh" and event.phase != "failed" and not event.diff):
            return []
        if event.phase == "start" and self._operation == "preview":
            return []  # nothing is being made: the one line of the result is enough
        symbol = self._paint(_COLORS.get(event.op, ""), f"{_SYMBOLS[event.op]:<2}")
        line = f" {symbol} {event.type} {event.name} {self._state(event)}"
        if event.reason:
            line += f" [{event.reason}]"
        # A change is explained where the work starts, so that a reader sees why before it is done.
        explains = event.urn not in self._started
        self._started.add(event.urn)
        return [line, *(self._changes(event.diff) if explains else ())]

    def _state(self, event: ResourceEvent) -> str:
        if event.phase == "failed":
            return self._paint(_RED, f"{_DOING[event.op]} failed")
        if self._operation == "preview":
            return event.op
        if event.phase == "start":
            return _DOING[event.op]
        return f"{_DONE[event.op]} ({event.seconds:.1f}s)"

    def _changes(self, diff: tuple[PropertyChange, ...]) -> list[str]:
        shown = diff if self._full_diff else diff[:_SHOWN_PROPERTIES]
        width = 0 if self._full_diff else 60
        lines = []
        for change in shown:
            old, new = short(change.old, width), short(change.new, width)
            text = {"add": new, "delete": old, "update": f"{old} => {new}"}[change.kind]
            mark = self._paint(_MAGENTA, " (replaces)") if change.forces_replace else ""
            lines.append(f"      {_KIND_SYMBOLS[change.kind]} {change.path}: {text}{mark}")
        if len(diff) > len(shown):
            lines.append(f"      … {len(diff) - len(shown)} more; --diff shows them")
        return lines

    def _diagnostic_lines(self, outcome: Outcome) -> list[str]:
        # An error that no event carried (the program did not even start) must not be lost.
        said = {text for group in self._diagnostics.values() for _, text in group}
        for error in outcome.errors:
            if not any(error.strip() in text or text in error for text in said):
                self._diagnostics.setdefault("", []).append(("error", error.strip()))
        if not self._diagnostics:
            return []
        lines = [self._paint(_BOLD, "Diagnostics:")]
        for urn, group in self._diagnostics.items():
            # After Ctrl-C the last words of the program are a traceback of being stopped.
            told = [one for one in group if one[0] in _SERIOUS or not outcome.interrupted]
            if not told:
                continue
            lines.append(f"  {_heading(urn)}:")
            for severity, text in told:
                color = {"error": _RED, "warning": _YELLOW}.get(severity, "")
                prefix = f"{self._paint(color, severity)}: " if severity in _SERIOUS else ""
                lines += _indented(prefix + text)
            lines.append("")
        return lines

    def _counts(self, changes: Mapping[str, int]) -> list[str]:
        preview = self._operation == "preview"
        lines = []
        for op in ("create", "update", "replace", "delete"):
            if changes.get(op):
                text = f"to {op}" if preview else _DONE[op]
                lines.append(f"    {self._paint(_COLORS[op], f'{_SYMBOLS[op]:<2} {changes[op]} {text}')}")
        if changes.get("same"):
            lines.append(f"    {changes['same']} unchanged")
        return lines or ["    none"]

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self._color and color else text

    def _write(self, lines: list[str]) -> None:
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def _heading(urn: str) -> str:
    if not urn:
        return "program"
    type_chain, _, name = urn.split("::", 2)[-1].partition("::")
    return f"{type_chain.rsplit('$', 1)[-1]} ({name})"


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s"
