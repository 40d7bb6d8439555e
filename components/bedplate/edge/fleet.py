"""The inventory of a fleet: sites, and the machines at each."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bedplate.cluster.onprem_labels import NodeLabelKey, NodeLabelValue
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.edge.devices import Device, DeviceName, devices
from bedplate.edge.handles import EdgeNodeHandle, EdgeSiteHandle
from bedplate.kubernetes.names import K8sLabel


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no IP address; allowed: the node's own in its site's network; give it"
        ) from None
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text!r} is no address of a machine; give the node's own in its site's network")
    return str(address)


class EdgeNode(Args):
    """A machine at a site.

    Attributes:
        hostname: Its name, unique in the fleet.
        address: Its address in the site's network.
        device: What it is, as devices.csv has it: "nvidia-l4", "jetson-orin-nx-16gb", "cpu" and so on.
        gpus: How many accelerators it has; one by default where the device has any.
        server: Whether it is a K3s server; an agent by default.
        lines: The production lines that it serves; none by default.
        pool: Its pool of the cluster; by default the first at the edge of its architecture, with GPUs where
            it has some.
        models_gib: The file system mounted at /var/lib/bedplate/models, in GiB; none by default.
        buffer_gib: The file system mounted at /var/lib/bedplate/buffer, in GiB; none by default. Each is one
            of its own, so that what fills it does not stop the node.
        labels: Further labels.
    """

    hostname: K8sLabel
    address: Annotated[str, AfterValidator(_address)]
    device: DeviceName
    gpus: int | None = Field(default=None, ge=1, le=8)
    server: bool = False
    lines: tuple[K8sLabel, ...] = ()
    pool: K8sLabel | None = None
    models_gib: float = Field(default=0, ge=0)
    buffer_gib: float = Field(default=0, ge=0)
    labels: dict[NodeLabelKey, NodeLabelValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "EdgeNode":
        problems = Problems("EdgeNode")
        if self.gpus is not None and not self.kind.accelerator:
            problems.add("gpus", f"{self.gpus}, and {self.device} has none; remove it, or name the device")
        if self.kind.integrated and self.gpus not in (None, 1):
            problems.add("gpus", f"{self.gpus} in a {self.device}, which has one; remove it")
        if len(set(self.lines)) < len(self.lines):
            problems.add("lines", "one of them is given twice; remove it")
        problems.raise_if_any()
        return self

    @property
    def kind(self) -> Device:
        """What its device is."""
        return devices()[self.device]

    def handle(self, site: str) -> EdgeNodeHandle:
        """The node as other components see it."""
        return EdgeNodeHandle(
            hostname=self.hostname,
            address=self.address,
            site=site,
            device=self.kind,
            gpus=self.gpus or (1 if self.kind.accelerator else 0),
            lines=self.lines,
            models_gib=self.models_gib,
            buffer_gib=self.buffer_gib,
        )


class EdgeSite(Args):
    """A place with one link to the centre.

    Attributes:
        name: Its name; the label bedplate/site of its nodes and the label site of its metrics.
        nodes: Its machines.
        offline_hours: How long its link may be down without losing anything, in hours; 72 by default: a
            weekend and a day.
        mirror_endpoints: For each registry, addresses of the site's own cache, asked before those of K3s'
            settings; none by default.
    """

    name: K8sLabel
    nodes: tuple[EdgeNode, ...]
    offline_hours: float = Field(default=72, gt=0, le=24 * 60)
    mirror_endpoints: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def handle(self) -> EdgeSiteHandle:
        """The site as other components see it."""
        return EdgeSiteHandle(
            name=self.name,
            nodes=tuple(node.handle(self.name) for node in self.nodes),
            offline_hours=self.offline_hours,
        )


def fleet_problems(sites: tuple[EdgeSite, ...]) -> Problems:
    """What no single site can tell."""
    problems = Problems("sites")
    if not sites:
        problems.add("sites", "none; allowed: one or more; describe the places")
    names: dict[str, str] = {}
    hosts: dict[str, str] = {}
    for index, site in enumerate(sites):
        where = f"sites[{index}]"
        if site.name in names:
            problems.add(f"{where}.name", f"{site.name!r} is also {names[site.name]}; rename one")
        names.setdefault(site.name, where)
        if not site.nodes:
            problems.add(f"{where}.nodes", f"none at {site.name}; allowed: one or more; add its machines")
        addresses: dict[str, str] = {}
        for number, node in enumerate(site.nodes):
            place = f"{where}.nodes[{number}]"
            if node.hostname in hosts:
                problems.add(
                    f"{place}.hostname",
                    f"{node.hostname!r} is also {hosts[node.hostname]}; Kubernetes knows nodes by it; rename "
                    "one",
                )
            hosts.setdefault(node.hostname, place)
            if node.address in addresses:
                problems.add(
                    f"{place}.address", f"{node.address} is also {addresses[node.address]}'s; correct one"
                )
            addresses.setdefault(node.address, node.hostname)
    lines: dict[str, str] = {}
    for index, site in enumerate(sites):
        for line in sorted({line for node in site.nodes for line in node.lines}):
            if line in lines:
                problems.add(
                    f"sites[{index}].nodes",
                    f"line {line!r} is also at {lines[line]}; a line stands at one site; rename one",
                )
            lines.setdefault(line, site.name)
    return problems
