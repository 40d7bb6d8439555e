"""The one place where the capabilities of an environment on your own racks are wired together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pulumi

from bedplate.cluster.onprem import OnPremCluster, OnPremClusterArgs
from bedplate.cluster.onprem_inventory import OnPremPool, pool_handle, topology_levels
from bedplate.core.errors import ArgsError, ConfigError, Problems
from bedplate.core.naming import child
from bedplate.edge.handles import EdgeHandle
from bedplate.environment.building import Build, Checking, Deploying, standing_in
from bedplate.environment.edge import EdgeWiring
from bedplate.environment.layer import Doors, Layer, LayerWiring
from bedplate.environment.layer_parts import waiting
from bedplate.environment.onprem_ceph import CephParts, wire_bucket, wire_ceph
from bedplate.environment.onprem_checks import (
    ceph_classes,
    check_names,
    check_order,
    gpu_labels,
    grafana_class,
    pools_of,
)
from bedplate.environment.onprem_models import BucketPart, OnPremEnvironment
from bedplate.environment.settings import given
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.network.onprem import ClusterNetwork, ClusterNetworkArgs
from bedplate.network.onprem_args import ClusterNetworkHandle
from bedplate.network.onprem_load_balancer import LoadBalancerPool, LoadBalancerPoolArgs
from bedplate.network.onprem_rdma import RdmaNetwork, RdmaNetworkArgs
from bedplate.storage.handles import ObjectStoreHandle

KUBECONFIG = "kubeconfig"


def check_onprem(env: OnPremEnvironment, problems: Problems) -> None:
    """Adds everything that speaks against the environment as a whole. Makes nothing."""
    machines = {
        "pools": env.cluster.pools,
        **{name: getattr(env.cluster, name) for name in ("version", "control_plane")},
    }
    # The kubeconfig is not known yet, and says nothing about the machines.
    unknown = cast("pulumi.Output[str]", object.__new__(pulumi.Output))
    try:
        OnPremClusterArgs.model_validate({**given(env.cluster), **machines, "kubeconfig": unknown})
    except ArgsError as error:
        problems.extend(error.problems, under="cluster")
    check_names(env, problems)
    check_order(env, problems)
    _wire(env, Checking(problems), _planned(env))


def _planned(env: OnPremEnvironment) -> KubernetesHandle:
    """The cluster as the file says it will be."""
    nodes = [node for pool in env.cluster.pools.values() for node in pool.nodes]
    return standing_in(
        KubernetesHandle,
        name=env.name,
        platform="onprem",
        version=env.cluster.version,
        pools=tuple(pool_handle(name, pool) for name, pool in env.cluster.pools.items()),
        topology_levels=topology_levels(nodes),
        storage_class=env.cluster.storage_class,
    )


def _labelled(env: OnPremEnvironment) -> dict[str, OnPremPool]:
    """The machines with the labels that their GPUs' operator reads. One that the file gives is kept."""
    wanted = gpu_labels(env, _planned(env))
    return {
        name: pool.model_copy(update={"labels": {**wanted.get(name, {}), **pool.labels}})
        for name, pool in env.cluster.pools.items()
    }


def deploy_onprem(env: OnPremEnvironment) -> dict[str, pulumi.Input[object]]:
    """Registers everything in `env`; returns the stack's outputs.

    Raises ConfigError where `bedplate:kubeconfig` is not set, before anything is registered.
    """
    kubeconfig = pulumi.Config("bedplate").get_secret(KUBECONFIG)
    if kubeconfig is None:
        raise ConfigError(
            "configuration: bedplate:kubeconfig is missing; allowed: the cluster's kubeconfig; set it with "
            f"`pulumi config set --secret bedplate:{KUBECONFIG} < kubeconfig`"
        )
    made = OnPremCluster(
        child(env.name, "cluster"),
        OnPremClusterArgs.model_validate(
            {
                **given(env.cluster),
                "pools": _labelled(env),
                "kubeconfig": kubeconfig,
                "cluster_name": env.name,
            }
        ),
    )
    buckets, layer = _wire(env, Deploying(env.name), made.handle)
    return {
        "cluster_name": made.handle.name,
        "cluster_server": made.server,
        "node_pools": {pool.name: pool.max_nodes for pool in made.handle.pools},
        "buckets": {name: bucket.uri for name, bucket in buckets.items()},
        "bucket_endpoints": {name: bucket.endpoint for name, bucket in buckets.items()},
        "queues": {team: queue.queue_name for team, queue in layer.queues.queues.items()}
        if layer.queues
        else {},
        "prometheus_url": layer.monitoring.prometheus_url if layer.monitoring else None,
    }


