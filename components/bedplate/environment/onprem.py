"""The one place where the capabilities of an environment on your own racks are wired together."""

from collections.abc import Callable, Mapping
from typing import cast

import pulumi

from bedplate.cluster.onprem import OnPremCluster, OnPremClusterArgs
from bedplate.cluster.onprem_inventory import pool_handle, topology_levels
from bedplate.core.errors import ArgsError, ConfigError, Problems
from bedplate.core.naming import child
from bedplate.edge.handles import EdgeHandle
from bedplate.environment.building import Build, Checking, Deploying, standing_in
from bedplate.environment.edge import EdgeWiring
from bedplate.environment.edge_checks import check_edge
from bedplate.environment.layer import Layer, LayerWiring
from bedplate.environment.onprem_models import BucketPart, CephPart, OnPremEnvironment
from bedplate.environment.settings import given
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.network.onprem import ClusterNetwork, ClusterNetworkArgs
from bedplate.network.onprem_args import ClusterNetworkHandle
from bedplate.network.onprem_load_balancer import LoadBalancerPool, LoadBalancerPoolArgs
from bedplate.network.onprem_rdma import RdmaNetwork, RdmaNetworkArgs
from bedplate.storage.ceph.block import CephBlockStore, CephBlockStoreArgs
from bedplate.storage.ceph.bucket import CephBucket, CephBucketArgs
from bedplate.storage.ceph.cluster import RookCephCluster, RookCephClusterArgs
from bedplate.storage.ceph.external import ExternalCephCluster, ExternalCephClusterArgs
from bedplate.storage.ceph.files import CephFileStore, CephFileStoreArgs
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.object_store import CephObjectStore, CephObjectStoreArgs, CephObjectStoreHandle
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs
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
        return
    nodes = [node for pool in env.cluster.pools.values() for node in pool.nodes]
    cluster = standing_in(
        KubernetesHandle,
        name=env.name,
        platform="onprem",
        version=env.cluster.version,
        pools=tuple(pool_handle(name, pool) for name, pool in env.cluster.pools.items()),
        topology_levels=topology_levels(nodes),
        storage_class=env.cluster.storage_class,
    )
    _check_names(env, problems)
    _wire(env, Checking(problems), cluster)


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
            {**given(env.cluster), "kubeconfig": kubeconfig, "cluster_name": env.name}
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


def _check_names(env: OnPremEnvironment, problems: Problems) -> None:
    """What the file names of itself must be in it."""
    stores = tuple(env.ceph.object_stores) if env.ceph else ()
    for name, bucket in env.buckets.items():
        if not stores:
            problems.add(
                f"buckets.{name}", "there is no object store; allowed: buckets of ceph.object_stores; add one"
            )
        elif bucket.object_store is None and len(stores) > 1:
            problems.add(
                f"buckets.{name}.object_store",
                f"not given; allowed: {', '.join(stores)}; name the one it is on",
            )
        elif bucket.object_store is not None and bucket.object_store not in stores:
            problems.add(
                f"buckets.{name}.object_store",
                f"{bucket.object_store!r} is not among ceph.object_stores; allowed: {', '.join(stores)}; "
                "correct it",
            )
    archive = env.kubernetes.monitoring.log_archive
    if archive is not None and archive not in env.buckets:
        problems.add(
            "kubernetes.monitoring.log_archive",
            f"{archive!r} is not among the buckets; allowed: {', '.join(env.buckets) or 'none'}; add it",
        )
    if env.edge is not None:
        check_edge(
            env.edge,
            problems,
            pools=_pools(env),
            edge_pools=[name for name, pool in env.cluster.pools.items() if pool.role == "edge"],
            buckets={name: bucket.namespace for name, bucket in env.buckets.items()},
        )
    if env.ceph is not None and env.ceph.cluster is not None:
        machines = {node.name for pool in env.cluster.pools.values() for node in pool.nodes}
        for index, node in enumerate(env.ceph.cluster.nodes):
            if node.name not in machines:
                problems.add(
                    f"ceph.cluster.nodes[{index}].name",
                    f"{node.name!r} is no machine of cluster.pools; allowed: {', '.join(sorted(machines))}; "
                    "correct the name or add the machine",
                )


def _wire(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle
) -> tuple[Mapping[str, ObjectStoreHandle], Layer]:
    network = _network(env, build, cluster)
    if network is not None:
        # Nothing that runs in pods can come up before pods have a network.
        cluster = _after(cluster, network.after)
    wiring = LayerWiring(build=build, settings=env.kubernetes, cluster=cluster, ceph=env.ceph is not None)
    monitoring = wiring.stack()
    after = tuple(monitoring.after()) if monitoring else ()
    stores = _ceph(env, build, _after(cluster, after), env.ceph) if env.ceph else {}
    edge = _edge(env, build, cluster)
    fleet = edge.fleet() if edge else None
    buckets = {
        name: handle
        for name, bucket in env.buckets.items()
        if (handle := _bucket(build, _beside(fleet, bucket, cluster), name, bucket, stores)) is not None
    }
    layer = wiring.rest(monitoring, buckets)
    if edge is not None:
        edge.rest(fleet, buckets)
    return buckets, layer


