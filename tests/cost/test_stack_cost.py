"""What resources of a stack cost, by type; what is not known, not priced or free."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bedplate.catalog import Catalog
from bedplate.cost import (
    UNKNOWN,
    Estimate,
    StackResource,
    Usage,
    is_free,
    judge,
    resources_of,
    stack_cost,
)

Make = Callable[..., StackResource]
REGION = {"region": "us-east-1"}
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:eks/nodeGroup:NodeGroup"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
RESERVATION = "aws:ec2/capacityReservation:CapacityReservation"
ROOT = {"volumeSize": 10, "volumeType": "gp3"}


def priced(
    catalog: Catalog, today: datetime.date, *found: StackResource, region: str = "us-east-1", **more: Any
) -> Estimate:
    return stack_cost(found, catalog=catalog, today=today, region=region, **more)


# Type, inputs, and the dollars of a month at the maximum by hand.
ONE_RESOURCE: list[tuple[str, dict[str, object], str]] = [
    ("aws:ec2/natGateway:NatGateway", {}, "32.85"),
    ("aws:ec2/eip:Eip", {}, "3.65"),
    ("aws:eks/cluster:Cluster", {"version": "1.35"}, "73.0"),
    ("aws:eks/cluster:Cluster", {"version": "1.33"}, "438.0"),
    ("aws:eks/cluster:Cluster", {}, "73.0"),
    ("aws:kms/key:Key", {}, "1"),
    ("aws:secretsmanager/secret:Secret", {}, "0.4"),
    (ENDPOINT, {"vpcEndpointType": "Gateway"}, "0"),
    (ENDPOINT, {"vpcEndpointType": "Interface", "subnetIds": [UNKNOWN, "b"]}, "14.6"),
    ("aws:lb/loadBalancer:LoadBalancer", {}, "16.425"),
    ("aws:lb/loadBalancer:LoadBalancer", {"loadBalancerType": "network"}, "16.425"),
    ("aws:ebs/volume:Volume", {"size": 100, "type": "gp3"}, "8"),
    ("aws:ebs/volume:Volume", {"size": 100, "type": "gp3", "iops": 5000, "throughput": 225}, "22"),
    ("aws:ebs/volume:Volume", {"size": 100}, "10"),
    ("aws:ebs/volume:Volume", {"size": 100, "type": "io2", "iops": 1000}, "77.5"),
    ("aws:ec2/instance:Instance", {"instanceType": "m6i.large"}, "70.08"),
    (
        "aws:ec2/instance:Instance",
        {"instanceType": "m6i.large", "monitoring": True, "rootBlockDevice": ROOT},
        "72.98",
    ),
    (RESERVATION, {"instanceType": "p5.48xlarge", "instanceCount": 2}, "80358.4"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricName": "x"}, "0.1"),
    (
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        {"metricQueries": [{"id": "r"}, {"id": "a", "metric": {}}, {"id": "b", "metric": {}}]},
        "0.2",
    ),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricQueries": UNKNOWN}, "1"),
    ("aws:eks/nodeGroup:NodeGroup", {"scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 2},
      "instanceTypes": ["m6i.large"], "diskSize": 50}, "148.16"),
    ("gcp:container/cluster:Cluster", {"location": "us-central1", "removeDefaultNodePool": True}, "73.0"),
    ("gcp:compute/disk:Disk", {"zone": "us-central1-a", "size": 100, "type": "pd-ssd"}, "17"),
    ("gcp:compute/instance:Instance", {"zone": "us-central1-a", "machineType": "e2-standard-2"}, "48.91803"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "inputs", "month"), ONE_RESOURCE)
def test_one_resource_costs_what_the_catalogue_says(
    catalog: Catalog, today: datetime.date, make: Make, type: str, inputs: dict[str, object], month: str
) -> None:
    estimate = priced(catalog, today, make(type, "it", inputs))
    assert not estimate.unpriced
    assert not estimate.undetermined
    assert estimate.month("maximum") == Decimal(month)


def test_a_pool_takes_disks_and_monitoring_from_its_template_by_dependency(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    disk = {"volumeSize": 500, "volumeType": "gp3", "iops": 6000, "throughput": 1000}
    template = make(
        TEMPLATE, "template", {"blockDeviceMappings": [{"ebs": disk}], "monitoring": {"enabled": True}}
    )
    pool = make(
        GROUP,
        "pool",
        {
            "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 8},
            "instanceTypes": ["p5.48xlarge"],
            "launchTemplate": {"id": UNKNOWN, "version": UNKNOWN},
        },
        {"launchTemplate": "template"},
    )
    estimate = priced(catalog, today, template, pool)
    node = Decimal("55.04") * 730 + 500 * Decimal("0.08") + 3000 * Decimal("0.005") + 875 * Decimal("0.04")
    node += 7 * Decimal("0.3")
    assert [estimate.month(b) for b in ("minimum", "desired", "maximum")] == [node, 2 * node, 8 * node]  # type: ignore[arg-type]
    assert estimate.pools[0].field("maximum") == "scalingConfig.maxSize"
    assert not estimate.undetermined


def test_a_pool_without_types_takes_those_of_its_template_found_by_id(
    catalog: Catalog, today: datetime.date
) -> None:
    template = StackResource(TEMPLATE, "t", "urn:t", {"instanceType": "m6i.large"}, id="lt-1")
    scaling = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    pool = StackResource(GROUP, "p", "urn:p", {"scalingConfig": scaling, "launchTemplate": {"id": "lt-1"}})
    assert priced(catalog, today, template, pool).lines[0].item == "m6i.large"


def test_a_mixed_pool_counts_the_dearest_machine_and_spot_is_no_discount(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    inputs = {"scalingConfig": scaling, "instanceTypes": ["g6.xlarge", "g6.12xlarge"], "capacityType": "SPOT"}
    line = priced(catalog, today, make(GROUP, "p", inputs)).lines[0]
    assert line.item == "g6.12xlarge"
    assert line.price.usd == Decimal("4.6016")
    assert "on-demand price" in line.note


def test_pools_of_one_name_are_told_apart(catalog: Catalog, today: datetime.date) -> None:
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 4}
    pools = [
        StackResource(GROUP, "nodes", f"urn:{i}", {"scalingConfig": scaling, "instanceTypes": [machine]})
        for i, machine in enumerate(("p5.48xlarge", "g6.12xlarge"))
    ]
    estimate = priced(catalog, today, *pools)
    verdict = judge(estimate, estimate.month("maximum") - 1)
    (cut,) = verdict.change or ()
    assert (cut.pool.machine, cut.before, cut.after) == ("g6.12xlarge", 4, 3)
    assert cut.saves == Decimal("4.6016") * 730 + 20 * Decimal("0.08")


def test_an_auto_scaling_group_is_a_pool(catalog: Catalog, today: datetime.date, make: Make) -> None:
    template = make(TEMPLATE, "t", {"instanceType": "m6i.large"})
    group = make(
        "aws:autoscaling/group:Group",
        "g",
        {"minSize": 1, "maxSize": 3, "launchTemplate": {"id": UNKNOWN}},
        {"launchTemplate": "t"},
    )
    estimate = priced(catalog, today, template, group)
    assert estimate.month("maximum") == 3 * Decimal("0.096") * 730
    assert estimate.month("desired") == estimate.month("minimum") == Decimal("0.096") * 730


@pytest.mark.parametrize(
    ("type", "inputs", "path"),
    [
        (GROUP, {"scalingConfig": UNKNOWN, "instanceTypes": ["m6i.large"]}, "scalingConfig.minSize"),
        (
            GROUP,
            {"scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1}, "instanceTypes": UNKNOWN},
            "instanceTypes",
        ),
        (
            GROUP,
            {
                "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1},
                "launchTemplate": {"id": UNKNOWN},
            },
            "launchTemplate",
        ),
        ("aws:ec2/instance:Instance", {"instanceType": UNKNOWN}, "instanceType"),
        ("aws:ebs/volume:Volume", {"size": UNKNOWN}, "volumeSize"),
        ("aws:eks/cluster:Cluster", {"version": UNKNOWN}, "version"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": UNKNOWN}, "vpcEndpointType"),
        ("aws:ec2/natGateway:NatGateway", {"region": UNKNOWN}, "region"),
        ("gcp:compute/disk:Disk", {"zone": "us-central1-a", "size": UNKNOWN}, "size"),
    ],
)
def test_what_decides_a_price_and_is_not_known_is_said(
    catalog: Catalog, today: datetime.date, make: Make, type: str, inputs: dict[str, object], path: str
) -> None:
    found = priced(catalog, today, make(type, "it", inputs)).undetermined
    assert path in [one.path for one in found]
    assert {one.urn for one in found} == {"urn:it"}


def test_a_type_without_a_cost_model_is_never_free(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    database = make("aws:rds/instance:Instance", "db", {"instanceClass": "db.r6g.large"})
    (gap,) = priced(catalog, today, database).unpriced
    assert (gap.item, gap.group, gap.row) == ("aws:rds/instance:Instance", "db", None)
    accepted = priced(catalog, today, database, uncounted_types=["aws:rds/instance:Instance"])
    assert not accepted.unpriced
    assert "accepted as not counted" in accepted.free[0]


def test_a_machine_without_a_price_names_its_row(catalog: Catalog, today: datetime.date, make: Make) -> None:
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 4}
    pool = make(GROUP, "p", {"scalingConfig": scaling, "instanceTypes": ["trn2.48xlarge"]})
    gap = next(g for g in priced(catalog, today, pool).unpriced if g.item == "trn2.48xlarge")
    assert gap.row is not None
    assert gap.row.text() == "trn2.48xlarge,us-east-1,...,on-demand,...,..."


def test_the_region_is_the_resources_the_providers_or_the_only_one(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    nat = make("aws:ec2/natGateway:NatGateway", "n", {})
    nowhere = priced(catalog, today, nat, region="")
    assert "region is not known" in nowhere.unpriced[0].reason
    provider = make("pulumi:providers:aws", "default", {"region": "us-east-1"})
    assert priced(catalog, today, nat, provider, region="").month("maximum") == Decimal("32.85")
    other = make("aws:kms/key:Key", "k", REGION)
    assert priced(catalog, today, nat, other, region="").month("maximum") == Decimal("33.85")


def test_a_gke_pool_counts_its_zones(catalog: Catalog, today: datetime.date, make: Make) -> None:
    cluster = make(
        "gcp:container/cluster:Cluster", "c", {"location": "us-central1", "removeDefaultNodePool": True}
    )
    pool = make(
        "gcp:container/nodePool:NodePool",
        "p",
        {
            "location": "us-central1",
            "autoscaling": {"minNodeCount": 0, "maxNodeCount": 2},
            "initialNodeCount": 0,
            "nodeConfig": {"machineType": "a2-highgpu-1g", "diskType": "pd-ssd", "diskSizeGb": 100},
        },
        {"cluster": "c"},
    )
    estimate = priced(catalog, today, cluster, pool)
    node = Decimal("3.673385") * 730 + 100 * Decimal("0.17")
    assert estimate.month("maximum") == Decimal("73.0") + 6 * node
    assert estimate.month("minimum") == Decimal("73.0")


def test_load_balancers_and_claims_of_an_eks_cluster_cost(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    service = make("kubernetes:core/v1:Service", "s", {"spec": {"type": "LoadBalancer"}})
    size = {"spec": {"resources": {"requests": {"storage": "100Gi"}}}}
    claim = make("kubernetes:core/v1:PersistentVolumeClaim", "v", size)
    assert priced(catalog, today, service, claim).lines == ()
    cluster = make("aws:eks/cluster:Cluster", "c", {})
    assert priced(catalog, today, cluster, service, claim).month("maximum") == Decimal("73.0") + Decimal(
        "24.425"
    )


def test_a_state_is_read_with_its_secrets_closed(catalog: Catalog, today: datetime.date) -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    state = {
        "resources": [
            {"urn": "urn:pulumi:s::p::aws:ebs/volume:Volume::a", "type": "aws:ebs/volume:Volume",
             "inputs": {"size": secret, "region": "us-east-1"}},
            {"urn": "urn:pulumi:s::p::aws:kms/key:Key::b", "type": "aws:kms/key:Key",
             "inputs": REGION, "id": "k", "propertyDependencies": {"policy": None}},
            {"urn": "urn:pulumi:s::p::aws:kms/key:Key::b", "type": "aws:kms/key:Key",
             "inputs": REGION, "delete": True},
        ]
    }  # fmt: skip
    estimate = stack_cost(resources_of(state), catalog=catalog, today=today)
    assert [line.item for line in estimate.lines] == ["KMS CMK"]
    assert [one.resource for one in estimate.undetermined] == ["a"]


def test_usage_of_a_stack_is_asked_for_what_is_in_it(
    catalog: Catalog, today: datetime.date, make: Make
) -> None:
    bucket = make("aws:s3/bucket:Bucket", "b", {})
    assert [one.key for one in priced(catalog, today, bucket).undeclared] == ["s3_gb", "s3_thousand_requests"]
    usage = Usage.parse({"s3_gb": 100})
    assert priced(catalog, today, bucket, usage=usage).month("maximum") == Decimal("2.3")


def test_every_type_that_the_sandbox_makes_is_priced_free_or_known_to_have_no_model() -> None:
    from bedplate.cost.aws_services import HANDLERS
    from bedplate.sandbox.providers.aws.registry import REGISTRY

    unknown = {token for token in REGISTRY.handlers if token not in HANDLERS and not is_free(token)}
    assert unknown == {
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        "aws:dynamodb/table:Table",
        "aws:eks/fargateProfile:FargateProfile",
    }


def test_the_properties_read_are_those_of_the_sdk() -> None:
    import inspect

    from pulumi_aws import autoscaling, cloudwatch, ebs, ec2, eks, lb

    reads = {
        eks.NodeGroup: "scaling_config launch_template instance_types capacity_type disk_size region",
        eks.Cluster: "version",
        ec2.LaunchTemplate: "instance_type block_device_mappings monitoring",
        autoscaling.Group: "min_size max_size desired_capacity launch_template mixed_instances_policy",
        ec2.Instance: "instance_type launch_template root_block_device ebs_block_devices monitoring",
        ebs.Volume: "size type iops throughput",
        ec2.CapacityReservation: "instance_count instance_type",
        ec2.VpcEndpoint: "vpc_endpoint_type subnet_ids",
        lb.LoadBalancer: "load_balancer_type",
        cloudwatch.MetricAlarm: "metric_queries",
    }
    for made, names in reads.items():
        has = set(inspect.signature(made._internal_init).parameters)  # type: ignore[attr-defined]
        assert set(names.split()) <= has, made
    for args, names in {
        eks.NodeGroupScalingConfigArgs: "min_size max_size desired_size",
        ec2.LaunchTemplateBlockDeviceMappingEbsArgs: "volume_size volume_type iops throughput",
    }.items():
        assert set(names.split()) <= set(inspect.signature(args.__init__).parameters), args


def test_the_free_list_and_the_priced_types_are_spelt_as_the_sdk_spells_them() -> None:
    from pathlib import Path

    import pulumi_aws

    from bedplate.cost.aws_services import HANDLERS
    from bedplate.cost.free_types import FREE_TYPES

    root = Path(str(pulumi_aws.__file__)).parent
    for token in (*HANDLERS, *(one for one in FREE_TYPES if one.startswith("aws:"))):
        module, _, name = token.split(":")[1].partition("/")
        files = [
            path.read_text(encoding="utf-8")
            for path in (root / module).glob("*.py")
            if _snake(name) == path.stem
        ]
        assert any(f"'{token}'" in text for text in files), token


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