def _wire(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle
) -> tuple[Mapping[str, ObjectStoreHandle], Layer]:
    network = _network(env, build, cluster)
    if network is not None:
        # Nothing that runs in pods can come up before pods have a network.
        cluster = network.connect(cluster)
    wiring = LayerWiring(
        build=build,
        settings=env.kubernetes,
        cluster=cluster,
        ceph=env.ceph is not None,
        node_labels=gpu_labels(env, cluster),
        address_pools={name: child(env.name, f"addresses-{name}") for name in env.network.load_balancers},
    )
    monitoring, doors, ceph = _storage(env, build, cluster, wiring)
    wiring = replace(wiring, classes=ceph.classes)
    edge = _edge(env, build, cluster)
    fleet = edge.fleet() if edge else None
    buckets: dict[str, ObjectStoreHandle] = {}

    def claim(homes: Mapping[str, tuple[pulumi.Resource, ...]]) -> Mapping[str, ObjectStoreHandle]:
        for name, bucket in env.buckets.items():
            ready = waiting(_beside(fleet, bucket, cluster), *homes.get(bucket.namespace, ()))
            handle = wire_bucket(build, ready, name, bucket, ceph.stores)
            if handle is not None:
                buckets[name] = handle
        return buckets

    layer = wiring.rest(monitoring, claim, doors)
    if edge is not None:
        edge.rest(fleet, buckets)
    return buckets, layer


def _storage(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle, wiring: LayerWiring
) -> tuple[MonitoringHandle | None, Doors, CephParts]:
    """Prometheus and Ceph: who waits for whom.

    Rook tells Prometheus' operator of Ceph, whose definitions must be there then. Where it does not, and
    Grafana's volume is Ceph's, Prometheus comes second: its release waits for the volume.
    """
    if grafana_class(env) in ceph_classes(env):
        doors = wiring.doors(None)
        ceph = wire_ceph(env, build, cluster, watched=False, certificates=doors.certificates)
        return wiring.stack(ceph.classes[grafana_class(env) or ""]), doors, ceph
    monitoring = wiring.stack()
    doors = wiring.doors(monitoring)
    ceph = wire_ceph(
        env,
        build,
        waiting(cluster, *(monitoring.after() if monitoring else ())),
        watched=monitoring is not None,
        certificates=doors.certificates,
    )
    return monitoring, doors, ceph


def _edge(env: OnPremEnvironment, build: Build, cluster: KubernetesHandle) -> EdgeWiring | None:
    if env.edge is None:
        return None
    return EdgeWiring(build=build, settings=env.edge, cluster=cluster, pools=pools_of(env))


def _beside(fleet: EdgeHandle | None, bucket: BucketPart, cluster: KubernetesHandle) -> KubernetesHandle:
    """The cluster, for a bucket: the edge makes the namespace of its own buckets."""
    if fleet is None or bucket.namespace != fleet.namespace:
        return cluster
    return waiting(cluster, *fleet.resources)


def _network(env: OnPremEnvironment, build: Build, cluster: KubernetesHandle) -> ClusterNetworkHandle | None:
    part = env.network
    network: ClusterNetworkHandle | None = None
    if part.plugin is not None:
        network = build.add(
            "network",
            "network.plugin",
            ClusterNetwork,
            ClusterNetworkArgs,
            {**given(part.plugin), "cluster": cluster},
            handle=lambda made: made.handle,
            stand_in=lambda args: ClusterNetworkHandle(
                kind=args.kind,
                pod_cidrs=args.pod_cidrs,
                service_cidrs=args.service_cidrs,
                node_cidrs=args.node_cidrs,
                bgp=args.bgp,
                pod_mtu=args.pod_mtu,
                api_server=args.api_server,
            ),
            # Ranges that clash say nothing about addresses and fabrics.
            refused=lambda _: None,
            options=cluster.options(),
        )
    ready = network.connect(cluster) if network else cluster
    if network is not None:
        for number, (name, pool) in enumerate(part.load_balancers.items()):
            build.add(
                f"addresses-{name}",
                f"network.load_balancers.{name}",
                LoadBalancerPool,
                LoadBalancerPoolArgs,
                # The first one brings MetalLB.
                {**given(pool), "cluster": ready, "network": network, "install": number == 0},
                handle=lambda made: made,
                stand_in=lambda _: None,
                options=ready.options(),
            )
    if part.rdma is not None:
        build.add(
            "rdma",
            "network.rdma",
            RdmaNetwork,
            RdmaNetworkArgs,
            {**given(part.rdma), "cluster": ready, "network": network},
            handle=lambda made: made.handle,
            stand_in=lambda _: None,
            options=ready.options(),
        )
    return network
