"""What other capabilities need to know of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class NetworkHandle:
    """A network with private subnets, and public ones where it faces the internet.

    Attributes:
        region: The cloud's region name.
        zones: The zones that the network spans, in the order in which every list of subnets is.
        vpc_id: The network's id.
        cidr_block: The network's primary IPv4 range.
        private_subnet_ids: One private subnet per zone, in zone order.
        public_subnet_ids: The public subnets in zone order; empty where the network has none.
        private_subnet_id_by_zone: Zone name to private subnet, for machines that must sit in one zone.
        nat_gateway_ids: The NAT gateways, for alarms; empty where the network has none.
        ready: What a machine in a private subnet needs to reach the world: it waits for these, and on the
            way down they wait for it.
    """

    region: str
    zones: tuple[str, ...]
    vpc_id: pulumi.Output[str]
    cidr_block: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[list[str]]
    public_subnet_ids: pulumi.Output[list[str]]
    private_subnet_id_by_zone: Mapping[str, pulumi.Output[str]]
    nat_gateway_ids: pulumi.Output[list[str]]
    # How many NAT gateways there are is needed before their ids are known: one alarm each.
    nat_gateway_count: int = 0
    ready: tuple[pulumi.Resource, ...] = ()

    @classmethod
    def from_existing(
        cls,
        *,
        region: str,
        vpc_id: pulumi.Input[str],
        cidr_block: pulumi.Input[str],
        private_subnet_id_by_zone: Mapping[str, pulumi.Input[str]],
        public_subnet_ids: Sequence[pulumi.Input[str]] = (),
        nat_gateway_ids: Sequence[pulumi.Input[str]] = (),
    ) -> "NetworkHandle":
        """The handle of a network that is made elsewhere; the zones are those of the private subnets.

        Raises:
            ValueError: no private subnet is given, or one in a zone of another region.
        """
        if not private_subnet_id_by_zone:
            raise ValueError(
                "private_subnet_id_by_zone: {} names no subnet; give at least one zone and its subnet, "
                'for example {"us-east-1a": "subnet-0abc"}'
            )
        for zone in private_subnet_id_by_zone:
            # Zones of every cloud begin with their region; so do AWS's local zones.
            if not zone.startswith(region) or zone == region:
                raise ValueError(
                    f"private_subnet_id_by_zone: {zone!r} is not a zone of {region}; allowed: zones such as "
                    f"{region}a; correct the zone or the region"
                )
        by_zone = {
            zone: pulumi.Output.from_input(subnet) for zone, subnet in private_subnet_id_by_zone.items()
        }
        return cls(
            region=region,
            zones=tuple(by_zone),
            vpc_id=pulumi.Output.from_input(vpc_id),
            cidr_block=pulumi.Output.from_input(cidr_block),
            private_subnet_ids=pulumi.Output.all(*by_zone.values()),
            public_subnet_ids=_all(public_subnet_ids),
            private_subnet_id_by_zone=by_zone,
            nat_gateway_ids=_all(nat_gateway_ids),
            nat_gateway_count=len(nat_gateway_ids),
        )


def _all(values: Sequence[pulumi.Input[str]]) -> pulumi.Output[list[str]]:
    """One output of many; `Output.all()` of nothing would be an empty dict."""
    return pulumi.Output.all(*values) if values else pulumi.Output.from_input(list[str]())
