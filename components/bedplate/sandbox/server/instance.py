"""One sandbox: moto behind its journal, the HTTP endpoint, and the providers, in this process."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.sandbox.server.info import client_environment

if TYPE_CHECKING:
    from bedplate.sandbox.providers.kubernetes.cluster import Cluster

_LOG = logging.getLogger("bedplate.sandbox")
# What nearly every program needs and takes longest to load (ec2: 1.3 s).
_PRELOADED = ("ec2", "iam", "s3", "kms")
_RUNNING = threading.Lock()


class SandboxServer:
    """Made by `start`. moto keeps its content in the process, so a process has one at a time."""

    def __init__(self, home: Path | None) -> None:
        """Use `start`."""
        # Imported here: moto, gRPC and pulumi take about 2 s, and the command line imports this module.
        from bedplate.sandbox.providers.aws.cloud import AwsCloud
        from bedplate.sandbox.providers.kubernetes.provider import KubernetesProvider
        from bedplate.sandbox.providers.provider import ResourceProvider
        from bedplate.sandbox.providers.servicer import ProviderEndpoint
        from bedplate.sandbox.server.database import Database
        from bedplate.sandbox.server.http import HttpEndpoint
        from bedplate.sandbox.server.journal import Journal
        from bedplate.sandbox.server.moto_app import MotoApp
        from bedplate.sandbox.server.objects import SqliteObjectStore
        from bedplate.sandbox.server.operations import Operations
        from bedplate.sandbox.server.transport import Clients

        self.warnings: list[str] = []
        if home is not None:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = Database(None if home is None else home / "sandbox.db")
        self._http = HttpEndpoint()
        self.moto_url = self._http.url
        self._moto = MotoApp()
        self._journal = Journal(self._database, self._moto, self._warn)
        self._journal.drop_unfinished()
        self._journal.compact()
        self.replayed = self._journal.replay()
        self._operations = Operations(self._database, self._journal)
        self._clients = Clients(self._journal, self.moto_url)
        store = SqliteObjectStore(self._database)
        cloud = AwsCloud(self._clients, store, self._operations)
        self._kubernetes = KubernetesProvider(store, self._operations)
        self._endpoints = {
            "aws": ProviderEndpoint(ResourceProvider(cloud), cloud.schema.version),
            "kubernetes": ProviderEndpoint(self._kubernetes, self._kubernetes.version),
        }
        self.providers: Mapping[str, int] = {
            name: endpoint.port for name, endpoint in self._endpoints.items()
        }
        self._http.start(self._journal)
        self._preloading = threading.Thread(target=self._preload, name="sandbox-preload", daemon=True)
        self._preloading.start()

    @classmethod
    def start(cls, home: Path | None) -> "SandboxServer":
        """Start in this process, in threads; with `home` None nothing outlives it.

        Raises RuntimeError if one is running in this process already.
        """
        if not _RUNNING.acquire(blocking=False):
            raise RuntimeError(
                "a sandbox runs in this process already; stop it first (moto is one per process)"
            )
        try:
            return cls(home)
        except BaseException:
            _RUNNING.release()
            raise

    @property
    def idle_seconds(self) -> float:
        """How long nobody has used it, in seconds; 0 while a call runs."""
        servicers = [endpoint.servicer for endpoint in self._endpoints.values()]
        if self._operations.busy or any(servicer.active for servicer in servicers):
            return 0.0
        latest = max(self._journal.last_used, *(servicer.last_used for servicer in servicers))
        return time.monotonic() - latest

    def cluster(self, name: str) -> "Cluster":
        """What is in an emulated Kubernetes cluster."""
        return self._kubernetes.cluster(name)

    def client_environment(self) -> dict[str, str]:
        """The variables under which clients use this sandbox."""
        return client_environment(self)

    def reset(self) -> None:
        """Begin empty: nothing is left in the emulated cloud or in the sandbox's own store."""
        self._journal.reset()
        self._operations.forget_all()

    def stop(self) -> None:
        """Stop serving; what is in `home` stays."""
        for endpoint in self._endpoints.values():
            endpoint.stop()
        self._http.stop()
        self._preloading.join()
        self._database.close()
        _RUNNING.release()

    def _warn(self, text: str) -> None:
        _LOG.warning(text)
        self.warnings.append(text)

    def _preload(self) -> None:
        # A failure here would come again, and be reported, at the first use.
        self._moto.preload(_PRELOADED)
        self._clients.preload(_PRELOADED, "us-east-1")
