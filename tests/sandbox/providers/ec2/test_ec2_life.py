"""Each EC2 type: create, read without drift, change in place, read without drift, delete, found gone."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

Case = tuple[str, Callable[[Any], dict[str, Any]], dict[str, Any]]


def _vpc(cloud: Any) -> dict[str, Any]:
    return {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "region": "us-west-2"}


def _subnet(cloud: Any) -> dict[str, Any]:
    return {"vpcId": cloud.vpc().id, "cidrBlock": "10.0.1.0/24", "availabilityZone": "us-west-2b"}


def _in_vpc(**more: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda cloud: {"vpcId": cloud.vpc().id, **more}


def _nat(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {"subnetId": cloud.subnet(vpc).id, "allocationId": cloud.address().id}


def _private_nat(cloud: Any) -> dict[str, Any]:
    return {"subnetId": cloud.subnet(cloud.vpc()).id, "connectivityType": "private"}


def _table_with_routes(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {"vpcId": vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": cloud.gateway(vpc).id}]}


def _route(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {
        "routeTableId": cloud.table(vpc).id,
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": cloud.gateway(vpc).id,
    }


def _association(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {"subnetId": cloud.subnet(vpc).id, "routeTableId": cloud.table(vpc).id}


def _main_association(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {"vpcId": vpc.id, "routeTableId": cloud.table(vpc).id}


def _gateway_endpoint(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    tables = [cloud.table(vpc).id, cloud.table(vpc).id]
    return {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-west-2.s3", "routeTableIds": tables}


def _interface_endpoint(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc(enableDnsHostnames=True)
    return {
        "vpcId": vpc.id,
        "serviceName": "com.amazonaws.us-west-2.ecr.api",
        "vpcEndpointType": "Interface",
        "subnetIds": [cloud.subnet(vpc, "10.0.1.0/24", "us-west-2b").id, cloud.subnet(vpc).id],
        "securityGroupIds": [cloud.group(vpc).id],
        "privateDnsEnabled": True,
    }


def _endpoint_association(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    inputs = {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-west-2.s3"}
    endpoint = cloud.create("aws:ec2/vpcEndpoint:VpcEndpoint", inputs)
    return {"vpcEndpointId": endpoint.id, "routeTableId": cloud.table(vpc).id}


def _flow_log(cloud: Any) -> dict[str, Any]:
    cloud.ctx.client("logs").create_log_group(logGroupName="flow")
    return {
        "vpcId": cloud.vpc().id,
        "trafficType": "ALL",
        "iamRoleArn": "arn:aws:iam::123456789012:role/flow",
        "logDestination": "arn:aws:logs:us-west-2:123456789012:log-group:flow",
    }


def _bucket_flow_log(cloud: Any) -> dict[str, Any]:
    place = {"LocationConstraint": "us-west-2"}
    cloud.ctx.client("s3").create_bucket(Bucket="flow-logs", CreateBucketConfiguration=place)
    return {
        "vpcId": cloud.vpc().id,
        "trafficType": "REJECT",
        "logDestinationType": "s3",
        "logDestination": "arn:aws:s3:::flow-logs",
        "maxAggregationInterval": 60,
    }


def _rule(**more: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda cloud: {"securityGroupId": cloud.group(cloud.vpc()).id, **more}


def _self_rule(cloud: Any) -> dict[str, Any]:
    group = cloud.group(cloud.vpc()).id
    return {
        "securityGroupId": group,
        "referencedSecurityGroupId": group,
        "ipProtocol": "-1",
        "description": "all traffic among EFA interfaces",
    }


_HTTPS = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8", "192.168.0.0/16"]}
_ALL = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}


def _efa_template(cloud: Any) -> dict[str, Any]:
    group = cloud.group(cloud.vpc()).id
    placement = cloud.create("aws:ec2/placementGroup:PlacementGroup", {"strategy": "cluster"})
    cards = [
        {
            "networkCardIndex": card,
            "deviceIndex": 0 if card == 0 else 1,
            "interfaceType": "efa",
            "securityGroups": [group],
            "deleteOnTermination": "true",
        }
        for card in range(32)
    ]
    return {
        "description": "GPU nodes",
        "instanceType": "p5.48xlarge",
        "updateDefaultVersion": True,
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 2,
            "instanceMetadataTags": "disabled",
        },
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {
                    "encrypted": "true",
                    "volumeType": "gp3",
                    "volumeSize": 500,
                    "iops": 16000,
                    "throughput": 1000,
                    "deleteOnTermination": "true",
                },
            }
        ],
        "monitoring": {"enabled": True},
        "ebsOptimized": "true",
        "networkInterfaces": cards,
        "placement": {"groupName": placement.id},
        "instanceMarketOptions": {"marketType": "capacity-block"},
        "capacityReservationSpecification": {
            "capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}
        },
        "userData": base64.b64encode(b"MIME-Version: 1.0").decode(),
        "tagSpecifications": [
            {"resourceType": "volume", "tags": {"team": "ai"}},
            {"resourceType": "instance", "tags": {"Name": "gpu", "team": "ai"}},
        ],
    }


def _plain_template(cloud: Any) -> dict[str, Any]:
    return {"vpcSecurityGroupIds": [cloud.group(cloud.vpc()).id], "keyName": "ops", "namePrefix": "nodes-"}


def _acl(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {"vpcId": vpc.id, "subnetIds": [cloud.subnet(vpc).id], "ingress": [_ACL_RULE], "egress": []}


def _acl_rule(cloud: Any) -> dict[str, Any]:
    acl = cloud.create("aws:ec2/networkAcl:NetworkAcl", {"vpcId": cloud.vpc().id})
    rule = {"ruleNumber": 100, "ruleAction": "allow", "protocol": "tcp", "fromPort": 1, "toPort": 2}
    return {"networkAclId": acl.id, "cidrBlock": "0.0.0.0/0", **rule}


def _dhcp_association(cloud: Any) -> dict[str, Any]:
    options = cloud.create("aws:ec2/vpcDhcpOptions:VpcDhcpOptions", {"domainName": "a.internal"})
    return {"vpcId": cloud.vpc().id, "dhcpOptionsId": options.id}


def _peering(cloud: Any) -> dict[str, Any]:
    return {"vpcId": cloud.vpc().id, "peerVpcId": cloud.vpc("10.1.0.0/16").id, "autoAccept": True}


def _interface(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    groups = [cloud.group(vpc).id, cloud.group(vpc).id]
    return {
        "subnetId": cloud.subnet(vpc).id,
        "privateIps": ["10.0.0.9", "10.0.0.8"],
        "securityGroups": groups,
    }


_ACL_RULE = {
    "ruleNo": 100,
    "action": "allow",
    "protocol": "tcp",
    "fromPort": 443,
    "toPort": 443,
    "cidrBlock": "10.0.0.0/8",
}
_SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUt8mrv8l3wgNjTYTLXUP8LSu3dqGOqsLgBYV4EwdzS ops"


def _instance(cloud: Any) -> dict[str, Any]:
    vpc = cloud.vpc()
    return {
        "ami": cloud.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
        "instanceType": "t3.micro",
        "subnetId": cloud.subnet(vpc).id,
        "vpcSecurityGroupIds": [cloud.group(vpc).id],
        "metadataOptions": {"httpTokens": "required"},
    }


def _scaling_group(cloud: Any) -> dict[str, Any]:
    subnet, image = (
        cloud.subnet(cloud.vpc()),
        cloud.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
    )
    inputs = {"imageId": image, "instanceType": "t3.micro"}
    template = cloud.create("aws:ec2/launchTemplate:LaunchTemplate", inputs)
    return {
        "minSize": 0,
        "maxSize": 2,
        "vpcZoneIdentifiers": [subnet.id],
        "launchTemplate": {"id": template.id, "version": "$Latest"},
        "tags": [{"key": "a", "value": "b", "propagateAtLaunch": True}],
    }


def _scaling_group_tag(cloud: Any) -> dict[str, Any]:
    group = cloud.create("aws:autoscaling/group:Group", _scaling_group(cloud))
    return {
        "autoscalingGroupName": group.id,
        "tag": {"key": "b", "value": "c", "propagateAtLaunch": False},
    }


CASES: list[Case] = [
    ("aws:ec2/instance:Instance", _instance, {"sourceDestCheck": False, "tags": {"a": "b"}}),
    ("aws:autoscaling/group:Group", _scaling_group, {"maxSize": 3, "tags": []}),
    (
        "aws:autoscaling/tag:Tag",
        _scaling_group_tag,
        {"tag": {"key": "b", "value": "d", "propagateAtLaunch": True}},
    ),
    ("aws:ec2/networkAcl:NetworkAcl", _acl, {"ingress": [{**_ACL_RULE, "action": "deny"}], "subnetIds": []}),
    ("aws:ec2/networkAclRule:NetworkAclRule", _acl_rule, {}),
    (
        "aws:ec2/vpcDhcpOptions:VpcDhcpOptions",
        lambda cloud: {"domainName": "a.internal", "domainNameServers": ["AmazonProvidedDNS"]},
        {"tags": {"a": "b"}},
    ),
    ("aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation", _dhcp_association, {}),
    (
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        _peering,
        {"requester": {"allowRemoteVpcDnsResolution": True}},
    ),
    (
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        _in_vpc(cidrBlock="100.64.0.0/16"),
        {},
    ),
    ("aws:ec2/networkInterface:NetworkInterface", _interface, {"description": "x", "sourceDestCheck": False}),
    ("aws:ec2/keyPair:KeyPair", lambda cloud: {"publicKey": _SSH_KEY}, {"tags": {"a": "b"}}),
    (
        "aws:ebs/volume:Volume",
        lambda cloud: {"availabilityZone": "us-west-2a", "size": 100, "type": "gp3", "encrypted": True},
        {"size": 200, "throughput": 250, "tags": {"a": "b"}},
    ),
    ("aws:ec2/launchTemplate:LaunchTemplate", _efa_template, {"monitoring": {"enabled": False}}),
    ("aws:ec2/launchTemplate:LaunchTemplate", _plain_template, {"tags": {"a": "b"}}),
    ("aws:ec2/placementGroup:PlacementGroup", lambda cloud: {"strategy": "partition"}, {"tags": {"a": "b"}}),
    (
        "aws:ec2/capacityReservation:CapacityReservation",
        lambda cloud: {
            "availabilityZone": "us-west-2a",
            "instanceCount": 2,
            "instancePlatform": "Linux/UNIX",
            "instanceType": "p5.48xlarge",
            "instanceMatchCriteria": "targeted",
        },
        {"instanceCount": 4, "tags": {"a": "b"}},
    ),
    (
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        lambda cloud: {"httpTokens": "required"},
        {"httpPutResponseHopLimit": 2},
    ),
    ("aws:ec2/vpc:Vpc", _vpc, {"enableDnsHostnames": False, "tags": {"Name": "a"}}),
    ("aws:ec2/subnet:Subnet", _subnet, {"mapPublicIpOnLaunch": True, "tags": {"Name": "b"}}),
    ("aws:ec2/internetGateway:InternetGateway", _in_vpc(), {"tags": {"Name": "c"}}),
    ("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", _in_vpc(), {"tags": {"a": "b"}}),
    ("aws:ec2/eip:Eip", lambda cloud: {"domain": "vpc"}, {"tags": {"Name": "d"}}),
    ("aws:ec2/natGateway:NatGateway", _nat, {"tags": {"Name": "e"}}),
    ("aws:ec2/natGateway:NatGateway", _private_nat, {"tags": {"Name": "f"}}),
    ("aws:ec2/routeTable:RouteTable", _in_vpc(), {"tags": {"Name": "g"}}),
    ("aws:ec2/routeTable:RouteTable", _table_with_routes, {"routes": []}),
    ("aws:ec2/route:Route", _route, {}),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", _association, {}),
    ("aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation", _main_association, {}),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", _gateway_endpoint, {"tags": {"a": "b"}}),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", _interface_endpoint, {"tags": {"a": "b"}}),
    ("aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation", _endpoint_association, {}),
    ("aws:ec2/flowLog:FlowLog", _flow_log, {"tags": {"a": "b"}}),
    ("aws:ec2/flowLog:FlowLog", _bucket_flow_log, {}),
    ("aws:ec2/securityGroup:SecurityGroup", _in_vpc(description="nodes"), {"tags": {"a": "b"}}),
    (
        "aws:ec2/securityGroup:SecurityGroup",
        _in_vpc(
            ingress=[{**_HTTPS, "description": "api"}, {**_ALL, "cidrBlocks": [], "self": True}],
            egress=[_ALL],
        ),
        {"ingress": [_HTTPS], "egress": []},
    ),
    (
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        _rule(
            type="ingress", protocol="tcp", fromPort=80, toPort=90, cidrBlocks=["10.0.0.0/8", "11.0.0.0/8"]
        ),
        {"description": "web"},
    ),
    (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        _rule(ipProtocol="tcp", fromPort=443, toPort=443, cidrIpv4="10.0.0.0/16", description="api"),
        {"cidrIpv4": "10.1.0.0/16", "toPort": 444, "tags": {"a": "b"}},
    ),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", _self_rule, {"tags": {"a": "b"}}),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", _self_rule, {"tags": {"a": "b"}}),
    (
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        _rule(ipProtocol="-1", cidrIpv4="0.0.0.0/0"),
        {"description": "out"},
    ),
]


@pytest.mark.parametrize(
    ("token", "inputs_of", "change"), CASES, ids=[case[0].split(":")[2] for case in CASES]
)
def test_a_type_lives_without_drift(cloud: Any, token: str, inputs_of: Any, change: dict[str, Any]) -> None:
    inputs = cloud.full(token, inputs_of(cloud))
    created = cloud.create(token, inputs)
    assert {name: created.outputs.get(name) for name in inputs} == inputs
    assert cloud.read(token, created) == created.outputs

    wanted = {**inputs, **change}
    updated = cloud.update(token, created, inputs, wanted)
    assert {name: updated.outputs.get(name) for name in wanted} == wanted
    assert cloud.read(token, updated) == updated.outputs

    cloud.delete(token, updated)
    assert cloud.read(token, updated) is None
    cloud.delete(token, updated)
