"""Labels and taints of nodes that are not a cloud's: what Kubernetes takes, and what others set."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from bedplate.core import Args
from bedplate.gpu.labels import label_value
from bedplate.kubernetes.handles import Taint, TaintEffect

__all__ = ["NodeLabelKey", "NodeLabelValue", "NodeTaint", "label_value", "node_label_key"]

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ (from memory)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
# node-restriction.kubernetes.io/ is kept for administrators: a kubelet may not set it on its own node
# (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction, from
# memory).
_RESERVED = re.compile(r"(?!node-restriction\.kubernetes\.io$)(.*\.)?(kubernetes\.io|k8s\.io)")
_OURS = ("bedplate", "topology.rook.io")


def node_label_key(key: str) -> str:
    """The key of a node's label, given back. Raises ValueError where something else sets it."""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix))):
        raise ValueError(
            f"{key[:80]!r} is not the key of a label; allowed: [prefix/]name with a name of at most 63 "
            "letters, digits, '-', '_' and '.'; rename it, for example example.com/purpose"
        )
    if _RESERVED.fullmatch(prefix):
        raise ValueError(
            f"{key!r} is reserved for Kubernetes: the kubelet or a controller sets it; allowed: any prefix "
            "outside kubernetes.io and k8s.io, and node-restriction.kubernetes.io; choose a prefix of your "
            "own"
        )
    if prefix in _OURS:
        raise ValueError(
            f"{key!r} is set from the inventory (pool, rack, zone); allowed: any prefix but "
            f"{' and '.join(_OURS)}; remove it"
        )
    return key


def taint_key(key: str) -> str:
    """The key of a taint, given back. Raises ValueError where controllers of Kubernetes set it."""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix))):
        raise ValueError(
            f"{key[:80]!r} is not the key of a taint; allowed: [prefix/]name with a name of at most 63 "
            "letters, digits, '-', '_' and '.'; rename it, for example example.com/purpose"
        )
    if prefix in ("node.kubernetes.io", "node.cloudprovider.kubernetes.io"):
        raise ValueError(
            f"{key!r} is put on and taken off by Kubernetes itself (a node that is not ready, that is "
            "cordoned); allowed: any other prefix; choose a prefix of your own"
        )
    return key


NodeLabelKey = Annotated[str, AfterValidator(node_label_key)]
NodeLabelValue = Annotated[str, AfterValidator(label_value)]


class NodeTaint(Args):
    """A taint of every node of a pool.

    Attributes:
        key: Its key.
        value: Its value; none by default.
        effect: What happens to pods that do not tolerate it; "NoSchedule" by default.
    """

    key: Annotated[str, AfterValidator(taint_key)]
    value: NodeLabelValue = ""
    effect: TaintEffect = Field(default="NoSchedule")

    def taint(self) -> Taint:
        return Taint(key=self.key, value=self.value, effect=self.effect)
