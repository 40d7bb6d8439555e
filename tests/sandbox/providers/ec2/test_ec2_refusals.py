"""What is refused before a resource is made: inputs that EC2 would not take."""

import base64
from typing import Any

import pytest

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
GROUP, RULE = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
ROUTE, NAT = "aws:ec2/route:Route", "aws:ec2/natGateway:NatGateway"
ENDPOINT, FLOW_LOG = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/flowLog:FlowLog"
TEMPLATE, PLACEMENT = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/placementGroup:PlacementGroup"


def _cards(count: int, kind: str = "efa", card: int | None = None) -> list[dict[str, Any]]:
    return [
        {
            "networkCardIndex": index if card is None else card,
            "deviceIndex": 0 if index == 0 else 1,
            "interfaceType": kind,
        }
        for index in range(count)
    ]


def _disk(**ebs: Any) -> dict[str, Any]:
    return {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3", **ebs}}]}


_ARN = {
    "iamRoleArn": "arn:aws:iam::123456789012:role/r",
    "logDestination": "arn:aws:logs:us-west-2:1:log-group:g",
}
_TCP = {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8", "ipProtocol": "tcp"}

CHECKED: list[tuple[str, dict[str, Any], str, str]] = [
    (VPC, {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "/16 to /28"),
    (VPC, {"cidrBlock": "10.0.0.0/29"}, "cidrBlock", "/16 to /28"),
    (VPC, {"cidrBlock": "10.0.0.1/16"}, "cidrBlock", "write 10.0.0.0/16"),
    (VPC, {"cidrBlock": "ten"}, "cidrBlock", "not an IPv4 CIDR block"),
    (VPC, {}, "cidrBlock", "it is missing"),
    (VPC, {"cidrBlock": "10.0.0.0/16", "instanceTenancy": "shared"}, "instanceTenancy", "default, dedicated"),
    (SUBNET, {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/30"}, "cidrBlock", "/16 to /28"),
    (
        SUBNET,
        {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24", "availabilityZone": "us-east-1a"},
        "availabilityZone",
        "not in us-west-2",
    ),
    (NAT, {"subnetId": "subnet-1"}, "allocationId", "needs an address"),
    (
        NAT,
        {"subnetId": "subnet-1", "allocationId": "eipalloc-1", "connectivityType": "private"},
        "allocationId",
        "leave allocationId out",
    ),
    (ROUTE, {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}, "gatewayId", "exactly one of"),
    (
        ROUTE,
        {
            "routeTableId": "rtb-1",
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": "igw-1",
            "natGatewayId": "nat-1",
        },
        "natGatewayId",
        "exactly one of",
    ),
    (RULE, {**_TCP, "fromPort": 443, "toPort": 80}, "fromPort", "swap them"),
    (RULE, {**_TCP, "fromPort": 1, "toPort": 70000}, "toPort", "0 to 65535"),
    (RULE, {**_TCP}, "fromPort", "needs one from 0 to 65535"),
    (RULE, {**_TCP, "ipProtocol": "http", "fromPort": 1, "toPort": 1}, "ipProtocol", "not a protocol"),
    (RULE, {**_TCP, "ipProtocol": "-1", "fromPort": 1, "toPort": 9}, "fromPort", "leave them out"),
    (RULE, {"securityGroupId": "sg-1", "ipProtocol": "-1"}, "cidrIpv4", "exactly one of"),
    (RULE, {**_TCP, "ipProtocol": "-1", "description": "naïve"}, "description", "reword it"),
    (GROUP, {"name": "sg-mine"}, "name", "not beginning with sg-"),
    (
        GROUP,
        {"ingress": [{"protocol": "tcp", "fromPort": 1, "toPort": 1}]},
        "ingress[0]",
        "no source or destination",
    ),
    (
        ENDPOINT,
        {"vpcId": "v", "serviceName": "com.amazonaws.us-east-1.s3"},
        "serviceName",
        "not in us-west-2",
    ),
    (
        ENDPOINT,
        {"vpcId": "v", "serviceName": "com.amazonaws.us-west-2.ecr.api"},
        "vpcEndpointType",
        "use Interface",
    ),
    (
        ENDPOINT,
        {"vpcId": "v", "serviceName": "com.amazonaws.us-west-2.s3", "subnetIds": ["subnet-1"]},
        "subnetIds",
        "leave it out",
    ),
    (
        ENDPOINT,
        {"vpcId": "v", "serviceName": "com.amazonaws.us-west-2.s3", "policy": "{"},
        "policy",
        "not a JSON document",
    ),
    (FLOW_LOG, {**_ARN, "trafficType": "ALL"}, "vpcId", "exactly one of"),
    (FLOW_LOG, {**_ARN, "vpcId": "v", "maxAggregationInterval": 30}, "maxAggregationInterval", "60, 600"),
    (FLOW_LOG, {"vpcId": "v", "logDestination": _ARN["logDestination"]}, "iamRoleArn", "needs a role"),
    (FLOW_LOG, {**_ARN, "vpcId": "v", "logDestination": "arn:aws:s3:::b"}, "logDestination", "does not fit"),
    (TEMPLATE, {"instanceType": "p5.47xlarge"}, "instanceType", "p5.48xlarge"),
    (
        TEMPLATE,
        {"instanceType": "p4d.24xlarge", "networkInterfaces": _cards(5, card=0)},
        "networkInterfaces",
        "AttachmentLimitExceeded",
    ),
    (
        TEMPLATE,
        {"instanceType": "g6.xlarge", "networkInterfaces": _cards(1)},
        "networkInterfaces[0].interfaceType",
        "does not support EFA",
    ),
    (
        TEMPLATE,
        {"instanceType": "p4d.24xlarge", "networkInterfaces": _cards(6, "interface")},
        "networkInterfaces[4].networkCardIndex",
        "4 does not exist",
    ),
    (
        TEMPLATE,
        {"networkInterfaces": _cards(1, "efa-only")},
        "networkInterfaces[0].interfaceType",
        "cannot be efa-only",
    ),
    (
        TEMPLATE,
        {"networkInterfaces": _cards(3, card=0)},
        "networkInterfaces[2]",
        "a card and device of its own",
    ),
    (
        TEMPLATE,
        {"networkInterfaces": [{**card, "associatePublicIpAddress": "true"} for card in _cards(2)]},
        "networkInterfaces[0].associatePublicIpAddress",
        "private subnet",
    ),
    (
        TEMPLATE,
        {"networkInterfaces": _cards(1), "vpcSecurityGroupIds": ["sg-1"]},
        "vpcSecurityGroupIds",
        "securityGroups on each",
    ),
    (
        TEMPLATE,
        {"metadataOptions": {"httpTokens": "mandatory"}},
        "metadataOptions.httpTokens",
        "required, optional",
    ),
    (TEMPLATE, {"userData": "#!/bin/sh"}, "userData", "not base64"),
    (TEMPLATE, {"userData": base64.b64encode(b"x" * 16385).decode()}, "userData", "16384 are allowed"),
    (TEMPLATE, _disk(volumeSize=4, iops=4000), "blockDeviceMappings[0].ebs.iops", "500 IOPS per GiB"),
    (TEMPLATE, _disk(volumeSize=100, throughput=1000), "blockDeviceMappings[0].ebs.throughput", "raise iops"),
    (TEMPLATE, _disk(volumeType="gp2", throughput=250), "blockDeviceMappings[0].ebs.throughput", "use gp3"),
    (TEMPLATE, _disk(volumeType="gp4"), "blockDeviceMappings[0].ebs.volumeType", "gp3, gp2"),
    (TEMPLATE, _disk(kmsKeyId="k"), "blockDeviceMappings[0].ebs.encrypted", "needs encryption"),
    (
        TEMPLATE,
        {"instanceMarketOptions": {"marketType": "capacity-block"}},
        "capacityReservationSpecification.capacityReservationTarget",
        "needs its reservation",
    ),
    (PLACEMENT, {"strategy": "pack"}, "strategy", "cluster, partition, spread"),
    (PLACEMENT, {"strategy": "cluster", "partitionCount": 3}, "partitionCount", "leave it out"),
]


@pytest.mark.parametrize(("token", "inputs", "path", "words"), CHECKED)
def test_refused_before_it_is_made(
    cloud: Any, token: str, inputs: dict[str, Any], path: str, words: str
) -> None:
    problems = cloud.problems(token, inputs)
    assert path in problems, problems
    assert words in problems[path]


def test_inputs_that_are_not_known_yet_are_not_called_missing(cloud: Any) -> None:
    cloud.ctx.unknown = frozenset({"allocationId", "subnetId"})
    assert cloud.problems(NAT, {}) == {}
    cloud.ctx.unknown = frozenset({"referencedSecurityGroupId", "securityGroupId"})
    assert cloud.problems(RULE, {"ipProtocol": "-1"}) == {}
