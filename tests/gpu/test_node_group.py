"""What a GPU node group is made of: its fabric, its placement, its guarded and encrypted nodes."""

import base64
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from bedplate.core import InputPropertiesError
from bedplate.gpu.aws import EksGpuNodeGroup, EksGpuNodeGroupArgs

ONE_ZONE = ["us-east-1b"]
RESERVED = {"kind": "targeted-reservation", "capacity_reservation_id": "cr-0123456789abcdef0"}


@pytest.fixture
def build(made: Any, cluster: Any) -> Callable[..., Any]:
    """Makes a pool with the given settings; returns what was registered."""

    def run(then: Callable[[EksGpuNodeGroup], object] = lambda pool: None, **settings: Any) -> Any:
        def program() -> None:
            of_network = settings.pop("of_network", {})
            args = EksGpuNodeGroupArgs.model_validate(
                {"max_size": 2, **settings, "cluster": cluster(**of_network)}
            )
            then(EksGpuNodeGroup("pool", args))

        return made(program)

    return run


def _interfaces(recording: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recording.one("LaunchTemplate").inputs["networkInterfaces"]
    return found


# Amazon EC2 User Guide, "Maximize network bandwidth on Amazon EC2 instances with multiple network cards"
# (2026-11-24): EFA interfaces, network cards, interfaces with an address.
@pytest.mark.parametrize(
    ("machine", "efa", "cards", "with_address"),
    [
        ("p5.48xlarge", 32, 32, 1),
        ("p5en.48xlarge", 16, 16, 1),
        ("p6-b200.48xlarge", 8, 8, 1),
        ("p6-b300.48xlarge", 16, 17, 1),
        ("p4d.24xlarge", 4, 4, 1),
        ("g6.12xlarge", 1, 1, 1),
    ],
)
def test_a_machine_gets_all_of_its_efa_interfaces_on_their_own_cards(
    build: Any, machine: str, efa: int, cards: int, with_address: int
) -> None:
    region = "us-west-2"
    interfaces = _interfaces(
        build(machine=machine, zones=["us-west-2a"], of_network={"region": region, "zones": ("us-west-2a",)})
    )
    kinds = Counter(interface["interfaceType"] for interface in interfaces)
    assert kinds["efa"] + kinds["efa-only"] == efa
    assert kinds["efa"] + kinds["interface"] == with_address
    assert {interface["networkCardIndex"] for interface in interfaces} == set(range(cards))
    slots = Counter((interface["networkCardIndex"], interface["deviceIndex"]) for interface in interfaces)
    assert max(slots.values()) == 1
    # EC2 refuses a launch whose primary interface is not on the first card.
    assert slots[(0, 0)] == 1


def test_interfaces_are_private_and_go_with_the_machine(build: Any) -> None:
    interfaces = _interfaces(build(machine="p5.48xlarge", zones=ONE_ZONE))
    for interface in interfaces:
        assert interface["deleteOnTermination"] == "true"
        assert interface["securityGroups"] == ["sg-cluster", "pool-efa-id"]
        public = interface.get("associatePublicIpAddress")
        assert public == (None if interface["interfaceType"] == "efa-only" else "false")


def test_efa_traffic_is_let_through_within_the_pool_and_nowhere_else(build: Any) -> None:
    recording = build(machine="p5.48xlarge", zones=ONE_ZONE)
    for kind in ("SecurityGroupIngressRule", "SecurityGroupEgressRule"):
        rule = recording.one(kind).inputs
        assert rule["securityGroupId"] == rule["referencedSecurityGroupId"] == "pool-efa-id"
        assert rule["ipProtocol"] == "-1"
        assert "cidrIpv4" not in rule
        assert recording.one(kind).name in recording.one("NodeGroup").depends_on


def test_on_demand_machines_with_efa_are_put_close_together(build: Any) -> None:
    recording = build(machine="p5.48xlarge", zones=ONE_ZONE)
    assert recording.one("PlacementGroup").inputs["strategy"] == "cluster"
    template = recording.one("LaunchTemplate").inputs
    assert template["placement"] == {"groupName": "pool-close"}
    assert "capacityReservationSpecification" not in template
    assert recording.one("NodeGroup").inputs["subnetIds"] == ["subnet-us-east-1b"]


def test_reserved_machines_are_left_where_they_are(build: Any) -> None:
    recording = build(machine="p5.48xlarge", zones=ONE_ZONE, reservation=RESERVED)
    assert not recording.all("PlacementGroup")
    template = recording.one("LaunchTemplate").inputs
    assert "placement" not in template
    assert template["capacityReservationSpecification"] == {
        "capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}
    }
    assert len(template["networkInterfaces"]) == 33


def test_machines_without_efa_may_be_anywhere(build: Any) -> None:
    recording = build(machine="g6.12xlarge", efa=False)
    assert not recording.all("PlacementGroup")
    assert not recording.all("SecurityGroup")
    template = recording.one("LaunchTemplate").inputs
    assert "networkInterfaces" not in template
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]
    assert len(recording.one("NodeGroup").inputs["subnetIds"]) == 3


