"""A server with faults, and a bucket in memory."""

from __future__ import annotations

import copy
import http.server
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest

from bedplate.kubernetes.handles import KubernetesHandle, NodeAccelerator, NodePoolHandle, Taint
from bedplate.storage.handles import CredentialsReference, ObjectStoreHandle


@dataclass
class Server:
    """Serves `files` over HTTP, with ranges. `faults` are used up, one per request for a file."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[Callable[[Handler], bool]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    chunk_seconds: float = 0.0
    ranges: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server_state: Server

    def do_GET(self) -> None:
        state = self.server_state
        path = urllib.parse.unquote(self.path.partition("?")[0])
        state.requests.append((self.path, self.headers.get("Range", "")))
        if path in state.statuses:
            self._plain(state.statuses[path])
            return
        if state.faults and state.faults.pop(0)(self):
            return
        if path not in state.files:
            self._plain(404)
            return
        self.send(state.files[path])

    do_POST = do_GET

    def _plain(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, body: bytes, cut: int | None = None) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked and self.server_state.ranges else 0
        if asked and self.server_state.ranges:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[first:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        rest = rest if cut is None else rest[:cut]
        for at in range(0, len(rest), 1 << 16):
            self.wfile.write(rest[at : at + (1 << 16)])
            self.wfile.flush()
            if self.server_state.chunk_seconds:
                time.sleep(self.server_state.chunk_seconds)
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    handler = type("Bound", (Handler,), {"server_state": state})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.handle_error = lambda *_: None  # type: ignore[method-assign]
    state.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    listening.shutdown()
    listening.server_close()


def cut_after(count: int) -> Callable[[Handler], bool]:
    """The link breaks after so many bytes."""

    def fault(handler: Handler) -> bool:
        handler.send(handler.server_state.files[urllib.parse.unquote(handler.path)], cut=count)
        return True

    return fault


def answer(status: int, **headers: str) -> Callable[[Handler], bool]:
    def fault(handler: Handler) -> bool:
        handler._plain(status, **headers)
        return True

    return fault


def garbled(handler: Handler) -> bool:
    """Every byte is another one."""
    handler.send(bytes(255 - byte for byte in handler.server_state.files[handler.path]))
    return True


@pytest.fixture
def faults() -> dict[str, Callable[..., object]]:
    return {"cut_after": cut_after, "answer": answer, "garbled": lambda: garbled}


def _pool(name: str, gpu: bool, architecture: str) -> Any:
    accelerator = NodeAccelerator(
        vendor="nvidia", model="L4", count=1, memory_gib=24, resource="nvidia.com/gpu"
    )
    return NodePoolHandle(
        name=name,
        labels={"bedplate/pool": name},
        taints=(Taint(key="node-role.kubernetes.io/edge", effect="NoSchedule"),),
        max_nodes=10,
        cpu=8,
        memory_gib=32,
        architecture=architecture,
        accelerator=accelerator if gpu else None,
        edge=True,
    )


@pytest.fixture
def cluster() -> Callable[..., KubernetesHandle]:
    """A cluster with PCs and Jetsons at the edge; its provider is real only inside of a program."""

    def make(provider: Any = None) -> KubernetesHandle:
        return KubernetesHandle(
            name="plants",
            platform="onprem",
            version="1.36",
            provider=provider,
            pools=(_pool("pcs", True, "x86_64"), _pool("jetsons", True, "arm64")),
        )

    return make


SITES: list[dict[str, Any]] = [
    {
        "name": "dresden",
        "nodes": [
            {
                "hostname": f"dd-{number}",
                "address": f"10.1.0.{number}",
                "device": "nvidia-l4",
                "lines": ["doors"],
                "models_gib": 20,
                "buffer_gib": 50,
            }
            for number in (1, 2)
        ],
    },
    {
        "name": "graz",
        "nodes": [
            {
                "hostname": "gz-1",
                "address": "10.2.0.1",
                "device": "jetson-orin-nx-16gb",
                "lines": ["hoods"],
                "models_gib": 20,
                "buffer_gib": 50,
            }
        ],
    },
]


@pytest.fixture
def sites() -> list[dict[str, Any]]:
    return copy.deepcopy(SITES)


@pytest.fixture
def store() -> Callable[[], ObjectStoreHandle]:
    """A bucket of Ceph, with its key in a secret; to be called inside of a program."""

    def make(namespace: str = "edge") -> ObjectStoreHandle:
        return ObjectStoreHandle.from_existing(
            name="models",
            region="us-east-1",
            endpoint="https://rgw.example.com",
            path_style=True,
            credentials=CredentialsReference(
                namespace=pulumi.Output.from_input(namespace),
                secret_name=pulumi.Output.from_input("models-key"),
            ),
        )

    return make


@pytest.fixture
def plant(cluster, sites, store) -> Callable[..., Any]:
    """A program with everything of the edge; `update` changes the arguments of its ModelUpdate."""
    from bedplate.edge.cache import EdgeCache, EdgeCacheArgs
    from bedplate.edge.camera import CameraLine, CameraLineArgs
    from bedplate.edge.metrics import EdgeMetrics, EdgeMetricsArgs
    from bedplate.edge.nodes import EdgeNodes, EdgeNodesArgs
    from bedplate.edge.update import ModelUpdate, ModelUpdateArgs

    def program(**update: Any) -> Callable[[], None]:
        def run() -> None:
            # The default provider makes the objects, so the handle needs none.
            edge = EdgeNodes(
                "plants",
                EdgeNodesArgs(
                    cluster=cluster(), sites=sites, k3s={"server_url": "https://k3s.example.com:6443"}
                ),
            ).handle
            lines = [
                CameraLine(
                    line,
                    CameraLineArgs(
                        edge=edge,
                        line=line,
                        model="defects",
                        image="registry.example.com/vision/server:1.4.2",
                        cameras=[{"name": "front-left", "secret_name": "cameras"}],
                        camera_networks=["10.9.0.0/24"],
                        reload_path="/reload",
                        idle_path="/idle",
                        results={},
                        store=store(),
                    ),
                ).handle
                for line in ("doors", "hoods")
            ]
            EdgeCache(
                "cache",
                EdgeCacheArgs(
                    edge=edge,
                    models={"prefix": "shared/", "size_gib": 8},
                    store=store(),
                    images=[{"site": "dresden", "upstream": "https://nvcr.io", "cluster_ip": "10.43.200.10"}],
                ),
            )
            EdgeMetrics(
                "metrics",
                EdgeMetricsArgs(
                    edge=edge,
                    remote_write={"url": "https://mimir.example.com/api/v1/push", "token_secret": "push"},
                    targets=[{"job": "dcgm", "port": 9400, "gpu_only": True}],
                ),
            )
            release = {"version": "v1", "key": "defects/v1.onnx", "sha256": "a" * 64, "size_bytes": 10**9}
            ModelUpdate(
                "defects",
                ModelUpdateArgs(
                    **{
                        "edge": edge,
                        "lines": lines,
                        "store": store(),
                        "release": release,
                        "prometheus_url": "https://prometheus.example.com",
                        **update,
                    }
                ),
            )

        return run

    return program
