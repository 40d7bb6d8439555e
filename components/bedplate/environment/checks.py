"""Whether the parts of an environment fit together; each problem with the path of the field to change."""

import functools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pulumi

from bedplate.catalog import AwsMachine, aws_regions
from bedplate.cluster.settings import check_service_cidr_apart
from bedplate.core.arns import partition
from bedplate.core.errors import ArgsError, Problems
from bedplate.core.tags import MOST_TAGS
from bedplate.environment.settings import given
from bedplate.keys.handles import KeyHandle
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.network.aws_endpoints import service_name
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
# EKS wants six free addresses in each subnet of the control plane (Amazon EKS User Guide, VPC and subnet
# requirements; from memory).
CONTROL_PLANE_ADDRESSES = 6
# Subnets carry four tags of ours besides the environment's (Name, and what load balancers, EKS and Karpenter
# look for), and EKS and autoscalers add theirs to machines.
_TAGS_OF_OTHERS = 10
# Machines of a network without a way out fetch images and tokens, and join, by these (Amazon EKS User Guide,
# Deploy private clusters with limited internet access; from memory).
_WITHOUT_NAT = ("ec2", "ecr.api", "ecr.dkr", "eks-auth")
# Service accounts that the add-ons' own roles are for.
_TAKEN_ACCOUNTS = (("kube-system", "aws-node"), ("kube-system", "ebs-csi-controller-sa"))


def check_together(env: "AwsEnvironment", problems: Problems) -> None:
    """Adds everything that speaks against the environment as a whole."""
    network = _check_network(env, problems)
    if env.region not in aws_regions():
        # Nothing is offered in a region that does not exist: to say so of each machine would hide the reason.
        return
    _check_cluster(env, network, problems)
    _check_ways_out(env, problems)
    for name, pool in env.gpu_pools.items():
        problems.extend(pool.placement_problems(env.region, env.zones), under=f"gpu_pools.{name}")
    if network is not None:
        _check_addresses(env, network, problems)
    _check_buckets(env, problems)
    _check_workloads(env, problems)
    _check_tags(env, problems)
    if env.kubernetes is not None:
        from bedplate.environment.eks_layer import check_layer

        check_layer(env, problems)


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


def _check_ways_out(env: "AwsEnvironment", problems: Problems) -> None:
    if env.network.nat != "none":
        return
    there = {service_name(service, env.region) for service in env.network.interface_endpoints}
    missing = [service for service in _WITHOUT_NAT if service_name(service, env.region) not in there]
    if missing:
        problems.add(
            "network.interface_endpoints",
            f"lacks {', '.join(missing)}, and with nat 'none' no machine could join the cluster; allowed "
            f"without NAT: at least {', '.join(_WITHOUT_NAT)}; add them, or set nat to single or per_zone",
        )
    if "s3" not in env.network.gateway_endpoints:
        problems.add(
            "network.gateway_endpoints",
            "lacks s3, and with nat 'none' no image could be pulled (ECR keeps layers in S3); allowed "
            "without NAT: s3 among them; add it",
        )


def _check_tags(env: "AwsEnvironment", problems: Problems) -> None:
    if not _collect(problems, "tags", env.all_tags):
        return
    for key in env.tags:
        if key == "Name" or (key.startswith("bedplate:") and key != "bedplate:project"):
            problems.add(
                "tags",
                f"{key!r} is a tag that Bedplate sets itself; allowed: other keys; remove it (owner and "
                "cost_center have fields of their own)",
            )
    most = MOST_TAGS - _TAGS_OF_OTHERS
    count = len(env.all_tags())
    if count > most:
        problems.add(
            "tags",
            f"{len(env.tags)} tags, {count} with those of the environment; allowed: {most}, as subnets and "
            f"machines carry up to {_TAGS_OF_OTHERS} more of EKS and its controllers; remove {count - most}",
        )


def _check_cluster(env: "AwsEnvironment", network: AwsNetworkArgs | None, problems: Problems) -> None:
    machine = env.cluster.system_pool.spec()
    if not machine.available_in(env.region):
        problems.add(
            "cluster.system_pool.machine",
            f"{machine.name!r} is not offered in {env.region}; allowed for this machine: "
            f"{', '.join(machine.regions)}; choose another machine",
        )
    own = partition(env.region)
    for name, entry in env.cluster.access.items():
        if entry.principal_arn.split(":")[1] != own:
            problems.add(
                f"cluster.access.{name}.principal_arn",
                f"{entry.principal_arn!r} is in another partition than {env.region}; allowed: arn:{own}:...; "
                "name a role or user of this environment's own account",
            )
    # What overlaps a range that is refused anyway says nothing.
    own_block = () if network is None else (network.cidr_block,)
    for block in (*own_block, *env.network.reserved_cidr_blocks):
        # A range that cannot be read is reported where it stands.
        if _collect(Problems(), "", functools.partial(parse_block, block)):
            _collect(
                problems,
                "cluster.service_ipv4_cidr",
                functools.partial(check_service_cidr_apart, env.cluster.service_ipv4_cidr, block),
            )


def _check_addresses(env: "AwsEnvironment", network: AwsNetworkArgs, problems: Problems) -> None:
    """Refuses pools that, at their largest, would run out of addresses in a subnet."""
    needed: Counter[str] = Counter(
        dict.fromkeys(env.zones, len(env.network.interface_endpoints) + CONTROL_PLANE_ADDRESSES)
    )
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
    for index, (name, work) in enumerate(env.workloads.items()):
        path = f"workloads.{name}"
        if accounts.count((work.namespace, work.service_account)) > 1:
            problems.add(
                f"{path}.service_account",
                f"{work.namespace}/{work.service_account} has more than one workload; allowed: one, as a "
                "service "
                "account has one role; join their buckets",
            )
        joined = f"{work.namespace}-{work.service_account}"
        if any(joined == "-".join(pair) for pair in accounts if pair != accounts[index]):
            problems.add(
                f"{path}.service_account",
                f"{work.namespace}/{work.service_account} makes the same role name as another workload, "
                f"{joined!r}; allowed: names that differ when joined by a hyphen; rename one",
            )
        if (work.namespace, work.service_account) in _TAKEN_ACCOUNTS:
            problems.add(
                f"{path}.service_account",
                f"{work.namespace}/{work.service_account} has a role already, that of an add-on; allowed: a "
                "service account of your own; make one",
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
