"""Reads the event log of Pulumi's engine (`--event-log`): counts, steps, errors.

Its form is that of sdk/go/common/apitype/events.go, v3.260.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bedplate.sandbox.engine.events import PolicyEvent
from bedplate.sandbox.outcome import CHANGES, Json

# How Pulumi writes colours into messages: <{%fg 1%}>, <{%reset%}>.
_COLOR = re.compile(r"<\{%.*?%\}>")

# Steps that are part of another one, or that a user counts under another name.
_COUNTED_AS = {
    "create": "create", "update": "update", "replace": "replace", "delete": "delete", "same": "same",
    "import": "create", "import-replacement": "replace", "read": "same", "refresh": "same",
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """What an operation did, as far as it came."""

    changes: Mapping[str, int]
    lines: tuple[dict[str, Json], ...]
    errors: tuple[str, ...]


def read(log: Path) -> Record:
    """An absent or cut-off log (the engine did not start, or was killed) gives what is there."""
    events = _events(log)
    summaries = [event["summaryEvent"]["resourceChanges"] for event in events if "summaryEvent" in event]
    steps = [event["resOutputsEvent"]["metadata"] for event in events if "resOutputsEvent" in event]
    failed = [event["resOpFailedEvent"]["metadata"] for event in events if "resOpFailedEvent" in event]
    counted = summaries[-1] if summaries else _count(steps)
    changes = dict.fromkeys(CHANGES, 0)
    for op, number in counted.items():
        if op in _COUNTED_AS:
            changes[_COUNTED_AS[op]] += number
    policies = [_policy(event["policyEvent"]) for event in events if "policyEvent" in event]
    lines = [_line("done", step) for step in steps] + [_line("failed", step) for step in failed]
    errors = [
        event["diagnosticEvent"]["message"].strip()
        for event in events
        if event.get("diagnosticEvent", {}).get("severity") == "error"
    ]
    errors += [policy.text() for policy in policies if policy.level == "mandatory"]
    lines += [{"event": "policy", **asdict(policy)} for policy in policies]
    return Record(changes, tuple(lines), tuple(error for error in errors if error))


def _policy(event: dict) -> PolicyEvent:  # type: ignore[type-arg]
    return PolicyEvent(
        level="mandatory" if event["enforcementLevel"] == "mandatory" else "advisory",
        pack=event["policyPackName"],
        version=event["policyPackVersion"],
        rule=event["policyName"],
        severity=event.get("severity", ""),
        message=_COLOR.sub("", event["message"]).strip(),
        urn=event.get("resourceUrn", ""),
    )


def _events(log: Path) -> list[dict]:  # type: ignore[type-arg]
    if not log.is_file():
        return []
    found = []
    for line in log.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break  # the last line of an engine that was killed while writing it
    return found


def _count(steps: list[dict]) -> dict[str, int]:  # type: ignore[type-arg]
    counts: dict[str, int] = {}
    for step in steps:
        if step.get("logical"):
            counts[step["op"]] = counts.get(step["op"], 0) + 1
    return counts


def _line(phase: str, step: dict) -> dict[str, Json]:  # type: ignore[type-arg]
    return {
        "event": "resource",
        "phase": phase,
        "op": step["op"],
        "urn": step["urn"],
        "type": step["type"],
        "name": step["urn"].rsplit("::", 1)[-1],
        "changed": sorted(step.get("detailedDiff") or {}),
    }
