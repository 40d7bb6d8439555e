"""Network policies that deny what is not allowed: the same objects on every cluster."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Literal, cast

import pulumi
import pulumi_kubernetes as k8s
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.gpu.labels import label_value
from bedplate.kubernetes.names import K8sLabel
from bedplate.kubernetes.objects import MANAGED, PodSecurity, namespace, options
from bedplate.network.onprem_ranges import AddressText, Cidr

# Denying there what is not named would take DNS and the control plane's own pods away from everybody.
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# What "the internet" is not (RFC 1918, RFC 6598, RFC 3927: the last has the clouds' metadata; from memory).
_INSIDE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_INSIDE_V6 = ("fc00::/7", "fe80::/10")


class AllowedTraffic(Args):
    """Something that pods may do beyond the usual.

    Attributes:
        name: What the policy is called.
        direction: Whether pods send ("egress") or take ("ingress").
        ports: The ports; one or more.
        protocol: "TCP" by default.
        namespaces: The namespaces that it is for; all of the component's by default.
        pods: Labels of the pods that it is for; all by default.
        peer_namespaces: Namespaces at the other end.
        peer_pods: Labels of the pods at the other end, in those namespaces; all by default.
        peer_cidrs: Ranges at the other end, in place of namespaces.
        internet: Whether everything outside private ranges is at the other end; for egress only. Off by
            default.
    """

    name: K8sLabel
    direction: Literal["ingress", "egress"]
    ports: tuple[int, ...] = Field(min_length=1)
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    namespaces: tuple[K8sLabel, ...] = ()
    pods: dict[str, str] = Field(default_factory=dict)
    peer_namespaces: tuple[K8sLabel, ...] = ()
    peer_pods: dict[str, str] = Field(default_factory=dict)
    peer_cidrs: tuple[Cidr, ...] = ()
    internet: bool = False

    @model_validator(mode="after")
    def _check(self) -> "AllowedTraffic":
        problems = Problems("AllowedTraffic")
        kinds = [bool(self.peer_namespaces), bool(self.peer_cidrs), self.internet]
        if sum(kinds) != 1:
            problems.add(
                "peer_namespaces",
                f"{sum(kinds)} of peer_namespaces, peer_cidrs and internet are given; allowed: one; say who "
                "is at the other end",
            )
        if self.peer_pods and not self.peer_namespaces:
            problems.add(
                "peer_pods", "given without peer_namespaces; allowed: with them; name the namespaces"
            )
        if self.internet and self.direction == "ingress":
            problems.add(
                "internet",
                "on for ingress, which would let everybody in; allowed: egress; name ranges in peer_cidrs",
            )
        for index, port in enumerate(self.ports):
            if not 1 <= port <= 65535:
                problems.add(f"ports[{index}]", f"{port}; allowed: 1 to 65535; correct it")
        for field in ("pods", "peer_pods"):
            for key, value in getattr(self, field).items():
                try:
                    label_value(value)
                except ValueError as error:
                    problems.add(f"{field}.{key}", str(error))
        problems.raise_if_any()
        return self


class DefaultDenyPoliciesArgs(Args):
    """Arguments of DefaultDenyPolicies.

    Attributes:
        namespaces: The namespaces in which nothing is allowed but what follows.
        make_namespaces: Whether they are made, held to `pod_security`; off by default.
        pod_security: The Pod Security Standard of the namespaces that are made; "restricted" by default.
        dns: Whether pods may ask the cluster's DNS; on by default.
        dns_cache: The address of a DNS cache on every node (NodeLocal DNSCache, 169.254.20.10); none by
            default.
        same_namespace: Whether pods of a namespace may speak with each other; on by default: ranks of a job
            do.
        api_server_addresses: The control plane's own addresses, where pods may speak with the API server. Not
            that of the service: policies see a packet after the service has been translated. None by default.
        api_server_port: The API server's port; 6443 by default.
        allowed: What else is allowed.
    """

    namespaces: tuple[K8sLabel, ...] = Field(min_length=1)
    make_namespaces: bool = False
    pod_security: PodSecurity = "restricted"
    dns: bool = True
    dns_cache: AddressText | None = None
    same_namespace: bool = True
    api_server_addresses: tuple[AddressText, ...] = ()
    api_server_port: int = Field(default=6443, ge=1, le=65535)
    allowed: tuple[AllowedTraffic, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "DefaultDenyPoliciesArgs":
        problems = Problems("DefaultDenyPoliciesArgs")
        for index, name in enumerate(self.namespaces):
            if name in _SYSTEM:
                problems.add(
                    f"namespaces[{index}]",
                    f"{name!r} holds the cluster's own pods, DNS among them; allowed: any other; remove it",
                )
            if name in self.namespaces[:index]:
                problems.add(f"namespaces[{index}]", f"{name!r} is given twice; remove one")
        if self.dns_cache is not None and not self.dns:
            problems.add("dns_cache", "given, and dns is off; allowed: both or neither; change one")
        names = [one.name for one in self.allowed]
        for index, one in enumerate(self.allowed):
            if one.name in names[:index] or one.name in ("dns", "same-namespace", "api-server"):
                problems.add(
                    f"allowed[{index}].name", f"{one.name!r} is taken; allowed: any other; rename it"
                )
            for place, name in enumerate(one.namespaces):
                if name not in self.namespaces:
                    problems.add(
                        f"allowed[{index}].namespaces[{place}]",
                        f"{name!r} is none of the component's; allowed: {', '.join(self.namespaces)}; "
                        "correct it",
                    )
        problems.raise_if_any()
        return self


class DefaultDenyPolicies(pulumi.ComponentResource):
    """Namespaces whose pods may do what is named, and nothing else."""

    namespaces: pulumi.Output[list[str]]
    """The namespaces, once their policies are there."""

    def __init__(
        self, name: str, args: DefaultDenyPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:DefaultDenyPolicies", name, None, opts)
        made: list[pulumi.Output[str]] = []
        for one in args.namespaces:
            after: list[pulumi.Resource] = []
            if args.make_namespaces:
                after.append(
                    namespace(self, child(name, one), object_name=one, pod_security=args.pod_security)
                )
            for policy, spec in policies(args, one).items():
                found = k8s.networking.v1.NetworkPolicy(
                    child(name, f"{one}-{policy}"),
                    metadata={"name": policy, "namespace": one, "labels": dict(MANAGED)},
                    spec=cast("k8s.networking.v1.NetworkPolicySpecArgsDict", spec),
                    opts=options(self, after),
                )
                if policy == "default-deny":
                    made.append(found.metadata.apply(lambda metadata: str(metadata.namespace)))
        self.namespaces = pulumi.Output.all(*made).apply(list)
        self.register_outputs({"namespaces": self.namespaces})


def policies(args: DefaultDenyPoliciesArgs, where: str) -> dict[str, dict[str, object]]:
    """The specs of a namespace's policies, by name."""
    found: dict[str, dict[str, object]] = {
        "default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    }
    if args.dns:
        servers: list[dict[str, object]] = [
            {
                "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ]
        if args.dns_cache is not None:
            servers.append({"ipBlock": {"cidr": _host(args.dns_cache)}})
        ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
        found["allow-dns"] = _egress({}, servers, ports)
    if args.same_namespace:
        found["allow-same-namespace"] = {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}]}],
            "egress": [{"to": [{"podSelector": {}}]}],
        }
    if args.api_server_addresses:
        hosts: list[dict[str, object]] = [
            {"ipBlock": {"cidr": _host(address)}} for address in args.api_server_addresses
        ]
        found["allow-api-server"] = _egress({}, hosts, [{"protocol": "TCP", "port": args.api_server_port}])
    for one in args.allowed:
        if not one.namespaces or where in one.namespaces:
            found[f"allow-{one.name}"] = _allowed(one)
    return found


def _allowed(one: AllowedTraffic) -> dict[str, object]:
    ports = [{"protocol": one.protocol, "port": port} for port in one.ports]
    peers: list[dict[str, object]] = []
    for name in one.peer_namespaces:
        peer: dict[str, object] = {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}
        if one.peer_pods:
            peer["podSelector"] = {"matchLabels": dict(one.peer_pods)}
        peers.append(peer)
    peers += [{"ipBlock": {"cidr": cidr}} for cidr in one.peer_cidrs]
    if one.internet:
        peers.append({"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_INSIDE)}})
        peers.append({"ipBlock": {"cidr": "::/0", "except": list(_INSIDE_V6)}})
    if one.direction == "egress":
        return _egress(one.pods, peers, ports)
    return {
        "podSelector": _selector(one.pods),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": ports}],
    }


def _egress(
    pods: Mapping[str, str], peers: Sequence[Mapping[str, object]], ports: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    return {
        "podSelector": _selector(pods),
        "policyTypes": ["Egress"],
        "egress": [{"to": peers, "ports": ports}],
    }


def _selector(labels: Mapping[str, str]) -> dict[str, object]:
    return {"matchLabels": dict(labels)} if labels else {}


def _host(address: str) -> str:
    return str(ip_network(address))
