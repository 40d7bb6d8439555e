"""EKS: the cluster with its nodes and parts, and the refusals that moto lacks."""

import json
from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ENTRY_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
FARGATE = "aws:eks/fargateProfile:FargateProfile"
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
PRINCIPAL = "arn:aws:iam::123456789012:role/platform"


def trust(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class World:
    """A network, roles and a cluster to put things into."""

    def __init__(self, driver: Any) -> None:
        self.driver, self.ec2 = driver, driver.ctx.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(self.vpc, f"10.0.{index}.0/24", zone) for index, zone in enumerate("ab")]
        self.cluster_role = self.role("cluster", "eks.amazonaws.com")
        self.node_role = self.role("nodes", "ec2.amazonaws.com")
        self.pod_role = self.role("pods", "pods.eks.amazonaws.com")

    def subnet(self, vpc: str, cidr: str, zone: str) -> str:
        answer = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"us-west-2{zone}")
        return str(answer["Subnet"]["SubnetId"])

    def role(self, name: str, service: str) -> str:
        made = self.driver.create("aws:iam/role:Role", {"name": name, "assumeRolePolicy": trust(service)})
        return str(made.outputs["arn"])

    def template(self, name: str, **data: Any) -> dict[str, str]:
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return {"id": made["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}

    def cluster_inputs(self) -> dict[str, Any]:
        return {
            "name": "dev",
            "version": "1.34",
            "roleArn": self.cluster_role,
            "vpcConfig": {
                "subnetIds": self.subnets,
                "endpointPrivateAccess": True,
                "endpointPublicAccess": False,
            },
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            "bootstrapSelfManagedAddons": False,
            "enabledClusterLogTypes": ["api", "audit"],
            "kubernetesNetworkConfig": {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"},
            "upgradePolicy": {"supportType": "STANDARD"},
            "zonalShiftConfig": {"enabled": True},
            "deletionProtection": False,
            "tags": {"team": "ml"},
        }

    def node_inputs(self) -> dict[str, Any]:
        return {
            "clusterName": "dev",
            "nodeGroupName": "gpu",
            "nodeRoleArn": self.node_role,
            "subnetIds": self.subnets,
            "scalingConfig": {"minSize": 0, "maxSize": 4, "desiredSize": 0},
            "instanceTypes": ["p5.48xlarge"],
            "capacityType": "ON_DEMAND",
            "amiType": "AL2023_x86_64_NVIDIA",
            "labels": {"gpu": "true"},
            "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
            "updateConfig": {"maxUnavailable": 1},
            "nodeRepairConfig": {"enabled": True},
            "tags": {"team": "ml"},
        }


@pytest.fixture
def world(driver: Any) -> World:
    return World(driver)


def test_cluster_life(world: World, driver: Any, ctx: Any) -> None:
    key = driver.create("aws:kms/key:Key", {})
    inputs = world.cluster_inputs()
    inputs["encryptionConfig"] = {"provider": {"keyArn": key.outputs["arn"]}, "resources": ["secrets"]}
    made = driver.round_trip(
        CLUSTER,
        inputs,
        {
            "version": "1.35",
            "vpcConfig": {
                "subnetIds": world.subnets,
                "endpointPrivateAccess": True,
                "endpointPublicAccess": True,
                "publicAccessCidrs": ["192.0.2.0/24"],
            },
            "enabledClusterLogTypes": ["api"],
            "tags": {"team": "infra"},
        },
    )
    out = made.outputs
    assert out["identities"][0]["oidcs"][0]["issuer"].startswith(
        "https://oidc.eks.us-west-2.amazonaws.com/id/"
    )
    assert out["certificateAuthority"]["data"]
    group = out["vpcConfig"]["clusterSecurityGroupId"]
    assert world.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == world.vpc
    driver.delete(CLUSTER, made)
    names = [item["GroupName"] for item in world.ec2.describe_security_groups()["SecurityGroups"]]
    assert set(names) == {"default"}


def test_cluster_is_kept_while_it_is_used(world: World, driver: Any, ctx: Any) -> None:
    made = driver.create(CLUSTER, {**world.cluster_inputs(), "deletionProtection": True})
    with pytest.raises(CloudError, match="deletion protection"):
        driver.handler(CLUSTER).delete(ctx, made.id, made.outputs)
    made.outputs["deletionProtection"] = False
    nodes = driver.create(NODES, world.node_inputs())
    with pytest.raises(CloudError, match="ResourceInUseException"):
        driver.handler(CLUSTER).delete(ctx, made.id, made.outputs)
    driver.delete(NODES, nodes)
    driver.delete(CLUSTER, made)


def test_cluster_changed_and_deleted_behind_the_back(world: World, driver: Any, ctx: Any) -> None:
    made = driver.create(CLUSTER, world.cluster_inputs())
    driver.create(ADDON, {"clusterName": "dev", "addonName": "vpc-cni"})
    ctx.client("eks").update_cluster_config(name="dev", logging={"clusterLogging": []})
    ctx.client("eks").tag_resource(resourceArn=made.outputs["arn"], tags={"stray": "1"})
    seen = driver.handler(CLUSTER).read(ctx, made.id, made.outputs)
    assert seen["tags"] == {"team": "ml", "stray": "1"}
    ctx.client("eks").delete_cluster(name="dev")
    assert driver.handler(CLUSTER).read(ctx, made.id, made.outputs) is None
    again = driver.create(CLUSTER, world.cluster_inputs())
    driver.create(ADDON, {"clusterName": "dev", "addonName": "vpc-cni"})
    driver.delete(CLUSTER, again)
    assert len(world.ec2.describe_security_groups()["SecurityGroups"]) == 2  # of the two VPCs, by default


def test_a_cluster_upgrades_one_version_at_a_time(world: World, driver: Any, ctx: Any) -> None:
    inputs = {**driver.handler(CLUSTER).defaults, **world.cluster_inputs()}
    made = driver.create(CLUSTER, inputs)
    for version in ("1.36", "1.33"):
        with pytest.raises(CloudError, match="one minor version at a time"):
            driver.handler(CLUSTER).update(ctx, made.id, made.outputs, inputs, {**inputs, "version": version})
    back = {**inputs, "accessConfig": {"authenticationMode": "CONFIG_MAP"}}
    with pytest.raises(CloudError, match="authentication mode"):
        driver.handler(CLUSTER).update(ctx, made.id, made.outputs, inputs, back)


def test_node_group_life(world: World, driver: Any, ctx: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    inputs = {**world.node_inputs(), "launchTemplate": world.template("gpu", EbsOptimized=True)}
    made = driver.round_trip(
        NODES,
        inputs,
        {
            "scalingConfig": {"minSize": 0, "maxSize": 8, "desiredSize": 1},
            "labels": {"pool": "a"},
            "taints": [],
            "updateConfig": {"maxUnavailablePercentage": 50},
            "tags": {"x": "y"},
        },
    )
    assert made.outputs["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-")
    assert made.outputs["version"] == "1.34"
    shown = ctx.client("eks").describe_nodegroup(clusterName="dev", nodegroupName="gpu")["nodegroup"]
    assert shown["scalingConfig"]["maxSize"] == 8
    assert (shown["labels"], shown["taints"]) == ({"pool": "a"}, [])
    ctx.client("eks").update_nodegroup_config(
        clusterName="dev", nodegroupName="gpu", scalingConfig={"maxSize": 3}
    )
    seen = driver.handler(NODES).read(ctx, made.id, made.outputs)
    assert seen["scalingConfig"]["maxSize"] == 3
    driver.delete(NODES, made)


def test_parts_of_a_cluster(world: World, driver: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    addon = driver.round_trip(
        ADDON,
        {
            "clusterName": "dev",
            "addonName": "vpc-cni",
            "configurationValues": '{"env": {"ENABLE_PREFIX_DELEGATION": "true"}}',
            "podIdentityAssociations": [{"roleArn": world.pod_role, "serviceAccount": "aws-node"}],
            "resolveConflictsOnCreate": "OVERWRITE",
        },
        {"addonVersion": "v1.20.4-eksbuild.1", "tags": {"a": "b"}},
    )
    entry = driver.round_trip(
        ENTRY,
        {"clusterName": "dev", "principalArn": PRINCIPAL, "kubernetesGroups": ["readers"]},
        {"kubernetesGroups": ["writers"]},
    )
    assert entry.outputs["userName"].endswith("assumed-role/platform/{{SessionName}}")
    policy = driver.round_trip(
        ENTRY_POLICY,
        {
            "clusterName": "dev",
            "principalArn": PRINCIPAL,
            "policyArn": ADMIN_POLICY,
            "accessScope": {"type": "cluster"},
        },
    )
    pods = driver.round_trip(
        POD_IDENTITY,
        {
            "clusterName": "dev",
            "namespace": "train",
            "serviceAccount": "trainer",
            "roleArn": world.pod_role,
        },
        {"tags": {"a": "b"}},
    )
    assert pods.id == pods.outputs["associationId"]
    with pytest.raises(CloudError, match="already exists"):
        driver.create(ADDON, {"clusterName": "dev", "addonName": "vpc-cni"})
    fargate = driver.round_trip(
        FARGATE,
        {
            "clusterName": "dev",
            "fargateProfileName": "jobs",
            "podExecutionRoleArn": world.pod_role,
            "selectors": [{"namespace": "jobs"}],
            "subnetIds": world.subnets,
        },
    )
    for token, made in (
        (FARGATE, fargate),
        (POD_IDENTITY, pods),
        (ENTRY_POLICY, policy),
        (ENTRY, entry),
        (ADDON, addon),
    ):
        driver.delete(token, made)


def test_parts_go_with_what_they_belong_to(world: World, driver: Any, ctx: Any) -> None:
    cluster = driver.create(CLUSTER, world.cluster_inputs())
    entry = driver.create(ENTRY, {"clusterName": "dev", "principalArn": PRINCIPAL})
    association = {
        "clusterName": "dev",
        "principalArn": PRINCIPAL,
        "policyArn": ADMIN_POLICY,
        "accessScope": {"type": "cluster"},
    }
    policy = driver.create(ENTRY_POLICY, association)
    addon = driver.create(ADDON, {"clusterName": "dev", "addonName": "coredns"})
    driver.delete(ENTRY, entry)
    assert driver.handler(ENTRY_POLICY).read(ctx, policy.id, policy.outputs) is None
    with pytest.raises(CloudError, match="no access entry"):
        driver.create(ENTRY_POLICY, association)
    driver.delete(CLUSTER, cluster)
    assert driver.handler(ADDON).read(ctx, addon.id, addon.outputs) is None
    with pytest.raises(CloudError, match="No cluster found"):
        driver.create(ADDON, {"clusterName": "dev", "addonName": "coredns"})


def test_access_entries_need_the_api_mode(world: World, driver: Any) -> None:
    driver.create(CLUSTER, {**world.cluster_inputs(), "accessConfig": {"authenticationMode": "CONFIG_MAP"}})
    with pytest.raises(CloudError, match="authentication mode"):
        driver.create(ENTRY, {"clusterName": "dev", "principalArn": PRINCIPAL})


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
def test_cluster_refused(world: World, driver: Any, change: Any, path: str, words: str) -> None:
    problems = driver.problems(CLUSTER, {**world.cluster_inputs(), **change})
    assert any(at == path and words in reason for at, reason in problems), problems


def test_a_cluster_needs_two_zones_of_one_vpc(world: World, driver: Any) -> None:
    same_zone = world.subnet(world.vpc, "10.0.9.0/24", "a")
    inputs = world.cluster_inputs()
    inputs["vpcConfig"] = {"subnetIds": [world.subnets[0], same_zone]}
    assert "two different AZs" in driver.problems(CLUSTER, inputs)[0][1]
    other = world.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    inputs["vpcConfig"] = {"subnetIds": [world.subnets[0], world.subnet(other, "10.1.0.0/24", "b")]}
    assert "several VPCs" in driver.problems(CLUSTER, inputs)[0][1]


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
def test_node_group_refused(world: World, driver: Any, change: Any, path: str, words: str) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    problems = driver.problems(NODES, {**world.node_inputs(), **change})
    assert any(at == path and words in reason for at, reason in problems), problems


def test_a_launch_template_must_fit(world: World, driver: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    inputs = {**world.node_inputs(), "launchTemplate": world.template("typed", InstanceType="p5.48xlarge")}
    problems = dict(driver.problems(NODES, {**inputs, "diskSize": 100}))
    assert "both the launch template" in problems["instanceTypes"]
    assert "within the launch template" in problems["diskSize"]
    block = {**inputs, "capacityType": "CAPACITY_BLOCK", "instanceTypes": []}
    assert "capacity-block" in dict(driver.problems(NODES, block))["launchTemplate"]
    block["launchTemplate"] = world.template(
        "block", InstanceType="p5.48xlarge", InstanceMarketOptions={"MarketType": "capacity-block"}
    )
    assert driver.problems(NODES, block) == []


def test_nodes_stay_in_the_cluster_s_network(world: World, driver: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    other = world.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    inputs = {**world.node_inputs(), "subnetIds": [world.subnet(other, "10.1.0.0/24", "a")]}
    with pytest.raises(CloudError, match="not in the VPC"):
        driver.create(NODES, inputs)


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
def test_part_refused(world: World, driver: Any, token: str, inputs: Any, path: str, words: str) -> None:
    problems = driver.problems(token, {"clusterName": "dev", **inputs})
    assert any(at == path and words in reason for at, reason in problems), problems
