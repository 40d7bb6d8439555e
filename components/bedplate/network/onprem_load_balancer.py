"""Addresses for services of type LoadBalancer, made known on your own network by MetalLB or by Cilium."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pulumi
from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.handles import POOL_LABEL, KubernetesHandle
from bedplate.kubernetes.names import K8sLabel
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.network.onprem_args import ClusterNetworkHandle
from bedplate.network.onprem_bgp import BgpPeer, BgpRouting
from bedplate.network.onprem_cilium import RACK_LABEL
from bedplate.network.onprem_ranges import AddressBlock, Named, inside, overlap_problems, parse_block

METALLB_NAMESPACE = "metallb-system"


class LoadBalancerPoolArgs(Args):
    """Arguments of LoadBalancerPool.

    Attributes:
        cluster: The cluster.
        network: The cluster's network, with whose ranges the addresses may not be mixed up.
        addresses: Blocks of addresses that nothing else has: ranges, or first and last with a hyphen.
        announce: How your network learns of them: "layer2" by ARP and NDP, for addresses of the nodes' own
            network (one node carries all traffic of a service), or "bgp" by routers, for addresses of their
            own.
        by: Who does it: "metallb" by default; "cilium" where ClusterNetwork speaks BGP with the routers
            already.
        bgp: MetalLB's routers; needed for, and only for, announce "bgp" by MetalLB.
        fast_failure: Whether routers and nodes watch each other by BFD, which sees a dead one within a
            second; off by default. The routers must be set up for it.
        announcing_pools: The node pools that announce; all by default.
        layer2_interfaces: The interfaces to announce on; all by default.
        automatic: Whether services that ask for no pool get addresses of it; on by default.
        namespaces: The namespaces that may use it; all by default.
        network_addresses: Whether addresses that end in 0 or 255 are given out, which old equipment drops;
            off by default.
        install: Whether MetalLB is installed; on by default. Off for further pools of a cluster.
    """

    cluster: KubernetesHandle
    network: ClusterNetworkHandle
    addresses: tuple[AddressBlock, ...] = Field(min_length=1)
    announce: Literal["layer2", "bgp"]
    by: Literal["metallb", "cilium"] = "metallb"
    bgp: BgpRouting | None = None
    fast_failure: bool = False
    announcing_pools: tuple[K8sLabel, ...] = ()
    layer2_interfaces: tuple[str, ...] = ()
    automatic: bool = True
    namespaces: tuple[K8sLabel, ...] = ()
    network_addresses: bool = False
    install: bool = True

    @model_validator(mode="after")
    def _check(self) -> "LoadBalancerPoolArgs":
        problems = Problems("LoadBalancerPoolArgs")
        groups = [
            Named("addresses", "the block", self.addresses),
            Named("network.pod_cidrs", "the pods'", self.network.pod_cidrs),
            Named("network.service_cidrs", "the services'", self.network.service_cidrs),
        ]
        if self.announce == "bgp":
            groups.append(Named("network.node_cidrs", "the nodes'", self.network.node_cidrs))
        # The addresses come last, so that they are what a message asks to move.
        overlap_problems(problems, [*groups[1:], groups[0]])
        if self.announce == "layer2":
            for index, block in enumerate(self.addresses):
                if not inside(block, self.network.node_cidrs):
                    problems.add(
                        f"addresses[{index}]",
                        f"{block!r} is not in the nodes' {', '.join(self.network.node_cidrs)}, and nobody "
                        "outside asks "
                        'for it on their link; allowed: addresses of that network, or announce "bgp"; '
                        "change one",
                    )
        self._check_who(problems)
        for index, pool in enumerate(self.announcing_pools):
            if pool not in {one.name for one in self.cluster.pools}:
                known = ", ".join(one.name for one in self.cluster.pools) or "none"
                problems.add(
                    f"announcing_pools[{index}]", f"{pool!r} is no pool; allowed: {known}; correct it"
                )
        problems.raise_if_any()
        return self

    def _check_who(self, problems: Problems) -> None:
        wants_routers = self.announce == "bgp" and self.by == "metallb"
        if wants_routers != (self.bgp is not None):
            problems.add(
                "bgp",
                f"{'none' if self.bgp is None else 'given'}, with announce {self.announce!r} by "
                f"{self.by!r}; allowed: "
                'routers for "bgp" by "metallb", and none otherwise; correct one of them',
            )
        if self.by == "cilium":
            if self.network.kind != "cilium" or self.network.bgp is None or self.announce != "bgp":
                problems.add(
                    "by",
                    f"'cilium', with announce {self.announce!r} and a network of {self.network.kind} "
                    f"{'without' if self.network.bgp is None else 'with'} routers; allowed where "
                    "ClusterNetwork is "
                    'Cilium with bgp, and announce is "bgp"; give ClusterNetwork routers, or take "metallb"',
                )
            for field in ("fast_failure", "announcing_pools", "layer2_interfaces"):
                if getattr(self, field):
                    problems.add(field, "given, and Cilium announces from every node; remove it")
            if not self.automatic:
                problems.add("automatic", "off, which Cilium cannot do; allowed: on; use namespaces instead")
        if self.layer2_interfaces and self.announce == "bgp":
            problems.add("layer2_interfaces", 'given, and announce is "bgp"; remove them')
        if self.fast_failure and self.announce == "layer2":
            problems.add("fast_failure", 'on, and announce is "layer2", which has no routers; switch it off')
        if self.bgp is not None and self.network.bgp is not None:
            taken = {peer.address for peer in self.network.bgp.peers}
            for index, peer in enumerate(self.bgp.peers):
                if peer.address in taken:
                    problems.add(
                        f"bgp.peers[{index}].address",
                        f"{peer.address!r} has a session with every node already, by ClusterNetwork; a "
                        "router takes "
                        'one of each node; take by "cilium", or another router',
                    )


class LoadBalancerPool(pulumi.ComponentResource):
    """A pool of addresses for services of type LoadBalancer."""

    pool_name: pulumi.Output[str]
    """The pool, as services name it (annotation metallb.io/address-pool)."""

    def __init__(
        self, name: str, args: LoadBalancerPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:LoadBalancerPool", name, None, opts)
        self._name, self._args = name, args
        if args.by == "cilium":
            self._object(
                "pool",
                "cilium.io/v2",
                "CiliumLoadBalancerIPPool",
                cilium_pool(args),
                None,
                args.network.after,
            )
        else:
            self._metallb()
        self.pool_name = pulumi.Output.from_input(name)
        self.register_outputs({"pool_name": self.pool_name})

    def _metallb(self) -> None:
        name, args = self._name, self._args
        after: list[pulumi.Resource] = []
        if args.install:
            # Speakers answer on the nodes' own interfaces.
            room = namespace(
                self, child(name, "namespace"), object_name=METALLB_NAMESPACE, pod_security="privileged"
            )
            after.append(
                release(
                    self,
                    child(name, "metallb"),
                    chart_name="metallb",
                    namespace=METALLB_NAMESPACE,
                    values=metallb_values(args),
                    after=[room, *args.network.after],
                )
            )
        self._object(
            "pool", "metallb.io/v1beta1", "IPAddressPool", address_pool(args), METALLB_NAMESPACE, after
        )
        if args.bgp is None:
            spec = _announced(name, args)
            if args.layer2_interfaces:
                spec["interfaces"] = list(args.layer2_interfaces)
            self._object("layer2", "metallb.io/v1beta1", "L2Advertisement", spec, METALLB_NAMESPACE, after)
            return
        if args.fast_failure:
            watch = {"receiveInterval": 300, "transmitInterval": 300, "detectMultiplier": 3}
            after.append(
                self._object("bfd", "metallb.io/v1beta1", "BFDProfile", watch, METALLB_NAMESPACE, after)
            )
        for peer in args.bgp.peers:
            spec = bgp_peer(args.bgp, peer, name if args.fast_failure else None)
            self._object(
                f"peer-{peer.name}",
                "metallb.io/v1beta2",
                "BGPPeer",
                spec,
                METALLB_NAMESPACE,
                after,
                peer.name,
            )
        spec = _announced(name, args)
        spec["peers"] = [peer.name for peer in args.bgp.peers]
        self._object("bgp", "metallb.io/v1beta1", "BGPAdvertisement", spec, METALLB_NAMESPACE, after)

    def _object(
        self,
        part: str,
        api_version: str,
        kind: str,
        spec: Mapping[str, object],
        where: str | None,
        after: Sequence[pulumi.Resource],
        object_name: str | None = None,
    ) -> pulumi.Resource:
        return custom_object(
            self,
            child(self._name, part),
            api_version=api_version,
            kind=kind,
            object_name=object_name or self._name,
            namespace=where,
            spec=spec,
            after=after,
        )


def metallb_values(args: LoadBalancerPoolArgs) -> dict[str, object]:
    """The chart's values (metallb 0.16.1, charts/metallb/values.yaml)."""
    chosen = [pool for pool in args.cluster.pools if pool.name in args.announcing_pools]
    speaker: dict[str, object] = {"tolerateMaster": True}
    tolerations = [toleration for pool in chosen for toleration in pool.tolerations()]
    if tolerations:
        speaker["tolerations"] = tolerations
    return {
        "crds": {"enabled": True},
        "prometheus": {"scrapeAnnotations": False, "rbacPrometheus": False},
        "speaker": speaker,
    }


