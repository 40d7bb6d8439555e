"""What an AWS environment costs, from its configuration alone."""

import datetime
from collections.abc import Mapping, Sized
from typing import Protocol

from bedplate.catalog import Catalog
from bedplate.cost.figures import Collected, Counts, Estimate, Pool
from bedplate.cost.parts import Disk, add_control_plane, add_disk, add_monitoring
from bedplate.cost.prices import PriceBook
from bedplate.cost.usage import Usage, add_usage

# Metrics that the alarms of one node group and of one NAT gateway watch, each billed.
NODE_GROUP_ALARM_METRICS = 5
NAT_ALARM_METRICS = 4


class VolumeLike(Protocol):
    @property
    def size_gib(self) -> int: ...
    @property
    def iops(self) -> int: ...
    @property
    def throughput_mibps(self) -> int: ...


class PoolLike(Protocol):
    @property
    def machine(self) -> str: ...
    @property
    def min_size(self) -> int: ...
    @property
    def max_size(self) -> int: ...
    @property
    def desired_size(self) -> int | None: ...
    @property
    def volume(self) -> VolumeLike: ...


class NetworkLike(Protocol):
    @property
    def nat(self) -> str: ...
    @property
    def interface_endpoints(self) -> Sized: ...


class ClusterLike(Protocol):
    @property
    def version(self) -> str: ...
    @property
    def system_pool(self) -> PoolLike: ...


class EnvironmentLike(Protocol):
    """What the estimate reads of an environment; AwsEnvironment has it."""

    @property
    def name(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def zones(self) -> Sized: ...
    @property
    def network(self) -> NetworkLike: ...
    @property
    def cluster(self) -> ClusterLike: ...
    @property
    def gpu_pools(self) -> Mapping[str, PoolLike]: ...
    @property
    def buckets(self) -> Sized: ...
    @property
    def alarms(self) -> object | None: ...
    @property
    def kubernetes(self) -> object | None: ...


def environment_cost(
    env: EnvironmentLike, *, catalog: Catalog, today: datetime.date, usage: Usage | None = None
) -> Estimate:
    """Every item of the environment at its minimum, as asked for now, and at its maximum.

    Args:
        catalog: The prices.
        today: Decides the age of prices, and whether a Kubernetes version is in extended support.
        usage: What is declared of gigabytes and requests in a month; nothing by default.
    """
    book = PriceBook(catalog, env.region)
    to = Collected()
    add_control_plane(book, to, "cluster", env.cluster.version, today)
    pools = {"cluster.system_pool": env.cluster.system_pool}
    pools |= {f"gpu_pools.{name}": pool for name, pool in env.gpu_pools.items()}
    for name, pool in pools.items():
        _add_pool(book, to, name, pool)
    _add_network(book, to, env)
    book.add(to, "key", "KMS CMK", Counts.always(1), "key-month")
    if env.alarms is not None:
        metrics = NODE_GROUP_ALARM_METRICS * len(env.gpu_pools) + NAT_ALARM_METRICS * _gateways(env)
        if metrics:
            book.add(to, "alarms", "CloudWatch alarm", Counts.always(metrics), "metric-month")
        to.free.append("SNS notifications of alarms: negligible, not counted")
    if env.kubernetes is not None:
        to.free.append(
            "what the Kubernetes layer has made in its turn: volumes of claims, load balancers, Karpenter's "
            "machines"
        )
    kinds = {"kms", "logs", *(["s3"] if len(env.buckets) else [])}
    kinds |= {"nat", "egress"} if _gateways(env) else set()
    kinds |= {"endpoint"} if len(env.network.interface_endpoints) else set()
    add_usage(to, book, usage or Usage(), kinds)
    return to.estimate(env.name, env.region, today)


def _add_pool(book: PriceBook, to: Collected, name: str, pool: PoolLike) -> None:
    desired = pool.min_size if pool.desired_size is None else pool.desired_size
    count = Counts.of(pool.min_size, desired, pool.max_size)
    fields = (f"{name}.min_size", f"{name}.desired_size", f"{name}.max_size")
    to.pools.append(Pool(name, pool.machine, count, fields))
    book.add_machines(to, name, pool.machine, count, pool=name)
    volume = pool.volume
    disk = Disk(volume.size_gib, "gp3", volume.iops, volume.throughput_mibps)
    add_disk(book, to, name, disk, count, pool=name)
    add_monitoring(book, to, name, count, pool=name)


def _gateways(env: EnvironmentLike) -> int:
    return {"none": 0, "single": 1}.get(env.network.nat, len(env.zones))


def _add_network(book: PriceBook, to: Collected, env: EnvironmentLike) -> None:
    gateways = _gateways(env)
    if gateways:
        book.add(to, "network", "NAT gateway", Counts.always(gateways), "hour")
        book.add(
            to, "network", "public IPv4", Counts.always(gateways), "hour", note="one for each NAT gateway"
        )
    endpoints = len(env.network.interface_endpoints)
    if endpoints:
        count = Counts.always(endpoints)
        book.add(to, "network", "VPC interface endpoint", count, "AZ-hour", each=len(env.zones))
