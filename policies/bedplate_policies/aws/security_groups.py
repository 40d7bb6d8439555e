"""Security groups and network ACLs: who can reach which port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bedplate_policies.aws.controls import NETWORK, cis, fsbp, security_hub
from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.networks import is_open
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Control, Finding, Option, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, number

_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_ACL = "aws:ec2/networkAcl:NetworkAcl"
_DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
_ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"

# Shells, container and cluster control, databases, and what AI tools listen on without a password: notebooks,
# TensorBoard, the Ray dashboard.
_ADMIN_PORTS = (
    22,
    2375,
    2376,
    2379,
    2380,
    3306,
    3389,
    5432,
    5985,
    5986,
    6006,
    6379,
    6443,
    8265,
    8888,
    9200,
    10250,
    27017,
)
_PORTS = {
    "ports": Option("array", list(_ADMIN_PORTS), "The ports that must not be open to the whole internet.")
}
_GROUP_CIDRS = ("cidrBlocks[]", "ipv6CidrBlocks[]")
_RULE_CIDRS = ("cidrIpv4", "cidrIpv6")
_ACL_CIDRS = ("cidrBlock", "ipv6CidrBlock")
_ALL = object()


def _span(block: Resource, protocol: str) -> object:
    """The ports that a rule reaches as (first, last), _ALL for every port, or UNKNOWN."""
    kind, low, high = block.get(protocol), block.get("fromPort"), block.get("toPort")
    if kind in ("-1", "all", -1):
        return _ALL
    if UNKNOWN in (kind, low, high):
        return UNKNOWN
    if str(kind).lower() in ("icmp", "icmpv6", "1", "58"):
        return None
    first, last = number(low), number(high)
    if first is None or last is None:
        return _ALL
    # AWS itself reads 0-0 of TCP as port 0; many programs write it for "every port" with protocol -1 only.
    return _ALL if (first, last) in ((0, 65535), (1, 65535), (-1, -1)) else (first, last)


def _open(block: Resource, cidrs: Sequence[str]) -> Iterator[tuple[str, object]]:
    for path in cidrs:
        for place, value in block.each(path):
            if value is UNKNOWN or is_open(value):
                yield block.path(place), value


def _not_open(
    within: str,
    cidrs: Sequence[str],
    *,
    protocol: str = "protocol",
    everything: bool = False,
    only: Mapping[str, tuple[object, ...]] | None = None,
) -> BuiltCheck:
    """No rule in `within` lets the whole internet reach one of the ports (or, `everything`, all of them)."""
    prefix = f"{within}." if within else ""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for block in resource.at(within) if within else (resource,):
            if block.is_unknown:
                yield Finding.undetermined(block.path(""))
                continue
            if any(block.get(path) not in (*wanted, UNKNOWN) for path, wanted in (only or {}).items()):
                continue
            span = _span(block, protocol)
            if span is None or (everything and isinstance(span, tuple)):
                continue
            ports = () if everything else [float(port) for port in config.strings("ports")]
            reached: list[float] = []
            if isinstance(span, tuple):
                reached = [port for port in ports if span[0] <= port <= span[1]]
                if not reached:
                    continue
            for where, value in _open(block, cidrs):
                if value is UNKNOWN or span is UNKNOWN:
                    yield Finding.undetermined(where)
                else:
                    what = ", ".join(f"{port:g}" for port in reached) or "every port"
                    yield Finding.violation(f"{where} opens {what} to the whole internet", where)

    reads = [f"{prefix}{path}" for path in (*cidrs, protocol, "fromPort", "toPort", *(only or {}))]
    return custom(run, *reads, options={} if everything else _PORTS)


def _admin(
    name: str, noun: str, types: tuple[str, ...], check: BuiltCheck, controls: tuple[Control, ...]
) -> AnyRule:
    return rule(
        name=name,
        description=f"{noun} keep shells, databases and control ports from the whole internet.",
        severity=Severity.CRITICAL,
        remediation="Name the networks that need the port, or reach it through Session Manager or a VPN.",
        controls=controls,
        types=types,
        check=check,
    )


def _every_port(
    name: str, noun: str, types: tuple[str, ...], check: BuiltCheck, controls: tuple[Control, ...]
) -> AnyRule:
    return rule(
        name=name,
        description=f"{noun} do not open every port to the whole internet.",
        severity=Severity.CRITICAL,
        remediation="Open single ports, to the networks or security groups that need them.",
        controls=controls,
        types=types,
        check=check,
    )


def _egress(name: str, noun: str, types: tuple[str, ...], check: BuiltCheck) -> AnyRule:
    return rule(
        name=name,
        description=f"{noun} do not let machines send anything to anywhere.",
        severity=Severity.LOW,
        remediation=(
            "Allow HTTPS and the networks that a workload talks to; use VPC endpoints for AWS itself."
        ),
        controls=NETWORK,
        types=types,
        enforcement="advisory",
        check=check,
    )


_SG_CONTROLS = (*fsbp("EC2.18", "EC2.19"), *security_hub("EC2.53", "EC2.54"), *cis("5.2", "5.3"))
_ACL_CONTROLS = (*fsbp("EC2.21"), *cis("5.1"))

RULES: tuple[AnyRule, ...] = (
    _admin(
        "aws-ec2-security-group-admin-ports",
        "Security groups",
        (_GROUP,),
        _not_open("ingress[]", _GROUP_CIDRS),
        _SG_CONTROLS,
    ),
    _admin(
        "aws-ec2-security-group-rule-admin-ports",
        "Security group rules",
        (_RULE,),
        _not_open("", _GROUP_CIDRS, only={"type": ("ingress",)}),
        _SG_CONTROLS,
    ),
    _admin(
        "aws-vpc-ingress-rule-admin-ports",
        "Ingress rules",
        (_INGRESS,),
        _not_open("", _RULE_CIDRS, protocol="ipProtocol"),
        _SG_CONTROLS,
    ),
    _every_port(
        "aws-ec2-security-group-all-ports",
        "Security groups",
        (_GROUP,),
        _not_open("ingress[]", _GROUP_CIDRS, everything=True),
        fsbp("EC2.18"),
    ),
    _every_port(
        "aws-ec2-security-group-rule-all-ports",
        "Security group rules",
        (_RULE,),
        _not_open("", _GROUP_CIDRS, everything=True, only={"type": ("ingress",)}),
        fsbp("EC2.18"),
    ),
    _every_port(
        "aws-vpc-ingress-rule-all-ports",
        "Ingress rules",
        (_INGRESS,),
        _not_open("", _RULE_CIDRS, protocol="ipProtocol", everything=True),
        fsbp("EC2.18"),
    ),
    _egress(
        "aws-ec2-security-group-egress",
        "Security groups",
        (_GROUP,),
        _not_open("egress[]", _GROUP_CIDRS, everything=True),
    ),
    _egress(
        "aws-vpc-egress-rule-all-ports",
        "Egress rules",
        (_EGRESS,),
        _not_open("", _RULE_CIDRS, protocol="ipProtocol", everything=True),
    ),
    _admin(
        "aws-ec2-network-acl-admin-ports",
        "Network ACLs",
        (_ACL, _DEFAULT_ACL),
        _not_open("ingress[]", _ACL_CIDRS, only={"action": ("allow",)}),
        _ACL_CONTROLS,
    ),
    _admin(
        "aws-ec2-network-acl-rule-admin-ports",
        "Network ACL rules",
        (_ACL_RULE,),
        _not_open("", _ACL_CIDRS, only={"ruleAction": ("allow",), "egress": (False, MISSING)}),
        _ACL_CONTROLS,
    ),
)
