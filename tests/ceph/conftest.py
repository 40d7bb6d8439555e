"""A real Ceph cluster on loopback: one monitor, one manager, three OSDs on sparse files, one object gateway.

Everything lives in a temporary folder and on free ports, and every process is ended when the tests are. Ceph
16.2 comes from Debian; where it is missing and the tests run as root, apt-get installs it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "ceph-common")
PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool", "radosgw")
OSDS = 3

CONF = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
# As Rook's requireMsgr2 and encryption have it: the second protocol only, and encrypted.
ms cluster mode = secure
ms service mode = secure
ms client mode = secure
ms mon cluster mode = secure
ms mon service mode = secure
ms mon client mode = secure
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
mon warn on insecure global id reclaim allowed = false
keyring = {dir}/$name.keyring
run dir = {dir}/run
admin socket = {dir}/run/$name.asok
log file = {dir}/log/$name.log
pid file = {dir}/run/$name.pid
crash dir = {dir}/crash
osd pool default size = 3
osd pool default min size = 2
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
# All on one host, so copies are spread over OSDs.
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon pg warn min per osd = 0
mon data avail warn = 2
mon data avail crit = 1
[mon]
mon data = {dir}/mon
[mgr]
mgr data = {dir}/mgr
mgr initial modules =
[osd]
osd data = {dir}/osd.$id
osd objectstore = bluestore
bluestore block size = 4294967296
bluestore block create = true
bdev enable discard = false
osd memory target = 939524096
# A lost OSD is noticed in seconds, so that the test sees the cluster without it.
osd heartbeat grace = 5
osd heartbeat interval = 1
mon osd min down reporters = 1
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{rgw_port} tcp_nodelay=1
rgw thread pool size = 32
# Whatever a quota counted a moment ago is counted again.
rgw bucket quota ttl = 0
rgw user quota bucket sync interval = 1
"""


def end_with_parent() -> None:
    """In a daemon, before it starts: that it ends with the tests even where these are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(what: str, check: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come about in {seconds:g} s")
        time.sleep(0.3)


def install() -> None:
    """Ceph from Debian, where it is missing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    if all(shutil.which(program, path=path) for program in PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.fail(f"Ceph is missing; install it with: sudo apt-get install {' '.join(PACKAGES)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        # The packages would start a cluster of their own. An administrator's own file is never touched.
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run(["apt-get", "-qq", *command], env=quiet, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2000:]
    finally:
        if made:
            policy.unlink()


@dataclass
class Cluster:
    """The cluster, and its daemons by name."""

    dir: Path
    mon_port: int = field(default_factory=free_port)
    rgw_port: int = field(default_factory=free_port)
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rgw_port}"

    def run(self, program: str, *args: str, stdin: str | None = None) -> str:
        command = [program, "--conf", str(self.dir / "ceph.conf"), *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{program} {' '.join(args)}: {done.stderr[-2000:]}"
        return done.stdout

    def ceph(self, *args: str, stdin: str | None = None) -> Any:
        return json.loads(
            self.run("ceph", "--connect-timeout", "20", *args, "-f", "json", stdin=stdin) or "null"
        )

    def start(self, name: str, program: str, *args: str) -> None:
        log = (self.dir / "log" / f"{name}.out").open("ab")
        # In the foreground, so that nothing outlives the tests unseen.
        command = [program, "--conf", str(self.dir / "ceph.conf"), "-f", *args]
        self.daemons[name] = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent
        )
        log.close()

    def start_osd(self, number: int) -> None:
        self.start(f"osd.{number}", "ceph-osd", "-i", str(number))

    def kill(self, name: str) -> None:
        """As a machine that loses power would."""
        self.daemons[name].send_signal(signal.SIGKILL)
        self.daemons[name].wait()

    def osds_up(self) -> int:
        count: int = self.ceph("osd", "stat")["num_up_osds"]
        return count

    def healthy(self) -> bool:
        """No warning, and every placement group has all its copies: right after a start there are neither."""
        status = self.ceph("status")
        states = {one["state_name"] for one in status["pgmap"].get("pgs_by_state", [])}
        return bool(status["health"]["status"] == "HEALTH_OK" and states == {"active+clean"})

    def up(self) -> None:
        fsid = str(uuid.uuid4())
        for name in ("run", "log", "crash", "mon", "mgr"):
            (self.dir / name).mkdir()
        conf = CONF.format(fsid=fsid, dir=self.dir, mon_port=self.mon_port, rgw_port=self.rgw_port)
        (self.dir / "ceph.conf").write_text(conf)
        keyring, mon_keyring = self.dir / "client.admin.keyring", self.dir / "mon.keyring"
        self._key(mon_keyring, "mon.", "--gen-key", "--cap", "mon", "allow *")
        caps = [part for kind in ("mon", "osd", "mgr") for part in ("--cap", kind, "allow *")]
        self._key(keyring, "client.admin", "--gen-key", *caps)
        self.run("ceph-authtool", str(mon_keyring), "--import-keyring", str(keyring))
        monmap = str(self.dir / "monmap")
        address = f"[v2:127.0.0.1:{self.mon_port}]"
        self.run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(mon_keyring))
        self.start("mon.a", "ceph-mon", "-i", "a")
        caps = ["mon", "allow profile mgr", "osd", "allow *"]
        self._keyring("mgr.x", caps)
        self.start("mgr.x", "ceph-mgr", "-i", "x")
        for number in range(OSDS):
            self._make_osd(number)
        self._keyring("client.rgw.a", ["mon", "allow rw", "osd", "allow rwx"])
        wait_for("three OSDs", lambda: self.osds_up() == OSDS, 90)
        self.start("rgw", "radosgw", "-n", "client.rgw.a")
        wait_for("the object gateway", self._answers, 90)
        wait_for("a healthy cluster", self.healthy, 90)

    def down(self) -> None:
        for one in self.daemons.values():
            one.kill()
        for one in self.daemons.values():
            one.wait()

    def _key(self, path: Path, name: str, *args: str) -> None:
        self.run("ceph-authtool", "-C", str(path), "-n", name, *args)

    def _keyring(self, name: str, caps: list[str]) -> None:
        path = str(self.dir / f"{name}.keyring")
        self.run("ceph", "--connect-timeout", "30", "auth", "get-or-create", name, *caps, "-o", path)

    def _make_osd(self, number: int) -> None:
        (self.dir / f"osd.{number}").mkdir()
        own, key = str(uuid.uuid4()), self.run("ceph-authtool", "--gen-print-key").strip()
        self.ceph("osd", "new", own, "-i", "-", stdin=json.dumps({"cephx_secret": key}))
        self._key(self.dir / f"osd.{number}.keyring", f"osd.{number}", "--add-key", key)
        self.run("ceph-osd", "-i", str(number), "--mkfs", "--osd-uuid", own)
        self.start_osd(number)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    install()
    os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    # Sockets have short paths.
    cluster = Cluster(tmp_path_factory.mktemp("ceph"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
        with contextlib.suppress(OSError):
            shutil.rmtree(cluster.dir)


@pytest.fixture(scope="session")
def until() -> Callable[[str, Callable[[], bool], float], None]:
    """Waits for something to come about; fails with its name where it does not."""
    return wait_for
