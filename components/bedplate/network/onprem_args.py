"""Arguments of a cluster's own network."""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal

import pulumi
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.network.onprem_bgp import BgpRouting
from bedplate.network.onprem_ranges import Cidr, Named, family, overlap_problems, parse_range

NetworkKind = Literal["cilium", "calico"]

# What each way of wrapping adds to a packet, in bytes, over IPv4 and over IPv6: VXLAN and Geneve 50 and 70,
# WireGuard 60 and 80 (https://docs.tigera.io/calico/latest/networking/configuring/mtu, from memory).
TUNNEL_OVERHEAD_BYTES = {4: 50, 6: 70}
WIREGUARD_OVERHEAD_BYTES = {4: 60, 6: 80}
# Cilium's and Calico's per-node blocks: kube-controller-manager refuses more than 16 bits between the two.
_MOST_BLOCK_BITS = 16
# Its field is a signed number of 32 bits.
_LARGEST_CALICO_ASN = 2**31 - 1


class ApiServerAddress(Args):
    """The API server as nodes reach it before any service works.

    Attributes:
        host: Its address or name: the virtual address or load balancer in front of the control plane.
        port: Its port; 6443 by default.
    """

    host: str = Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(default=6443, ge=1, le=65535)


class ClusterNetworkArgs(Args):
    """Arguments of ClusterNetwork.

    Attributes:
        cluster: The cluster.
        api_server: The API server's address. The network plugin reaches it without services, which it makes
            itself.
        pod_cidrs: Where pods get addresses: one range, or one of each family.
        service_cidrs: Where services get addresses, as the API server was started with them.
        node_cidrs: The ranges that the nodes' own addresses are in, fabric and storage networks included:
            nothing of the cluster may overlap them.
        kind: The plugin; "cilium" by default.
        node_prefix_length: A node's part of the pods' IPv4 range; 24 (254 pods) by default.
        node_prefix_length_ipv6: The same of the IPv6 range; 120 by default.
        kube_proxy_replacement: Whether the plugin takes kube-proxy's place; on by default. kube-proxy must
            then not run on the cluster.
        encryption: Whether pods of different nodes speak through WireGuard; on by default. RDMA does not pass
            through the kernel and is not encrypted by anything here.
        routing: "tunnel" by default, which asks nothing of your network. "native" without wrapping: routers
            must know the pods (`bgp`), or all nodes share one link (`shared_link`).
        shared_link: Whether all nodes are on one Ethernet segment; off by default.
        node_mtu: The largest packet of the nodes' network in bytes, as every switch on the way takes it; 1500
            by default, 9000 for jumbo frames.
        bgp: The routers that learn of pods and load balancers; none by default.
        flow_log: Whether flows can be seen (Cilium: Hubble, over TLS; Calico: Goldmane); on by default.
        flow_interface: Whether there is also a web page for it, without a login; off by default.
    """

    cluster: KubernetesHandle
    api_server: ApiServerAddress
    pod_cidrs: tuple[Cidr, ...] = ("10.244.0.0/16",)
    service_cidrs: tuple[Cidr, ...] = ("10.96.0.0/16",)
    node_cidrs: tuple[Cidr, ...] = Field(min_length=1)
    kind: NetworkKind = "cilium"
    node_prefix_length: int = Field(default=24, ge=17, le=28)
    node_prefix_length_ipv6: int = Field(default=120, ge=64, le=124)
    kube_proxy_replacement: bool = True
    encryption: bool = True
    routing: Literal["tunnel", "native"] = "tunnel"
    shared_link: bool = False
    node_mtu: int = Field(default=1500, ge=1280, le=9216)
    bgp: BgpRouting | None = None
    flow_log: bool = True
    flow_interface: bool = False

    @model_validator(mode="after")
    def _check(self) -> "ClusterNetworkArgs":
        problems = Problems("ClusterNetworkArgs")
        self._check_families(problems)
        overlap_problems(
            problems,
            (
                Named("node_cidrs", "the nodes'", self.node_cidrs),
                Named("pod_cidrs", "the pods'", self.pod_cidrs),
                Named("service_cidrs", "the services'", self.service_cidrs),
            ),
        )
        self._check_room(problems)
        self._check_routing(problems)
        self._check_api_server(problems)
        if self.flow_interface and not self.flow_log:
            problems.add("flow_interface", "on, and flow_log is off; allowed: both or neither; switch one")
        problems.raise_if_any()
        return self

    def _check_families(self, problems: Problems) -> None:
        for field, cidrs in (("pod_cidrs", self.pod_cidrs), ("service_cidrs", self.service_cidrs)):
            families = [family(cidr) for cidr in cidrs]
            if not 1 <= len(cidrs) <= 2 or len(set(families)) < len(families):
                problems.add(
                    field,
                    f"{len(cidrs)} ranges; allowed: one, or one of IPv4 and one of IPv6; merge or remove "
                    "some",
                )
        pods = [family(cidr) for cidr in self.pod_cidrs]
        services = [family(cidr) for cidr in self.service_cidrs]
        if pods != services and len(pods) <= 2 and len(services) <= 2:
            problems.add(
                "service_cidrs",
                "they are of other address families than pod_cidrs, or in another order; allowed: the same; "
                "the first one is what services get by default",
            )

    def _check_room(self, problems: Problems) -> None:
        if self.kind == "calico" and self.node_prefix_length_ipv6 < 116:
            problems.add(
                "node_prefix_length_ipv6",
                f"{self.node_prefix_length_ipv6}; allowed with Calico: 116 to 124; raise it",
            )
        if self.kind == "calico" and self.node_prefix_length < 20:
            problems.add(
                "node_prefix_length", f"{self.node_prefix_length}; allowed with Calico: 20 to 28; raise it"
            )
        nodes = sum(pool.max_nodes for pool in self.cluster.pools)
        for index, cidr in enumerate(self.pod_cidrs):
            block = parse_range(cidr)
            four = block.version == 4
            field = "node_prefix_length" if four else "node_prefix_length_ipv6"
            length = self.node_prefix_length if four else self.node_prefix_length_ipv6
            if not 0 <= length - block.prefixlen <= _MOST_BLOCK_BITS:
                problems.add(
                    field,
                    f"{length} of a /{block.prefixlen}; allowed: {block.prefixlen} to "
                    f"{min(block.prefixlen + _MOST_BLOCK_BITS, block.max_prefixlen)}; change it or pod_cidrs",
                )
            elif nodes > 1 << (length - block.prefixlen):
                problems.add(
                    f"pod_cidrs[{index}]",
                    f"{cidr!r} has room for {1 << (length - block.prefixlen)} nodes of /{length} each, and "
                    f"the cluster has {nodes}; give a wider range or a longer {field}",
                )

    def _check_routing(self, problems: Problems) -> None:
        if self.routing == "native" and self.bgp is None and not self.shared_link:
            problems.add(
                "routing",
                "'native', and nobody knows the way to the pods; allowed: with bgp, or with shared_link "
                "where all "
                'nodes are on one link; give one, or take "tunnel"',
            )
        if self.routing == "tunnel" and self.shared_link:
            problems.add("shared_link", 'on, and routing is "tunnel", which ignores it; remove it')
        if self.bgp is not None:
            if self.kind == "calico":
                self._check_calico(problems)
            for index, peer in enumerate(self.bgp.peers):
                for what, cidrs in (("pods'", self.pod_cidrs), ("services'", self.service_cidrs)):
                    if any(ip_address(peer.address) in parse_range(cidr) for cidr in cidrs):
                        problems.add(
                            f"bgp.peers[{index}].address",
                            f"{peer.address!r} is in the {what} range; allowed: a router's address; correct "
                            "it",
                        )

    def _check_calico(self, problems: Problems) -> None:
        """What Calico cannot be told of a router (projectcalico.org/v3 BGPPeer, 3.32)."""
        assert self.bgp is not None
        numbers = [("bgp.local_asn", self.bgp.local_asn)]
        for index, peer in enumerate(self.bgp.peers):
            numbers.append((f"bgp.peers[{index}].asn", peer.asn))
            if "hold_seconds" in peer.model_fields_set or peer.multihop > 1:
                problems.add(
                    f"bgp.peers[{index}]",
                    f"{peer.name!r} has hold_seconds or multihop, which Calico leaves to the router; "
                    "allowed: neither; "
                    'remove it, or take kind "cilium"',
                )
        for path, number in numbers:
            if number > _LARGEST_CALICO_ASN:
                problems.add(
                    path,
                    f"{number} is more than Calico's API takes; allowed: 1 to {_LARGEST_CALICO_ASN}; choose "
                    "another, "
                    'or take kind "cilium"',
                )

    def _check_api_server(self, problems: Problems) -> None:
        host = self.api_server.host
        if host.startswith("kubernetes.default"):
            problems.add(
                "api_server.host",
                f"{host!r} is a service, which the plugin itself makes; allowed: the control plane's own "
                "address; give that of the load balancer or virtual address in front of it",
            )
            return
        try:
            address = ip_address(host)
        except ValueError:
            return
        if any(address in parse_range(cidr) for cidr in (*self.service_cidrs, *self.pod_cidrs)):
            problems.add(
                "api_server.host",
                f"{host!r} is an address of a service or pod, which the plugin itself makes reachable; "
                "allowed: the control plane's own address; give that",
            )

    @property
    def pod_mtu(self) -> int:
        """The largest packet of a pod in bytes: what is left after wrapping and encryption."""
        version = max(family(cidr) for cidr in self.node_cidrs)
        wrapped = TUNNEL_OVERHEAD_BYTES[version] if self.routing == "tunnel" else 0
        sealed = WIREGUARD_OVERHEAD_BYTES[version] if self.encryption else 0
        # Cilium sends wrapped packets through WireGuard; Calico takes WireGuard in place of the tunnel.
        lost = wrapped + sealed if self.kind == "cilium" else max(wrapped, sealed)
        return self.node_mtu - lost


@dataclass(frozen=True, kw_only=True)
class ClusterNetworkHandle:
    """A cluster's network, as what builds on it sees it.

    Attributes:
        kind: The plugin.
        pod_cidrs: The pods' ranges.
        service_cidrs: The services' ranges.
        node_cidrs: The nodes' ranges.
        bgp: Whether the plugin speaks BGP with routers; None where it does not.
        pod_mtu: The largest packet of a pod, in bytes.
        api_server: The API server's address.
        after: What must be there before a pod has a network.
    """

    kind: NetworkKind
    pod_cidrs: tuple[str, ...]
    service_cidrs: tuple[str, ...]
    node_cidrs: tuple[str, ...]
    bgp: BgpRouting | None
    pod_mtu: int
    api_server: ApiServerAddress
    after: tuple[pulumi.Resource, ...] = ()

    def connect(self, cluster: KubernetesHandle) -> KubernetesHandle:
        """The cluster for everything that needs pods with a network: it waits for this one, and goes before
        it.
        """
        return replace(cluster, ready=(*cluster.ready, *self.after))


__all__ = ["ApiServerAddress", "ClusterNetworkArgs", "ClusterNetworkHandle"]
