"""Topologies: the levels of a network, by which Kueue keeps the pods of a job close to each other."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated

import pulumi
from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.handles import KubernetesHandle, Platform
from bedplate.kubernetes.names import K8sName
from bedplate.queueing.objects import kueue_object

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

# The layers of the network that each cloud writes on its nodes, from the widest to the narrowest.
NETWORK_LAYERS: dict[Platform, tuple[str, ...]] = {
    # Only machines that EC2's instance topology covers have them: p4d, p5, p6, trn and hpc families.
    # https://docs.aws.amazon.com/eks/latest/userguide/ml-workload-topology.html (2026-11-25)
    "eks": (
        "topology.k8s.aws/network-node-layer-1",
        "topology.k8s.aws/network-node-layer-2",
        "topology.k8s.aws/network-node-layer-3",
    ),
    # Only compactly placed capacity has them.
    # https://cloud.google.com/ai-hypercomputer/docs/workloads/schedule-gke-workloads-tas (2026-11-25)
    "gke": (
        "cloud.google.com/gce-topology-block",
        "cloud.google.com/gce-topology-subblock",
        "cloud.google.com/gce-topology-host",
    ),
}

# The pattern and the longest length of spec.levels[].nodeLabel (Kueue v0.17.0, CRD topologies, v1beta2).
_LABEL = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])"
)


def _node_label(label: str) -> str:
    if len(label) > 316 or not _LABEL.fullmatch(label):
        raise ValueError(
            f"{label[:80]!r} is not the key of a node label; allowed: [prefix/]name of at most 316 "
            "characters; correct it"
        )
    return label


Level = Annotated[str, AfterValidator(_node_label)]


def levels_of(cluster: KubernetesHandle, *, network_layers: bool) -> tuple[str, ...]:
    """The levels that a cluster names; between zone and node its cloud's layers of the network, if wanted.

    Raises ValueError where layers are wanted and the platform writes none on its nodes.
    """
    if not network_layers:
        return cluster.topology_levels
    layers = NETWORK_LAYERS.get(cluster.platform)
    if layers is None:
        raise ValueError(
            f"network_layers is true, and {cluster.platform} writes no layers of the network on its nodes; "
            "allowed: false; label racks and rows yourself and name the labels in the cluster's "
            "topology_levels"
        )
    wide = [one for one in cluster.topology_levels if one not in (*layers, HOSTNAME)]
    return (*wide, *layers, HOSTNAME)


class QueueTopologyArgs(Args):
    """Arguments of QueueTopology.

    Attributes:
        object_name: The object's name; a hash of the levels is appended, since levels never change.
        levels: Node labels from the widest level to the narrowest. Nodes that lack one of them are not used
            by the flavors of the topology.
        after: What brings Kueue's definitions.
    """

    object_name: K8sName
    levels: tuple[Level, ...] = Field(min_length=1, max_length=16)
    after: tuple[pulumi.Resource, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "QueueTopologyArgs":
        problems = Problems("QueueTopologyArgs")
        for label in sorted({one for one in self.levels if self.levels.count(one) > 1}):
            problems.add(
                "levels", f"{label!r} stands there twice; each level has a label of its own; remove one"
            )
        if HOSTNAME in self.levels[:-1]:
            problems.add(
                "levels",
                f"{HOSTNAME!r} is not the last one; a node has no narrower level; move it to the end",
            )
        problems.raise_if_any()
        return self


class QueueTopology(pulumi.ComponentResource):
    """Levels of a network, for the flavors whose nodes carry their labels."""

    object_name: str
    """The name that flavors refer to."""
    resource: pulumi.Resource
    """What flavors wait for."""

    def __init__(
        self, name: str, args: QueueTopologyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:QueueTopology", name, None, opts)
        # Levels are immutable. Another name lets Pulumi make the new object, move the flavors, and only then
        # delete the old one, which Kueue keeps as long as a flavor names it.
        self.object_name = hashed(args.object_name, args.levels)
        self.resource = kueue_object(
            self,
            child(name, "topology"),
            kind="Topology",
            object_name=self.object_name,
            spec={"levels": [{"nodeLabel": label} for label in args.levels]},
            after=args.after,
        )
        self.register_outputs({"object_name": self.object_name})


def hashed(name: str, content: Sequence[object] | dict[str, object]) -> str:
    """A name that changes with the content."""
    text = json.dumps(content, sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
