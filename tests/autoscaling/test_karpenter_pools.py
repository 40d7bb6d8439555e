"""Karpenter's node pools: what is refused, and what the objects say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.autoscaling.karpenter import KarpenterHandle
from bedplate.autoscaling.karpenter_pool_args import DisruptionBudget, KarpenterPoolArgs
from bedplate.autoscaling.karpenter_pools import KarpenterNodePools, KarpenterNodePoolsArgs
from bedplate.autoscaling.karpenter_spec import node_pool_spec, pool_handle
from bedplate.catalog import aws_machines
from bedplate.core.errors import ArgsError
from bedplate.kubernetes.handles import NodePoolHandle

REGION, ZONES = "us-east-1", ("us-east-1a", "us-east-1b", "us-east-1c")
P5 = {"machines": ["p5.48xlarge"], "max_gpus": 64, "zones": ["us-east-1a"]}
G5 = {"machines": ["g5.xlarge"], "max_gpus": 8, "purpose": "inference"}
CPU = {"machines": ["m6i.4xlarge"], "max_cpu": 64, "purpose": "general"}
RESERVATION = "cr-0123456789abcdef0"


def spec(pool: dict[str, Any], name: str = "pool") -> dict[str, Any]:
    made: Any = node_pool_spec(name, KarpenterPoolArgs.model_validate(pool), region=REGION, zones=ZONES)
    return made


REFUSALS = [
    ({}, ("machines", "nothing given, nor families", "name a machine")),
    ({**G5, "machines": ["g5.xlrge"]}, ("machines[0]", "g5.xlrge", "g5.xlarge")),
    ({"families": ["g99"], "max_gpus": 8}, ("families[0]", "'g99'", "g5")),
    ({**G5, "machines": ["g5.xlarge", "g6.xlarge"]}, ("machines", "A10G, L4 in one pool", "a pool of each")),
    ({**G5, "machines": ["g5.xlarge", "m6i.large"]}, ("machines", "no accelerator", "a pool of each")),
    ({**CPU, "machines": ["m6i.large", "m7g.large"]}, ("machines", "x86_64 and arm64", "a pool of each")),
    ({**G5, "machines": ["inf2.xlarge"]}, ("machines", "Inferentia2", "not an NVIDIA GPU")),
    ({**G5, "efa": True}, ("efa", "g5.xlarge has no EFA interface", "remove the line")),
    ({**P5, "zones": ["us-east-1a", "us-east-1b"]}, ("zones", "does not leave a zone", "exactly one")),
    ({**G5, "zones": ["us-east-1a", "us-east-1a"]}, ("zones", "names a zone twice", "remove one")),
    ({**P5, "capacity_types": ["spot"]}, ("capacity_types", "one interruption ends the job", "allow_spot")),
    ({**P5, "capacity_types": ["reserved"]}, ("capacity_types", "'reserved' without", "name them")),
    ({**P5, "capacity_reservation_ids": [RESERVATION]}, ("capacity_reservation_ids", "lacks 'reserved'")),
    ({**P5, "capacity_reservation_ids": ["cr-1"]}, ("capacity_reservation_ids[0]", "'cr-1'", "17 hex")),
    ({**G5, "capacity_types": ["spot", "spot"]}, ("capacity_types", "given twice", "remove one")),
    ({**P5, "max_gpus": 4}, ("max_gpus", "less than one machine has (8)", "8 or more")),
    ({**P5, "max_gpus": None}, ("max_gpus", "nothing given for GPU machines", "pay for")),
    ({**CPU, "max_gpus": 8}, ("max_gpus", "machines without GPU", "remove it")),
    ({**CPU, "max_cpu": None}, ("max_cpu", "nothing given", "how many cores")),
    ({**CPU, "max_cpu": 8}, ("max_cpu", "less than one machine has (16)", "16 or more")),
    ({**G5, "taints": [{"key": "nvidia.com/gpu"}]}, ("taints", "the same key and effect", "remove one")),
    ({**G5, "labels": {"karpenter.sh/x": "y"}}, ("labels", "Karpenter's own", "rename it")),
    ({**G5, "labels": {"bedplate/pool": "y"}}, ("labels", "Bedplate sets itself", "rename it")),
    ({**G5, "budgets": [{"nodes": "101%"}]}, ("budgets[0].nodes", "'101%'", "'10%'")),
    ({**G5, "budgets": [{"nodes": "1", "schedule": "9"}]}, ("budgets[0].schedule", "'9'", "five fields")),
    ({**G5, "budgets": [{"nodes": "1", "schedule": "@daily"}]}, ("duration_minutes", "both or neither")),
    ({**G5, "weight": 101}, ("weight", "101", "100")),
    (
        {**G5, "capacity_reservation_tags": {"a": ""}, "capacity_types": ["reserved"]},
        ("is empty", "fill it in"),
    ),
]


@pytest.mark.parametrize(("pool", "parts"), REFUSALS, ids=lambda value: str(value)[:40])
def test_impossible_pools_are_refused(pool: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(ArgsError) as refused:
        KarpenterPoolArgs.model_validate(pool)
    for part in parts:
        assert part in str(refused.value)


def test_training_nodes_go_only_when_empty_and_never_of_age() -> None:
    made = spec(P5)
    assert made["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert made["template"]["spec"]["expireAfter"] == "Never"
    assert "terminationGracePeriod" not in made["template"]["spec"]
    assert {"nodes": "0", "reasons": ["Underutilized", "Drifted"]} in made["disruption"]["budgets"]
    assert made["limits"] == {"nvidia.com/gpu": "64"}


def test_inference_nodes_are_packed_and_renewed() -> None:
    made = spec({**G5, "capacity_types": ["spot", "on-demand"], "weight": 10})
    assert made["disruption"] == {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": "600s",
        "budgets": [{"nodes": "10%"}],
    }
    assert made["template"]["spec"]["expireAfter"] == "720h"
    assert made["template"]["spec"]["terminationGracePeriod"] == "60m"
    assert made["weight"] == 10


def test_a_family_is_the_machines_that_the_catalogue_has_and_the_region_offers() -> None:
    made = spec({"families": ["g6"], "max_gpus": 16, "purpose": "inference"})
    requirement = made["template"]["spec"]["requirements"][0]
    wanted = sorted(one.name for one in aws_machines() if one.family == "g6" and one.available_in(REGION))
    assert (requirement["key"], requirement["values"]) == ("node.kubernetes.io/instance-type", wanted)


def test_one_may_allow_spot_for_efa() -> None:
    pool = {**P5, "capacity_types": ["spot"], "allow_spot_for_efa": True}
    assert {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]} in spec(pool)[
        "template"
    ]["spec"]["requirements"]


@given(
    machine=st.sampled_from([one.name for one in aws_machines() if one.accelerator and one.fabric]),
    gpus=st.integers(1, 4096),
    cpu=st.none() | st.integers(1, 100_000),
)
def test_a_pool_that_is_taken_has_room_for_a_node_and_never_for_more_than_its_limits(
    machine: str, gpus: int, cpu: int | None
) -> None:
    values = {"machines": [machine], "max_gpus": gpus, "max_cpu": cpu, "zones": ["us-east-1a"]}
    try:
        pool = KarpenterPoolArgs.model_validate(values)
    except ArgsError:
        return
    handle = pool_handle("pool", pool, region=REGION, zones=ZONES)
    assert handle.accelerator is not None
    assert handle.max_nodes >= 1
    assert handle.max_nodes * handle.accelerator.count <= gpus
    assert cpu is None or handle.max_nodes * handle.cpu <= cpu


@pytest.fixture
def karpenter(kubernetes: Callable[..., Any], cluster: Callable[..., Any]) -> Callable[..., KarpenterHandle]:
    """Makes a controller's handle, within a program."""

    def make(pools: tuple[NodePoolHandle, ...] = (), **of_network: Any) -> KarpenterHandle:
        return KarpenterHandle(
            cluster=kubernetes(pools=pools),
            eks=cluster(**of_network),
            node_role_arn=pulumi.Output.from_input("arn:aws:iam::123456789012:role/nodes"),
            instance_profile_name=pulumi.Output.from_input("nodes"),
            queue_arn=pulumi.Output.from_input("arn:aws:sqs:us-east-1:123456789012:queue"),
            after=(),
        )

    return make