def address_pool(args: LoadBalancerPoolArgs) -> dict[str, object]:
    """The spec of an `IPAddressPool`."""
    spec: dict[str, object] = {
        "addresses": list(args.addresses),
        "autoAssign": args.automatic,
        "avoidBuggyIPs": not args.network_addresses,
    }
    if args.namespaces:
        spec["serviceAllocation"] = {"priority": 50, "namespaces": list(args.namespaces)}
    return spec


def _announced(name: str, args: LoadBalancerPoolArgs) -> dict[str, object]:
    spec: dict[str, object] = {"ipAddressPools": [name]}
    if args.announcing_pools:
        expression = {"key": POOL_LABEL, "operator": "In", "values": list(args.announcing_pools)}
        spec["nodeSelectors"] = [{"matchExpressions": [expression]}]
    return spec


def bgp_peer(bgp: BgpRouting, peer: BgpPeer, watch: str | None) -> dict[str, object]:
    """The spec of MetalLB's `BGPPeer`. `watch`: the BFD profile."""
    spec: dict[str, object] = {
        "myASN": bgp.local_asn,
        "peerASN": peer.asn,
        "peerAddress": peer.address,
        "holdTime": f"{peer.hold_seconds}s",
        "keepaliveTime": f"{peer.keepalive_seconds}s",
    }
    if peer.racks:
        expression = {"key": RACK_LABEL, "operator": "In", "values": list(peer.racks)}
        spec["nodeSelectors"] = [{"matchExpressions": [expression]}]
    if peer.multihop > 1:
        spec["ebgpMultiHop"] = True
    if peer.password_secret_name is not None:
        spec["passwordSecret"] = {"name": peer.password_secret_name, "namespace": METALLB_NAMESPACE}
    if watch is not None:
        spec["bfdProfile"] = watch
    return spec


def cilium_pool(args: LoadBalancerPoolArgs) -> dict[str, object]:
    """The spec of a `CiliumLoadBalancerIPPool`."""
    blocks: list[dict[str, object]] = []
    for block in args.addresses:
        first, dash, last = block.partition("-")
        blocks.append({"start": first.strip(), "stop": last.strip()} if dash else {"cidr": block})
    spec: dict[str, object] = {
        "blocks": blocks,
        "allowFirstLastIPs": "Yes" if args.network_addresses or _small(args.addresses) else "No",
    }
    if args.namespaces:
        spec["serviceSelector"] = {
            "matchExpressions": [
                {
                    "key": "io.kubernetes.service.namespace",
                    "operator": "In",
                    "values": list(args.namespaces),
                }
            ]
        }
    return spec


def _small(blocks: tuple[str, ...]) -> bool:
    """Whether leaving out first and last addresses would leave nothing of a block."""
    return any(part.num_addresses <= 2 for block in blocks if "-" not in block for part in parse_block(block))
