"""Routers that a cluster speaks BGP with, the same for Cilium, Calico and MetalLB."""

from ipaddress import ip_address

from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.network.onprem_ranges import AddressText

# Never the number of a network: AS_TRANS, and the last of each size (RFC 7607, RFC 6793, RFC 7300; from
# memory).
_RESERVED_ASNS = (0, 23456, 65535, 4294967295)
LARGEST_ASN = 4294967295


class BgpPeer(Args):
    """A router.

    Attributes:
        name: What the peer's objects are called.
        address: Its address.
        asn: The number of its network.
        racks: The racks whose nodes speak with it; all by default. Give it for all routers or for none.
        password_secret_name: The secret that holds the session's password under the key `password`; none by
            default. Never the password itself.
        hold_seconds: How long a silent router is believed in; 9 by default, so that a dead one is left within
            10 seconds. Keepalives come three times as often.
        multihop: Hops that an external router may be away; 1, a direct neighbour, by default.
    """

    name: K8sName
    address: AddressText
    asn: int = Field(ge=1, le=LARGEST_ASN)
    racks: tuple[K8sLabel, ...] = ()
    password_secret_name: K8sName | None = None
    hold_seconds: int = Field(default=9, ge=3, le=65535)
    multihop: int = Field(default=1, ge=1, le=255)

    @property
    def keepalive_seconds(self) -> int:
        return max(1, self.hold_seconds // 3)

    @property
    def family(self) -> int:
        return ip_address(self.address).version


class BgpRouting(Args):
    """A cluster's part in the routing of your network.

    Attributes:
        local_asn: The number of the cluster's own network.
        peers: The routers; two per rack outlive the loss of one.
    """

    local_asn: int = Field(ge=1, le=LARGEST_ASN)
    peers: tuple[BgpPeer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "BgpRouting":
        problems = Problems("BgpRouting")
        numbers = [("local_asn", self.local_asn)]
        numbers += [(f"peers[{index}].asn", peer.asn) for index, peer in enumerate(self.peers)]
        for path, number in numbers:
            if number in _RESERVED_ASNS:
                problems.add(
                    path,
                    f"{number} is reserved and belongs to nobody; allowed: your own number, or a private "
                    "one (64512 to 65534, 4200000000 to 4294967294); choose one",
                )
        for field in ("name", "address"):
            seen: set[tuple[str, tuple[str, ...]]] = set()
            for index, peer in enumerate(self.peers):
                key = (getattr(peer, field), ())
                if key in seen:
                    problems.add(f"peers[{index}].{field}", f"{key[0]!r} is given twice; remove one")
                seen.add(key)
        for index, peer in enumerate(self.peers):
            if peer.multihop > 1 and peer.asn == self.local_asn:
                problems.add(
                    f"peers[{index}].multihop",
                    f"{peer.multihop}, and the router is of the cluster's own network {peer.asn}; allowed: "
                    "1: only external sessions count hops; leave it out",
                )
        some = [bool(peer.racks) for peer in self.peers]
        if any(some) and not all(some):
            missing = ", ".join(peer.name for peer in self.peers if not peer.racks)
            problems.add(
                "peers",
                f"{missing} without racks and others with; a node takes part in one set of sessions; give "
                "racks for all of them or for none",
            )
        problems.raise_if_any()
        return self

    def by_rack(self) -> dict[str, tuple[BgpPeer, ...]]:
        """The routers of each rack; all under the empty name where none names racks."""
        racks = sorted({rack for peer in self.peers for rack in peer.racks})
        if not racks:
            return {"": self.peers}
        return {rack: tuple(peer for peer in self.peers if rack in peer.racks) for rack in racks}
