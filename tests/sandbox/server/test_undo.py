"""Taking back an operation in a server that runs: everything else keeps its identifiers."""

import json

import grpc
import pytest

VPC = "aws:ec2/vpc:Vpc"
ROLE = "aws:iam/role:Role"
ALLOW = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})


def test_nothing_else_changes_when_a_create_is_taken_back(start, home):
    one = start()
    id, _ = one.up(VPC, "main", {"cidrBlock": "10.0.0.0/16"})
    one.up(ROLE, "first", {"name": "taken", "assumeRolePolicy": TRUST})

    def seen():
        ec2 = one.client("ec2")
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        groups = [group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]]
        vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
        roles = [role["RoleId"] for role in one.client("iam").list_roles()["Roles"]]
        return sorted([*vpcs, *subnets, *groups, *roles])

    before = seen()
    assert id in before
    # The role is made, and then the policy that does not exist is refused.
    policy = "arn:aws:iam::123456789012:policy/does-not-exist"
    with pytest.raises(grpc.RpcError) as caught:
        one.up(ROLE, "half", {"assumeRolePolicy": TRUST, "managedPolicyArns": [policy]})
    assert "does-not-exist" in caught.value.details()
    assert seen() == before
    assert "answered differently" not in (home / "server.log").read_text()


def test_network_can_be_taken_down_by_plain_calls(start):
    one = start()
    ec2 = one.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (default,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    association = default["Associations"][0]["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_vpc(VpcId=vpc)
    assert one.vpcs() == []
