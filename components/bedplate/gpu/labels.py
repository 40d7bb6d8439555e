"""Labels and taints of nodes: what Kubernetes takes, and the less that EKS takes."""

import re
from typing import Annotated

from pydantic import AfterValidator

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ (2026-11-24)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
# The NodeRestriction admission plugin lets a kubelet set none of these on its node; the first two groups of
# exceptions are its own (https://kubernetes.io/docs/reference/access-authn-authz/node/, 2026-11-24).
_RESERVED_PREFIX = re.compile(
    r"(?!(node|kubelet)\.kubernetes\.io$)(.*\.)?(kubernetes\.io|k8s\.io)|eks\.amazonaws\.com"
)
_LONGEST_EKS_KEY = 63


def label_key(key: str) -> str:
    """Returns a Kubernetes label's (or taint's) key, or raises ValueError."""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix))):
        raise ValueError(
            f"{key!r} is not a Kubernetes label key; allowed: [prefix/]name with a name of at most 63 "
            "letters, "
            "digits, '-', '_', '.'; rename it, for example team.example.com/purpose"
        )
    if _RESERVED_PREFIX.fullmatch(prefix):
        raise ValueError(
            f"{key!r} is reserved for Kubernetes and EKS, which would refuse the node; allowed: any prefix "
            "outside "
            "kubernetes.io, k8s.io and eks.amazonaws.com; choose a prefix of your own"
        )
    return key


def _node_label_key(key: str) -> str:
    label_key(key)
    # CreateNodegroup takes 63 characters, prefix included, where Kubernetes takes 317
    # (botocore 1.44.8, service model eks, labelKey and taintKey).
    if len(key) > _LONGEST_EKS_KEY:
        raise ValueError(
            f"{key!r} has {len(key)} characters; allowed by EKS: {_LONGEST_EKS_KEY}, prefix included; "
            "shorten it"
        )
    if key.startswith("bedplate/"):
        raise ValueError(
            f"{key!r} is a key that Bedplate sets itself; allowed: any prefix but bedplate/; rename it"
        )
    return key


def _node_label_value(value: str) -> str:
    label_value(value)
    # EKS again: a taint may have an empty value, a label may not (labelValue: 1 to 63 characters).
    if not value:
        raise ValueError(
            "'' is a label value that EKS refuses; allowed: 1 to 63 characters; give one, such as 'true'"
        )
    return value


def label_value(value: str) -> str:
    """Returns a Kubernetes label's (or taint's) value, or raises ValueError."""
    if value and not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a Kubernetes label value; allowed: at most 63 letters, digits, '-', '_', '.', "
            "beginning and ending with a letter or digit; change it"
        )
    return value


LabelKey = Annotated[str, AfterValidator(_node_label_key)]
LabelValue = Annotated[str, AfterValidator(_node_label_value)]
TaintValue = Annotated[str, AfterValidator(label_value)]
