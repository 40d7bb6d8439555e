"""The state directory: layout, lock, order, secrets, and the journal's cost."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from bedplate.sandbox.engine.backend import FileBackend
from bedplate.sandbox.engine.journal import Journal, replay
from bedplate.sandbox.engine.secrets import Passphrase
from bedplate.sandbox.engine.stack_id import StackId


def test_the_layout_is_that_of_pulumis_file_backend(runs, thing):
    assert runs.inline("up", lambda: thing("a", value="1")).ok
    base = runs.root / "state" / ".pulumi"
    assert (base / "meta.yaml").read_text() == "version: 1\n"
    content = json.loads((base / "stacks" / "kill" / "dev.json").read_text())
    assert content["version"] == 3
    assert content["checkpoint"]["stack"] == "organization/kill/dev"
    runs.inline("up", lambda: thing("a", value="2"))
    backup = json.loads((base / "stacks" / "kill" / "dev.json.bak").read_text())
    assert '"value": "1"' in json.dumps(backup)
    assert not list((base / "journals").rglob("*.jsonl"))
    assert not list((base / "locks").rglob("*.json"))


def test_a_stack_without_secrets_needs_no_key(runs, thing, monkeypatch):
    from bedplate.sandbox.engine import secrets

    monkeypatch.setattr(secrets, "_derive", lambda *_: (_ for _ in ()).throw(AssertionError("key derived")))
    assert runs.inline("up", lambda: thing("a", value="1")).ok
    assert "secrets_providers" not in runs.deployment()


def test_another_passphrase_is_refused_with_what_to_do(runs, thing):
    import pulumi

    def program():
        thing("a", value=pulumi.Output.secret("hush"))

    assert runs.inline("up", program).ok
    before = runs.checkpoint.read_text()
    refused = runs.inline("up", program, passphrase="wrong")
    assert not refused.ok
    assert "PULUMI_CONFIG_PASSPHRASE" in refused.errors[0]
    assert runs.checkpoint.read_text() == before


def test_a_secret_survives_the_state_and_is_hidden_in_outputs(runs, thing):
    import pulumi

    def program():
        a = thing("a", value=pulumi.Output.secret("hush"), extra={"list": [pulumi.Output.secret("psst")]})
        pulumi.export("value", a.echo)

    result = runs.inline("up", program)
    assert str(result.outputs["value"]) == "[secret]"
    assert result.outputs["value"].value == "hush"
    state = runs.checkpoint.read_text()
    assert "hush" not in state
    assert "psst" not in state
    salt = runs.deployment()["secrets_providers"]["state"]["salt"]
    sealed = runs.things()["a"]["inputs"]["value"]["ciphertext"]
    assert Passphrase("secret words", salt).decrypt(sealed) == '"hush"'
    changed = runs.inline("up", lambda: thing("a", value=pulumi.Output.secret("other"), extra={"list": []}))
    assert changed.changes["update"] == 1
    shown = [change for event in runs.events for change in getattr(event, "diff", ())]
    assert shown
    assert "hush" not in repr(shown)
    assert "other" not in repr(shown)


def test_two_runs_on_one_stack_refuse_each_other(runs, thing):
    entered, leave = threading.Event(), threading.Event()

    def wait(_op, _name):
        entered.set()
        leave.wait(20)

    runs.probe.before = wait
    first = []
    worker = threading.Thread(target=lambda: first.append(runs.inline("up", lambda: thing("a"))))
    worker.start()
    assert entered.wait(20)
    second = runs.inline("up", lambda: thing("a"))
    leave.set()
    worker.join()
    assert first[0].ok
    assert not second.ok
    assert "locked" in second.errors[0]
    assert str(os.getpid()) in second.errors[0]


def _lock(runs, pid):
    directory = runs.root / "state" / ".pulumi" / "locks" / "organization" / "kill" / "dev"
    directory.mkdir(parents=True)
    content = {
        "pid": pid,
        "username": "me",
        "hostname": socket.gethostname(),
        "timestamp": "2026-01-01T00:00:00Z",
    }
    (directory / "left.json").write_text(json.dumps(content))


def test_the_lock_of_a_dead_process_is_taken_over(runs, thing):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    _lock(runs, gone.pid)
    assert runs.inline("up", lambda: thing("a")).ok


def test_the_lock_of_another_host_is_respected(runs, thing):
    _lock(runs, os.getpid())
    assert not runs.inline("up", lambda: thing("a")).ok


def test_a_checkpoint_of_another_version_is_refused(runs, thing):
    backend = FileBackend(runs.root / "state", StackId("kill", "dev"))
    backend.checkpoint_path.parent.mkdir(parents=True)
    backend.checkpoint_path.write_text(json.dumps({"version": 4, "checkpoint": {}}))
    refused = runs.inline("up", lambda: thing("a"))
    assert not refused.ok
    assert "version 4" in refused.errors[0]


def test_the_journal_grows_by_the_step_not_by_the_stack(runs, thing):
    """Bytes per resource in the journal do not depend on how many there are (ADR 3)."""
    path = runs.root / "state" / ".pulumi" / "journals" / "kill" / "dev.jsonl"

    def journal_bytes(count):
        seen = []
        runs.probe.after = lambda op, name: seen.append(path.stat().st_size)

        def program():
            for index in range(count):
                thing(f"t{index:03}", value="x")

        assert runs.inline("up", program).ok
        assert runs.inline("destroy", program).ok
        return max(seen) / count

    assert journal_bytes(200) < journal_bytes(20) * 1.2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 3, "checkpoint": {"latest": {"resources": [1]}}}']
)
def test_a_damaged_state_is_refused_and_left_as_it_is(runs, thing, content):
    assert runs.inline("up", lambda: thing("a", value="1")).ok
    assert runs.inline("up", lambda: thing("a", value="2")).ok
    path = runs.root / "state" / ".pulumi" / "stacks" / "kill" / "dev.json"
    path.write_text(content)
    for operation in ("preview", "up", "destroy"):
        result = runs.inline(operation, lambda: thing("a", value="3"))
        assert not result.ok
        assert "is damaged" in result.errors[0]
        assert "dev.json.bak" in result.errors[0]
    assert path.read_text() == content
    assert len(runs.probe.things) == 1


def test_a_full_disk_leaves_a_journal_that_can_be_read(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "dev.jsonl", "digest")
    journal.append({"drop": ["o1"]})
    write = os.write

    def full(file, data):
        if len(data) > 1:
            return write(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append({"drop": ["o2"]})
    monkeypatch.undo()
    journal.append({"drop": ["o3"]})
    assert [record["drop"] for record in replay(tmp_path / "dev.jsonl", "digest")] == [["o1"], ["o3"]]


def test_a_directory_that_is_none_is_told_in_words(runs, thing):
    (runs.root / "state").mkdir()
    (runs.root / "state" / ".pulumi").write_text("a file")
    result = runs.inline("up", lambda: thing("a", value="1"))
    assert not result.ok
    assert "the state cannot be written" in result.errors[0]
    assert runs.probe.things == {}
