"""The one place where the capabilities of an AWS environment are wired together."""

import pulumi

from bedplate.cluster.aws import EksCluster, EksClusterArgs
from bedplate.core.naming import child
from bedplate.environment.models import AwsEnvironment
from bedplate.environment.settings import given
from bedplate.gpu.aws import EksGpuNodeGroup, EksGpuNodeGroupArgs
from bedplate.keys.aws import AwsKey, AwsKeyArgs
from bedplate.keys.policy_aws import KeyService
from bedplate.monitoring.aws import AwsAlarms
from bedplate.monitoring.aws_args import AwsAlarmsArgs
from bedplate.network.aws import AwsNetwork
from bedplate.network.aws_args import AwsNetworkArgs
from bedplate.storage.object_aws import AwsObjectStore, AwsObjectStoreArgs

# What uses the environment's key by itself: log groups, alarms and budgets that publish, disks of node
# groups.
_KEY_SERVICES: tuple[KeyService, ...] = ("logs", "cloudwatch", "budgets", "autoscaling")


def deploy_aws(env: AwsEnvironment) -> dict[str, pulumi.Input[object]]:
    """Registers everything in `env`; returns the stack's outputs."""
    common = {"tags": env.all_tags()}
    bounded = {"permissions_boundary_arn": env.permissions_boundary_arn}
    regional = {**common, "region": env.region}
    cluster_name = child(env.name, "cluster")

    key = AwsKey(
        child(env.name, "key"),
        AwsKeyArgs.model_validate({**given(env.key), **regional, "services": _KEY_SERVICES}),
    )
    network = AwsNetwork(
        child(env.name, "network"),
        AwsNetworkArgs.model_validate(
            {
                **given(env.network),
                **regional,
                **bounded,
                "zones": env.zones,
                "key": key.handle,
                "cluster_names": (cluster_name,),
            }
        ),
    )
    buckets = {
        name: AwsObjectStore(
            child(env.name, name),
            AwsObjectStoreArgs.model_validate({**given(bucket), **regional, "key": key.handle}),
        )
        for name, bucket in env.buckets.items()
    }
    cluster = EksCluster(
        cluster_name,
        EksClusterArgs.model_validate(
            {**given(env.cluster), **common, **bounded, "network": network.handle, "key": key.handle}
        ),
    )
    pools = {
        name: EksGpuNodeGroup(
            child(env.name, f"gpu-{name}"),
            EksGpuNodeGroupArgs.model_validate(
                {**given(pool), **common, **bounded, "cluster": cluster.handle}
            ),
        )
        for name, pool in env.gpu_pools.items()
    }
    for name, work in env.workloads.items():
        role = cluster.pod_identity(work.namespace, work.service_account)
        for bucket in work.read:
            buckets[bucket].grant_read(name, role.name)
        for bucket in work.write:
            buckets[bucket].grant_read_write(name, role.name)
    alarms = env.alarms and AwsAlarms(
        child(env.name, "alarms"),
        AwsAlarmsArgs.model_validate(
            {
                **given(env.alarms),
                **regional,
                "key": key.handle,
                "network": network.handle,
                "node_groups": tuple(pool.handle for pool in pools.values()),
            }
        ),
    )

    layer: dict[str, pulumi.Input[object]] = {}
    if env.kubernetes is not None:
        # Imported here: what runs on clusters takes seconds, and many a file has nothing of it.
        from bedplate.environment.eks_layer import deploy_layer

        made = deploy_layer(env, cluster, pools, buckets)
        queues = made.queues.queues if made.queues else {}
        layer = {
            "queues": {team: queue.queue_name for team, queue in queues.items()},
            "prometheus_url": made.monitoring.prometheus_url if made.monitoring else None,
        }
    return {
        **layer,
        "region": env.region,
        "vpc_id": network.handle.vpc_id,
        "private_subnet_ids": network.handle.private_subnet_ids,
        "key_arn": key.handle.arn,
        "cluster_name": cluster.handle.name,
        "cluster_endpoint": cluster.handle.endpoint,
        "cluster_oidc_issuer": cluster.oidc_issuer,
        "kubeconfig_command": cluster.handle.name.apply(
            lambda known: f"aws eks update-kubeconfig --region {env.region} --name {known}"
        ),
        "gpu_node_groups": {name: pool.handle.node_group_name for name, pool in pools.items()},
        "buckets": {name: bucket.handle.uri for name, bucket in buckets.items()},
        "alarm_topic_arn": alarms.handle.arn if alarms else None,
    }
