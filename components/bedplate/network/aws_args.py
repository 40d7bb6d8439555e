"""What a network on AWS is made from, checked before any cloud call."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network
from typing import Annotated, Literal, TypeVar

from pydantic import Field, InstanceOf, model_validator

from bedplate.catalog import aws_regions
from bedplate.core import Args
from bedplate.core.arns import PolicyArn
from bedplate.core.errors import Problems
from bedplate.core.naming import EKS_CLUSTER
from bedplate.core.tags import Tags
from bedplate.keys.handles import KeyHandle
from bedplate.network.aws_endpoints import GatewayEndpoint, check_interface_service, service_name
from bedplate.network.subnets import (
    LARGEST_PREFIX_LENGTH,
    PRIVATE_RANGES,
    SMALLEST_PREFIX_LENGTH,
    SubnetPlan,
    is_private,
    overlapping,
    parse_block,
    plan_subnets,
    usable_addresses,
)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html (2026-11)
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
T = TypeVar("T")
_ONE_ENDPOINT = "allowed: once, as one endpoint serves the network; remove one"

SubnetPrefixLength = Annotated[int, Field(ge=LARGEST_PREFIX_LENGTH, le=SMALLEST_PREFIX_LENGTH)]


class AwsNetworkArgs(Args):
    """Arguments of AwsNetwork. Every field that takes ranges takes IPv4 CIDR blocks as text.

    Attributes:
        region: The region, for example us-east-1.
        zones: The availability zones to span, at least one, in the order in which subnets are listed. EKS
            wants two.
        cidr_block: The network's range, /16 to /24, inside RFC 1918 or 100.64.0.0/10.
        public_subnets: Whether there are public subnets and an internet gateway. Without them nothing inside
            reaches the internet, `nat` must be "none", and interface endpoints must stand in for what
            machines call.
        private_prefix_length: The size of each private subnet; without it, the largest that fits.
        public_prefix_length: The size of each public subnet; without it, a sixty-fourth of the network, at
            least a /27 where that fits.
        private_cidr_blocks: The private subnets' ranges, one per zone in zone order, where they are not to be
            calculated. Public ranges must then be given too.
        public_cidr_blocks: The public subnets' ranges, one per zone in zone order.
        min_private_addresses: How many usable addresses each private subnet must have. The VPC CNI gives each
            pod one and a machine with EFA interfaces takes one for each that also carries IP: less than a /24
            (251) is soon full, so that is the default; lower it for small networks.
        reserved_cidr_blocks: Ranges that the network must not overlap: on-premises networks, peered VPCs.
        nat: "per_zone" (default: the loss of a zone takes only that zone's way out, and traffic to the
            internet does not cross zones), "single" (cheaper: one gateway for all zones) or "none".
        gateway_endpoints: Free private ways to S3 and DynamoDB; both by default.
        interface_endpoints: Services to reach without the internet, by short name (`ecr.api`, `sts`) or full
            service name; charged per zone and hour, so none by default.
        flow_logs: Whether traffic is logged to CloudWatch; on by default, and then `key` is needed.
        flow_log_traffic: Which traffic is logged: "ALL" (default), "REJECT" or "ACCEPT".
        flow_log_retention_in_days: How long the log is kept; 90 by default.
        key: The key that the log is encrypted with; its policy must let CloudWatch Logs use it (AwsKey:
            services ["logs"]).
        cluster_names: The Kubernetes clusters that will use the subnets, for the tags that their controllers
            look for. Karpenter's discovery tag holds one value: the first name.
        permissions_boundary_arn: The boundary of the role that writes the log; none by default.
        tags: Tags of every resource, over those of the provider.
    """

    region: str
    zones: tuple[str, ...] = Field(min_length=1)
    cidr_block: str = "10.0.0.0/16"
    public_subnets: bool = True
    private_prefix_length: SubnetPrefixLength | None = None
    public_prefix_length: SubnetPrefixLength | None = None
    private_cidr_blocks: tuple[str, ...] | None = None
    public_cidr_blocks: tuple[str, ...] | None = None
    min_private_addresses: int = Field(default=250, ge=11)
    reserved_cidr_blocks: tuple[str, ...] = ()
    nat: Literal["none", "single", "per_zone"] = "per_zone"
    gateway_endpoints: tuple[GatewayEndpoint, ...] = ("s3", "dynamodb")
    interface_endpoints: tuple[str, ...] = ()
    flow_logs: bool = True
    flow_log_traffic: Literal["ALL", "REJECT", "ACCEPT"] = "ALL"
    flow_log_retention_in_days: LogRetentionDays = 90
    key: InstanceOf[KeyHandle] | None = None
    cluster_names: tuple[str, ...] = ()
    permissions_boundary_arn: PolicyArn | None = None
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "AwsNetworkArgs":
        problems = Problems("AwsNetworkArgs")
        self._check_zones(problems)
        self._check_ways_out(problems)
        for index, cluster in enumerate(self.cluster_names):
            _try(problems, f"cluster_names[{index}]", EKS_CLUSTER.check, cluster)
        if self.flow_logs and self.key is None:
            problems.add(
                "key",
                "nothing is given, and flow logs are on, which are encrypted with a key of yours; "
                'give the handle of an AwsKey with services=["logs"], or set flow_logs to false',
            )
        network = self._check_network(problems)
        if network is not None:
            self._check_subnets(problems, network)
        problems.raise_if_any()
        return self

    def subnet_plan(self) -> SubnetPlan:
        """The ranges of the subnets, in zone order: those given, or else calculated."""
        if self.private_cidr_blocks is not None:
            return SubnetPlan(
                private=tuple(parse_block(block) for block in self.private_cidr_blocks),
                public=tuple(parse_block(block) for block in self.public_cidr_blocks or ()),
            )
        return plan_subnets(
            parse_block(self.cidr_block),
            len(self.zones),
            public=self.public_subnets,
            private_prefix_length=self.private_prefix_length,
            public_prefix_length=self.public_prefix_length,
        )

    def _check_zones(self, problems: Problems) -> None:
        regions = aws_regions()
        if self.region not in regions:
            near = difflib.get_close_matches(self.region, list(regions), n=3)
            known = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(sorted(regions))}"
            problems.add("region", f"{self.region!r} is not a known AWS region; {known}; correct the name")
            return
        allowed = regions[self.region]
        for index, zone in enumerate(self.zones):
            if zone not in allowed:
                problems.add(
                    f"zones[{index}]",
                    f"{zone!r} is not a zone of {self.region}; allowed: {', '.join(allowed)}; use these",
                )
        for zone in _repeated(self.zones):
            problems.add("zones", f"{zone!r} is given twice; each zone has one pair of subnets; remove one")

    def _check_ways_out(self, problems: Problems) -> None:
        if self.nat != "none" and not self.public_subnets:
            problems.add(
                "nat",
                f"{self.nat!r} needs public subnets for its gateways, and public_subnets is false; "
                'set nat to "none" or public_subnets to true',
            )
        for index, service in enumerate(self.interface_endpoints):
            _try(problems, f"interface_endpoints[{index}]", check_interface_service, service)
        for index, service in enumerate(self.interface_endpoints):
            full = service_name(service, self.region)
            if self.region in aws_regions() and f".{self.region}." not in full and ".vpce." not in full:
                problems.add(
                    f"interface_endpoints[{index}]",
                    f"{service!r} is not in {self.region}; allowed: services of the network's own region; "
                    "correct the region in it, or give the short name",
                )
        for service in _repeated(self.gateway_endpoints):
            problems.add("gateway_endpoints", f"{service!r} is given twice; {_ONE_ENDPOINT}")
        # By full name: `sts` and com.amazonaws.us-east-1.sts are one service, with one private DNS name.
        for service in _repeated(service_name(name, self.region) for name in self.interface_endpoints):
            problems.add("interface_endpoints", f"{service!r} is given twice; {_ONE_ENDPOINT}")

    def _check_network(self, problems: Problems) -> IPv4Network | None:
        network = _try(problems, "cidr_block", parse_block, self.cidr_block)
        if network is not None and not 16 <= network.prefixlen <= 24:
            problems.add(
                "cidr_block",
                f"{network} is a /{network.prefixlen}; allowed: /16 to /24; give for example "
                f"{network.network_address}/16 or a smaller part of your address plan",
            )
            network = None
        if network is not None and not is_private(network):
            problems.add(
                "cidr_block",
                f"{network} is not private; allowed: inside {', '.join(map(str, PRIVATE_RANGES))}; "
                "pick a free part of one of these",
            )
        for index, reserved in enumerate(self.reserved_cidr_blocks):
            path = f"reserved_cidr_blocks[{index}]"
            block = _try(problems, path, parse_block, reserved)
            if block is not None and network is not None and block.overlaps(network):
                problems.add(
                    "cidr_block",
                    f"{network} overlaps {block} ({path}), to which it could then not be routed; "
                    "pick a range outside the reserved ones",
                )
        return network

    def _check_subnets(self, problems: Problems, network: IPv4Network) -> None:
        given = self._check_given_subnets(problems, network)
        if given is None:
            return
        try:
            plan = self.subnet_plan()
        except ValueError as error:
            problems.add("cidr_block", str(error))
            return
        smallest = max(plan.private, key=lambda block: block.prefixlen)
        if usable_addresses(smallest) < self.min_private_addresses:
            path = (
                "private_cidr_blocks"
                if given
                else "cidr_block"
                if self.private_prefix_length is None
                else "private_prefix_length"
            )
            problems.add(
                path,
                f"private subnet {smallest} has {usable_addresses(smallest)} usable addresses; at least "
                f"{self.min_private_addresses} are needed (each pod takes one, and each EFA interface that "
                "carries IP); give larger subnets, fewer zones, or lower min_private_addresses",
            )

    def _check_given_subnets(self, problems: Problems, network: IPv4Network) -> bool | None:
        """Whether the ranges are given instead of calculated; None where they are given wrong."""
        if self.private_cidr_blocks is None:
            if self.public_cidr_blocks is not None:
                problems.add(
                    "public_cidr_blocks",
                    "given without private_cidr_blocks; ranges are given for all subnets or for none; "
                    "give private_cidr_blocks too, or leave both out to have them calculated",
                )
                return None
            return False
        before = len(list(problems))
        for field in ("private_prefix_length", "public_prefix_length"):
            if getattr(self, field) is not None:
                problems.add(
                    field,
                    f"{getattr(self, field)} has no effect beside private_cidr_blocks; remove one of the two",
                )
        blocks: list[IPv4Network] = []
        public = self.public_cidr_blocks or ()
        expected = {"private": len(self.zones), "public": len(self.zones) if self.public_subnets else 0}
        for kind, values in (("private", self.private_cidr_blocks), ("public", public)):
            field = f"{kind}_cidr_blocks"
            if len(values) != expected[kind]:
                problems.add(
                    field,
                    f"{len(values)} given; allowed: {expected[kind]}, one per zone with {kind} subnets, in "
                    "zone order; make the lists match (public_subnets says whether there are public ones)",
                )
            for index, value in enumerate(values):
                block = _try(problems, f"{field}[{index}]", parse_block, value)
                if block is not None and _fits(problems, f"{field}[{index}]", block, network):
                    blocks.append(block)
        clash = overlapping(blocks)
        if clash is not None:
            problems.add(
                "private_cidr_blocks",
                f"subnets {clash[0]} and {clash[1]} overlap; each subnet needs a range of its own; move one",
            )
        return True if len(list(problems)) == before else None


def _fits(problems: Problems, path: str, block: IPv4Network, network: IPv4Network) -> bool:
    if not LARGEST_PREFIX_LENGTH <= block.prefixlen <= SMALLEST_PREFIX_LENGTH:
        problems.add(
            path,
            f"{block} is a /{block.prefixlen}; AWS allows subnets of /16 to /28; give a range of such a size",
        )
        return False
    if not block.subnet_of(network):
        problems.add(path, f"{block} is not inside cidr_block {network}; pick a range inside it")
        return False
    return True


def _try(problems: Problems, path: str, check: Callable[[str], T], value: str) -> T | None:
    try:
        return check(value)
    except ValueError as error:
        problems.add(path, str(error))
        return None


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
