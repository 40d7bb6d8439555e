"""Arguments of a camera line."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.storage.handles import ObjectStoreHandle

IMAGE = r"^[a-z0-9.:\-]+/[^\s:@]+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$"
PATH = r"^/[A-Za-z0-9._~/\-]*$"


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network; allowed: such as 10.20.0.0/24; correct it") from None
    if network.prefixlen < (16 if network.version == 4 else 48):
        raise ValueError(f"{text} is wider than a plant's cameras need; allowed: /16 or narrower; narrow it")
    return str(network)


class Camera(Args):
    """A camera, whose address with its password is in a secret.

    Attributes:
        name: Its name; the variable RTSP_URL_<NAME> of the server.
        secret_name: The secret of the edge's namespace.
        secret_key: The entry that holds the rtsp:// URL; "url" by default.
    """

    name: K8sLabel
    secret_name: K8sName
    secret_key: str = Field(default="url", pattern=r"^[A-Za-z0-9._-]+$")


class ResultsQueue(Args):
    """Results that wait on the node's disk and are sent when the link is there; none is deleted unsent.

    Attributes:
        prefix: Where in the bucket they go, below which stand line and node; "results" by default.
        bandwidth_kib_per_second: What sending may take of the link; 1024 by default.
    """

    prefix: str = Field(default="results", pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    bandwidth_kib_per_second: int = Field(default=1024, ge=8)


class CameraLineArgs(Args):
    """Arguments of CameraLine.

    Attributes:
        edge: The fleet.
        line: The production line; the nodes that serve it are in the fleet's inventory.
        model: The model's name: the server finds it under /models/<model>/current.
        image: The server's image, with tag or digest; of its own design, or such as Triton.
        command: The server's command; the image's own by default.
        cameras: The cameras.
        camera_networks: The networks that the cameras are in; the server reaches nothing else.
        camera_ports: The cameras' ports; 554 (RTSP over TCP) by default.
        port: The server's HTTP port; 8000 by default.
        health_path: Answers 2xx when the server is well, with the model that it has loaded; /health/ready by
            default.
        reload_path: Takes a POST when there is another model; none by default: the server watches the link.
        idle_path: Answers 2xx while the line stands still, so that a model may be swapped; none by default.
        gpus: Accelerators of each node; 1 by default. 0 for a server that needs none.
        cpu: Cores; 2 by default.
        memory_gib: Memory, in GiB; 4 by default.
        user: The user that the server runs as; 1000 by default.
        results: Whether and how results are stored and sent; not at all by default.
        store: Where results are sent.
    """

    edge: InstanceOf[EdgeHandle]
    line: K8sLabel
    model: K8sLabel
    image: str = Field(pattern=IMAGE)
    command: tuple[str, ...] = ()
    cameras: tuple[Camera, ...] = Field(min_length=1)
    camera_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(min_length=1)
    camera_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (554,)
    port: int = Field(default=8000, ge=1024, le=65535)
    health_path: str = Field(default="/health/ready", pattern=PATH)
    reload_path: str | None = Field(default=None, pattern=PATH)
    idle_path: str | None = Field(default=None, pattern=PATH)
    gpus: int = Field(default=1, ge=0, le=8)
    cpu: float = Field(default=2, gt=0)
    memory_gib: float = Field(default=4, gt=0)
    user: int = Field(default=1000, ge=1)
    results: ResultsQueue | None = None
    store: InstanceOf[ObjectStoreHandle] | None = None

    @model_validator(mode="after")
    def _check(self) -> "CameraLineArgs":
        problems = Problems("CameraLineArgs")
        if ":" not in self.image.rpartition("/")[2] or self.image.endswith(":latest"):
            problems.add("image", f"{self.image!r} is another image tomorrow; add a tag or a digest")
        if self.model == "cache":
            problems.add("model", "'cache' is where EdgeCache keeps its copies on the same disk; rename it")
        names = [camera.name for camera in self.cameras]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("cameras", f"{name!r} is given twice; rename one")
        try:
            nodes = self.edge.nodes_of_line(self.line)
        except ValueError as error:
            problems.add("line", str(error))
            nodes = ()
        for node in nodes:
            if node.gpus < self.gpus:
                problems.add("gpus", f"{self.gpus}; {node.hostname} has {node.gpus}; lower it, or the line's")
            if not node.models_gib:
                problems.add("line", f"{node.hostname} has no disk for models; give it models_gib")
            if self.results is not None and not node.buffer_gib:
                problems.add("results", f"{node.hostname} has no buffer for them; give it buffer_gib")
        if (self.results is None) != (self.store is None):
            problems.add("store", "results and store go together; give both, or neither")
        problems.raise_if_any()
        return self

    @property
    def nodes(self) -> tuple[EdgeNodeHandle, ...]:
        """The nodes that serve the line."""
        return self.edge.nodes_of_line(self.line)
