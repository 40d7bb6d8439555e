"""What a refresh sees of changes made with boto3, what is adopted, what a network leaves behind."""

from typing import Any

import pytest

GROUP, TEMPLATE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/launchTemplate:LaunchTemplate"
OPEN = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
ALL_OUT = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def test_a_group_has_no_rules_but_those_that_were_written(cloud: Any) -> None:
    vpc = cloud.vpc()
    bare, open_ = cloud.group(vpc), cloud.group(vpc, egress=[OPEN])
    shown = {one["GroupId"]: one for one in cloud.ec2.describe_security_groups()["SecurityGroups"]}
    assert shown[bare.id]["IpPermissionsEgress"] == []
    assert shown[open_.id]["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_rules_of_their_own_are_no_drift_of_the_group(cloud: Any) -> None:
    group = cloud.group(cloud.vpc())
    rule = {"securityGroupId": group.id, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}
    cloud.create("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", rule)
    assert cloud.read(GROUP, group) == group.outputs


def test_routes_of_their_own_are_no_drift_of_the_table(cloud: Any) -> None:
    vpc = cloud.vpc()
    gateway, table = cloud.gateway(vpc), cloud.table(vpc)
    route = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    cloud.create("aws:ec2/route:Route", route)
    assert cloud.read("aws:ec2/routeTable:RouteTable", table) == table.outputs


def test_an_address_that_a_gateway_takes_is_no_drift(cloud: Any) -> None:
    address = cloud.address()
    cloud.nat(cloud.subnet(cloud.vpc()), address)
    assert cloud.read("aws:ec2/eip:Eip", address) == address.outputs


def test_a_rule_added_by_hand_to_inline_rules_is_drift(cloud: Any) -> None:
    group = cloud.group(cloud.vpc(), ingress=[])
    cloud.ec2.authorize_security_group_ingress(GroupId=group.id, IpPermissions=ALL_OUT)
    found = cloud.read(GROUP, group)["ingress"]
    assert [(rule["protocol"], rule["cidrBlocks"]) for rule in found] == [("-1", ["0.0.0.0/0"])]


def test_the_default_group_is_emptied_and_left_behind(cloud: Any) -> None:
    vpc = cloud.vpc()
    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    group = cloud.create(token, {"vpcId": vpc.id, "ingress": [], "egress": [], "tags": {"a": "b"}})
    assert group.id == vpc.outputs["defaultSecurityGroupId"]
    assert cloud.read(token, group) == group.outputs
    shown = cloud.ec2.describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    assert (shown["IpPermissions"], shown["IpPermissionsEgress"]) == ([], [])
    cloud.ec2.authorize_security_group_egress(GroupId=group.id, IpPermissions=ALL_OUT)
    assert cloud.read(token, group)["egress"] != []
    cloud.delete(token, group)
    assert cloud.ec2.describe_security_groups(GroupIds=[group.id])["SecurityGroups"]


def test_the_default_route_table_and_acl_are_adopted(cloud: Any) -> None:
    vpc = cloud.vpc()
    gateway = cloud.gateway(vpc)
    table_token, acl_token = (
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
        "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    )
    routes = [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}]
    table_inputs = {"defaultRouteTableId": vpc.outputs["defaultRouteTableId"], "routes": routes}
    table = cloud.create(table_token, table_inputs)
    acl = cloud.create(acl_token, {"defaultNetworkAclId": vpc.outputs["defaultNetworkAclId"]})
    assert cloud.read(table_token, table) == table.outputs
    assert cloud.read(acl_token, acl) == acl.outputs
    entries = cloud.ec2.describe_network_acls(NetworkAclIds=[acl.id])["NetworkAcls"][0]["Entries"]
    assert {entry["RuleNumber"] for entry in entries} == {32767}


@pytest.mark.parametrize("made", ["vpc", "subnet", "template", "address"])
def test_what_is_deleted_behind_the_back_is_found_gone(cloud: Any, made: str) -> None:
    if made == "vpc":
        token, one = "aws:ec2/vpc:Vpc", cloud.vpc()
        cloud.ec2.delete_vpc(VpcId=one.id)
    elif made == "subnet":
        token, one = "aws:ec2/subnet:Subnet", cloud.subnet(cloud.vpc())
        cloud.ec2.delete_subnet(SubnetId=one.id)
    elif made == "template":
        token, one = TEMPLATE, cloud.create(TEMPLATE, {"keyName": "ops"})
        cloud.ec2.delete_launch_template(LaunchTemplateId=one.id)
    else:
        token, one = "aws:ec2/eip:Eip", cloud.address()
        cloud.ec2.release_address(AllocationId=one.id)
    assert cloud.read(token, one) is None
    cloud.delete(token, one)


def test_tags_and_attributes_changed_by_hand_are_drift(cloud: Any) -> None:
    vpc = cloud.vpc(tags={"team": "ai"})
    cloud.ec2.create_tags(Resources=[vpc.id], Tags=[{"Key": "team", "Value": "web"}])
    cloud.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsHostnames={"Value": True})
    now = cloud.read("aws:ec2/vpc:Vpc", vpc)
    assert now["tags"] == {"team": "web"}
    assert now["tagsAll"] == {"team": "web", "managed-by": "pulumi"}
    assert now["enableDnsHostnames"] is True


