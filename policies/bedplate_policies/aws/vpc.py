"""VPCs, subnets and flow logs."""

from __future__ import annotations

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import NETWORK, cis, fsbp
from bedplate_policies.checks import all_of, must_be_one_of, must_equal, must_not_be, must_not_be_set
from bedplate_policies.rule import AnyRule, Severity, rule, stack_rule

_VPC = "aws:ec2/vpc:Vpc"
_FLOW_LOG = "aws:ec2/flowLog:FlowLog"
_DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"


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
