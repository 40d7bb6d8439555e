"""What the components of the edge hand to each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.edge.devices import Device


@dataclass(frozen=True, kw_only=True)
class EdgeNodeHandle:
    """One node.

    Attributes:
        hostname: The value of its label kubernetes.io/hostname.
        address: Its address in the site's network.
        site: The site that it stands at.
        device: What kind of machine it is.
        gpus: How many accelerators it has.
        lines: The production lines that it serves.
        models_gib: The disk for models, in GiB; 0 for none.
        buffer_gib: The disk for what could not be sent yet, in GiB; 0 for none.
    """

    hostname: str
    address: str
    site: str
    device: Device
    gpus: int
    lines: tuple[str, ...]
    models_gib: float
    buffer_gib: float

    @property
    def models_claim(self) -> str:
        """The claim of its disk for models."""
        return f"models-{self.hostname}"

    @property
    def buffer_claim(self) -> str:
        """The claim of its disk for what could not be sent yet."""
        return f"buffer-{self.hostname}"

    def selector(self) -> dict[str, str]:
        """The node selector of a pod that runs there and nowhere else."""
        return {"kubernetes.io/hostname": self.hostname}


@dataclass(frozen=True, kw_only=True)
class EdgeSiteHandle:
    """A site: nodes that see each other while the link to the centre is down."""

    name: str
    nodes: tuple[EdgeNodeHandle, ...]
    offline_hours: float

    @property
    def gateway(self) -> EdgeNodeHandle | None:
        """The node that collects for all of them: the first one with a buffer."""
        return next((node for node in self.nodes if node.buffer_gib), None)


@dataclass(frozen=True, kw_only=True)
class EdgeHandle:
    """A fleet.

    Attributes:
        namespace: Where everything runs.
        sites: The sites, in the order of the inventory.
        tolerations: What its pods tolerate: the pools' taints, and a node that is not heard of.
        runtime_class: The class of pods with NVIDIA GPUs; None where there are none.
        resources: What must be there first: claims, the device plugin.
    """

    namespace: str
    sites: tuple[EdgeSiteHandle, ...]
    tolerations: tuple[dict[str, str | int], ...]
    runtime_class: str | None
    resources: tuple[pulumi.Resource, ...]

    @property
    def nodes(self) -> tuple[EdgeNodeHandle, ...]:
        """All nodes of all sites."""
        return tuple(node for site in self.sites for node in site.nodes)

    def site(self, name: str) -> EdgeSiteHandle:
        """The site of that name. Raises ValueError with the names that there are."""
        for site in self.sites:
            if site.name == name:
                return site
        known = ", ".join(site.name for site in self.sites)
        raise ValueError(f"{name!r} is not a site of the fleet; allowed: {known}; correct the name")

    def nodes_of_line(self, line: str) -> tuple[EdgeNodeHandle, ...]:
        """The nodes that serve a line. Raises ValueError with the lines that there are."""
        found = tuple(node for node in self.nodes if line in node.lines)
        if not found:
            known = ", ".join(sorted({line for node in self.nodes for line in node.lines})) or "none"
            raise ValueError(f"{line!r} is a line of no node; allowed: {known}; give it to a node")
        return found


def link_tolerations(
    pool_tolerations: Sequence[dict[str, str]], outage_seconds: int | None
) -> tuple[dict[str, str | int], ...]:
    """The pools' taints, and nodes that are not heard of: for so long, or for ever where it is None.

    Kubernetes itself gives pods 300 seconds and then deletes them, which takes effect as soon as the link is
    back: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ (from memory).
    """
    found: dict[tuple[str, ...], dict[str, str | int]] = {
        tuple(sorted(one.values())): dict(one) for one in pool_tolerations
    }
    limit: dict[str, str | int] = {} if outage_seconds is None else {"tolerationSeconds": outage_seconds}
    lost: list[dict[str, str | int]] = [
        {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute", **limit}
        for state in ("unreachable", "not-ready")
    ]
    return (*found.values(), *lost)
