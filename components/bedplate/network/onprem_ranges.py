"""Ranges of addresses on your own network: what may not overlap what. Pure arithmetic, both address
families.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Annotated

from pydantic import AfterValidator

from bedplate.core.errors import Problems

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# What no range of a cluster may touch: this host, link-local (cloud metadata is there), multicast
# (RFC 6890, RFC 5771, RFC 4291; from memory).
_NEVER = (
    (ip_network("0.0.0.0/8"), "this network"),
    (ip_network("127.0.0.0/8"), "loopback"),
    (ip_network("169.254.0.0/16"), "link-local"),
    (ip_network("224.0.0.0/3"), "multicast and reserved"),
    (ip_network("::1/128"), "loopback"),
    (ip_network("fe80::/10"), "link-local"),
    (ip_network("ff00::/8"), "multicast"),
)


def parse_range(value: str) -> Network:
    """A range from text such as 10.0.0.0/16 or fd00::/48. Raises ValueError, and for one that is never
    free.
    """
    try:
        found = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(
            f"{value!r} is not a range; allowed: <address>/<prefix length>; write for example 10.244.0.0/16"
        ) from None
    if "/" not in value:
        raise ValueError(f"{value!r} has no prefix length; write for example {value}/24")
    if value != str(found):
        raise ValueError(f"{value!r} is not the start of its range; write {found}")
    for never, what in _NEVER:
        if found.version == never.version and found.overlaps(never):
            raise ValueError(
                f"{value!r} holds addresses of {never} ({what}); allowed: none of them; change it"
            )
    return found


def _range_text(value: str) -> str:
    parse_range(value)
    return value


def address_text(value: str) -> str:
    """An address, given back. Raises ValueError."""
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an address; allowed: IPv4 or IPv6; correct it") from None
    return value


def parse_block(value: str) -> tuple[Network, ...]:
    """The ranges of a block of addresses: 10.0.0.0/28, or 10.0.0.10-10.0.0.20. Raises ValueError."""
    first, dash, last = value.partition("-")
    if not dash:
        return (parse_range(value),)
    try:
        ends = ip_address(first.strip()), ip_address(last.strip())
    except ValueError:
        raise ValueError(
            f"{value!r} is not a block of addresses; allowed: a range such as 10.0.0.0/28, or two addresses "
            "with a hyphen; correct it"
        ) from None
    low, high = ends
    if low.version != high.version or int(low) > int(high):
        raise ValueError(
            f"{value!r} does not go from a lower to a higher address of one family; turn it round"
        )
    return tuple(summarize_address_range(low, high))


def _block_text(value: str) -> str:
    for part in parse_block(value):
        parse_range(str(part))
    return value


Cidr = Annotated[str, AfterValidator(_range_text)]
AddressText = Annotated[str, AfterValidator(address_text)]
AddressBlock = Annotated[str, AfterValidator(_block_text)]


@dataclass(frozen=True)
class Named:
    """Ranges of one purpose. `path` is the property, `what` how a message calls it; `single`: it is no
    list.
    """

    path: str
    what: str
    blocks: tuple[str, ...]
    single: bool = False

    def place(self, index: int) -> str:
        return self.path if self.single else f"{self.path}[{index}]"

    def ranges(self) -> list[tuple[int, str, Network]]:
        return [
            (index, block, part) for index, block in enumerate(self.blocks) for part in parse_block(block)
        ]


def overlap_problems(problems: Problems, groups: Sequence[Named]) -> None:
    """Notes every range that shares addresses with another, each pair once."""
    listed = [(group, *one) for group in groups for one in group.ranges()]
    told: set[tuple[str, str, str, str]] = set()
    for place, (group, index, block, part) in enumerate(listed):
        for other, other_index, other_block, other_part in listed[:place]:
            if part.version != other_part.version or not part.overlaps(other_part):
                continue
            if (group, index) == (other, other_index):
                continue
            key = (other.path, other_block, group.path, block)
            if key in told:
                continue
            told.add(key)
            problems.add(
                group.place(index),
                f"{block!r} shares addresses with {other.what} {other_block!r}; allowed: ranges of their "
                "own; move one of them",
            )


def inside(block: str, ranges: Iterable[str]) -> bool:
    """Whether all addresses of a block are in one of the ranges each."""
    wide = [parse_range(one) for one in ranges]
    return all(
        any(part.version == one.version and part.subnet_of(one) for one in wide)  # type: ignore[arg-type]
        for part in parse_block(block)
    )


def family(block: str) -> int:
    """4 or 6."""
    return parse_block(block)[0].version
