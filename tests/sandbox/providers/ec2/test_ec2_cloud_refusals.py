"""What EC2 refuses at the creation or the deletion of a resource, mostly where moto does not."""

from collections.abc import Callable
from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
GROUP, RULE = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
ROUTE = "aws:ec2/route:Route"
ENDPOINT, FLOW_LOG = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/flowLog:FlowLog"
TEMPLATE, PLACEMENT = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/placementGroup:PlacementGroup"
GONE = "0123456789abcdef0"
_ARN = {
    "iamRoleArn": "arn:aws:iam::123456789012:role/r",
    "logDestination": "arn:aws:logs:us-west-2:1:log-group:g",
}


def _in_other_block(cloud: Any) -> None:
    cloud.subnet(cloud.vpc("10.0.0.0/16"), "10.1.0.0/24")


def _overlapping(cloud: Any) -> None:
    vpc = cloud.vpc()
    cloud.subnet(vpc, "10.0.0.0/24")
    cloud.subnet(vpc, "10.0.0.128/25", "us-west-2b")


def _unknown_zone(cloud: Any) -> None:
    cloud.subnet(cloud.vpc(), zone="us-west-2z")


def _missing_vpc(token: str, **more: Any) -> Callable[[Any], None]:
    def act(cloud: Any) -> None:
        cloud.create(token, {"vpcId": f"vpc-{GONE}", **more})

    return act


def _shared_address(cloud: Any) -> None:
    subnet, address = cloud.subnet(cloud.vpc()), cloud.address()
    cloud.nat(subnet, address)
    cloud.nat(subnet, address)


def _second_association(cloud: Any) -> None:
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    for _ in range(2):
        inputs = {"subnetId": subnet.id, "routeTableId": cloud.table(vpc).id}
        cloud.create("aws:ec2/routeTableAssociation:RouteTableAssociation", inputs)


def _second_route(cloud: Any) -> None:
    vpc = cloud.vpc()
    inputs = {
        "routeTableId": cloud.table(vpc).id,
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": cloud.gateway(vpc).id,
    }
    cloud.create(ROUTE, inputs)
    cloud.create(ROUTE, inputs)


def _second_rule(cloud: Any) -> None:
    inputs = {"securityGroupId": cloud.group(cloud.vpc()).id, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}
    cloud.create(RULE, inputs)
    cloud.create(RULE, inputs)


def _private_names_without_dns(cloud: Any) -> None:
    inputs = {
        "vpcId": cloud.vpc(enableDnsHostnames=False).id,
        "serviceName": "com.amazonaws.us-west-2.ecr.api",
        "vpcEndpointType": "Interface",
        "privateDnsEnabled": True,
    }
    cloud.create(ENDPOINT, inputs)


def _unknown_service(cloud: Any) -> None:
    inputs = {"serviceName": "com.amazonaws.us-west-2.sage", "vpcEndpointType": "Interface"}
    cloud.create(ENDPOINT, {"vpcId": cloud.vpc().id, **inputs})


def _template_of_missing_group(cloud: Any) -> None:
    cloud.create(TEMPLATE, {"vpcSecurityGroupIds": [f"sg-{GONE}"]})


def _second_placement_group(cloud: Any) -> None:
    for _ in range(2):
        cloud.create(PLACEMENT, {"name": "ring", "strategy": "cluster"})


def _flow_log_to_missing_bucket(cloud: Any) -> None:
    inputs = {"logDestinationType": "s3", "logDestination": "arn:aws:s3:::nowhere", "trafficType": "ALL"}
    cloud.create(FLOW_LOG, {"vpcId": cloud.vpc().id, **inputs})


def _block_added_twice(cloud: Any) -> None:
    inputs = {"vpcId": cloud.vpc().id, "cidrBlock": "10.0.0.0/20"}
    cloud.create("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", inputs)


def _vpc_with_subnet(cloud: Any) -> None:
    vpc = cloud.vpc()
    cloud.subnet(vpc)
    cloud.delete(VPC, vpc)


def _vpc_with_gateway(cloud: Any) -> None:
    vpc = cloud.vpc()
    cloud.gateway(vpc)
    cloud.delete(VPC, vpc)


