"""What a person reads while an operation runs, made from events as an engine sends them."""

import io
import threading

import pytest

from bedplate.sandbox.display import Display
from bedplate.sandbox.engine.events import DiagnosticEvent, PropertyChange, ResourceEvent, Secret
from bedplate.sandbox.outcome import Outcome
from bedplate.sandbox.terminal import use_color

_BUCKET = "urn:pulumi:dev::bedplate::bedplate:index:AwsObjectStore$aws:s3/bucket:Bucket::data-bucket"


def _event(phase: str, op: str, **more: object) -> ResourceEvent:
    return ResourceEvent(phase, op, _BUCKET, "aws:s3/bucket:Bucket", "data-bucket", **more)  # type: ignore[arg-type]


def _shown(operation: str, *events: object, full_diff: bool = False, color: bool = False) -> str:
    stream = io.StringIO()
    display = Display(stream, operation, color=color, full_diff=full_diff)
    for event in events:
        display.event(event)  # type: ignore[arg-type]
    return stream.getvalue()


def _finished(operation: str, outcome: Outcome, *events: object) -> str:
    stream = io.StringIO()
    display = Display(stream, operation)
    for event in events:
        display.event(event)  # type: ignore[arg-type]
    display.finish(outcome)
    return stream.getvalue()


def test_a_created_resource_has_a_line_when_it_starts_and_when_it_is_there() -> None:
    text = _shown("up", _event("start", "create"), _event("done", "create", seconds=0.31))
    assert text.splitlines() == [
        " +  aws:s3/bucket:Bucket data-bucket creating",
        " +  aws:s3/bucket:Bucket data-bucket created (0.3s)",
    ]


@pytest.mark.parametrize(
    ("op", "symbol", "done"),
    [
        ("create", "+ ", "created"),
        ("update", "~ ", "updated"),
        ("replace", "+-", "replaced"),
        ("delete", "- ", "deleted"),
        ("read", "> ", "read"),
    ],
)
def test_every_operation_has_its_symbol(op: str, symbol: str, done: str) -> None:
    assert _shown("up", _event("done", op, seconds=1.0)).startswith(
        f" {symbol} aws:s3/bucket:Bucket data-bucket {done} (1.0s)"
    )


def test_what_does_not_change_has_no_line() -> None:
    assert _shown("up", _event("start", "same"), _event("done", "same")) == ""


def test_an_update_says_what_changes_once_and_what_forces_a_replacement() -> None:
    diff = (
        PropertyChange("tags.team", "update", "ml", "platform"),
        PropertyChange("bucket", "update", "a", "b", forces_replace=True),
        PropertyChange("acl", "delete", "private", None),
        PropertyChange("policy", "add", None, "[secret]"),
    )
    text = _shown(
        "up",
        _event("start", "replace", diff=diff, reason="bucket changed"),
        _event("done", "replace", diff=diff, seconds=0.1),
    )
    assert "replacing [bucket changed]" in text
    assert '      ~ tags.team: "ml" => "platform"\n' in text
    assert '      ~ bucket: "a" => "b" (replaces)\n' in text
    assert '      - acl: "private"\n' in text
    assert "      + policy: [secret]\n" in text
    assert text.count("tags.team") == 1


def test_long_and_many_changes_are_cut_unless_the_whole_diff_is_asked_for() -> None:
    diff = tuple(PropertyChange(f"p{n}", "update", "x" * 500, n) for n in range(20))
    cut = _shown("up", _event("start", "update", diff=diff))
    assert "8 more; --diff shows them" in cut
    assert "x" * 100 not in cut
    whole = _shown("up", _event("start", "update", diff=diff), full_diff=True)
    assert "x" * 500 in whole
    assert "p19: " in whole


def test_preview_has_one_line_per_resource() -> None:
    assert _shown("preview", _event("start", "create"), _event("done", "create")) == (
        " +  aws:s3/bucket:Bucket data-bucket create\n"
    )


def test_refresh_shows_only_what_drifted() -> None:
    same = _event("done", "refresh")
    drift = _event("done", "refresh", diff=(PropertyChange("tags.team", "update", "a", "b"),))
    text = _shown("refresh", _event("start", "refresh"), same, drift)
    assert text.count("data-bucket") == 1
    assert 'tags.team: "a" => "b"' in text


def test_the_end_has_outputs_counts_and_duration_and_hides_secrets() -> None:
    outcome = Outcome(
        "offline",
        ok=True,
        changes={"create": 3, "update": 1, "replace": 0, "delete": 0, "same": 40},
        outputs={"vpcId": "vpc-1", "token": Secret("hunter2"), "subnets": ["a", "b"]},
        duration_seconds=75.2,
    )
    text = _finished("up", outcome)
    assert '    vpcId: "vpc-1"' in text
    assert "    token: [secret]" in text
    assert "hunter2" not in text
    assert "    +  3 created\n    ~  1 updated\n    40 unchanged" in text
    assert "replaced" not in text
    assert "Duration: 1m15s" in text


def test_preview_counts_in_the_future_tense() -> None:
    assert "+  3 to create" in _finished("preview", Outcome("offline", ok=True, changes={"create": 3}))


def test_diagnostics_are_grouped_by_resource_and_none_is_said_twice() -> None:
    outcome = Outcome(
        "offline", ok=False, errors=("BucketAlreadyExists: pick another", "the program ended early")
    )
    text = _finished(
        "up",
        outcome,
        _event("failed", "create", seconds=0.1),
        DiagnosticEvent("error", "BucketAlreadyExists: pick another\nsecond line", _BUCKET),
        DiagnosticEvent("warning", "deprecated", _BUCKET),
        DiagnosticEvent("debug", "beginning rpc register resource"),
    )
    assert "data-bucket creating failed" in text
    assert (
        "Diagnostics:\n"
        "  aws:s3/bucket:Bucket (data-bucket):\n"
        "    error: BucketAlreadyExists: pick another\n"
        "    second line\n"
        "    warning: deprecated\n"
    ) in text
    assert text.count("BucketAlreadyExists") == 1
    assert "  program:\n    error: the program ended early" in text
    assert "beginning rpc" not in text
    assert "up failed" in text


def test_colours_only_when_asked_for() -> None:
    assert "\x1b[" in _shown("up", _event("start", "create"), color=True)
    assert "\x1b[" not in _shown("up", _event("start", "create"))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "environ", "expected"),
    [
        ("auto", _Terminal(), {"TERM": "xterm"}, True),
        ("auto", _Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("auto", _Terminal(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {"TERM": "xterm"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", _Terminal(), {}, False),
    ],
)
def test_automatic_colours(choice: str, stream: io.StringIO, environ: dict[str, str], expected: bool) -> None:
    assert use_color(choice, stream, environ) is expected


def test_lines_of_several_threads_are_never_torn() -> None:
    stream = io.StringIO()
    display = Display(stream, "up")
    threads = [
        threading.Thread(target=lambda: [display.event(_event("start", "create")) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(stream.getvalue().splitlines()) == {" +  aws:s3/bucket:Bucket data-bucket creating"}
