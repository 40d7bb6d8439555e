"""Whether the parts of an environment fit together; each problem with the path of the field to change."""

import functools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pulumi

from bedplate.catalog import AwsMachine, aws_regions
from bedplate.cluster.settings import check_service_cidr_apart
from bedplate.core.errors import ArgsError, Problems
from bedplate.environment.settings import given
from bedplate.keys.handles import KeyHandle
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.network.subnets import parse_block, usable_addresses
from bedplate.storage.object_aws import AwsObjectStoreArgs

if TYPE_CHECKING:
    from bedplate.environment.models import AwsEnvironment

# Stands for the key while the file is checked; nothing reads it.
_NO_KEY = KeyHandle(arn=cast("pulumi.Output[str]", None), key_id=cast("pulumi.Output[str]", None))

# What a node takes of its subnet besides its own interfaces: a floor for the pods with addresses that any
# node
# runs (DNS, drivers, monitoring, and the job itself), not a recommendation.
PODS_PER_NODE = 10


def check_together(env: "AwsEnvironment", problems: Problems) -> None:
    """Adds everything that speaks against the environment as a whole."""
    network = _check_network(env, problems)
    if env.region not in aws_regions():
        # Nothing is offered in a region that does not exist: to say so of each machine would hide the reason.
        return
    _check_cluster(env, problems)
    for name, pool in env.gpu_pools.items():
        problems.extend(pool.placement_problems(env.region, env.zones), under=f"gpu_pools.{name}")
    if network is not None:
        _check_addresses(env, network, problems)
    _check_buckets(env, problems)
    _check_workloads(env, problems)
    _collect(problems, "tags", env.all_tags)


def _check_network(env: "AwsEnvironment", problems: Problems) -> AwsNetworkArgs | None:
    try:
        return AwsNetworkArgs.model_validate(
            # The log needs the key's handle, which does not exist yet; nothing else depends on the flag.
            {**given(env.network), "region": env.region, "zones": env.zones, "flow_logs": False}
        )
    except ArgsError as error:
        for problem in error.problems:
            at_top = problem.path.partition("[")[0] in ("region", "zones")
            problems.extend([problem], under="" if at_top else "network")
        return None


def _check_cluster(env: "AwsEnvironment", problems: Problems) -> None:
    machine = env.cluster.system_pool.spec()
    if not machine.available_in(env.region):
        problems.add(
            "cluster.system_pool.machine",
            f"{machine.name!r} is not offered in {env.region}; allowed for this machine: "
            f"{', '.join(machine.regions)}; choose another machine",
        )
    for block in (env.network.cidr_block, *env.network.reserved_cidr_blocks):
        # A range that cannot be read is reported where it stands.
        if _collect(Problems(), "", functools.partial(parse_block, block)):
            _collect(
                problems,
                "cluster.service_ipv4_cidr",
                functools.partial(check_service_cidr_apart, env.cluster.service_ipv4_cidr, block),
            )


def _check_addresses(env: "AwsEnvironment", network: AwsNetworkArgs, problems: Problems) -> None:
    """Refuses pools that, at their largest, would run out of addresses in a subnet."""
    needed: Counter[str] = Counter(dict.fromkeys(env.zones, len(env.network.interface_endpoints)))
    system = env.cluster.system_pool
    pools: list[tuple[str, int, AwsMachine, bool, tuple[str, ...]]] = [
        ("cluster.system_pool", system.max_size, system.spec(), False, env.zones)
    ]
    for name, pool in env.gpu_pools.items():
        pools.append(
            (f"gpu_pools.{name}", pool.max_size, pool.spec(), pool.uses_efa, pool.zones or env.zones)
        )
    for _, most, machine, efa, zones in pools:
        for zone in zones:
            needed[zone] += -(-most // len(zones)) * (_addresses(machine, efa) + PODS_PER_NODE)
    for zone, block in zip(env.zones, network.subnet_plan().private, strict=True):
        free = usable_addresses(block)
        if needed[zone] > free:
            in_zone = [
                f"{path} ({most} x {machine.name})" for path, most, machine, _, at in pools if zone in at
            ]
            problems.add(
                "network.cidr_block",
                f"{env.network.cidr_block} gives {zone} the private subnet {block} with {free} usable "
                "addresses, "
                f"but {needed[zone]} are needed by {', '.join(in_zone)} at their largest; allowed: subnets "
                "that "
                "hold every pool at its max_size; give a larger cidr_block or smaller pools",
            )


def _addresses(machine: AwsMachine, efa: bool) -> int:
    if not efa or machine.fabric is None:
        return 1
    return sum(card.interface_type != "efa-only" for card in machine.fabric.cards)


def _check_buckets(env: "AwsEnvironment", problems: Problems) -> None:
    for name, bucket in env.buckets.items():
        _collect(
            problems,
            f"buckets.{name}",
            functools.partial(
                AwsObjectStoreArgs.model_validate, {**given(bucket), "region": env.region, "key": _NO_KEY}
            ),
        )
    names = [bucket.bucket_name for bucket in env.buckets.values() if bucket.bucket_name]
    for name, bucket in env.buckets.items():
        if bucket.bucket_name and names.count(bucket.bucket_name) > 1:
            problems.add(
                f"buckets.{name}.bucket_name",
                f"{bucket.bucket_name!r} is the name of more than one bucket; allowed: each name once; "
                "rename one, "
                "or leave it out to have it made",
            )


def _check_workloads(env: "AwsEnvironment", problems: Problems) -> None:
    accounts = [(work.namespace, work.service_account) for work in env.workloads.values()]
    for name, work in env.workloads.items():
        path = f"workloads.{name}"
        if accounts.count((work.namespace, work.service_account)) > 1:
            problems.add(
                f"{path}.service_account",
                f"{work.namespace}/{work.service_account} has more than one workload; allowed: one, as a "
                "service "
                "account has one role; join their buckets",
            )
        if not work.read and not work.write:
            problems.add(
                path,
                "neither read nor write names a bucket; allowed: at least one; add it or remove the workload",
            )
        for field, buckets in (("read", work.read), ("write", work.write)):
            for index, bucket in enumerate(buckets):
                if bucket not in env.buckets:
                    known = ", ".join(env.buckets) or "none, as buckets is empty"
                    problems.add(
                        f"{path}.{field}[{index}]",
                        f"{bucket!r} is not among the environment's buckets; allowed: {known}; correct the "
                        "name or "
                        f"add it under buckets",
                    )
        for bucket in sorted({*work.read} & {*work.write}):
            problems.add(
                f"{path}.read", f"{bucket!r} stands under write as well, which includes read; remove it here"
            )


def _collect(problems: Problems, path: str, check: Callable[[], object]) -> bool:
    """Runs a check that raises ValueError; returns whether it passed."""
    try:
        check()
    except ArgsError as error:
        problems.extend(error.problems, under=path)
    except ValueError as error:
        problems.add(path, str(error))
    else:
        return True
    return False