def _vpc_with_group(cloud: Any) -> None:
    vpc = cloud.vpc()
    cloud.group(vpc)
    cloud.delete(VPC, vpc)


def _vpc_with_table(cloud: Any) -> None:
    vpc = cloud.vpc()
    cloud.table(vpc)
    cloud.delete(VPC, vpc)


def _subnet_with_nat(cloud: Any) -> None:
    subnet = cloud.subnet(cloud.vpc())
    cloud.nat(subnet, cloud.address())
    cloud.delete(SUBNET, subnet)


def _gateway_under_nat(cloud: Any) -> None:
    vpc = cloud.vpc()
    gateway = cloud.gateway(vpc)
    cloud.nat(cloud.subnet(vpc), cloud.address())
    cloud.delete("aws:ec2/internetGateway:InternetGateway", gateway)


def _address_of_nat(cloud: Any) -> None:
    address = cloud.address()
    cloud.nat(cloud.subnet(cloud.vpc()), address)
    cloud.delete("aws:ec2/eip:Eip", address)


def _group_named_by_another(cloud: Any) -> None:
    vpc = cloud.vpc()
    named, other = cloud.group(vpc), cloud.group(vpc)
    inputs = {"securityGroupId": other.id, "referencedSecurityGroupId": named.id, "ipProtocol": "-1"}
    cloud.create(RULE, inputs)
    cloud.delete(GROUP, named)


def _table_in_use(cloud: Any) -> None:
    vpc = cloud.vpc()
    table = cloud.table(vpc)
    inputs = {"subnetId": cloud.subnet(vpc).id, "routeTableId": table.id}
    cloud.create("aws:ec2/routeTableAssociation:RouteTableAssociation", inputs)
    cloud.delete("aws:ec2/routeTable:RouteTable", table)


ACTS: list[tuple[Callable[[Any], None], str]] = [
    (_in_other_block, "InvalidSubnet.Range"),
    (_overlapping, "InvalidSubnet.Conflict"),
    (_unknown_zone, "InvalidParameterValue"),
    (_missing_vpc(SUBNET, cidrBlock="10.0.0.0/24"), "InvalidVpcID.NotFound"),
    (_missing_vpc("aws:ec2/internetGateway:InternetGateway"), "InvalidVpcID.NotFound"),
    (_missing_vpc("aws:ec2/routeTable:RouteTable"), "InvalidVpcID.NotFound"),
    (_missing_vpc(GROUP), "InvalidVpcID.NotFound"),
    (_missing_vpc(FLOW_LOG, **_ARN, trafficType="ALL"), "InvalidVpcID.NotFound"),
    (_missing_vpc(ENDPOINT, serviceName="com.amazonaws.us-west-2.s3"), "InvalidVpcID.NotFound"),
    (_missing_vpc("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), "InvalidGroup.NotFound"),
    (_shared_address, "Resource.AlreadyAssociated"),
    (_second_association, "Resource.AlreadyAssociated"),
    (_second_route, "RouteAlreadyExists"),
    (_second_rule, "InvalidPermission.Duplicate"),
    (_private_names_without_dns, "InvalidParameter"),
    (_unknown_service, "InvalidServiceName"),
    (_template_of_missing_group, "InvalidGroup.NotFound"),
    (_second_placement_group, "InvalidPlacementGroup.Duplicate"),
    (_flow_log_to_missing_bucket, "400"),
    (_block_added_twice, "CidrConflict"),
    (_vpc_with_subnet, "DependencyViolation"),
    (_vpc_with_gateway, "DependencyViolation"),
    (_vpc_with_group, "DependencyViolation"),
    (_vpc_with_table, "DependencyViolation"),
    (_subnet_with_nat, "DependencyViolation"),
    (_gateway_under_nat, "DependencyViolation"),
    (_address_of_nat, "AuthFailure"),
    (_group_named_by_another, "DependencyViolation"),
    (_table_in_use, "DependencyViolation"),
]


@pytest.mark.parametrize(("act", "code"), ACTS)
def test_refused_by_the_cloud(cloud: Any, act: Callable[[Any], None], code: str) -> None:
    with pytest.raises(CloudError) as refused:
        act(cloud)
    assert refused.value.code == code
