"""Examples for the rules of security groups and network ACLs, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.security_groups import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

WORLD = {"cidrBlocks": ["0.0.0.0/0"]}
WORLD_V6 = {"ipv6CidrBlocks": ["::/0"]}
OFFICE = {"cidrBlocks": ["198.51.100.0/24"]}


def _tcp(port: int, to: int | None = None) -> dict[str, object]:
    return {"protocol": "tcp", "fromPort": port, "toPort": to or port}


ALL = {"protocol": "-1", "fromPort": 0, "toPort": 0}
RULE_TCP = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-ec2-security-group-admin-ports": (
        [
            {},
            {"ingress": [{**_tcp(443), **WORLD}, {**_tcp(22), **OFFICE}]},
            {"ingress": [{**_tcp(22), "securityGroups": ["sg-1"]}]},
            {"ingress": [{"protocol": "icmp", "fromPort": 8, "toPort": 0, **WORLD}]},
        ],
        [
            {"ingress": [{**_tcp(22), **WORLD}]},
            {"ingress": [{**_tcp(3389), **WORLD_V6}]},
            {"ingress": [{**_tcp(8000, 9000), **WORLD}]},
            {"ingress": [{**_tcp(22), "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/1"]}]},
            {"ingress": [{**ALL, **WORLD}]},
        ],
    ),
    "aws-ec2-security-group-rule-admin-ports": (
        [
            {"type": "ingress", **_tcp(22), **OFFICE},
            {"type": "egress", **_tcp(22), **WORLD},
            {"type": "ingress", **_tcp(443), **WORLD},
        ],
        [{"type": "ingress", **_tcp(22), **WORLD}, {"type": "ingress", **ALL, **WORLD_V6}],
    ),
    "aws-vpc-ingress-rule-admin-ports": (
        [{**RULE_TCP, "cidrIpv4": "10.0.0.0/8"}, {"ipProtocol": "-1", "referencedSecurityGroupId": "sg-1"}],
        [{**RULE_TCP, "cidrIpv4": "0.0.0.0/0"}, {"ipProtocol": "-1", "cidrIpv6": "::/0"}],
    ),
    "aws-ec2-security-group-all-ports": (
        [{}, {"ingress": [{**ALL, "self": True}]}, {"ingress": [{**_tcp(443), **WORLD}]}],
        [{"ingress": [{**ALL, **WORLD}]}, {"ingress": [{**_tcp(0, 65535), **WORLD_V6}]}],
    ),
    "aws-ec2-security-group-rule-all-ports": (
        [{"type": "ingress", **ALL, "self": True}, {"type": "egress", **ALL, **WORLD}],
        [{"type": "ingress", **ALL, **WORLD}],
    ),
    "aws-vpc-ingress-rule-all-ports": (
        [{"ipProtocol": "-1", "referencedSecurityGroupId": "sg-1"}],
        [{"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}],
    ),
    "aws-ec2-security-group-egress": (
        [{}, {"egress": [{**_tcp(443), **WORLD}]}],
        [{"egress": [{**ALL, **WORLD}]}],
    ),
    "aws-vpc-egress-rule-all-ports": (
        [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}],
        [{"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}],
    ),
    "aws-ec2-network-acl-admin-ports": (
        [
            {},
            {"ingress": [{**_tcp(22), "action": "deny", "cidrBlock": "0.0.0.0/0"}]},
            {"ingress": [{**_tcp(443), "action": "allow", "cidrBlock": "0.0.0.0/0"}]},
        ],
        [
            {"ingress": [{**_tcp(22), "action": "allow", "cidrBlock": "0.0.0.0/0"}]},
            {"ingress": [{**ALL, "action": "allow", "ipv6CidrBlock": "::/0"}]},
        ],
    ),
    "aws-ec2-network-acl-rule-admin-ports": (
        [
            {**_tcp(22), "ruleAction": "deny", "cidrBlock": "0.0.0.0/0"},
            {**_tcp(22), "ruleAction": "allow", "egress": True, "cidrBlock": "0.0.0.0/0"},
        ],
        [{**_tcp(3389), "ruleAction": "allow", "cidrBlock": "0.0.0.0/0"}],
    ),
}

CASES = [
    Case(
        rule.name,
        good=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][0]],
        bad=[(kind, inputs) for kind in rule.types for inputs in EXAMPLES[rule.name][1]],
    )
    for rule in RULES
    if isinstance(rule, Rule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
