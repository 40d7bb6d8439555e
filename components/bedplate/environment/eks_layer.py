"""The Kubernetes layer of an environment on AWS: what it is checked against, and how it is made."""

from collections.abc import Mapping

import pulumi

from bedplate.cluster.aws import EksCluster
from bedplate.cluster.eks_kubernetes import STORAGE_CLASS, EksKubernetes, EksKubernetesArgs
from bedplate.cluster.handles import ClusterHandle
from bedplate.cluster.iam import inline
from bedplate.core.arns import partition
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.environment.building import Build, Checking, Deploying, standing_in
from bedplate.environment.layer import Aws, Layer, LayerWiring
from bedplate.environment.models import AwsEnvironment
from bedplate.gpu.aws import EksGpuNodeGroup
from bedplate.gpu.kubernetes.efa import EfaDevicePlugin, EfaDevicePluginArgs
from bedplate.gpu.spec import EFA_RESOURCE, GPU_RESOURCE, GpuPoolSettings
from bedplate.keys.handles import KeyHandle
from bedplate.kubernetes.handles import (
    POOL_LABEL,
    KubernetesHandle,
    NodeAccelerator,
    NodeFabric,
    NodePoolHandle,
    Taint,
    TaintEffect,
)
from bedplate.monitoring.kubernetes.logs_args import LogShippingArgs
from bedplate.network.handles import NetworkHandle
from bedplate.storage.handles import ObjectStoreHandle
from bedplate.storage.object_aws import AwsObjectStore

SYSTEM_POOL = "system"
# The service account of the agents, as LogShipping names it.
_AGENTS = "vector"
_ADMINISTRATOR = "AmazonEKSClusterAdminPolicy"
_EFFECTS: Mapping[str, TaintEffect] = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}


def check_layer(env: AwsEnvironment, problems: Problems) -> None:
    """Adds everything that speaks against the environment's Kubernetes layer. Makes nothing."""
    assert env.kubernetes is not None
    _check_access(env, problems)
    _check_volumes(env, problems)
    _check_pools(env, problems)
    _check_archive(env, problems)
    cluster = standing_in(
        KubernetesHandle,
        name=child(env.name, "cluster"),
        platform="eks",
        version=env.cluster.version,
        pools=pool_handles(env),
        storage_class=STORAGE_CLASS if _has_volumes(env) else None,
    )
    eks = standing_in(
        ClusterHandle,
        version=env.cluster.version,
        network=standing_in(NetworkHandle, region=env.region, zones=env.zones),
        key=standing_in(KeyHandle),
    )
    archive = env.kubernetes.monitoring.log_archive
    # A bucket that is not there was told of already, and is no reason to miss a sink of logs.
    names = [*env.buckets, *([archive] if archive is not None else [])]
    buckets = {name: standing_in(ObjectStoreHandle, region=env.region) for name in names}
    _wire(env, Checking(problems), cluster, eks, buckets)


def deploy_layer(
    env: AwsEnvironment,
    cluster: EksCluster,
    pools: Mapping[str, EksGpuNodeGroup],
    buckets: Mapping[str, AwsObjectStore],
) -> Layer:
    """Registers the layer, after the cluster's nodes: it has gone when they go."""
    ready: list[pulumi.Resource] = [*_log_rights(env, cluster, buckets), cluster, *pools.values()]
    made = EksKubernetes(
        child(env.name, "kubernetes"),
        EksKubernetesArgs(
            cluster=cluster.handle,
            cluster_name=child(env.name, "cluster"),
            pools=pool_handles(env),
            after=tuple(ready),
            volumes=_has_volumes(env),
            tags=env.all_tags(),
        ),
    )
    handles = {name: bucket.handle for name, bucket in buckets.items()}
    return _wire(env, Deploying(env.name), made.handle, cluster.handle, handles)


def pool_handles(env: AwsEnvironment) -> tuple[NodePoolHandle, ...]:
    """The cluster's pools as Kubernetes sees them: the system pool, and each pool of GPUs by its name."""
    system = env.cluster.system_pool
    machine = system.spec()
    return (
        NodePoolHandle(
            name=SYSTEM_POOL,
            labels={POOL_LABEL: SYSTEM_POOL},
            max_nodes=system.max_size,
            cpu=machine.vcpus,
            memory_gib=machine.ram_gib,
            architecture=machine.architecture,
            zones=env.zones,
        ),
        *(
            gpu_pool_handle(name, child(env.name, f"gpu-{name}"), pool, env.zones)
            for name, pool in env.gpu_pools.items()
        ),
    )


def gpu_pool_handle(name: str, group: str, pool: GpuPoolSettings, zones: tuple[str, ...]) -> NodePoolHandle:
    """A pool of GPU machines. `group`: the name of its EksGpuNodeGroup, which its nodes carry."""
    machine = pool.spec()
    gpu = machine.accelerator
    assert gpu is not None, "checked with the pool"
    return NodePoolHandle(
        name=name,
        labels={POOL_LABEL: group, **pool.labels},
        taints=tuple(
            Taint(key=taint.key, value=taint.value, effect=_EFFECTS[taint.effect])
            for taint in pool.all_taints()
        ),
        max_nodes=pool.max_size,
        cpu=machine.vcpus,
        memory_gib=machine.ram_gib,
        architecture=machine.architecture,
        accelerator=NodeAccelerator(
            vendor="nvidia",
            model=gpu.name,
            count=gpu.count,
            memory_gib=gpu.memory_gb,
            resource=GPU_RESOURCE,
        ),
        fabric=NodeFabric(kind="efa", resource=EFA_RESOURCE, count=machine.fabric.interfaces)
        if pool.uses_efa and machine.fabric is not None
        else None,
        zones=pool.zones or zones,
    )


