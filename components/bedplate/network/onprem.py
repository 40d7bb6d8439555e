"""The network of a cluster on your own racks: Cilium or Calico, encrypted between nodes."""

import pulumi

from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.network.onprem_args import ApiServerAddress, ClusterNetworkArgs, ClusterNetworkHandle
from bedplate.network.onprem_bgp import BgpPeer, BgpRouting
from bedplate.network.onprem_calico import bgp_configuration, bgp_peer, calico_values
from bedplate.network.onprem_cilium import (
    ADVERTISE_LABEL,
    advertisement,
    cilium_values,
    cluster_config,
    peer_config,
)

__all__ = [
    "ApiServerAddress",
    "BgpPeer",
    "BgpRouting",
    "ClusterNetwork",
    "ClusterNetworkArgs",
    "ClusterNetworkHandle",
]


class ClusterNetwork(pulumi.ComponentResource):
    """Cilium or Calico. It is made before anything else that runs pods, and goes last."""

    handle: ClusterNetworkHandle

    def __init__(
        self, name: str, args: ClusterNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:ClusterNetwork", name, None, opts)
        after = self._cilium(name, args) if args.kind == "cilium" else self._calico(name, args)
        self.handle = ClusterNetworkHandle(
            kind=args.kind,
            pod_cidrs=args.pod_cidrs,
            service_cidrs=args.service_cidrs,
            node_cidrs=args.node_cidrs,
            bgp=args.bgp,
            pod_mtu=args.pod_mtu,
            api_server=args.api_server,
            after=tuple(after),
        )
        self.register_outputs({})

    def _cilium(self, name: str, args: ClusterNetworkArgs) -> list[pulumi.Resource]:
        plugin = release(
            self,
            child(name, "cilium"),
            chart_name="cilium",
            namespace="kube-system",
            values=cilium_values(args),
        )
        if args.bgp is None:
            return [plugin]
        advertise = custom_object(
            self,
            child(name, "advertisement"),
            api_version="cilium.io/v2",
            kind="CiliumBGPAdvertisement",
            object_name=name,
            labels={ADVERTISE_LABEL: name},
            # Behind a tunnel nobody outside can use a pod's address.
            spec=advertisement(pods=args.routing == "native"),
            after=[plugin],
        )
        peers: list[pulumi.Resource] = [
            custom_object(
                self,
                child(name, f"peer-{peer.name}"),
                api_version="cilium.io/v2",
                kind="CiliumBGPPeerConfig",
                object_name=peer.name,
                spec=peer_config(args, peer, name),
                after=[plugin],
            )
            for peer in args.bgp.peers
        ]
        for rack, those in args.bgp.by_rack().items():
            label = f"bgp-{rack}" if rack else "bgp"
            custom_object(
                self,
                child(name, label),
                api_version="cilium.io/v2",
                kind="CiliumBGPClusterConfig",
                object_name=f"{name}-{rack}" if rack else name,
                spec=cluster_config(args.bgp, rack, those),
                after=[plugin, advertise, *peers],
            )
        return [plugin]

    def _calico(self, name: str, args: ClusterNetworkArgs) -> list[pulumi.Resource]:
        # The operator runs in the network of its node, before there is another.
        room = namespace(
            self, child(name, "namespace"), object_name="tigera-operator", pod_security="privileged"
        )
        plugin = release(
            self,
            child(name, "calico"),
            chart_name="tigera-operator",
            release_name="calico",
            namespace="tigera-operator",
            values=calico_values(args),
            after=[room],
        )
        if args.bgp is None:
            return [plugin]
        custom_object(
            self,
            child(name, "bgp"),
            api_version="projectcalico.org/v3",
            kind="BGPConfiguration",
            object_name="default",
            spec=bgp_configuration(args.bgp, args.shared_link, ()),
            after=[plugin],
        )
        for peer in args.bgp.peers:
            custom_object(
                self,
                child(name, f"peer-{peer.name}"),
                api_version="projectcalico.org/v3",
                kind="BGPPeer",
                object_name=peer.name,
                spec=bgp_peer(peer),
                after=[plugin],
            )
        return [plugin]
