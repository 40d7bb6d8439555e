"""A Kubernetes control plane on loopback: etcd, kube-apiserver, and the controllers that clean up.

Everything lives in one folder and on free ports, and every process ends with the tests, also where these are
killed. No controller makes pods: an object stays what the test made of it.
"""

import contextlib
import ctypes
import datetime as dt
import ipaddress
import json
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.conformance import programs
from tests.conformance.client import Client, Unreachable

# What finishes deletions, and gives each namespace its service account.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "serviceaccount-controller",
    "volumeattributesclass-protection-controller",
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(what: str, check: Callable[[], object], seconds: float) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come about in {seconds:g} s")
        time.sleep(0.1)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Plane:
    """The running programs. `client`: asks the API server, as its administrator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._token = secrets.token_urlsafe(24)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.client = Client(f"https://127.0.0.1:{self.port}", folder / "server.crt", self._token)

    def start(self) -> None:
        """Raises Missing without a program, and RuntimeError with a log's end where one does not run."""
        etcd, server = programs.etcd(), programs.built("kube-apiserver")
        manager = programs.built("kube-controller-manager")
        _certificate(self.folder)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f"{self._token},admin,1,system:masters\n")
        tokens.chmod(0o600)
        client_url, peer_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.run(
            "etcd", etcd,
            f"--data-dir={self.folder / 'etcd'}", f"--listen-client-urls={client_url}",
            f"--advertise-client-urls={client_url}", f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}",
            "--logger=zap",
        )  # fmt: skip
        self.run(
            "kube-apiserver", server,
            f"--etcd-servers={client_url}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            f"--token-auth-file={tokens}", "--authorization-mode=Node,RBAC", "--anonymous-auth=false",
            "--allow-privileged=true", "--service-cluster-ip-range=10.96.0.0/12",
            f"--service-account-issuer=https://127.0.0.1:{self.port}",
            f"--service-account-key-file={self.folder / 'server.key'}",
            f"--service-account-signing-key-file={self.folder / 'server.key'}",
            "--external-hostname=127.0.0.1", f"--cert-dir={self.folder}", "--endpoint-reconciler-type=none",
        )  # fmt: skip
        self.wait("kube-apiserver", self._ready, 90)
        self.run(
            "kube-controller-manager", manager,
            f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0",
            f"--controllers={','.join(CONTROLLERS)}", "--use-service-account-credentials=false",
        )  # fmt: skip
        self.wait(
            "kube-controller-manager",
            lambda: self.client.get_object("v1", "ServiceAccount", "default", "default"),
            60,
        )

    def run(self, name: str, program: Path, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._running[name] = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        log.close()

    def wait(self, name: str, check: Callable[[], object], seconds: float) -> None:
        """Until a program does what it is for. Raises RuntimeError with its log's end."""

        def checked() -> object:
            code = self._running[name].poll()
            if code is not None:
                raise RuntimeError(f"{name} ended with {code}:\n{self.log(name)}")
            return check()

        try:
            wait_for(name, checked, seconds)
        except TimeoutError as error:
            raise RuntimeError(f"{error}; its log ends:\n{self.log(name)}") from error

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    @property
    def kubeconfig(self) -> Path:
        """For programs that need one; made at the first use."""
        path = self.folder / "kubeconfig"
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": str(self.folder / "server.crt"),
        }
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "one", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "admin"}}],
            "current-context": "one",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def end(self, name: str) -> None:
        """End one program."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _ready(self) -> bool:
        with contextlib.suppress(Unreachable):
            return self.client.request("GET", "/readyz").status == 200
        return False


@contextlib.contextmanager
def plane(folder: Path) -> Iterator[Plane]:
    """A control plane, for as long as the block runs."""
    one = Plane(folder)
    try:
        one.start()
        yield one
    finally:
        one.stop()


def _certificate(folder: Path) -> None:
    """A certificate that is its own authority, for 127.0.0.1 and three days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bedplate-conformance")])
    now = dt.datetime.now(dt.UTC)
    alternatives = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=3))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / "server.key"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
