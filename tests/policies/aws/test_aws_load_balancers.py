"""Examples for the rules of load balancers, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.load_balancers import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import Case

REDIRECT = {"type": "redirect", "redirect": {"protocol": "HTTPS", "statusCode": "HTTP_301"}}
FORWARD = {"type": "forward", "targetGroupArn": "arn"}

EXAMPLES: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "aws-lb-listener-encrypted": (
        [
            {"protocol": "HTTPS", "defaultActions": [FORWARD]},
            {"protocol": "TLS", "defaultActions": [FORWARD]},
            {"protocol": "HTTP", "defaultActions": [REDIRECT]},
        ],
        [
            {"protocol": "HTTP", "defaultActions": [FORWARD]},
            {"defaultActions": [FORWARD]},
            {
                "protocol": "HTTP",
                "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTP"}}],
            },
        ],
    ),
    "aws-lb-listener-tls-policy": (
        [
            {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
            {"protocol": "HTTP"},
        ],
        [{"protocol": "HTTPS"}, {"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-2016-08"}],
    ),
    "aws-lb-drop-invalid-headers": (
        [{"dropInvalidHeaderFields": True}, {"loadBalancerType": "network"}],
        [{}, {"loadBalancerType": "application", "dropInvalidHeaderFields": False}],
    ),
    "aws-lb-desync-mitigation": (
        [{}, {"desyncMitigationMode": "strictest"}],
        [{"desyncMitigationMode": "monitor"}],
    ),
    "aws-lb-access-logs": (
        [{"accessLogs": {"bucket": "logs", "enabled": True}}],
        [{}, {"accessLogs": {"bucket": "logs"}}, {"accessLogs": {"bucket": "logs", "enabled": False}}],
    ),
    "aws-lb-deletion-protection": (
        [{"enableDeletionProtection": True}],
        [{}, {"enableDeletionProtection": False}],
    ),
    "aws-lb-internal": ([{"internal": True}], [{}, {"internal": False}]),
    "aws-lb-target-group-encrypted": ([{"protocol": "HTTPS"}, {"protocol": "TLS"}], [{"protocol": "HTTP"}]),
    "aws-elb-classic-listener-encrypted": (
        [{"listeners": [{"lbProtocol": "https"}]}],
        [{"listeners": [{"lbProtocol": "https"}, {"lbProtocol": "http"}]}],
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