def _wire(
    env: AwsEnvironment,
    build: Build,
    cluster: KubernetesHandle,
    eks: ClusterHandle,
    buckets: Mapping[str, ObjectStoreHandle],
) -> Layer:
    assert env.kubernetes is not None
    common: dict[str, object] = {"tags": env.all_tags()}
    if env.permissions_boundary_arn is not None:
        common["permissions_boundary_arn"] = env.permissions_boundary_arn
    wiring = LayerWiring(
        build=build, settings=env.kubernetes, cluster=cluster, aws=Aws(cluster=eks, common=common)
    )
    monitoring = wiring.stack()
    if any(pool.fabric is not None for pool in cluster.pools):
        build.add(
            "efa",
            "gpu_pools",
            EfaDevicePlugin,
            EfaDevicePluginArgs,
            {"cluster": cluster},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=cluster.options(),
        )
    return wiring.rest(monitoring, buckets)


def _log_rights(
    env: AwsEnvironment, cluster: EksCluster, buckets: Mapping[str, AwsObjectStore]
) -> list[pulumi.Resource]:
    """The role of the agents that ship logs, by pod identity: it may write where they are told to only."""
    assert env.kubernetes is not None
    logs, archive = env.kubernetes.monitoring.logs, env.kubernetes.monitoring.log_archive
    groups = _own_groups(logs) if logs is not None else []
    if logs is None or (archive is None and not groups):
        return []
    role = cluster.pod_identity(logs.namespace, _AGENTS)
    made: list[pulumi.Resource] = []
    if archive is not None:
        made.append(buckets[archive].grant_write("logs", role.name))
    if groups:
        statements = cluster.handle.arn.apply(lambda arn: _log_statements(arn.split(":")[4], groups))
        made.append(inline(child(env.name, "logs"), role, statements, parent=cluster))
    return made


def _own_groups(logs: LogShippingArgs) -> list[tuple[str, str]]:
    """Region and name of the log groups that agents write to as themselves."""
    return [(sink.region, sink.log_group) for sink in logs.cloudwatch if sink.key is None]


def _log_statements(account: str, groups: list[tuple[str, str]]) -> list[Mapping[str, object]]:
    """Vector, sink aws_cloudwatch_logs, "AWS IAM Permissions" (from memory); the group itself is not made."""
    arns = [f"arn:{partition(region)}:logs:{region}:{account}:log-group:{group}" for region, group in groups]
    return [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [*arns, *(f"{arn}:log-stream:*" for arn in arns)],
        },
        {
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            # Knows no resources narrower than the account's.
            "Resource": sorted(
                {f"arn:{partition(region)}:logs:{region}:{account}:log-group:*" for region, _ in groups}
            ),
        },
    ]


def _has_volumes(env: AwsEnvironment) -> bool:
    return env.cluster.addon("aws-ebs-csi-driver").enabled


def _check_access(env: AwsEnvironment, problems: Problems) -> None:
    administrators = [
        name
        for name, entry in env.cluster.access.items()
        if entry.kubernetes_groups
        or any(one.policy == _ADMINISTRATOR and not one.namespaces for one in entry.policies)
    ]
    if not administrators and not env.cluster.bootstrap_cluster_creator_admin_permissions:
        problems.add(
            "cluster.access",
            f"{', '.join(env.cluster.access) or 'nobody'}: none may make what kubernetes asks for; allowed: "
            f"an entry with {_ADMINISTRATOR} for the whole cluster, for whoever runs `pulumi up`; add one",
        )


def _check_volumes(env: AwsEnvironment, problems: Problems) -> None:
    assert env.kubernetes is not None
    if env.kubernetes.monitoring.stack is not None and not _has_volumes(env):
        problems.add(
            "cluster.addons.aws-ebs-csi-driver.enabled",
            "false, but kubernetes.monitoring.stack keeps its data on volumes; allowed: true with it; remove "
            "the line",
        )


def _check_pools(env: AwsEnvironment, problems: Problems) -> None:
    if SYSTEM_POOL in env.gpu_pools:
        problems.add(
            f"gpu_pools.{SYSTEM_POOL}",
            f"{SYSTEM_POOL!r} is the name of the cluster's own pool; allowed with kubernetes: another name; "
            "rename it",
        )


def _check_archive(env: AwsEnvironment, problems: Problems) -> None:
    assert env.kubernetes is not None
    archive, logs = env.kubernetes.monitoring.log_archive, env.kubernetes.monitoring.logs
    path = "kubernetes.monitoring.log_archive"
    if archive is None:
        return
    if archive not in env.buckets:
        problems.add(
            path,
            f"{archive!r} is not among the buckets; allowed: {', '.join(env.buckets) or 'none'}; add it",
        )
    if logs is None:
        problems.add(path, f"{archive!r} without logs; allowed: both or none; add logs or remove it")
    elif any(
        (work.namespace, work.service_account) == (logs.namespace, _AGENTS) for work in env.workloads.values()
    ):
        problems.add(
            path,
            f"a workload has the service account {logs.namespace}/{_AGENTS}, which is that of the agents; "
            "allowed: another for the workload; rename it",
        )
