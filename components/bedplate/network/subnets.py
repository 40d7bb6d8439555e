"""Where subnets go in a network's range: pure arithmetic, no cloud."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import pairwise

# The prefix lengths that AWS takes for a subnet, and the five addresses that it keeps in each (the first four
# and the last): https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html (2026-11)
LARGEST_PREFIX_LENGTH = 16
SMALLEST_PREFIX_LENGTH = 28
RESERVED_ADDRESSES = 5

# An Application Load Balancer asks for a /27 in each of its subnets:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
# (2026-11)
_SMALLEST_PUBLIC_WISH = 27
# Public subnets hold gateways and load balancers only: a sixty-fourth of the network each is plenty.
_PUBLIC_EXTRA_BITS = 6

PRIVATE_RANGES = tuple(
    IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


@dataclass(frozen=True)
class SubnetPlan:
    """The ranges of the subnets, each list in zone order; `public` is empty for a network without public
    subnets.
    """

    private: tuple[IPv4Network, ...]
    public: tuple[IPv4Network, ...]


def usable_addresses(block: IPv4Network) -> int:
    """How many addresses of a subnet machines and pods can have."""
    return block.num_addresses - RESERVED_ADDRESSES


def parse_block(value: str) -> IPv4Network:
    """An IPv4 range from text such as `10.0.0.0/16`.

    Raises:
        ValueError: not an IPv4 range, no prefix length, or an address inside the range instead of its first
            one.
    """
    try:
        block = IPv4Network(value, strict=False)
    except ValueError as error:
        raise ValueError(
            f"{value!r} is not an IPv4 range ({error}); allowed: <address>/<prefix length>; "
            "write for example 10.0.0.0/16"
        ) from error
    if "/" not in value:
        raise ValueError(f"{value!r} has no prefix length; write for example {value}/16")
    if value != str(block):
        raise ValueError(f"{value!r} is not the start of its range; write {block}")
    return block


def is_private(block: IPv4Network) -> bool:
    """Whether a range is wholly inside RFC 1918 or the shared range of RFC 6598 (100.64.0.0/10)."""
    return any(block.subnet_of(allowed) for allowed in PRIVATE_RANGES)


def overlapping(blocks: Sequence[IPv4Network]) -> tuple[IPv4Network, IPv4Network] | None:
    """The first two ranges, in address order, that share addresses; None where none do."""
    ordered = sorted(blocks)
    for left, right in pairwise(ordered):
        if left.overlaps(right):
            return left, right
    return None


def plan_subnets(
    network: IPv4Network,
    zones: int,
    *,
    public: bool = True,
    private_prefix_length: int | None = None,
    public_prefix_length: int | None = None,
) -> SubnetPlan:
    """One private and one public subnet per zone.

    Private subnets are laid from the start of the range upwards and public ones from its end downwards, so
    that with both prefix lengths given a further zone moves no subnet. Without them, private subnets are the
    largest that fit beside the public ones, and a public subnet is a sixty-fourth of the network but no
    smaller than a /27 where it can be.

    Raises:
        ValueError: the subnets do not fit; the message says what would.
    """
    assert zones >= 1
    public_count = zones if public else 0
    private_length = private_prefix_length
    if private_length is None:
        private_length = _largest(network, zones, public_count, public_prefix_length)
    public_length = public_prefix_length
    if public and public_length is None:
        public_length = _public_length(network, zones, private_length)
    needed = zones * _size(private_length)
    if public_length is not None:
        needed += public_count * _size(public_length)
    if needed > network.num_addresses:
        what = f"{zones} private subnets of /{private_length}"
        if public:
            what += f" and {zones} public subnets of /{public_length}"
        raise ValueError(
            f"{network} has {network.num_addresses} addresses, {what} take {needed}; "
            f"give a range of at least /{_fitting_prefix(needed)}, fewer zones or smaller subnets"
        )
    private = [_nth(network, private_length, index) for index in range(zones)]
    public_blocks = [
        _nth(network, public_length, -1 - index) for index in range(public_count) if public_length is not None
    ]
    return SubnetPlan(private=tuple(private), public=tuple(public_blocks))


def _largest(network: IPv4Network, zones: int, public_count: int, public_length: int | None) -> int:
    """The shortest prefix length of private subnets that leaves room for the public ones."""
    # Where public subnets are not given a size, one more block of the private size is kept for all of them
    # together.
    for length in _lengths(network):
        taken = zones * _size(length)
        if public_length is not None:
            taken += public_count * _size(public_length)
        elif public_count:
            taken += _size(length)
        if taken <= network.num_addresses:
            return length
    return SMALLEST_PREFIX_LENGTH


def _public_length(network: IPv4Network, zones: int, private_length: int) -> int:
    left = network.num_addresses - zones * _size(private_length)
    wish = max(
        min(network.prefixlen + _PUBLIC_EXTRA_BITS, _SMALLEST_PUBLIC_WISH),
        network.prefixlen,
        LARGEST_PREFIX_LENGTH,
    )
    for length in range(wish, SMALLEST_PREFIX_LENGTH + 1):
        if zones * _size(length) <= left:
            return length
    return SMALLEST_PREFIX_LENGTH


def _lengths(network: IPv4Network) -> Iterable[int]:
    return range(max(network.prefixlen, LARGEST_PREFIX_LENGTH), SMALLEST_PREFIX_LENGTH + 1)


def _size(prefix_length: int) -> int:
    return 1 << (32 - prefix_length)


def _fitting_prefix(addresses: int) -> int:
    return 32 - (addresses - 1).bit_length()


def _nth(network: IPv4Network, prefix_length: int, index: int) -> IPv4Network:
    """The index-th block of a size in a network, counted from its end where the index is negative."""
    start = int(network.network_address)
    if index < 0:
        start += network.num_addresses
    return IPv4Network((start + index * _size(prefix_length), prefix_length))
