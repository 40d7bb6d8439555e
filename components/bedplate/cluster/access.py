"""Who may reach a cluster's Kubernetes API, and from where."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.network.subnets import PRIVATE_RANGES

# https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html (2026-11-24)
AccessPolicyName = Literal[
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
]

# "Public endpoint access CIDR ranges per cluster" (Amazon EKS User Guide, service quotas; from memory).
_MOST_PUBLIC_CIDRS = 40

# A Kubernetes namespace (RFC 1123 label); EKS takes a `*` for any rest
# (https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html; from memory).
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[a-z0-9][a-z0-9-]{0,61}\*")

_PRINCIPAL = re.compile(r"arn:aws(-cn|-us-gov)?:iam::\d{12}:(role|user)/[\w+=,.@/-]+", re.ASCII)
# EKS refuses groups that Kubernetes or a cloud component could take for its own
# (https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html, 2026-11-24).
_RESERVED_GROUPS = ("system:", "eks:", "aws:", "amazon:", "iam:")


def _principal(value: str) -> str:
    if not _PRINCIPAL.fullmatch(value):
        raise ValueError(
            f"{value!r} is not the ARN of an IAM role or user; allowed: arn:aws:iam::<account>:role/<name> "
            "or "
            ":user/<name>; for an assumed role (arn:aws:sts::...) give the role itself"
        )
    return value


def _group(value: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", value) or value.startswith(_RESERVED_GROUPS):
        raise ValueError(
            f"{value!r} is not a group that EKS lets an access entry name; allowed: printable characters "
            "without spaces, and none of the prefixes "
            f"{', '.join(_RESERVED_GROUPS)}; bind the rights to a group of your own, or give an access policy"
        )
    return value


def ipv4_range(value: str) -> str:
    """Returns the range, or raises ValueError where it is not an IPv4 one in the form address/length."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(
            f"{value!r} is not an IPv4 range: {error}; allowed: <address>/<prefix length>; write for example "
            "10.100.0.0/16"
        ) from error
    if value != str(network):
        raise ValueError(
            f"{value!r} is not written as AWS wants it; allowed: <address>/<prefix length>; write {network}"
        )
    return value


def _public_range(value: str) -> str:
    """Returns the range, or raises ValueError where EKS would refuse it for its public endpoint."""
    network = ipaddress.IPv4Network(ipv4_range(value))
    # "The block can't include reserved addresses" (Amazon EKS User Guide, Cluster API server endpoint; from
    # memory): callers from private ranges come by the private endpoint and never by the public one.
    if any(network.subnet_of(private) for private in PRIVATE_RANGES):
        raise ValueError(
            f"{value!r} is private, and the public endpoint never sees private addresses; allowed: public "
            "ranges; give the addresses from which your networks reach the internet, or remove it"
        )
    return value


def _whole_internet(ranges: Iterable[str]) -> bool:
    """Whether the ranges together are all of IPv4; 0.0.0.0/1 and 128.0.0.0/1 are as open as 0.0.0.0/0."""
    joined = ipaddress.collapse_addresses(ipaddress.IPv4Network(value) for value in ranges)
    return any(network.prefixlen == 0 for network in joined)


def _namespace(value: str) -> str:
    if not _NAMESPACE.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a Kubernetes namespace; allowed: at most 63 lower-case letters, digits and "
            "hyphens, and a * at the end for any rest; correct it"
        )
    return value


class EndpointArgs(Args):
    """How the Kubernetes API is reached. From inside the network it always is.

    Attributes:
        public: Reachable from the internet as well, by `public_access_cidrs` only.
        public_access_cidrs: Who may, as IPv4 ranges.
        allow_anywhere: Says that 0.0.0.0/0 among them is meant.
    """

    public: bool = False
    public_access_cidrs: tuple[Annotated[str, AfterValidator(_public_range)], ...] = Field(
        default=(), max_length=_MOST_PUBLIC_CIDRS
    )
    allow_anywhere: bool = False

    @model_validator(mode="after")
    def _open_on_purpose(self) -> Self:
        problems = Problems()
        if self.public and not self.public_access_cidrs:
            problems.add(
                "public_access_cidrs",
                "empty, which EKS reads as the whole internet; allowed with public true: at least one IPv4 "
                "range; "
                "list your offices' and runners' ranges, or set public to false",
            )
        if self.public_access_cidrs and not self.public:
            problems.add(
                "public_access_cidrs",
                f"{list(self.public_access_cidrs)} has no effect on a private endpoint; allowed with "
                "public false: "
                "none; remove it or set public to true",
            )
        for cidr in sorted({c for c in self.public_access_cidrs if self.public_access_cidrs.count(c) > 1}):
            problems.add("public_access_cidrs", f"{cidr!r} is given twice; allowed: once; remove one")
        if not self.allow_anywhere and _whole_internet(self.public_access_cidrs):
            problems.add(
                "public_access_cidrs",
                f"{', '.join(self.public_access_cidrs)} is the whole internet; allowed: narrower "
                "ranges; list yours, or set allow_anywhere to true if this is meant",
            )
        problems.raise_if_any()
        return self


class AccessPolicyArgs(Args):
    """One of EKS's access policies, for the whole cluster or for some namespaces."""

    policy: AccessPolicyName
    namespaces: tuple[Annotated[str, AfterValidator(_namespace)], ...] = ()

    @model_validator(mode="after")
    def _scope(self) -> Self:
        problems = Problems()
        if self.policy == "AmazonEKSClusterAdminPolicy" and self.namespaces:
            problems.add(
                "namespaces",
                f"{list(self.namespaces)} with AmazonEKSClusterAdminPolicy, whose rights are not namespaced; "
                "allowed: none; use AmazonEKSAdminPolicy for namespaces",
            )
        if len(set(self.namespaces)) != len(self.namespaces):
            problems.add(
                "namespaces", f"{list(self.namespaces)} has one twice; allowed: each once; remove one"
            )
        problems.raise_if_any()
        return self


class AccessEntryArgs(Args):
    """Who may use the Kubernetes API: a role or a user of IAM, by access policies, by groups, or both."""

    principal_arn: Annotated[str, AfterValidator(_principal)]
    policies: tuple[AccessPolicyArgs, ...] = ()
    kubernetes_groups: tuple[Annotated[str, AfterValidator(_group)], ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        problems = Problems()
        if not self.policies and not self.kubernetes_groups:
            problems.add(
                "policies",
                "empty, and so is kubernetes_groups: the entry grants nothing; allowed: at least one of "
                "the two; "
                "give for example policies: [{policy: AmazonEKSViewPolicy}]",
            )
        names = [policy.policy for policy in self.policies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            problems.add(
                "policies",
                f"names {', '.join(twice)} twice; allowed: each policy once; join their namespaces",
            )
        if len(set(self.kubernetes_groups)) != len(self.kubernetes_groups):
            problems.add(
                "kubernetes_groups",
                f"{list(self.kubernetes_groups)} has one twice; allowed: each once; remove one",
            )
        problems.raise_if_any()
        return self
