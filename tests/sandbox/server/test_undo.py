"""Taking back an operation in a server that runs: everything else keeps its identifiers."""

import grpc
import pytest

VPC = "aws:ec2/vpc:Vpc"
ROLE = "aws:iam/role:Role"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'


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