def test_a_route_that_points_elsewhere_is_drift(cloud: Any) -> None:
    vpc = cloud.vpc()
    gateway, table = cloud.gateway(vpc), cloud.table(vpc)
    nat = cloud.nat(cloud.subnet(vpc), cloud.address())
    inputs = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    route = cloud.create("aws:ec2/route:Route", inputs)
    cloud.ec2.replace_route(RouteTableId=table.id, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat.id)
    now = cloud.read("aws:ec2/route:Route", route)
    assert (now.get("gatewayId"), now["natGatewayId"]) == (None, nat.id)


def test_each_change_of_a_template_is_a_version(cloud: Any) -> None:
    first = {"name": "gpu", "monitoring": {"enabled": True}, "updateDefaultVersion": True}
    template = cloud.create(TEMPLATE, first)
    second = {**first, "monitoring": {"enabled": False}}
    updated = cloud.update(TEMPLATE, template, first, second)
    assert (updated.outputs["latestVersion"], updated.outputs["defaultVersion"]) == (2, 2)
    tagged = cloud.update(TEMPLATE, updated, second, {**second, "tags": {"a": "b"}})
    assert tagged.outputs["latestVersion"] == 2

    cloud.ec2.create_launch_template_version(
        LaunchTemplateId=template.id, LaunchTemplateData={"KeyName": "x"}
    )
    now = cloud.read(TEMPLATE, tagged)
    assert (now["latestVersion"], now["keyName"], now.get("monitoring")) == (3, "x", None)


def test_an_association_moves_to_another_table(cloud: Any) -> None:
    vpc = cloud.vpc()
    token, subnet = "aws:ec2/routeTableAssociation:RouteTableAssociation", cloud.subnet(vpc)
    old = {"subnetId": subnet.id, "routeTableId": cloud.table(vpc).id}
    new = {**old, "routeTableId": cloud.table(vpc).id}
    moved = cloud.update(token, cloud.create(token, old), old, new)
    assert cloud.read(token, moved)["routeTableId"] == new["routeTableId"]
    cloud.delete(token, moved)
    assert cloud.read(token, moved) is None


def test_a_network_is_taken_down_to_nothing(cloud: Any) -> None:
    vpc = cloud.vpc(enableDnsHostnames=True)
    gateway, subnet, group, address = cloud.gateway(vpc), cloud.subnet(vpc), cloud.group(vpc), cloud.address()
    nat = cloud.nat(subnet, address)
    endpoint_token, inputs = "aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface"}
    inputs |= {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-west-2.sts"}
    endpoint = cloud.create(
        endpoint_token, {**inputs, "subnetIds": [subnet.id], "securityGroupIds": [group.id]}
    )
    cloud.delete(endpoint_token, endpoint)
    cloud.delete("aws:ec2/natGateway:NatGateway", nat)
    cloud.delete("aws:ec2/eip:Eip", address)
    cloud.delete(GROUP, group)
    cloud.delete("aws:ec2/subnet:Subnet", subnet)
    cloud.delete("aws:ec2/internetGateway:InternetGateway", gateway)
    cloud.delete("aws:ec2/vpc:Vpc", vpc)
    assert all(one["IsDefault"] for one in cloud.ec2.describe_vpcs()["Vpcs"])
    assert cloud.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert cloud.ec2.describe_addresses()["Addresses"] == []


def test_encryption_by_default_is_switched_off_again(cloud: Any) -> None:
    token = "aws:ebs/encryptionByDefault:EncryptionByDefault"
    setting = cloud.create(token, {})
    assert cloud.read(token, setting)["enabled"] is True
    cloud.delete(token, setting)
    assert cloud.ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
