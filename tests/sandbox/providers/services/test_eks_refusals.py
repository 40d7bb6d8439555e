"""What EKS refuses and moto does not: each wrong input is named with what is allowed."""

from typing import Any

import pytest

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ENTRY_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
PRINCIPAL = "arn:aws:iam::123456789012:role/platform"


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"version": "9.99"}, "version", "1.34"),
        ({"name": "-dev"}, "name", "letters"),
        ({"enabledClusterLogTypes": ["kubelet"]}, "enabledClusterLogTypes[0]", "authenticator"),
        (
            {"accessConfig": {"authenticationMode": "IAM"}},
            "accessConfig.authenticationMode",
            "API_AND_CONFIG_MAP",
        ),
        (
            {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "8.8.0.0/16"}},
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "private",
        ),
        (
            {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.0/28"}},
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "/24",
        ),
        ({"roleArn": "arn:aws:iam::123456789012:role/nodes"}, "roleArn", "does not trust eks.amazonaws.com"),
        ({"vpcConfig": {"subnetIds": ["subnet-1"]}}, "vpcConfig.subnetIds", "at least 2"),
        (
            {"vpcConfig": {"endpointPublicAccess": False}},
            "vpcConfig.endpointPrivateAccess",
            "at least one",
        ),
    ],
)
def test_cluster_refused(standing: Any, change: Any, path: str, words: str) -> None:
    problems = standing.driver.problems(CLUSTER, {**standing.cluster_inputs(), **change})
    assert any(at == path and words in reason for at, reason in problems), problems


def test_a_cluster_needs_two_zones_of_one_vpc(standing: Any) -> None:
    same_zone = standing.subnet(standing.vpc, "10.0.9.0/24", "a")
    inputs = standing.cluster_inputs()
    inputs["vpcConfig"] = {"subnetIds": [standing.subnets[0], same_zone]}
    assert "two different AZs" in standing.driver.problems(CLUSTER, inputs)[0][1]
    other = standing.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    inputs["vpcConfig"] = {"subnetIds": [standing.subnets[0], standing.subnet(other, "10.1.0.0/24", "b")]}
    assert "several VPCs" in standing.driver.problems(CLUSTER, inputs)[0][1]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (
            {"scalingConfig": {"minSize": 5, "maxSize": 4, "desiredSize": 5}},
            "scalingConfig.minSize",
            "maxSize (4)",
        ),
        (
            {"scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 0}},
            "scalingConfig.desiredSize",
            "minSize",
        ),
        ({"scalingConfig": {"minSize": 0, "maxSize": 0, "desiredSize": 0}}, "scalingConfig.maxSize", "1 to"),
        ({"instanceTypes": ["zz.huge"]}, "instanceTypes[0]", "not a valid instance type"),
        ({"amiType": "AL2023_ARM_64_NVIDIA"}, "instanceTypes[0]", "x86_64"),
        ({"amiType": "UBUNTU"}, "amiType", "AL2023_x86_64_NVIDIA"),
        ({"amiType": "AL2_x86_64_GPU", "version": "1.33"}, "amiType", "AL2023"),
        ({"capacityType": "CHEAP"}, "capacityType", "CAPACITY_BLOCK"),
        ({"capacityType": "CAPACITY_BLOCK"}, "launchTemplate", "reservation"),
        ({"taints": [{"key": "a", "effect": "NoSchedule"}]}, "taints[0].effect", "NO_SCHEDULE"),
        ({"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 5}}, "updateConfig", "give one"),
        ({"version": "1.36"}, "version", "never newer"),
        ({"nodeRoleArn": "arn:aws:iam::123456789012:role/cluster"}, "nodeRoleArn", "ec2.amazonaws.com"),
    ],
)
def test_node_group_refused(standing: Any, change: Any, path: str, words: str) -> None:
    problems = standing.driver.problems(NODES, {**standing.node_inputs(), **change})
    assert any(at == path and words in reason for at, reason in problems), problems


def test_a_launch_template_must_fit(standing: Any) -> None:
    inputs = {
        **standing.node_inputs(),
        "launchTemplate": standing.template("typed", InstanceType="p5.48xlarge"),
    }
    problems = dict(standing.driver.problems(NODES, {**inputs, "diskSize": 100}))
    assert "both the launch template" in problems["instanceTypes"]
    assert "within the launch template" in problems["diskSize"]
    block = {**inputs, "capacityType": "CAPACITY_BLOCK", "instanceTypes": []}
    assert "capacity-block" in dict(standing.driver.problems(NODES, block))["launchTemplate"]
    block["launchTemplate"] = standing.template(
        "block", InstanceType="p5.48xlarge", InstanceMarketOptions={"MarketType": "capacity-block"}
    )
    assert standing.driver.problems(NODES, block) == []


def test_interfaces_of_the_template_must_fit_the_machines(standing: Any) -> None:
    efa = [{"NetworkCardIndex": 0, "DeviceIndex": 0, "InterfaceType": "efa"}]
    template = standing.template("fabric", NetworkInterfaces=efa)
    inputs = {**standing.node_inputs(), "launchTemplate": template}
    assert standing.driver.problems(NODES, {**inputs, "instanceTypes": ["p5.48xlarge"]}) == []
    problems = dict(
        standing.driver.problems(NODES, {**inputs, "instanceTypes": ["g6.12xlarge", "g6.xlarge"]})
    )
    assert "g6.xlarge does not support EFA" in problems["launchTemplate"]


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (ADDON, {"addonName": "vpc-cnii"}, "addonName", "vpc-cni"),
        (ADDON, {"addonName": "vpc-cni", "addonVersion": "1.2"}, "addonVersion", "eksbuild"),
        (ADDON, {"addonName": "vpc-cni", "configurationValues": "[1]"}, "configurationValues", "object"),
        (
            ADDON,
            {"addonName": "vpc-cni", "resolveConflictsOnUpdate": "x"},
            "resolveConflictsOnUpdate",
            "PRESERVE",
        ),
        (ENTRY, {"principalArn": "arn:aws:sts::1:assumed-role/x/y"}, "principalArn", "role itself"),
        (
            ENTRY,
            {"principalArn": PRINCIPAL, "kubernetesGroups": ["system:masters"]},
            "kubernetesGroups[0]",
            "reserved",
        ),
        (ENTRY, {"principalArn": PRINCIPAL, "type": "NODE"}, "type", "EC2_LINUX"),
        (
            ENTRY_POLICY,
            {
                "principalArn": PRINCIPAL,
                "policyArn": "AmazonEKSViewPolicy",
                "accessScope": {"type": "cluster"},
            },
            "policyArn",
            "cluster-access-policy",
        ),
        (
            ENTRY_POLICY,
            {"principalArn": PRINCIPAL, "policyArn": ADMIN_POLICY, "accessScope": {"type": "namespace"}},
            "accessScope.namespaces",
            "at least one",
        ),
        (
            POD_IDENTITY,
            {
                "namespace": "a",
                "serviceAccount": "b",
                "roleArn": "arn:aws:iam::123456789012:role/nodes",
            },
            "roleArn",
            "pods.eks.amazonaws.com",
        ),
    ],
)
def test_part_refused(standing: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = standing.driver.problems(token, {"clusterName": "dev", **inputs})
    assert any(at == path and words in reason for at, reason in problems), problems
