"""VPCs, subnets and flow logs."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import NETWORK, cis, fsbp
from bedplate_policies.checks import all_of, must_be_one_of, must_equal, must_not_be, must_not_be_set
from bedplate_policies.networks import is_open
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule, stack_rule
from bedplate_policies.stack import Stack
from bedplate_policies.value import UNKNOWN

_VPC = "aws:ec2/vpc:Vpc"
_FLOW_LOG = "aws:ec2/flowLog:FlowLog"
_DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"


_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"


def _endpoints_closed(stack: Stack, _: Config) -> Iterator[Finding]:
    for group in stack.of_type(_GROUP):
        if not stack.companions(group, _ENDPOINT, "securityGroupIds[]"):
            continue
        rules = stack.companions(group, _INGRESS, "securityGroupId")
        older = stack.companions(group, _GROUP_RULE, "securityGroupId")
        places = [
            *((group, path) for path in ("ingress[].cidrBlocks[]", "ingress[].ipv6CidrBlocks[]")),
            *((one, path) for one in rules for path in ("cidrIpv4", "cidrIpv6")),
            *((one, f"{path}[]") for one in older for path in ("cidrBlocks", "ipv6CidrBlocks")),
        ]
        for resource, path in places:
            if resource.type == _GROUP_RULE and resource.get("type") == "egress":
                continue
            for where, value in resource.each(path):
                if value is UNKNOWN:
                    yield Finding.undetermined(where, resource)
                elif is_open(value):
                    yield Finding.violation(
                        f"{where} opens private endpoints to the whole internet", where, resource
                    )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-ec2-default-security-group-closed",
        description="A VPC's default security group lets nothing in or out.",
        severity=Severity.HIGH,
        remediation="Leave ingress and egress of aws.ec2.DefaultSecurityGroup out.",
        controls=(*fsbp("EC2.2"), *cis("5.4")),
        types=(_DEFAULT_GROUP,),
        check=all_of(must_not_be_set("ingress"), must_not_be_set("egress")),
    ),
    stack_rule(
        name="aws-ec2-vpc-default-security-group",
        description="Every VPC has its default security group taken over and closed.",
        severity=Severity.MEDIUM,
        remediation="Add aws.ec2.DefaultSecurityGroup(vpc_id=vpc.id) without rules.",
        controls=(*fsbp("EC2.2"), *cis("5.4")),
        types=(_DEFAULT_GROUP,),
        reads=("vpcId",),
        check=every_has(
            (_VPC,),
            (_DEFAULT_GROUP,),
            "vpcId",
            "no aws.ec2.DefaultSecurityGroup closes this VPC's default group",
        ),
    ),
    stack_rule(
        name="aws-ec2-vpc-flow-logs",
        description="Every VPC has flow logs.",
        severity=Severity.MEDIUM,
        remediation='Add aws.ec2.FlowLog(vpc_id=vpc.id, traffic_type="ALL", ...).',
        controls=(*fsbp("EC2.6"), *cis("3.7")),
        types=(_FLOW_LOG,),
        reads=("vpcId",),
        check=every_has((_VPC,), (_FLOW_LOG,), "vpcId", "no aws.ec2.FlowLog names this VPC"),
    ),
    rule(
        name="aws-ec2-flow-log-rejected-traffic",
        description="Flow logs record what was turned away.",
        severity=Severity.LOW,
        remediation='Set traffic_type="ALL" (or "REJECT").',
        controls=cis("3.7"),
        types=(_FLOW_LOG,),
        check=must_be_one_of("trafficType", ("ALL", "REJECT"), missing="ok"),
    ),
    rule(
        name="aws-ec2-subnet-no-public-ip",
        description="Subnets give machines no public IPv4 address by themselves.",
        severity=Severity.MEDIUM,
        remediation="Set map_public_ip_on_launch=False.",
        controls=fsbp("EC2.15"),
        types=("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet"),
        check=must_not_be("mapPublicIpOnLaunch", True),
    ),
    stack_rule(
        name="aws-ec2-vpc-endpoint-not-open",
        description="Security groups of private endpoints let in the network only.",
        severity=Severity.HIGH,
        remediation="Set cidr_ipv4 to the VPC's own range, or name security groups.",
        controls=NETWORK,
        types=(_INGRESS,),
        reads=("securityGroupId", "cidrIpv4", "cidrIpv6"),
        check=_endpoints_closed,
    ),
    rule(
        name="aws-ec2-no-default-vpc",
        description="Nothing is built on a region's default VPC, whose subnets are all public.",
        severity=Severity.MEDIUM,
        remediation="Make a VPC of your own; force_destroy=True removes the default one with the stack.",
        controls=NETWORK,
        types=("aws:ec2/defaultVpc:DefaultVpc",),
        check=must_equal("forceDestroy", True),
    ),
    rule(
        name="aws-ec2-transit-gateway-auto-accept",
        description="Transit gateways attach other accounts' networks only when somebody accepts them.",
        severity=Severity.HIGH,
        remediation='Set auto_accept_shared_attachments="disable".',
        controls=fsbp("EC2.23"),
        types=("aws:ec2transitgateway/transitGateway:TransitGateway",),
        check=must_not_be("autoAcceptSharedAttachments", "enable"),
    ),
)
