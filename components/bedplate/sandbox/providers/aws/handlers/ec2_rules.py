"""Security group rules: the provider's forms of them, EC2's, and the single permissions behind both."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bedplate.sandbox.providers.aws.handlers.ec2_checks import Check, Problem, cidr, matching
from bedplate.sandbox.providers.handler import JsonObject

# EC2 API reference, IpPermission and SecurityGroupRule (from memory).
DESCRIPTION: Check = matching(
    r"[0-9A-Za-z_ .:/()#,@\[\]+=&;{}!$*-]{0,255}",
    "use at most 255 of letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*; shorten or reword it",
)
_PROTOCOLS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_NAMES = ("tcp", "udp", "icmp", "icmpv6", "-1")
# Inline list -> (list in IpPermissions, key of an element).
_LISTS = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}


class Permission(NamedTuple):
    """One source or destination for one range of ports."""

    protocol: str
    from_port: int
    to_port: int
    list_name: str
    value: str
    description: str


def protocol_of(value: Any) -> str:
    """The protocol as EC2 shows it: `all` is -1, and 6 is tcp."""
    text = str(value).lower()
    return _PROTOCOLS.get(text, text)


def permissions(rules: Iterable[Mapping[str, Any]], group_id: str) -> list[Permission]:
    """The permissions of inline rules, in their order and without repetition."""
    found: dict[Permission, None] = {}
    for rule in rules:
        protocol = protocol_of(rule.get("protocol", "-1"))
        everything = protocol == "-1"
        low, high = (-1, -1) if everything else (int(rule.get("fromPort") or 0), int(rule.get("toPort") or 0))
        values = {name: list(rule.get(name) or ()) for name in _LISTS}
        if rule.get("self"):
            values["securityGroups"].append(group_id)
        for name in _LISTS:
            for value in values[name]:
                found[
                    Permission(protocol, low, high, name, str(value), str(rule.get("description") or ""))
                ] = None
    return list(found)


def described(answer: Iterable[Mapping[str, Any]]) -> list[Permission]:
    """The permissions of a described group."""
    found = []
    for rule in answer:
        protocol = protocol_of(rule["IpProtocol"])
        low, high = (-1, -1) if protocol == "-1" else (rule.get("FromPort", -1), rule.get("ToPort", -1))
        for name, (list_name, key) in _LISTS.items():
            for item in rule.get(list_name) or ():
                value = str(item.get(key) or item.get("GroupName", ""))
                found.append(Permission(protocol, low, high, name, value, str(item.get("Description") or "")))
    return found


def to_call(items: Iterable[Permission]) -> list[JsonObject]:
    """IpPermissions for authorize and revoke calls, one element per port range, in the given order."""
    grouped: dict[tuple[str, int, int], JsonObject] = {}
    for item in items:
        call = grouped.setdefault(item[:3], {"IpProtocol": item.protocol})
        if item.protocol != "-1":
            call |= {"FromPort": item.from_port, "ToPort": item.to_port}
        list_name, key = _LISTS[item.list_name]
        entry = {key: item.value, **({"Description": item.description} if item.description else {})}
        call.setdefault(list_name, []).append(entry)
    return list(grouped.values())


def to_rules(items: Iterable[Permission], group_id: str) -> list[JsonObject]:
    """Inline rules for permissions, as the provider shows rules that the program did not write."""
    grouped: dict[tuple[str, int, int, str], JsonObject] = {}
    for item in items:
        everything = item.protocol == "-1"
        rule = grouped.setdefault(
            (*item[:3], item.description),
            {
                "protocol": item.protocol,
                "fromPort": 0 if everything else item.from_port,
                "toPort": 0 if everything else item.to_port,
                "description": item.description,
                "self": False,
                **{name: [] for name in _LISTS},
            },
        )
        if item.list_name == "securityGroups" and item.value == group_id:
            rule["self"] = True
        else:
            rule[item.list_name].append(item.value)
    return list(grouped.values())


def inline_problems(inputs: Mapping[str, Any], name: str) -> list[Problem]:
    """What EC2 would refuse in inline rules."""
    problems: list[Problem] = []
    for index, rule in enumerate(inputs.get(name) or ()):
        at = f"{name}[{index}]"
        problems += port_problems(rule, at, "protocol")
        if not rule.get("self") and not any(rule.get(one) for one in _LISTS):
            problems.append(
                (at, f"has no source or destination; give one of {', '.join(_LISTS)} or self = true")
            )
        for one, check in (("cidrBlocks", cidr(4)), ("ipv6CidrBlocks", cidr(6))):
            for position, block in enumerate(rule.get(one) or ()):
                reason = check(block)
                if reason:
                    problems.append((f"{at}.{one}[{position}]", reason))
        reason = DESCRIPTION(rule.get("description") or "")
        if reason:
            problems.append((f"{at}.description", reason))
    return problems


def port_problems(rule: Mapping[str, Any], at: str, key: str) -> list[Problem]:
    """Protocol and ports that do not go together."""
    prefix = f"{at}." if at else ""
    if rule.get(key) is None:
        return []
    protocol = protocol_of(rule[key])
    low, high = rule.get("fromPort"), rule.get("toPort")
    if protocol not in _NAMES and not (protocol.isdigit() and int(protocol) <= 255):
        return [
            (
                f"{prefix}{key}",
                f"{rule[key]!r} is not a protocol; write {', '.join(_NAMES)} or a number 0 to 255",
            )
        ]
    if protocol == "-1":
        if low not in (None, 0, -1) or high not in (None, 0, -1):
            return [
                (
                    f"{prefix}fromPort",
                    f"ports {low} to {high} have no meaning for all protocols (-1); leave them out",
                )
            ]
        return []
    if protocol not in ("tcp", "udp"):
        return []
    problems = []
    for name, port in (("fromPort", low), ("toPort", high)):
        if not isinstance(port, int | float) or not 0 <= port <= 65535:
            problems.append(
                (f"{prefix}{name}", f"{port!r} is not a port; {protocol} needs one from 0 to 65535")
            )
    if not problems and low is not None and high is not None and low > high:
        problems.append((f"{prefix}fromPort", f"{low} is above toPort {high}; swap them"))
    return problems
