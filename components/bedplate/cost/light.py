"""The parts of an environment's file that cost money, read without the SDKs that would register them.

A file that reads here is priced at once; one that does not is for `bedplate.environment.load` to explain,
which checks everything and takes seconds to import. Fields and defaults are those of AwsEnvironment; a test
holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class LightReadError(ValueError):
    """Not readable here; the environment's own checks say what is wrong."""


@dataclass(frozen=True)
class LightVolume:
    size_gib: int
    iops: int
    throughput_mibps: int


@dataclass(frozen=True)
class LightPool:
    machine: str
    min_size: int
    max_size: int
    desired_size: int | None
    volume: LightVolume


@dataclass(frozen=True)
class LightNetwork:
    nat: str
    interface_endpoints: tuple[str, ...]


@dataclass(frozen=True)
class LightCluster:
    version: str
    system_pool: LightPool


@dataclass(frozen=True)
class LightEnvironment:
    """What `environment_cost` reads of an environment."""

    name: str
    region: str
    zones: tuple[str, ...]
    network: LightNetwork
    cluster: LightCluster
    gpu_pools: Mapping[str, LightPool]
    buckets: Mapping[str, object]
    alarms: object | None
    kubernetes: object | None


# Every field of each part; one that is not here is a mistake, which must not pass for a default.
FIELDS: Mapping[str, frozenset[str]] = {
    "environment": frozenset(
        [
            "kind",
            "name",
            "region",
            "zones",
            "owner",
            "cost_center",
            "tags",
            "network",
            "key",
            "cluster",
            "gpu_pools",
            "buckets",
            "workloads",
            "alarms",
            "kubernetes",
            "permissions_boundary_arn",
        ]
    ),
    "network": frozenset(
        [
            "cidr_block",
            "public_subnets",
            "private_prefix_length",
            "public_prefix_length",
            "private_cidr_blocks",
            "public_cidr_blocks",
            "min_private_addresses",
            "reserved_cidr_blocks",
            "nat",
            "gateway_endpoints",
            "interface_endpoints",
            "flow_logs",
            "flow_log_traffic",
            "flow_log_retention_in_days",
        ]
    ),
    "cluster": frozenset(
        [
            "version",
            "endpoint",
            "access",
            "bootstrap_cluster_creator_admin_permissions",
            "addons",
            "service_ipv4_cidr",
            "upgrade_policy",
            "log_retention_days",
            "deletion_protection",
            "zonal_shift",
            "system_pool",
        ]
    ),
    "system_pool": frozenset(
        ["machine", "min_size", "max_size", "desired_size", "max_unavailable", "volume"]
    ),
    "gpu_pool": frozenset(
        [
            "machine",
            "min_size",
            "max_size",
            "desired_size",
            "max_unavailable",
            "volume",
            "zones",
            "efa",
            "reservation",
            "metadata_hop_limit",
            "gpu_taint",
            "taints",
            "labels",
            "max_pods",
            "security_group_ids",
            "node_policy_arns",
            "node_repair",
        ]
    ),
    "volume": frozenset(["size_gib", "iops", "throughput_mibps"]),
}
_SYSTEM: Mapping[str, object] = {"machine": "m7i.xlarge", "min_size": 2, "max_size": 4}
# A volume that is not given at all, and the fields of one that is given in part.
SYSTEM_VOLUME = LightVolume(50, 3_000, 125)
GPU_VOLUME = LightVolume(200, 3_000, 500)
_VOLUME = LightVolume(100, 3_000, 125)


def read_environment(data: object) -> LightEnvironment:
    """The environment that a file's `bedplate:environment` describes, as far as it costs money.

    Raises LightReadError for whatever is not plainly right.
    """
    env = _part("environment", data)
    if env.get("kind") != "aws":
        raise LightReadError("kind")
    network = _part("network", env.get("network", {}))
    cluster = _part("cluster", env.get("cluster"))
    pools = _mapping(env.get("gpu_pools", {}), "gpu_pools")
    return LightEnvironment(
        name=_text(env, "name"),
        region=_text(env, "region"),
        zones=_texts(env.get("zones"), "zones"),
        network=LightNetwork(
            nat=_text({"nat": "per_zone", **network}, "nat", ("none", "single", "per_zone")),
            interface_endpoints=_texts(network.get("interface_endpoints", []), "interface_endpoints"),
        ),
        cluster=LightCluster(
            version=_text(cluster, "version"),
            system_pool=_pool(
                {**_SYSTEM, **_part("system_pool", cluster.get("system_pool", {}))}, SYSTEM_VOLUME, least=1
            ),
        ),
        gpu_pools={name: _pool(_part("gpu_pool", pool), GPU_VOLUME) for name, pool in pools.items()},
        buckets=_mapping(env.get("buckets", {}), "buckets"),
        alarms=env.get("alarms"),
        kubernetes=env.get("kubernetes"),
    )


def _pool(pool: Mapping[str, object], default: LightVolume, least: int = 0) -> LightPool:
    volume = default
    if "volume" in pool:
        given = _part("volume", pool["volume"])
        volume = LightVolume(
            _number(given, "size_gib", 1, _VOLUME.size_gib),
            _number(given, "iops", 1, _VOLUME.iops),
            _number(given, "throughput_mibps", 1, _VOLUME.throughput_mibps),
        )
    desired = None if pool.get("desired_size") is None else _number(pool, "desired_size", 0)
    found = LightPool(
        machine=_text(pool, "machine"),
        min_size=_number(pool, "min_size", least, 0),
        max_size=_number(pool, "max_size", 1),
        desired_size=desired,
        volume=volume,
    )
    now = found.min_size if desired is None else desired
    if not found.min_size <= now <= found.max_size:
        raise LightReadError("min_size, desired_size, max_size")
    return found


def _part(kind: str, data: object) -> Mapping[str, object]:
    found = _mapping(data, kind)
    unknown = found.keys() - FIELDS[kind]
    if unknown:
        raise LightReadError(", ".join(sorted(unknown)))
    return found


def _mapping(data: object, name: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise LightReadError(name)
    return data


def _text(data: Mapping[str, object], name: str, allowed: tuple[str, ...] = ()) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value or (allowed and value not in allowed):
        raise LightReadError(name)
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise LightReadError(name)
    return tuple(value)


def _number(data: Mapping[str, object], name: str, least: int, default: int | None = None) -> int:
    value = data.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise LightReadError(name)
    return value
