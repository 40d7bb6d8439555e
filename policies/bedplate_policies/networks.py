"""Checks of address ranges: what is open to the whole internet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from bedplate_policies.basic import BuiltCheck
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Finding
from bedplate_policies.value import MISSING, UNKNOWN, Value, number


def is_open(cidr: Value) -> bool:
    """Whether an address range is (nearly) the whole internet.

    The whole internet can be written as two halves, so anything wider than a /8 counts (IPv6: a /16); no
    operator is given more than that.
    """
    if not isinstance(cidr, str):
        return False
    if cidr in ("*", "Internet", "Any"):
        return True
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return False
    return network.prefixlen < (8 if network.version == 4 else 16)


def no_open_cidr(
    paths: Sequence[str],
    *,
    ports: Sequence[int] | None = None,
    within: str = "",
    from_port: str = "fromPort",
    to_port: str = "toPort",
    protocol: str = "protocol",
) -> BuiltCheck:
    """No address range that is the whole internet, in any of `paths` (relative to each `within`).

    With `ports`, only a rule whose range of ports has one of them counts.
    """
    prefix = f"{within}." if within else ""
    reads = [f"{prefix}{path}" for path in paths]
    if ports is not None:
        reads += [f"{prefix}{from_port}", f"{prefix}{to_port}", f"{prefix}{protocol}"]

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for part in resource.at(within) if within else (resource,):
            if part.is_unknown:
                yield Finding.undetermined(part.path(""))
                continue
            reached = True if ports is None else _reaches(part, ports, from_port, to_port, protocol)
            if reached is False:
                continue
            for path in paths:
                for place, value in part.each(path):
                    where = part.path(place)
                    if value is UNKNOWN or (reached is UNKNOWN and is_open(value)):
                        yield Finding.undetermined(where)
                    elif is_open(value):
                        of = "" if ports is None else f" on port {_ports(ports)}"
                        yield Finding.violation(f"{where} lets the whole internet in{of}", where)

    return BuiltCheck(run, tuple(reads))


def _reaches(part: Resource, ports: Sequence[int], from_port: str, to_port: str, protocol: str) -> object:
    if part.get(protocol) in ("-1", "all", -1):
        return True
    low, high = part.get(from_port), part.get(to_port)
    if low is UNKNOWN or high is UNKNOWN or part.get(protocol) is UNKNOWN:
        return UNKNOWN
    if low is MISSING and high is MISSING:
        return True
    first = number(low)
    last = number(high)
    if first is None:
        first = last
    if last is None:
        last = first
    if first is None or last is None or first == -1:
        return True
    return any(first <= port <= last for port in ports)


def _ports(ports: Sequence[int]) -> str:
    return ", ".join(str(port) for port in ports)
