"""Karpenter's controller in an emulated account: what it may do, what fills its queue, and its life."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from bedplate.autoscaling.karpenter import KarpenterController, KarpenterControllerArgs
from bedplate.autoscaling.karpenter_policy import KarpenterScope, controller_statements
from bedplate.autoscaling.karpenter_pools import KarpenterNodePools, KarpenterNodePoolsArgs
from bedplate.autoscaling.karpenter_queue import queue_key_policy
from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import service_trust
from bedplate.core.errors import ArgsError
from bedplate.core.tags import default_tags
from bedplate.keys.handles import KeyHandle
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.network.aws import AwsNetwork
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.network.handles import NetworkHandle
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("autoscaling-karpenter")

ACCOUNT, REGION = "123456789012", "us-east-1"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/training"
OURS = {
    "aws:ResourceTag/kubernetes.io/cluster/training": "owned",
    "aws:ResourceTag/karpenter.sh/nodepool": "a",
}
REQUESTED = {
    "aws:RequestTag/kubernetes.io/cluster/training": "owned",
    "aws:RequestTag/eks:eks-cluster-name": "training",
    "aws:RequestTag/karpenter.sh/nodepool": "a",
}
SCOPE = KarpenterScope(
    cluster_name="training",
    cluster_arn=CLUSTER,
    region=REGION,
    node_role_arn=f"arn:aws:iam::{ACCOUNT}:role/nodes",
    instance_profile_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/nodes",
    queue_arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue",
    queue_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/queue",
    volume_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/volumes",
)
INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
POLICY = {"Version": "2012-10-17", "Statement": controller_statements(SCOPE)}


def test_the_controller_starts_and_ends_its_own_machines_only(decide: Callable[..., str]) -> None:
    assert decide(POLICY, "ec2:RunInstances", INSTANCE, REQUESTED) == "allow"
    assert decide(POLICY, "ec2:RunInstances", INSTANCE) == "none"
    assert decide(POLICY, "ec2:TerminateInstances", INSTANCE, OURS) == "allow"
    assert decide(POLICY, "ec2:TerminateInstances", INSTANCE) == "none"
    assert decide(POLICY, "ec2:TerminateInstances", INSTANCE, {**OURS, next(iter(OURS)): "shared"}) == "none"


def test_it_passes_one_role_and_to_ec2_only(decide: Callable[..., str]) -> None:
    to_ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
    assert decide(POLICY, "iam:PassRole", SCOPE.node_role_arn, to_ec2) == "allow"
    assert decide(POLICY, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", to_ec2) == "none"
    assert decide(POLICY, "iam:PassRole", SCOPE.node_role_arn, {"iam:PassedToService": "lambda.x"}) == "none"


def test_it_uses_the_volume_key_through_ec2_only(decide: Callable[..., str]) -> None:
    via = {"kms:ViaService": f"ec2.{REGION}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}
    assert decide(POLICY, "kms:CreateGrant", SCOPE.volume_key_arn, via) == "allow"
    assert decide(POLICY, "kms:CreateGrant", SCOPE.volume_key_arn) == "none"
    assert decide(POLICY, "kms:Decrypt", SCOPE.volume_key_arn) == "none"


@pytest.mark.parametrize("statement", POLICY["Statement"], ids=lambda one: one["Sid"])
def test_nothing_that_writes_is_allowed_everywhere(statement: Mapping[str, Any]) -> None:
    actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
    assert not any("*" in action for action in actions)
    if "*" in resources:
        assert all(action.split(":")[1].startswith(("Describe", "Get", "List")) for action in actions)
    writes_iam = [
        one for one in actions if one.startswith("iam:") and not one.startswith(("iam:Get", "iam:List"))
    ]
    assert writes_iam in ([], ["iam:PassRole"])


def test_the_queue_key_serves_events_of_the_account(decide: Callable[..., str]) -> None:
    policy, events = queue_key_policy(CLUSTER), {"principal": "events.amazonaws.com"}
    mine = {"aws:SourceAccount": ACCOUNT}
    assert decide(policy, "kms:GenerateDataKey", "*", mine, **events) == "allow"
    assert (
        decide(policy, "kms:GenerateDataKey", "*", {"aws:SourceAccount": "999999999999"}, **events) == "none"
    )


def test_it_is_refused_where_there_is_no_ec2(record: Any, kubernetes: Any, cluster: Any) -> None:
    with pytest.raises(ArgsError) as refused:
        record(lambda: KarpenterControllerArgs(cluster=kubernetes("onprem"), eks=cluster()))
    for part in ("cluster", "on onprem", "allowed: eks", "use ClusterAutoscaler"):
        assert part in str(refused.value)


def eks_cluster() -> ClusterHandle:
    """The least that AWS takes for a cluster: components for it are tested elsewhere."""
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
    subnets = {
        zone: aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=zone).id
        for index, zone in enumerate(("us-east-1a", "us-east-1b"))
    }
    role = aws.iam.Role("eks", assume_role_policy=service_trust("eks.amazonaws.com", region=REGION))
    made = aws.eks.Cluster(
        "training",
        name="training",
        role_arn=role.arn,
        vpc_config=aws.eks.ClusterVpcConfigArgs(subnet_ids=list(subnets.values())),
        access_config=aws.eks.ClusterAccessConfigArgs(authentication_mode="API"),
    )
    return ClusterHandle.from_existing(
        name=made.name,
        version="1.36",
        arn=made.arn,
        endpoint=made.endpoint,
        certificate_authority_data="Q0E=",
        security_group_id="sg-0123456789abcdef0",
        network=NetworkHandle.from_existing(
            region=REGION,
            vpc_id=vpc.id,
            cidr_block=vpc.cidr_block,
            private_subnet_id_by_zone=subnets,
        ),
        key=KeyHandle.from_existing(arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/volumes"),
    )


def platform(max_gpus: int = 8) -> None:
    eks = eks_cluster()
    cluster = KubernetesHandle(
        name="training",
        platform="eks",
        version="1.36",
        provider=k8s.Provider("cluster", cluster_identifier="training"),
    )
    args = KarpenterControllerArgs(
        cluster=cluster, eks=eks, tags=default_tags("test", "karpenter", "ml", "42")
    )
    karpenter = KarpenterController("karpenter", args, cluster.options())
    pool = {"machines": ["p5.48xlarge"], "max_gpus": max_gpus, "zones": ["us-east-1a"]}
    values = {"karpenter": karpenter.handle, "image_version": "v20261116", "pools": {"train": pool}}
    KarpenterNodePools("nodes", KarpenterNodePoolsArgs.model_validate(values), cluster.options())


def test_life_of_karpenter(sandbox: SandboxFixture, mandatory: Callable[[str], list[str]]) -> None:
    sandbox.up(platform)
    again = sandbox.up()
    assert {key for key, count in again.changes.items() if count} == {"same"}

    # What fills the queue, and that it is encrypted.
    sqs, events = sandbox.client("sqs", region=REGION), sandbox.client("events", region=REGION)
    (url,) = sqs.list_queues()["QueueUrls"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert queue["KmsMasterKeyId"].startswith("arn:aws:kms:")
    patterns = {}
    for rule in events.list_rules()["Rules"]:
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["Arn"] == queue["QueueArn"]
        patterns[rule["Arn"]] = json.loads(rule["EventPattern"])["detail-type"][0]
    assert "EC2 Spot Instance Interruption Warning" in patterns.values()
    assert len(patterns) == 5
    (sends, tls) = json.loads(queue["Policy"])["Statement"]
    assert sends["Condition"]["ArnEquals"]["aws:SourceArn"] == sorted(patterns)
    assert tls["Effect"] == "Deny"

    entries = [one["outputs"] for one in sandbox.resources("aws:eks/accessEntry:AccessEntry")]
    assert [one["type"] for one in entries if "karpenter" in one["principalArn"]] == ["EC2_LINUX"]

    (pool,) = sandbox.cluster("training").objects(GroupKind("karpenter.sh", "NodePool"))
    assert pool["spec"]["limits"] == {"nvidia.com/gpu": "8"}

    sandbox.up(lambda: platform(max_gpus=16))
    assert sandbox.steps("update") == ["nodes-train-pool"]

    assert mandatory("Karpenter") == []
    sandbox.destroy()
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_node_classes_look_for_the_tag_that_the_network_sets(record: Any, key: Any) -> None:
    def program() -> None:
        zones = ("us-east-1a", "us-east-1b")
        AwsNetwork(
            "network", AwsNetworkArgs(zones=zones, region=REGION, key=key(), cluster_names=("training",))
        )

    tagged = [
        one.name
        for one in record(program).of_type("Subnet")
        if one.inputs["tags"].get("karpenter.sh/discovery") == "training"
    ]
    assert len(tagged) == 2
    assert all("private" in name for name in tagged)
