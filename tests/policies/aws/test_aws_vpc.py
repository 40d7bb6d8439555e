"""Examples for the rules of VPCs, right and wrong."""

from __future__ import annotations

from collections.abc import Callable

from bedplate_policies.aws.vpc import RULES
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import Case, StackCase

EXAMPLES = {
    "aws-ec2-default-security-group-closed": (
        [{}, {"ingress": [], "egress": []}],
        [{"ingress": [{"protocol": "-1", "self": True}]}, {"egress": [{"protocol": "-1"}]}],
    ),
    "aws-ec2-flow-log-rejected-traffic": (
        [{}, {"trafficType": "ALL"}, {"trafficType": "REJECT"}],
        [{"trafficType": "ACCEPT"}],
    ),
    "aws-ec2-subnet-no-public-ip": (
        [{}, {"mapPublicIpOnLaunch": False}],
        [{"mapPublicIpOnLaunch": True}],
    ),
    "aws-ec2-no-default-vpc": ([{"forceDestroy": True}], [{}, {"forceDestroy": False}]),
    "aws-ec2-transit-gateway-auto-accept": (
        [{}, {"autoAcceptSharedAttachments": "disable"}],
        [{"autoAcceptSharedAttachments": "enable"}],
    ),
}
VPC = ("aws:ec2/vpc:Vpc", "vpc", {})
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
OTHER = ("aws:ec2/vpc:Vpc", "other", {})

GROUP = ("aws:ec2/securityGroup:SecurityGroup", "group", {})
ENDPOINT = ("aws:ec2/vpcEndpoint:VpcEndpoint", "logs", {}, {"securityGroupIds": ["group"]})
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLDER = "aws:ec2/securityGroupRule:SecurityGroupRule"
OF_GROUP = {"securityGroupId": ["group"]}
WORLD = ["0.0.0.0/0"]

STACKS = {
    "aws-ec2-vpc-endpoint-not-open": (
        [
            [GROUP, ENDPOINT, (INGRESS, "https", {"cidrIpv4": "10.0.0.0/16"}, OF_GROUP)],
            [GROUP, (INGRESS, "https", {"cidrIpv4": "0.0.0.0/0"}, OF_GROUP)],
            [GROUP, ENDPOINT, (OLDER, "out", {"type": "egress", "cidrBlocks": WORLD}, OF_GROUP)],
        ],
        [
            [GROUP, ENDPOINT, (INGRESS, "https", {"cidrIpv4": "0.0.0.0/0"}, OF_GROUP)],
            [GROUP, ENDPOINT, (INGRESS, "https", {"cidrIpv6": "::/0"}, OF_GROUP)],
            [GROUP, ENDPOINT, (OLDER, "in", {"type": "ingress", "cidrBlocks": WORLD}, OF_GROUP)],
            [(*GROUP[:2], {"ingress": [{"cidrBlocks": WORLD}]}), ENDPOINT],
        ],
    ),
    "aws-ec2-vpc-default-security-group": (
        [[], [VPC, (DEFAULT_GROUP, "closed", {}, {"vpcId": ["vpc"]})]],
        [[VPC], [VPC, OTHER, (DEFAULT_GROUP, "closed", {}, {"vpcId": ["other"]})]],
    ),
    "aws-ec2-vpc-flow-logs": (
        [[], [VPC, (FLOW_LOG, "log", {}, {"vpcId": ["vpc"]})]],
        [[VPC], [VPC, (FLOW_LOG, "log", {"subnetId": "subnet-1"})]],
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
STACK_CASES = [
    StackCase(rule.name, good=STACKS[rule.name][0], bad=STACKS[rule.name][1])
    for rule in RULES
    if isinstance(rule, StackRule)
]


def test_a_rule_passes_what_is_right(passed: Callable[[], list[Finding]]) -> None:
    assert passed() == []


def test_a_rule_refuses_what_is_wrong(refused: Callable[[], list[Finding]]) -> None:
    found = refused()
    assert found
    assert all(finding.kind == "violation" for finding in found)