def test_pods_reach_the_metadata_service_only_with_a_token_and_not_at_all_on_request(build: Any) -> None:
    options = build(machine="g6.xlarge").one("LaunchTemplate").inputs["metadataOptions"]
    assert options["httpTokens"] == "required"
    assert options["httpPutResponseHopLimit"] == 2
    closed = build(machine="g6.xlarge", metadata_hop_limit=1).one("LaunchTemplate").inputs["metadataOptions"]
    assert closed["httpPutResponseHopLimit"] == 1


def test_the_disk_is_encrypted_with_the_clusters_key(build: Any) -> None:
    volume = {"size_gib": 500, "iops": 6000, "throughput_mibps": 1000}
    mapping = build(machine="g6.xlarge", volume=volume).one("LaunchTemplate").inputs["blockDeviceMappings"][0]
    assert mapping["deviceName"] == "/dev/xvda"
    assert mapping["ebs"] == {
        "encrypted": "true",
        "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1111",
        "volumeType": "gp3",
        "volumeSize": 500,
        "iops": 6000,
        "throughput": 1000,
        "deleteOnTermination": "true",
    }


def test_local_disks_become_one_raid_for_containers(build: Any) -> None:
    encoded = build(machine="p5.48xlarge", zones=ONE_ZONE).one("LaunchTemplate").inputs["userData"]
    text = base64.b64decode(encoded).decode()
    assert text.startswith("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=")
    assert "Content-Type: application/node.eks.aws" in text
    assert "kind: NodeConfig" in text
    assert "strategy: RAID0" in text


def test_nodes_keep_other_pods_away_and_can_be_found(build: Any) -> None:
    group = build(
        machine="p5.48xlarge",
        zones=ONE_ZONE,
        labels={"team.example.com/purpose": "training"},
        taints=[{"key": "team.example.com/reserved", "value": "yes", "effect": "NO_EXECUTE"}],
    ).one("NodeGroup")
    assert group.inputs["amiType"] == "AL2023_x86_64_NVIDIA"
    assert group.inputs["taints"] == [
        {"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"},
        {"key": "team.example.com/reserved", "value": "yes", "effect": "NO_EXECUTE"},
    ]
    assert group.inputs["labels"] == {
        "bedplate/pool": "pool",
        "nvidia.com/gpu.present": "true",
        "vpc.amazonaws.com/efa.present": "true",
        "k8s.amazonaws.com/accelerator": "nvidia-h100-sxm5-80gb",
        "team.example.com/purpose": "training",
    }
    assert group.inputs["nodeRepairConfig"] == {"enabled": True}
    assert group.inputs["updateConfig"] == {"maxUnavailable": 1}
    assert group.inputs["version"] == "1.35"


def test_an_autoscaler_knows_a_node_before_there_is_one(build: Any) -> None:
    """kubernetes/autoscaler, cloudprovider/aws: the tags of a group that is scaled from zero."""
    made = build(
        machine="p5.48xlarge",
        zones=ONE_ZONE,
        labels={"team.example.com/purpose": "training"},
        taints=[{"key": "team.example.com/reserved", "effect": "NO_EXECUTE"}],
    ).all("Tag")
    assert {one.inputs["autoscalingGroupName"] for one in made} == {"eks-pool-nodes"}
    prefix = "k8s.io/cluster-autoscaler/node-template/"
    assert {one.inputs["tag"]["key"].removeprefix(prefix): one.inputs["tag"]["value"] for one in made} == {
        "label/bedplate/pool": "pool",
        "label/nvidia.com/gpu.present": "true",
        "label/vpc.amazonaws.com/efa.present": "true",
        "label/k8s.amazonaws.com/accelerator": "nvidia-h100-sxm5-80gb",
        "label/team.example.com/purpose": "training",
        "taint/nvidia.com/gpu": "true:NoSchedule",
        "taint/team.example.com/reserved": ":NoExecute",
        "resources/nvidia.com/gpu": "8",
        "resources/vpc.amazonaws.com/efa": "32",
    }
    assert not any(one.inputs["tag"]["propagateAtLaunch"] for one in made)


def test_a_pool_without_efa_promises_none(build: Any) -> None:
    keys = [one.inputs["tag"]["key"] for one in build(machine="g6.12xlarge", efa=False).all("Tag")]
    assert not [key for key in keys if "efa" in key]


def test_an_autoscalers_choice_survives_the_next_up(build: Any) -> None:
    free = build(machine="g6.xlarge").one("NodeGroup")
    assert free.inputs["scalingConfig"] == {"minSize": 0, "maxSize": 2, "desiredSize": 0}
    assert free.ignore_changes == ("scalingConfig.desiredSize",)
    fixed = build(machine="g6.xlarge", desired_size=1).one("NodeGroup")
    assert fixed.inputs["scalingConfig"]["desiredSize"] == 1
    assert fixed.ignore_changes == ()