def pools_of(handle: KarpenterHandle, pools: dict[str, Any], **more: Any) -> KarpenterNodePools:
    args = {"karpenter": handle, "image_version": "v20261116", "pools": pools, **more}
    return KarpenterNodePools("nodes", KarpenterNodePoolsArgs.model_validate(args))


def test_the_machines_are_encrypted_private_and_guarded(record: Any, karpenter: Any) -> None:
    made = record(lambda: pools_of(karpenter(), {"train": P5}, tags={"team": "ml"}))
    node_class = made.one("EC2NodeClass", "nodes-train-class").inputs["spec"]
    ebs = node_class["blockDeviceMappings"][0]["ebs"]
    assert (ebs["encrypted"], ebs["volumeType"], ebs["kmsKeyID"][:11]) == (True, "gp3", "arn:aws:kms")
    assert node_class["metadataOptions"]["httpTokens"] == "required"
    assert node_class["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert node_class["associatePublicIPAddress"] is False
    assert node_class["instanceStorePolicy"] == "RAID0"
    assert node_class["amiSelectorTerms"] == [{"alias": "al2023@v20261116"}]
    assert node_class["subnetSelectorTerms"] == [{"tags": {"karpenter.sh/discovery": "training"}}]
    assert node_class["tags"] == {"team": "ml"}
    # EFA: a group that trusts itself, and machines close to each other.
    assert node_class["securityGroupSelectorTerms"] == [{"id": "sg-cluster"}, {"id": "nodes-train-efa-id"}]
    assert node_class["placementGroupSelector"] == {"name": "nodes-train-close"}


def test_reserved_machines_are_not_placed_and_named_by_their_reservation(record: Any, karpenter: Any) -> None:
    pool = {**P5, "capacity_types": ["reserved"], "capacity_reservation_ids": [RESERVATION]}
    made = record(lambda: pools_of(karpenter(), {"train": pool}, subnets_by="id"))
    node_class = made.one("EC2NodeClass").inputs["spec"]
    assert node_class["capacityReservationSelectorTerms"] == [{"id": RESERVATION}]
    assert "placementGroupSelector" not in node_class
    assert node_class["subnetSelectorTerms"] == [{"id": "subnet-us-east-1a"}]


def test_the_pool_is_deleted_before_its_class(record: Any, karpenter: Any) -> None:
    made = record(lambda: pools_of(karpenter(), {"serve": G5}))
    assert "nodes-serve-class" in made.one("NodePool").depends_on


def test_the_cluster_gets_the_pools(record: Any, karpenter: Any) -> None:
    seen: list[Any] = []

    def program() -> None:
        seen.append(pools_of(karpenter(), {"serve": G5, "train": P5}).cluster)

    record(program)
    train = seen[0].pool("train")
    assert (train.max_nodes, train.accelerator.count, train.fabric.count) == (8, 8, 32)
    assert train.labels == {
        "bedplate/pool": "train",
        "nvidia.com/gpu.present": "true",
        "vpc.amazonaws.com/efa.present": "true",
    }
    assert seen[0].pool("serve").zones == ZONES


def like_g5(**changes: Any) -> NodePoolHandle:
    pool = KarpenterPoolArgs.model_validate(G5)
    made = pool_handle("groups", pool, region=REGION, zones=ZONES)
    return NodePoolHandle(**{**vars(made), **changes})


@pytest.mark.parametrize(
    ("pools", "more", "existing", "parts"),
    [
        ({"serve": G5}, {"image_version": "latest"}, (), ("image_version", "'latest'", "v20261116")),
        ({}, {}, (), ("pools", "at least 1")),
        ({"Serve": G5}, {}, (), ("pools", "'Serve'", "lower-case")),
        ({"a": {**G5, "zones": ["us-east-1f"]}}, {}, (), ("pools.a.zones[0]", "us-east-1f", "us-east-1a")),
        ({"a": {**P5, "zones": None}}, {}, (), ("pools.a.zones", "3 zones", "exactly one")),
        ({"serve": G5}, {"tags": {"karpenter.sh/nodepool": "x"}}, (), ("tags", "Karpenter's own tag")),
        ({"groups": G5}, {}, (like_g5(),), ("pools.groups", "already", "rename it")),
        (
            {"serve": G5},
            {},
            (like_g5(labels={"nvidia.com/gpu.present": "true"}),),
            ("pools.serve.labels", "those of the pool 'groups'", "both autoscalers", "a label of its own"),
        ),
    ],
    ids=["image", "none", "name", "zone", "one-zone", "tag", "same-name", "same-machine"],
)
def test_pools_that_do_not_fit_are_refused(
    record: Any, karpenter: Any, pools: Any, more: Any, existing: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as refused:
        record(lambda: pools_of(karpenter(existing), pools, **more))
    for part in parts:
        assert part in str(refused.value)


def test_the_same_machine_under_other_labels_is_taken(record: Any, karpenter: Any) -> None:
    made = record(lambda: pools_of(karpenter((like_g5(),)), {"serve": G5}))
    assert len(made.of_type("NodePool")) == 1


def test_a_region_without_the_machine_is_named(record: Any, karpenter: Any) -> None:
    far = {"region": "eu-south-1", "zones": ("eu-south-1a",)}
    with pytest.raises(ArgsError, match=r"(?s)pools.a.machines\[0\].*is not offered in eu-south-1"):
        record(lambda: pools_of(karpenter(**far), {"a": {**P5, "zones": None}}))


def test_a_budget_has_its_schedule() -> None:
    budget = DisruptionBudget(nodes="0", schedule="0 9 * * mon-fri", duration_minutes=480)
    made = spec({**G5, "budgets": [budget.model_dump()]})
    assert made["disruption"]["budgets"] == [
        {"nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "480m"}
    ]