def _pools(env: OnPremEnvironment) -> dict[str, str]:
    """The pool of each machine, by the machine's name."""
    return {node.name: name for name, pool in env.cluster.pools.items() for node in pool.nodes}


def _edge(env: OnPremEnvironment, build: Build, cluster: KubernetesHandle) -> EdgeWiring | None:
    if env.edge is None:
        return None
    return EdgeWiring(build=build, settings=env.edge, cluster=cluster, pools=_pools(env))


def _beside(fleet: EdgeHandle | None, bucket: BucketPart, cluster: KubernetesHandle) -> KubernetesHandle:
    """The cluster, for a bucket: the edge makes the namespace of its own buckets."""
    if fleet is None or bucket.namespace != fleet.namespace:
        return cluster
    return _after(cluster, fleet.resources)


def _after(cluster: KubernetesHandle, after: tuple[pulumi.Resource, ...]) -> KubernetesHandle:
    return KubernetesHandle(
        name=cluster.name,
        platform=cluster.platform,
        version=cluster.version,
        provider=cluster.provider,
        pools=cluster.pools,
        topology_levels=cluster.topology_levels,
        storage_class=cluster.storage_class,
        ready=(*cluster.ready, *after),
    )


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
            options=cluster.options(),
        )
    ready = _after(cluster, network.after) if network else cluster
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


def _ceph(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle, part: CephPart
) -> dict[str, CephObjectStoreHandle]:
    operator: list[pulumi.Resource] = []
    build.add(
        "rook",
        "ceph.operator",
        RookOperator,
        RookOperatorArgs,
        given(part.operator),
        handle=operator.append,
        stand_in=lambda _: None,
        options=cluster.options(),
    )
    ready = _after(cluster, tuple(operator))
    ceph = _ceph_cluster(env, build, ready, part)
    if ceph is None:
        return {}
    for name, block in part.block.items():
        build.add(
            name,
            f"ceph.block.{name}",
            CephBlockStore,
            CephBlockStoreArgs,
            {**given(block), "cluster": ceph},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=ready.options(),
        )
    for name, files in part.files.items():
        build.add(
            name,
            f"ceph.files.{name}",
            CephFileStore,
            CephFileStoreArgs,
            {**given(files), "cluster": ceph},
            handle=lambda made: made,
            stand_in=lambda _: None,
            options=ready.options(),
        )
    stores: dict[str, CephObjectStoreHandle] = {}
    for name, store in part.object_stores.items():
        found = build.add(
            name,
            f"ceph.object_stores.{name}",
            CephObjectStore,
            CephObjectStoreArgs,
            {**given(store), "cluster": ceph},
            handle=lambda made: made.handle,
            stand_in=lambda _: CephObjectStoreHandle(
                name="store", namespace="rook-ceph", endpoint="https://store", bucket_class_name="buckets"
            ),
            options=ready.options(),
        )
        if found is not None:
            stores[name] = found
    return stores


def _ceph_cluster(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle, part: CephPart
) -> CephClusterHandle | None:
    operator = part.operator.namespace
    if part.external is not None:
        return build.add(
            "ceph",
            "ceph.external",
            ExternalCephCluster,
            ExternalCephClusterArgs,
            {**given(part.external), "operator_namespace": operator},
            handle=lambda made: made.handle,
            stand_in=lambda args: CephClusterHandle(
                namespace=args.namespace,
                operator_namespace=operator,
                failure_domain=args.failure_domain,
                domains=args.domains,
            ),
            options=cluster.options(),
        )
    assert part.cluster is not None
    places = {node.name: node for pool in env.cluster.pools.values() for node in pool.nodes}
    nodes = [
        node
        if node.rack is not None or node.name not in places
        else node.model_copy(update={"rack": places[node.name].rack, "zone": places[node.name].zone})
        for node in part.cluster.nodes
    ]
    return build.add(
        "ceph",
        "ceph.cluster",
        RookCephCluster,
        RookCephClusterArgs,
        {**given(part.cluster), "nodes": nodes, "namespace": operator},
        handle=lambda made: made.handle,
        stand_in=lambda args: CephClusterHandle(
            namespace=args.namespace,
            operator_namespace=operator,
            failure_domain=args.domain,
            domains=len(args.domain_names),
            kms_id=args.volume_kms_id,
        ),
        options=cluster.options(),
    )


def _bucket(
    build: Build,
    cluster: KubernetesHandle,
    name: str,
    bucket: BucketPart,
    stores: Mapping[str, CephObjectStoreHandle],
) -> ObjectStoreHandle | None:
    store = stores.get(bucket.object_store) if bucket.object_store else next(iter(stores.values()), None)
    if store is None:
        return None
    own = {field: value for field, value in given(bucket).items() if field != "object_store"}
    make: Callable[[CephBucket], ObjectStoreHandle] = lambda made: made.handle  # noqa: E731
    return build.add(
        name,
        f"buckets.{name}",
        CephBucket,
        CephBucketArgs,
        {**own, "store": store},
        handle=make,
        stand_in=lambda _: standing_in(ObjectStoreHandle, region="us-east-1"),
        options=cluster.options(),
    )
