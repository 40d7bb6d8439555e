"""The programs that the tests run for real: Go programs built once, and etcd from Debian.

`python -m tests.conformance.programs` builds what is missing and says where it is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# What each is built in, and its package: kwok asks for other versions of Kubernetes' libraries.
TOOLS = {
    "kube-apiserver": (HERE, "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": (HERE, "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": (HERE, "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kwok": (HERE / "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
}
PACKAGE = "etcd-server"
_VERSION = "k8s.io/component-base/version.git"


class Missing(RuntimeError):
    """A program that is not there and cannot be put there; the text says what to do."""


def cache() -> Path:
    """Where built programs are kept, under $XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bedplate" / "conformance"


def _key(folder: Path) -> str:
    """Changes with what is built, so that it is built again then, and only then."""
    texts = [(folder / name).read_bytes() for name in ("go.mod", "go.sum")]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def kubernetes_version() -> str:
    """The version that go.mod asks for, such as v1.36.3."""
    for line in (HERE / "go.mod").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["k8s.io/kubernetes"]:
            return words[1]
    raise Missing(f"{HERE / 'go.mod'} does not ask for k8s.io/kubernetes")


def built(name: str) -> Path:
    """The program, built now if it is not there yet: minutes at the first time, and only then.

    Raises Missing without Go, or where the build fails.
    """
    folder, package = TOOLS[name]
    target = cache() / f"{name}-{_key(folder)}"
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        raise Missing(
            f"{name} is built from its Go module, and there is no go: see https://go.dev/doc/install"
        )
    version = kubernetes_version()
    major, minor = version.removeprefix("v").split(".")[:2]
    # As a release is stamped; without it the server says that it is v0.0.0.
    stamps = {"Version": version, "Major": major, "Minor": minor, "TreeState": "clean"}
    flags = " ".join(["-s", "-w", *(f"-X {_VERSION}{key}={value}" for key, value in stamps.items())])
    print(f"building {name}: minutes at the first time, and only then", file=sys.stderr, flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    done = subprocess.run(
        [go, "build", "-ldflags", flags, "-o", str(partial), package],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise Missing(f"go build {package} in {folder} failed:\n{done.stderr[-2000:]}")
    partial.rename(target)
    for old in target.parent.glob(f"{name}-*"):
        if old != target:
            old.unlink()
    return target


def etcd() -> Path:
    """etcd, installed by apt-get where it is missing and we are root. Raises Missing otherwise."""
    found = shutil.which("etcd")
    if found is not None:
        return Path(found)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(
            f"etcd is missing; install it with: sudo apt-get install --no-install-recommends {PACKAGE}"
        )
    # Debian starts a service with the package, unless this says no.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", PACKAGE]):
            subprocess.run(
                ["apt-get", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                check=True,
            )
    except subprocess.CalledProcessError as error:
        raise Missing(f"etcd could not be installed: {' '.join(error.cmd)} failed") from error
    finally:
        if ours:
            policy.unlink()
    return etcd_installed()


def etcd_installed() -> Path:
    found = shutil.which("etcd")
    if found is None:
        raise Missing(f"{PACKAGE} is installed, and there is no etcd on PATH")
    return Path(found)


def main() -> int:
    try:
        for path in (etcd(), *(built(name) for name in TOOLS)):
            print(path)
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
