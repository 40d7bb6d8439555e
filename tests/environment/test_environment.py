"""The environment of aws-dev: what it makes, what it says, and how it is read."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from bedplate import environment
from bedplate.core import ConfigError

TAGGED = {
    "bedplate:environment": "aws-dev",
    "bedplate:owner": "platform-team",
    "bedplate:cost-center": "ml-platform",
    "data-classification": "internal",
}


def test_aws_dev_is_made_whole(aws_dev_whole: dict[str, Any], stack_program: Any, made: Any) -> None:
    recording = made(stack_program(aws_dev_whole))
    resources = [one for one in recording.made if one.kind not in ("AwsNetwork", "EksCluster")]
    assert len(resources) >= 200
    assert {"ClusterQueue", "Release", "Tag"} <= {one.kind for one in resources}
    assert len(recording.all("NatGateway")) == 1
    assert {one.name for one in recording.all("NodeGroup")} == {
        "aws-dev-cluster-system-nodes",
        "aws-dev-gpu-l4-nodes",
        "aws-dev-gpu-h100-nodes",
    }
    assert len(recording.all("Bucket")) == 3
    assert len(recording.all("Budget")) == 1


def test_everything_that_takes_tags_says_whose_it_is(
    aws_dev: dict[str, Any], stack_program: Any, made: Any
) -> None:
    recording = made(stack_program(aws_dev))
    tagged = [one for one in recording.made if "tags" in one.inputs]
    assert len(tagged) >= 50
    for one in tagged:
        assert {key: one.inputs["tags"].get(key) for key in TAGGED} == TAGGED, one.name


def test_gpu_pools_cost_nothing_until_a_job_asks(
    aws_dev: dict[str, Any], stack_program: Any, made: Any
) -> None:
    recording = made(stack_program(aws_dev))
    for pool in ("l4-nodes", "h100-nodes"):
        group = recording.one("NodeGroup", pool)
        assert group.inputs["scalingConfig"]["minSize"] == 0
        assert group.inputs["scalingConfig"]["desiredSize"] == 0


def test_development_can_be_destroyed_at_will(aws_dev: dict[str, Any], stack_program: Any, made: Any) -> None:
    recording = made(stack_program(aws_dev))
    assert recording.one("Cluster").inputs["deletionProtection"] is False
    for bucket in recording.all("Bucket"):
        assert bucket.inputs["forceDestroy"] is True


def test_pods_of_a_workload_reach_its_buckets_and_no_others(
    aws_dev: dict[str, Any], stack_program: Any, made: Any
) -> None:
    aws_dev["buckets"]["private"] = {}
    recording = made(stack_program(aws_dev))
    association = recording.one("PodIdentityAssociation", "training-trainer-identity")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("training", "trainer")
    role = recording.one("Role", "training-trainer-role")
    assert role.document("assumeRolePolicy")["Statement"][0]["Principal"] == {
        "Service": "pods.eks.amazonaws.com"
    }
    granted = " ".join(
        policy.inputs["policy"]
        for policy in recording.all("RolePolicy")
        if "trainer" in policy.name and policy.name.startswith("aws-dev-")
    )
    assert "aws-dev-datasets" in granted
    assert "aws-dev-checkpoints" in granted
    assert "aws-dev-private" not in granted


def test_the_stack_says_how_to_reach_what_it_made(aws_dev: dict[str, Any], made: Any) -> None:
    said: dict[str, Any] = {}

    def program() -> None:
        outputs = environment.deploy(environment.load(aws_dev))
        pulumi.Output.all(**outputs).apply(said.update)

    made(program)
    assert said["cluster_name"] == "aws-dev-cluster"
    assert said["kubeconfig_command"] == "aws eks update-kubeconfig --region us-east-1 --name aws-dev-cluster"
    assert said["gpu_node_groups"] == {"l4": "aws-dev-gpu-l4-nodes", "h100": "aws-dev-gpu-h100-nodes"}
    assert said["buckets"]["datasets"].startswith("s3://aws-dev-datasets")
    assert said["cluster_oidc_issuer"].startswith("https://")


def test_alarms_are_left_out_where_the_file_has_none(aws_dev: dict[str, Any], made: Any) -> None:
    del aws_dev["alarms"]
    recording = made(lambda: environment.deploy(environment.load(aws_dev)))
    assert not recording.all("Topic")
    assert recording.all("Cluster")


def test_every_mistake_is_told_in_one_run(
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    """A typo, wrong values, and parts that do not fit together."""
    data = changed(
        {
            "network.natt": "single",
            "cluster.version": "1.20",
            "gpu_pools.l4.machine": "g6.12xlrge",
            "gpu_pools.h100.zones": ["us-east-1f"],
            "buckets.datasets.versioning": "maybe",
            "workloads.trainer.write": ["checkpoint"],
            "owner": 7,
        }
    )
    with pytest.raises(ConfigError) as refused:
        environment.load(data, region="us-west-2")
    assert {problem.path.removeprefix("bedplate:environment.") for problem in refused.value.problems} == {
        "network.natt",
        "cluster.version",
        "gpu_pools.l4.machine",
        "gpu_pools.h100.zones[0]",
        "buckets.datasets.versioning",
        "workloads.trainer.write[0]",
        "owner",
        "region",
    }


def test_a_part_that_is_wrong_by_itself_is_no_reason_to_blame_another(
    changed: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    data = changed({"network.cidr_block": "10.20.0.0", "network.reserved_cidr_blocks": ["10.0.0.0/8"]})
    with pytest.raises(ConfigError) as refused:
        environment.load(data)
    assert {problem.path.split(".")[1] for problem in refused.value.problems} == {"network"}


def test_the_provider_must_be_in_the_same_region(aws_dev: dict[str, Any]) -> None:
    assert environment.load(aws_dev, region="us-east-1").region == "us-east-1"
    assert environment.load(aws_dev, region=None).region == "us-east-1"
    with pytest.raises(ConfigError, match="'us-east-1', but aws:region is 'eu-west-1'"):
        environment.load(aws_dev, region="eu-west-1")


def test_a_stack_without_an_environment_is_told_what_is_missing(stack_program: Any, made: Any) -> None:
    with pytest.raises(ConfigError, match=r"bedplate:environment is missing.*docs/environment\.md"):
        made(stack_program(None))


def test_an_environment_that_is_a_list_is_refused(stack_program: Any, made: Any) -> None:
    with pytest.raises(ConfigError, match="bedplate:environment is a list; allowed: a mapping"):
        made(stack_program(["aws"]))


def test_loading_leaves_the_data_as_it_was(aws_dev: dict[str, Any]) -> None:
    aws_dev["cluster"]["version"] = "1.20"
    with pytest.raises(ConfigError):
        environment.load(aws_dev)
    assert aws_dev["cluster"]["version"] == "1.20"
    assert aws_dev["network"]["nat"] == "single"


def test_defaults_fill_what_a_short_file_leaves_out(made: Any) -> None:
    short = {
        "kind": "aws",
        "name": "tiny",
        "region": "eu-west-2",
        "zones": ["eu-west-2a", "eu-west-2b"],
        "owner": "research",
        "cluster": {
            "version": "1.36",
            "access": {
                "admins": {
                    "principal_arn": "arn:aws:iam::123456789012:role/admins",
                    "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}],
                }
            },
        },
    }
    recording = made(lambda: environment.deploy(environment.load(short)))
    assert recording.one("Cluster").inputs["deletionProtection"] is True
    assert recording.one("Key").inputs["enableKeyRotation"] is True
    assert len(recording.all("NatGateway")) == 2


def test_nodes_wait_for_their_way_to_the_world_and_leave_before_it(
    aws_dev: dict[str, Any], stack_program: Any, made: Any
) -> None:
    recording = made(stack_program(aws_dev))
    for group in recording.all("NodeGroup"):
        for zone in ("us-east-1a", "us-east-1b", "us-east-1c"):
            assert f"aws-dev-network-private-{zone}-nat" in group.depends_on
        assert "aws-dev-cluster-vpc-cni" in group.depends_on


def test_every_role_is_within_the_boundary_that_the_account_demands(
    changed: Any, stack_program: Any, made: Any
) -> None:
    boundary = "arn:aws:iam::123456789012:policy/platform-boundary"
    recording = made(stack_program(changed({"permissions_boundary_arn": boundary})))
    roles = recording.all("Role")
    assert len(roles) >= 8
    assert {one.inputs.get("permissionsBoundary") for one in roles} == {boundary}
