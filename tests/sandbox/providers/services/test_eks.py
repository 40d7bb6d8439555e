"""EKS: the cluster with its nodes and parts, and the refusals that moto lacks."""

from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
TAG = "aws:autoscaling/tag:Tag"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ENTRY_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
FARGATE = "aws:eks/fargateProfile:FargateProfile"
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
PRINCIPAL = "arn:aws:iam::123456789012:role/platform"


def test_cluster_life(world: Any, driver: Any, ctx: Any) -> None:
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


def test_cluster_is_kept_while_it_is_used(world: Any, driver: Any, ctx: Any) -> None:
    made = driver.create(CLUSTER, {**world.cluster_inputs(), "deletionProtection": True})
    with pytest.raises(CloudError, match="deletion protection"):
        driver.handler(CLUSTER).delete(ctx, made.id, made.outputs)
    made.outputs["deletionProtection"] = False
    nodes = driver.create(NODES, world.node_inputs())
    with pytest.raises(CloudError, match="ResourceInUseException"):
        driver.handler(CLUSTER).delete(ctx, made.id, made.outputs)
    driver.delete(NODES, nodes)
    driver.delete(CLUSTER, made)


def test_cluster_changed_and_deleted_behind_the_back(world: Any, driver: Any, ctx: Any) -> None:
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


def test_a_cluster_upgrades_one_version_at_a_time(world: Any, driver: Any, ctx: Any) -> None:
    inputs = {**driver.handler(CLUSTER).defaults, **world.cluster_inputs()}
    made = driver.create(CLUSTER, inputs)
    for version in ("1.36", "1.33"):
        with pytest.raises(CloudError, match="one minor version at a time"):
            driver.handler(CLUSTER).update(ctx, made.id, made.outputs, inputs, {**inputs, "version": version})
    back = {**inputs, "accessConfig": {"authenticationMode": "CONFIG_MAP"}}
    with pytest.raises(CloudError, match="authentication mode"):
        driver.handler(CLUSTER).update(ctx, made.id, made.outputs, inputs, back)


def test_node_group_life(world: Any, driver: Any, ctx: Any) -> None:
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


def test_a_node_group_s_scaling_group_takes_tags_while_it_is_there(world: Any, driver: Any, ctx: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    nodes = driver.create(NODES, world.node_inputs())
    group = nodes.outputs["resources"][0]["autoscalingGroups"][0]["name"]
    tag = {"key": "k8s.io/x", "value": "1", "propagateAtLaunch": False}
    inputs = {"autoscalingGroupName": group, "tag": tag}
    made = driver.round_trip(TAG, inputs, {"tag": {**tag, "value": "2"}})
    assert made.id == f"{group},k8s.io/x"
    driver.delete(TAG, made)
    made = driver.create(TAG, inputs)
    driver.delete(NODES, nodes)
    assert driver.handler(TAG).read(ctx, made.id, made.outputs) is None, "it went with its group"
    with pytest.raises(CloudError, match="not found"):
        driver.create(TAG, inputs)


def test_parts_of_a_cluster(world: Any, driver: Any) -> None:
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


def test_parts_go_with_what_they_belong_to(world: Any, driver: Any, ctx: Any) -> None:
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


def test_access_entries_need_the_api_mode(world: Any, driver: Any) -> None:
    driver.create(CLUSTER, {**world.cluster_inputs(), "accessConfig": {"authenticationMode": "CONFIG_MAP"}})
    with pytest.raises(CloudError, match="authentication mode"):
        driver.create(ENTRY, {"clusterName": "dev", "principalArn": PRINCIPAL})


def test_nodes_stay_in_the_cluster_s_network(world: Any, driver: Any) -> None:
    driver.create(CLUSTER, world.cluster_inputs())
    other = world.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    inputs = {**world.node_inputs(), "subnetIds": [world.subnet(other, "10.1.0.0/24", "a")]}
    with pytest.raises(CloudError, match="not in the VPC"):
        driver.create(NODES, inputs)
