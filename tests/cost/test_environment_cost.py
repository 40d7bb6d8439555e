"""What an environment costs: figures worked out by hand, and the light reading of its file."""

import copy
import datetime
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate.catalog import Catalog
from bedplate.cost import (
    BASES,
    Estimate,
    LightReadError,
    Usage,
    UsageError,
    environment_cost,
    read_environment,
)
from bedplate.cost.light import FIELDS


def priced(data: dict[str, Any], catalog: Catalog, today: datetime.date, **usage: object) -> Estimate:
    env = read_environment(data)
    return environment_cost(env, catalog=catalog, today=today, usage=Usage.parse(usage))


def test_aws_dev_at_its_maximum_is_what_the_catalogue_multiplies_to(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    estimate = priced(aws_dev, catalog, today)
    month = {(line.group, line.item): line.month("maximum") for line in estimate.lines}
    # 8 nodes x $55.04 x 730 h; disks of 500 GB, 3,000 IOPS and 875 MB/s over the baseline.
    assert month["gpu_pools.h100", "p5.48xlarge"] == 8 * Decimal("55.04") * 730
    assert month["gpu_pools.h100", "EBS gp3"] == 8 * 500 * Decimal("0.08")
    assert month["gpu_pools.h100", "EBS gp3 extra IOPS"] == 8 * 3_000 * Decimal("0.005")
    assert month["gpu_pools.h100", "EBS gp3 extra throughput"] == 8 * 875 * Decimal("0.04")
    assert month["gpu_pools.l4", "g6.12xlarge"] == 4 * Decimal("4.6016") * 730
    assert month["network", "VPC interface endpoint"] == 6 * 3 * Decimal("0.01") * 730
    assert month["cluster", "EKS control plane standard"] == Decimal("0.1") * 730
    assert estimate.month("maximum") == Decimal("336595.844")
    # Nothing runs in the GPU pools until a job asks.
    assert estimate.month("minimum") == estimate.month("desired") == Decimal("549.836")
    assert not estimate.unpriced


def test_what_the_cluster_makes_by_itself_is_said_to_be_left_out(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    assert any("volumes of claims" in one for one in priced(aws_dev, catalog, today).free)
    del aws_dev["kubernetes"]
    assert not any("volumes of claims" in one for one in priced(aws_dev, catalog, today).free)


def test_the_light_reading_and_the_whole_environment_cost_the_same(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    from bedplate.environment import load

    for data in (aws_dev, _with_defaults(aws_dev)):
        light = environment_cost(read_environment(data), catalog=catalog, today=today)
        assert light.lines == environment_cost(load(data), catalog=catalog, today=today).lines


def _with_defaults(aws_dev: dict[str, Any]) -> dict[str, Any]:
    """As little said as possible, and disks that are given in part."""
    data = copy.deepcopy(aws_dev)
    data["network"] = {"cidr_block": "10.20.0.0/16"}
    data["cluster"]["system_pool"] = {"volume": {"iops": 4000}}
    data["gpu_pools"] = {
        "one": {"machine": "g6.xlarge", "max_size": 2, "desired_size": 1},
        "two": {"machine": "g6.xlarge", "max_size": 2, "volume": {"size_gib": 300}},
    }
    del data["alarms"]
    # Its queues are shares of the pools above.
    del data["kubernetes"]
    return data


def test_the_light_reading_knows_every_field_of_the_environment() -> None:
    from bedplate.cluster.nodes import RootVolumeArgs
    from bedplate.cluster.settings import EksClusterSettings, SystemPoolArgs
    from bedplate.environment.models import AwsEnvironment
    from bedplate.gpu.spec import GpuPoolSettings

    models = {
        "environment": AwsEnvironment,
        "network": AwsEnvironment.model_fields["network"].annotation,
        "cluster": EksClusterSettings,
        "system_pool": SystemPoolArgs,
        "gpu_pool": GpuPoolSettings,
        "volume": RootVolumeArgs,
    }
    assert {name: set(model.model_fields) for name, model in models.items()} == {  # type: ignore[union-attr]
        name: set(fields) for name, fields in FIELDS.items()
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", "gcp"),
        ("zones", "us-east-1a"),
        ("gpu_pools.h100.max_size", "8"),
        ("gpu_pools.h100.max_size", True),
        ("gpu_pools.h100.min_size", 9),
        ("gpu_pools.h100.min_sise", 1),
        ("gpu_pools.h100.volume.size_gib", -1),
        ("cluster.version", 1.35),
        ("network.nat", "many"),
        ("budget", 1),
    ],
)
def test_what_is_not_plainly_right_is_left_to_the_environments_own_checks(
    aws_dev: dict[str, Any], path: str, value: object
) -> None:
    data = copy.deepcopy(aws_dev)
    *parents, last = path.split(".")
    inner = data
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    with pytest.raises(LightReadError):
        read_environment(data)


def test_alarms_watch_as_many_metrics_as_are_counted() -> None:
    import asyncio

    import pulumi

    # An output belongs to an event loop, and another test may have closed this thread's.
    asyncio.set_event_loop(asyncio.new_event_loop())

    from bedplate.cost.environment import NAT_ALARM_METRICS, NODE_GROUP_ALARM_METRICS
    from bedplate.monitoring.alarms_aws import nat_alarms, node_group_alarms

    name = pulumi.Output.from_input("name")
    pool = node_group_alarms("p", name, shortfall_minutes=5, full_minutes=5, status_check_minutes=5)
    assert sum(len(alarm.metrics) for alarm in pool) == NODE_GROUP_ALARM_METRICS
    assert sum(len(a.metrics) for a in nat_alarms(1, name, dropped_percent=1)) == NAT_ALARM_METRICS


def test_extended_support_is_priced_from_its_first_day(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    aws_dev["cluster"]["version"] = "1.34"  # standard support until 2026-12-02
    standard = priced(aws_dev, catalog, today).lines[0]
    extended = priced(aws_dev, catalog, datetime.date(2026, 12, 3)).lines[0]
    assert (standard.price.usd, extended.price.usd) == (Decimal("0.1"), Decimal("0.6"))
    aws_dev["cluster"]["version"] = "1.11"
    assert priced(aws_dev, catalog, today).unpriced[0].item == "EKS control plane"


def test_a_region_without_prices_is_never_free(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    aws_dev["region"] = "eu-north-1"
    estimate = priced(aws_dev, catalog, today)
    gaps = {gap.item: gap for gap in estimate.unpriced}
    assert {"NAT gateway", "EBS gp3", "m7i.xlarge"} <= set(gaps)
    row = gaps["m7i.xlarge"].row
    assert row is not None
    assert row.section == "prices"
    assert row.text() == "m7i.xlarge,eu-north-1,...,on-demand,...,..."
    assert "machine,region,usd_per_hour" in gaps["m7i.xlarge"].text()


def test_usage_is_what_is_declared_and_nothing_else(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    without = priced(aws_dev, catalog, today)
    assert {"nat_gb", "s3_gb", "logs_ingested_gb"} <= {one.key for one in without.undeclared}
    declared = priced(aws_dev, catalog, today, nat_gb=1000, s3_gb="2048.5", logs_ingested_gb=0)
    more = Decimal(1000) * Decimal("0.045") + Decimal("2048.5") * Decimal("0.023")
    assert declared.month("minimum") - without.month("minimum") == more
    assert not {"nat_gb", "s3_gb", "logs_ingested_gb"} & {one.key for one in declared.undeclared}


@pytest.mark.parametrize("value", [-1, "many", float("nan"), True, None, float("inf")])
def test_usage_that_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="nat_gb"):
        Usage.parse({"nat_gb": value})
    with pytest.raises(UsageError, match="known: nat_gb"):
        Usage.parse({"nat_gib": 1})


sizes = st.integers(min_value=0, max_value=20)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=sizes, mid=sizes, high=st.integers(min_value=1, max_value=20), more=st.integers(1, 5))
def test_more_machines_never_cost_less_and_totals_are_the_sum_of_lines(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date, low: int, mid: int, high: int, more: int
) -> None:
    low, mid, high = sorted((low, mid, high))
    pool = {"machine": "p5.48xlarge", "min_size": low, "desired_size": mid, "max_size": max(high, 1)}
    aws_dev["gpu_pools"] = {"p": pool}
    small = priced(aws_dev, catalog, today)
    assert small.month("minimum") <= small.month("desired") <= small.month("maximum")
    for basis in BASES:
        assert small.month(basis) == sum(line.month(basis) for line in small.lines)
        assert abs(small.hour(basis) * 730 - small.month(basis)) < Decimal("0.000001")
    aws_dev["gpu_pools"] = {"p": {**pool, "max_size": pool["max_size"] + more}}
    large = priced(aws_dev, catalog, today)
    assert large.month("maximum") - small.month("maximum") >= more * Decimal("55.04") * 730
    assert large.month("minimum") == small.month("minimum")


def test_spot_is_shown_and_never_counted(
    aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date
) -> None:
    estimate = priced(aws_dev, catalog, today)
    total, found = estimate.other_month("spot", "maximum")
    assert found == 1
    assert estimate.month("maximum") - total == 8 * (Decimal("55.04") - Decimal("21.1543")) * 730


def test_old_prices_are_told_apart(aws_dev: dict[str, Any], catalog: Catalog, today: datetime.date) -> None:
    estimate = priced(aws_dev, catalog, today)
    assert not estimate.stale(180)
    assert {line.item for line in estimate.stale(126)} == {"m7i.xlarge", "g6.12xlarge", "p5.48xlarge"}


def test_the_plain_command_imports_no_cloud_sdk() -> None:
    code = (
        "import sys; from bedplate.cli import main; code = main(['cost', 'aws-dev', '--json']); "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('pulumi_aws', 'pulumi', 'boto3', 'moto')]; "
        "assert code == 0 and not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
