"""The event log of Pulumi's engine, read for the summary; lines as Pulumi 3.260 writes them, shortened."""

import json
from pathlib import Path

from bedplate.sandbox import event_log


def _step(op: str, name: str, *, logical: bool = True, kind: str = "resOutputsEvent") -> dict[str, object]:
    urn = f"urn:pulumi:dev::bedplate::aws:s3/bucket:Bucket::{name}"
    metadata = {
        "op": op,
        "urn": urn,
        "type": "aws:s3/bucket:Bucket",
        "logical": logical,
        "detailedDiff": None,
    }
    return {"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}}


def _write(path: Path, *events: dict[str, object], tail: str = "") -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events) + tail)
    return path


def test_the_summary_event_gives_the_counts_of_a_whole_run(tmp_path: Path) -> None:
    summary = {"summaryEvent": {"resourceChanges": {"create": 2, "same": 3, "replace": 1, "import": 1}}}
    record = event_log.read(_write(tmp_path / "log", _step("create", "a"), summary))
    assert record.changes == {"create": 3, "update": 0, "replace": 1, "delete": 0, "same": 3}
    assert [line["name"] for line in record.lines] == ["a"]


def test_a_killed_engine_leaves_the_counts_so_far(tmp_path: Path) -> None:
    """The steps that make up a replacement are one replacement, as Pulumi itself counts."""
    record = event_log.read(
        _write(
            tmp_path / "log",
            _step("create", "a"),
            _step("create-replacement", "b", logical=False),
            _step("replace", "b"),
            _step("delete-replaced", "b", logical=False),
            _step("update", "c", kind="resOpFailedEvent"),
            tail='{"sequence": 9, "resOutpu',
        )
    )
    assert record.changes == {"create": 1, "update": 0, "replace": 1, "delete": 0, "same": 0}
    assert [line["phase"] for line in record.lines] == ["done"] * 4 + ["failed"]


def test_errors_are_those_of_severity_error(tmp_path: Path) -> None:
    record = event_log.read(
        _write(
            tmp_path / "log",
            {"diagnosticEvent": {"severity": "debug", "message": "registering"}},
            {"diagnosticEvent": {"severity": "info#err", "message": "noise"}},
            {"diagnosticEvent": {"severity": "error", "message": "no such subnet\n"}},
        )
    )
    assert record.errors == ("no such subnet",)


def test_an_engine_that_did_not_start_left_no_log(tmp_path: Path) -> None:
    record = event_log.read(tmp_path / "absent")
    assert record.errors == ()
    assert sum(record.changes.values()) == 0