def test_tags_reach_instances_and_volumes(build: Any) -> None:
    template = build(machine="g6.xlarge", tags={"team": "research"}).one("LaunchTemplate").inputs
    tagged = {spec["resourceType"]: spec["tags"] for spec in template["tagSpecifications"]}
    assert set(tagged) == {"instance", "volume", "network-interface"}
    assert all(tags == {"team": "research", "Name": "pool"} for tags in tagged.values())


def test_nodes_have_no_more_rights_than_a_kubelet_needs(build: Any) -> None:
    policies = {
        attachment.inputs["policyArn"].rsplit("/", 1)[-1]
        for attachment in build(machine="g6.xlarge").all("RolePolicyAttachment")
    }
    assert policies == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}


def test_the_handle_says_what_autoscalers_and_alarms_need(build: Any) -> None:
    said: dict[str, Any] = {}

    def look(pool: EksGpuNodeGroup) -> None:
        handle = pool.handle
        said.update(name=handle.name, machine=handle.machine.name, sizes=(handle.min_size, handle.max_size))
        handle.autoscaling_group_names.apply(lambda names: said.update(groups=names))

    build(look, machine="g6.xlarge")
    assert said == {"name": "pool", "machine": "g6.xlarge", "sizes": (0, 2), "groups": ["eks-pool-nodes"]}


def test_a_machine_that_the_region_lacks_is_refused(build: Any) -> None:
    with pytest.raises(InputPropertiesError, match=r"'p5\.48xlarge' is not offered in af-south-1"):
        build(
            machine="p5.48xlarge",
            zones=["af-south-1a"],
            of_network={"region": "af-south-1", "zones": ("af-south-1a", "af-south-1b")},
        )


def test_one_zone_of_a_network_of_one_need_not_be_named(build: Any) -> None:
    recording = build(machine="p5.48xlarge", of_network={"zones": ("us-east-1a",)})
    assert recording.one("NodeGroup").inputs["subnetIds"] == ["subnet-us-east-1a"]


def test_everything_wrong_with_a_pool_is_told_at_once(build: Any) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        build(machine="m7i.xlarge", max_size=-1, reservation={"kind": "spot"}, taint=[])
    text = str(refused.value)
    for path in ("machine", "max_size", "reservation", "taint"):
        assert f"  {path}: " in text


def test_the_kubelet_is_told_how_many_pods_fit_beside_the_local_disks(build: Any) -> None:
    template = build(machine="p5.48xlarge", zones=ONE_ZONE, max_pods=110).one("LaunchTemplate")
    text = base64.b64decode(template.inputs["userData"]).decode()
    spec = yaml.safe_load(text.split("---\n", 1)[1].split("--BOUNDARY--")[0])["spec"]
    assert spec == {
        "kubelet": {"config": {"maxPods": 110}},
        "instance": {"localStorage": {"strategy": "RAID0"}},
    }


def test_groups_of_ones_own_are_on_every_interface(build: Any) -> None:
    recording = build(machine="p5.48xlarge", zones=ONE_ZONE, security_group_ids=("sg-0123abcd",))
    assert all("sg-0123abcd" in one["securityGroups"] for one in _interfaces(recording))
    plain = build(machine="g6.xlarge", security_group_ids=("sg-0123abcd",)).one("LaunchTemplate")
    assert plain.inputs["vpcSecurityGroupIds"] == ["sg-cluster", "sg-0123abcd"]


def test_agents_on_the_node_get_their_policies_before_the_nodes_start(build: Any) -> None:
    ssm = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    recording = build(machine="g6.xlarge", node_policy_arns=(ssm,))
    attached = next(one for one in recording.all("RolePolicyAttachment") if one.inputs["policyArn"] == ssm)
    assert attached.name in recording.one("NodeGroup").depends_on


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"security_group_ids": ("sg-1",)}, "not the id of a security group"),
        ({"security_group_ids": ("sg-0123abcd",) * 2}, "given twice"),
        ({"security_group_ids": tuple(f"sg-0123abc{n}" for n in range(4))}, "at most 3"),
        ({"node_policy_arns": ("AmazonSSMManagedInstanceCore",)}, "not the ARN of an IAM policy"),
        ({"node_policy_arns": ("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",)}, "already"),
        (
            {"node_policy_arns": ("arn:aws:iam::aws:policy/a", "arn:aws:iam::123456789012:policy/x/a")},
            "'a' is the name of more than one policy",
        ),
        ({"max_pods": 251}, "at most 250"),
    ],
)
def test_node_settings_that_aws_refuses_are_refused(build: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputPropertiesError, match=words):
        build(machine="g6.xlarge", **fields)
