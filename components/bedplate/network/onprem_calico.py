"""Calico's chart values and BGP objects."""

from bedplate.network.onprem_args import ClusterNetworkArgs
from bedplate.network.onprem_bgp import BgpPeer, BgpRouting
from bedplate.network.onprem_cilium import RACK_LABEL
from bedplate.network.onprem_ranges import family


def calico_values(args: ClusterNetworkArgs) -> dict[str, object]:
    """The values of the operator's chart (projectcalico/calico v3.32, charts/tigera-operator/values.yaml).

    https://docs.tigera.io/calico/latest/reference/installation/api (3.32)
    """
    families = {family(cidr) for cidr in args.pod_cidrs}
    felix: dict[str, object] = {"enabled": True, "wireguardEnabled": args.encryption and 4 in families}
    if 6 in families:
        felix["wireguardEnabledV6"] = args.encryption
    return {
        "installation": {
            "enabled": True,
            "calicoNetwork": {
                "linuxDataplane": "BPF" if args.kube_proxy_replacement else "Iptables",
                "bgp": "Enabled" if args.bgp is not None or args.routing == "native" else "Disabled",
                "mtu": args.pod_mtu,
                "hostPorts": "Enabled",
                "ipPools": [_pool(args, cidr) for cidr in args.pod_cidrs],
            },
            "controlPlaneReplicas": 2,
        },
        "defaultFelixConfiguration": felix,
        # What takes projectcalico.org/v3 objects.
        "apiServer": {"enabled": True},
        "goldmane": {"enabled": args.flow_log},
        "whisker": {"enabled": args.flow_interface},
        "kubernetesServiceEndpoint": {"host": args.api_server.host, "port": str(args.api_server.port)},
    }


def _pool(args: ClusterNetworkArgs, cidr: str) -> dict[str, object]:
    four = family(cidr) == 4
    return {
        "name": f"pods-ipv{family(cidr)}",
        "cidr": cidr,
        "blockSize": args.node_prefix_length if four else args.node_prefix_length_ipv6,
        "encapsulation": "VXLAN" if args.routing == "tunnel" else "None",
        "natOutgoing": "Enabled",
        "nodeSelector": "all()",
    }


def bgp_configuration(bgp: BgpRouting, shared_link: bool, services: tuple[str, ...]) -> dict[str, object]:
    """The spec of the `BGPConfiguration` called default. `services`: load balancers' ranges."""
    spec: dict[str, object] = {
        "asNumber": bgp.local_asn,
        # Routers hand the routes on; where nodes share a link, they tell each other.
        "nodeToNodeMeshEnabled": shared_link,
        "logSeverityScreen": "Info",
    }
    if services:
        spec["serviceLoadBalancerIPs"] = [{"cidr": cidr} for cidr in services]
    return spec


def bgp_peer(peer: BgpPeer) -> dict[str, object]:
    """The spec of a `BGPPeer` (projectcalico.org/v3)."""
    spec: dict[str, object] = {
        "peerIP": peer.address,
        "asNumber": peer.asn,
        # Routes stay while an agent restarts.
        "maxRestartTime": "60s",
        "nodeSelector": " || ".join(f"{RACK_LABEL} == '{rack}'" for rack in peer.racks) or "all()",
    }
    if peer.password_secret_name is not None:
        spec["password"] = {"secretKeyRef": {"name": peer.password_secret_name, "key": "password"}}
    return spec
