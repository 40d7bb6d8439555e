"""SIGKILL at any point: the next command finishes the work, nothing is orphaned and nothing made twice."""

import os
import signal
import threading
from pathlib import Path

import pytest

PROGRAM = """
a = Thing("a", value="{value}", key="{key}")
b = Thing("b", value=a.echo, key=a.serial.apply(str))
for i in range(4):
    Thing(f"c{{i}}", value=b.echo)
"""
FIRST = {"value": "1", "key": "1"}


def kill_at(runs, operation, when, op, number):
    """Run `operation` and kill the engine at the provider's n-th call of `op`, before or after its work."""
    lock = threading.Lock()
    seen = 0
    process = None
    ready = threading.Event()

    def strike(called, _name):
        nonlocal seen
        ready.wait()
        with lock:
            seen += called == op
            if called == op and seen == number:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()

    setattr(runs.probe, when, strike)
    process = runs.start(operation)
    ready.set()
    process.communicate(timeout=60)
    runs.probe.before = runs.probe.after = lambda op, name: None
    assert process.returncode == -signal.SIGKILL


def assert_whole(runs):
    """The state and the cloud have the same things, each once."""
    state = runs.things()
    assert sorted(item["id"] for item in state.values()) == sorted(runs.probe.things)
    assert len(state) == 6
    deployment = runs.deployment()
    assert "pending_operations" not in deployment
    assert not any(item.get("delete") or item.get("pendingReplacement") for item in deployment["resources"])
    again = runs.run("up")
    assert again.ok
    assert again.changes["same"] == 7, again.changes


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_killed_while_creating(runs, when, number):
    runs.write(PROGRAM.format(**FIRST))
    kill_at(runs, "up", when, "create", number)
    result = runs.run("up")
    assert result.ok, result.errors
    assert_whole(runs)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_updating(runs, when):
    runs.write(PROGRAM.format(**FIRST))
    assert runs.run("up").ok
    runs.write(PROGRAM.format(value="2", key="1"))
    kill_at(runs, "up", when, "update", 2)
    result = runs.run("up")
    assert result.ok, result.errors
    assert {item["value"] for item in runs.probe.things.values()} == {"2"}
    assert_whole(runs)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("op", "number"), [("create", 1), ("create", 2), ("delete", 1), ("delete", 2)])
def test_killed_while_replacing(runs, when, op, number):
    runs.write(PROGRAM.format(**FIRST))
    assert runs.run("up").ok
    runs.write(PROGRAM.format(value="1", key="2"))
    kill_at(runs, "up", when, op, number)
    result = runs.run("up")
    assert result.ok, result.errors
    assert_whole(runs)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("op", "number"), [("delete", 1), ("delete", 2), ("create", 1), ("create", 2)])
def test_killed_while_replacing_by_deleting_first(runs, when, op, number):
    program = """
        a = Thing("a", key="{key}", name="a", deleteFirst=True)
        b = Thing("b", key=a.serial.apply(str), name="b", deleteFirst=True)
        for i in range(4):
            Thing(f"c{{i}}", value=b.echo)
    """
    runs.write(program.format(key=1))
    assert runs.run("up").ok
    runs.write(program.format(key=2))
    kill_at(runs, "up", when, op, number)
    result = runs.run("up")
    assert result.ok, result.errors
    assert_whole(runs)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_destroying(runs, when):
    runs.write(PROGRAM.format(**FIRST))
    assert runs.run("up").ok
    kill_at(runs, "destroy", when, "delete", 3)
    result = runs.run("destroy")
    assert result.ok, result.errors
    assert runs.probe.things == {}
    assert runs.deployment()["resources"] == []
    assert result.resources == 0


def test_killed_twice(runs):
    runs.write(PROGRAM.format(**FIRST))
    kill_at(runs, "up", "after", "create", 2)
    # The second command is killed while it finishes the first one's work, or soon after.
    kill_at(runs, "up", "after", "create", 1)
    result = runs.run("up")
    assert result.ok, result.errors
    assert_whole(runs)


def test_an_interruption_lets_what_is_under_way_finish(runs):
    runs.write(PROGRAM.format(**FIRST))
    runs.probe.delay["create"] = 0.3
    started = threading.Event()
    runs.probe.before = lambda op, name: started.set()
    process = runs.start("up")
    assert started.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "interrupted" in out
    assert sorted(item["id"] for item in runs.things().values()) == sorted(runs.probe.things) == ["thing-1"]
    assert "pending_operations" not in runs.deployment()
    runs.probe.delay.clear()
    assert runs.run("up").ok
    assert_whole(runs)


def test_the_program_ends_with_a_killed_engine(runs):
    marker = runs.root / "alive"
    runs.write(
        f"""
        import pathlib, time, os
        Thing("a")
        pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))
        time.sleep(60)
        """
    )
    process = runs.start("up")
    while not marker.exists() or not marker.read_text():
        assert process.poll() is None
    program = int(marker.read_text())
    process.kill()
    process.wait()
    process.communicate()
    for _ in range(100):
        try:
            stat = Path(f"/proc/{program}/stat").read_text()
        except FileNotFoundError:
            return
        if stat.rpartition(")")[2].split()[0] == "Z":
            return
        threading.Event().wait(0.05)
    pytest.fail("the program outlived its engine")


def test_a_provider_that_died_leaves_the_operation_to_the_next_run(runs):
    runs.write(PROGRAM.format(**FIRST))
    result = runs.run("up", providers={"probe": "127.0.0.1:9"})
    assert not result.ok
    assert "does not answer" in result.errors[0]
    assert runs.run("up").ok
    assert_whole(runs)
