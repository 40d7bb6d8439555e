"""Cilium's chart values and BGP objects."""

from bedplate.network.onprem_args import ClusterNetworkArgs
from bedplate.network.onprem_bgp import BgpPeer, BgpRouting
from bedplate.network.onprem_ranges import family

ADVERTISE_LABEL = "bedplate/advertise"
RACK_LABEL = "topology.rook.io/rack"
# The namespace whose secrets Cilium reads for BGP.
SECRETS_NAMESPACE = "kube-system"


def cilium_values(args: ClusterNetworkArgs) -> dict[str, object]:
    """The chart's values (cilium v1.20.0, install/kubernetes/cilium/values.yaml)."""
    four = [cidr for cidr in args.pod_cidrs if family(cidr) == 4]
    six = [cidr for cidr in args.pod_cidrs if family(cidr) == 6]
    pools: dict[str, object] = {}
    if four:
        pools["clusterPoolIPv4PodCIDRList"] = four
        pools["clusterPoolIPv4MaskSize"] = args.node_prefix_length
    if six:
        pools["clusterPoolIPv6PodCIDRList"] = six
        pools["clusterPoolIPv6MaskSize"] = args.node_prefix_length_ipv6
    values: dict[str, object] = {
        "k8sServiceHost": args.api_server.host,
        "k8sServicePort": args.api_server.port,
        "kubeProxyReplacement": args.kube_proxy_replacement,
        "ipv4": {"enabled": bool(four)},
        "ipv6": {"enabled": bool(six)},
        "ipam": {"mode": "cluster-pool", "operator": pools},
        # The device's; Cilium takes off what it wraps packets in.
        "MTU": args.node_mtu,
        "encryption": {"enabled": args.encryption, "type": "wireguard"},
        # Policies that name nodes by address, the API server's among them, match them only with this.
        "policyCIDRMatchMode": ["nodes"],
        "hubble": _hubble(args),
        "operator": {"replicas": 2, "rollOutPods": True},
        "rollOutCiliumPods": True,
        "bgpControlPlane": {"enabled": args.bgp is not None, "secretsNamespace": {"name": SECRETS_NAMESPACE}},
    }
    if args.routing == "tunnel":
        values |= {"routingMode": "tunnel", "tunnelProtocol": "vxlan"}
    else:
        values |= {"routingMode": "native", "autoDirectNodeRoutes": args.shared_link}
        if four:
            values["ipv4NativeRoutingCIDR"] = four[0]
        if six:
            values["ipv6NativeRoutingCIDR"] = six[0]
    return values


def _hubble(args: ClusterNetworkArgs) -> dict[str, object]:
    if not args.flow_log:
        return {"enabled": False}
    return {
        "enabled": True,
        # Certificates by a job in the cluster, renewed every four months: helm's own would be made anew by
        # each upgrade, and their keys would lie in the release.
        "tls": {"enabled": True, "auto": {"enabled": True, "method": "cronJob", "certValidityDuration": 365}},
        "relay": {"enabled": True},
        "ui": {"enabled": args.flow_interface},
    }


def cluster_config(bgp: BgpRouting, rack: str, peers: tuple[BgpPeer, ...]) -> dict[str, object]:
    """The spec of a `CiliumBGPClusterConfig`: which nodes speak with which routers."""
    spec: dict[str, object] = {
        "bgpInstances": [
            {
                "name": "cluster",
                "localASN": bgp.local_asn,
                "peers": [
                    {
                        "name": peer.name,
                        "peerASN": peer.asn,
                        "peerAddress": peer.address,
                        "peerConfigRef": {"name": peer.name},
                    }
                    for peer in peers
                ],
            }
        ]
    }
    if rack:
        spec["nodeSelector"] = {"matchLabels": {RACK_LABEL: rack}}
    return spec


def peer_config(args: ClusterNetworkArgs, peer: BgpPeer, advertise: str) -> dict[str, object]:
    """The spec of a `CiliumBGPPeerConfig`."""
    spec: dict[str, object] = {
        "timers": {
            "holdTimeSeconds": peer.hold_seconds,
            "keepAliveTimeSeconds": peer.keepalive_seconds,
            "connectRetryTimeSeconds": 5,
        },
        # Routes stay while an agent restarts.
        "gracefulRestart": {"enabled": True, "restartTimeSeconds": 60},
        "families": [
            {
                "afi": f"ipv{version}",
                "safi": "unicast",
                "advertisements": {"matchLabels": {ADVERTISE_LABEL: advertise}},
            }
            for version in sorted({family(cidr) for cidr in args.pod_cidrs})
        ],
    }
    if peer.multihop > 1:
        spec["ebgpMultihop"] = peer.multihop
    if peer.password_secret_name is not None:
        spec["authSecretRef"] = peer.password_secret_name
    return spec


def advertisement(pods: bool) -> dict[str, object]:
    """The spec of a `CiliumBGPAdvertisement`: load balancers, and pods where packets to them are not
    wrapped.
    """
    everything = {"matchExpressions": [{"key": "bedplate/never", "operator": "NotIn", "values": ["never"]}]}
    services = {
        "advertisementType": "Service",
        "service": {"addresses": ["LoadBalancerIP"]},
        "selector": everything,
    }
    return {"advertisements": [*([{"advertisementType": "PodCIDR"}] if pods else []), services]}
