"""Policy packs as forks of one process: each as alone as if it had been started by itself."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.sandbox.engine.pack_processes import PackProcess, PackStarter, open_alone

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forked on Linux only")

# What a pack can see of where it runs, as one line; then it waits to be ended.
LOOK = """
import json, os, signal, sys, time
import helper
print(json.dumps({
    "argv": sys.argv, "cwd": os.getcwd(), "stack": os.environ["PULUMI_STACK"], "helper": helper.NAME,
    "first": sys.path[0], "session": os.getsid(0) == os.getpid(), "name": __name__,
    "child": str(signal.getsignal(signal.SIGCHLD)), "parent": os.getppid(),
    "ours": sorted(name for name in sys.modules if name.startswith("bedplate")),
}), flush=True)
print("to the log", file=sys.stderr, flush=True)
while True:
    time.sleep(1)
"""


def pack(directory: Path, text: str, name: str = "one") -> Path:
    directory.mkdir()
    (directory / "__main__.py").write_text(text)
    (directory / "helper.py").write_text(f"NAME = {name!r}\n")
    return directory


@pytest.fixture
def packs(tmp_path: Path) -> list[Path]:
    return [pack(tmp_path / name, LOOK, name) for name in ("one", "two")]


@pytest.fixture
def starter(packs: list[Path]) -> Iterator[PackStarter]:
    made = PackStarter(packs)
    yield made
    made.close()


def first_line(process: PackProcess) -> dict[str, object]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr and process.stderr.read()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_fork_sees_what_a_pack_of_its_own_sees(starter: PackStarter, packs: list[Path]) -> None:
    seen = []
    for one in packs:
        variables = {"PULUMI_STACK": one.name}
        arguments = ["127.0.0.1:1", str(one)]
        forked = starter.open(arguments, one, variables)
        alone = open_alone([sys.executable, "-u", "-m", "pulumi.policy", *arguments], one, variables)
        mine, its = first_line(forked), first_line(alone)
        assert forked.stderr is not None
        assert forked.stderr.readline() == "to the log\n"
        seen.append(mine.pop("parent"))
        assert its.pop("parent") == os.getpid()
        assert mine == its
        assert mine["helper"] == mine["stack"] == one.name
        assert mine["ours"] == []
        for process in (forked, alone):
            process.terminate()
            process.wait(timeout=10)
            assert process.stdout is not None
            assert process.stdout.read() == ""
    assert seen[0] == seen[1] != os.getpid()


def test_a_pack_that_fails_says_so_and_leaves_the_others(starter: PackStarter, tmp_path: Path) -> None:
    bad = pack(tmp_path / "bad", "import helper\nraise RuntimeError('no such rule')\n")
    broken = starter.open(["127.0.0.1:1", str(bad)], bad, {"PULUMI_STACK": "dev"})
    broken.wait(timeout=10)
    assert broken.stdout is not None
    assert broken.stderr is not None
    assert "no such rule" in broken.stdout.read() + broken.stderr.read()
    good = starter.open(["127.0.0.1:1", str(tmp_path / "one")], tmp_path / "one", {"PULUMI_STACK": "dev"})
    assert first_line(good)["helper"] == "one"


def test_packs_end_with_what_started_them(packs: list[Path]) -> None:
    """Closed or killed, the starter takes its packs along."""
    for kill in (False, True):
        starter = PackStarter(packs)
        process = starter.open(["127.0.0.1:1", str(packs[0])], packs[0], {"PULUMI_STACK": "dev"})
        parent = first_line(process)["parent"]
        assert isinstance(parent, int)
        if kill:
            os.kill(parent, 9)
        starter.close()
        process.wait(timeout=10)
        with pytest.raises(OSError, match=r"\w"):
            starter.open(["127.0.0.1:1", str(packs[0])], packs[0], {})


def test_packs_end_when_the_engine_is_killed(packs: list[Path]) -> None:
    engine = f"""
import time
from pathlib import Path
from bedplate.sandbox.engine.pack_processes import PackStarter
one = Path({str(packs[0])!r})
starter = PackStarter([one])
pack = starter.open(["127.0.0.1:1", str(one)], one, {{"PULUMI_STACK": "dev"}})
print(pack.stdout.readline(), flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    parent = json.loads(process.stdout.readline())["parent"]
    process.kill()
    process.wait()
    for _ in range(100):
        if not Path(f"/proc/{parent}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{parent}").exists()


def test_one_pack_or_another_interpreter_is_opened_alone() -> None:
    mine, other = Path(sys.executable), Path("/opt/other/bin/python")
    assert PackStarter.useful([mine, mine])
    assert PackStarter.useful([mine, other, mine])
    assert not PackStarter.useful([mine])
    assert not PackStarter.useful([mine, other])
