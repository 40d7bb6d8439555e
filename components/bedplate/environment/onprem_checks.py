"""What the parts of an environment on your own racks demand of each other, beyond what each checks itself."""

from collections.abc import Iterator, Mapping

from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.environment.edge_checks import check_edge
from bedplate.environment.onprem_models import CONTROL_PLANE, OnPremEnvironment
from bedplate.gpu.kubernetes.nvidia_args import NvidiaGpuOperatorArgs
from bedplate.kubernetes.handles import KubernetesHandle

# What Kubernetes has by itself.
_KUBERNETES_OWN = ("default", "kube-system", "kube-public", "kube-node-lease")


def pools_of(env: OnPremEnvironment) -> dict[str, str]:
    """The pool of each machine, by the machine's name."""
    return {node.name: name for name, pool in env.cluster.pools.items() for node in pool.nodes}


def gpu_labels(env: OnPremEnvironment, cluster: KubernetesHandle) -> Mapping[str, Mapping[str, str]]:
    """The labels that nodes need for how their GPUs are cut and shared, by the pool's name."""
    nvidia = env.kubernetes.gpu.nvidia
    if nvidia is None or env.cluster.manage_nodes == "nothing":
        return {}
    args = NvidiaGpuOperatorArgs.model_construct(
        cluster=cluster, pools=nvidia.pools, mig_strategy=nvidia.mig_strategy
    )
    return {pool.name: args.node_labels(pool.name) for pool in args.gpu_pools}


def ceph_classes(env: OnPremEnvironment) -> tuple[str, ...]:
    """The storage classes that the environment's Ceph makes."""
    if env.ceph is None:
        return ()
    block = [one.class_name or child(env.name, name) for name, one in env.ceph.block.items()]
    files = [
        f"{one.file_system or child(env.name, name)}-{pool}"
        for name, one in env.ceph.files.items()
        for pool in one.pools or ("checkpoints", "datasets")
    ]
    return (*block, *files)


def grafana_class(env: OnPremEnvironment) -> str | None:
    """The class of Grafana's volume; None where there is no Grafana, or the cluster's default is taken."""
    stack = env.kubernetes.monitoring.stack
    if stack is None or stack.grafana is None:
        return None
    return stack.grafana.storage_class or env.cluster.storage_class


def check_order(env: OnPremEnvironment, problems: Problems) -> None:
    """Parts that would wait for each other for ever: a release waits until the volumes of its chart "
    "are there."""
    stack = env.kubernetes.monitoring.stack
    if stack is None:
        return
    grafana = grafana_class(env)
    if grafana in ceph_classes(env) and _ceph_tells_prometheus(env):
        problems.add(
            "kubernetes.monitoring.stack.grafana.storage_class",
            f"{grafana!r} is made by ceph, which tells Prometheus of itself and is made after it, while the "
            "release of Prometheus waits for Grafana's volume; allowed: a class that is there "
            "before; name one, or "
            "set ceph.cluster.prometheus to false",
        )
    if stack.cert_manager and env.kubernetes.cert_manager is not None:
        problems.add(
            "kubernetes.monitoring.stack.cert_manager",
            "true, while cert_manager is made after Prometheus, which watches it; allowed: false; "
            "remove it: the "
            "chart then makes the certificate of its webhook itself",
        )


def _ceph_tells_prometheus(env: OnPremEnvironment) -> bool:
    assert env.ceph is not None
    if env.ceph.cluster is not None:
        return env.ceph.cluster.prometheus
    return bool(env.ceph.external and env.ceph.external.manager_ips)


def check_names(env: OnPremEnvironment, problems: Problems) -> None:
    """What the file names of itself must be in it, and what it makes must be made once."""
    _check_buckets(env, problems)
    _check_machines(env, problems)
    _check_classes(env, problems)
    _check_namespaces(env, problems)
    _check_layer(env, problems)
    _check_adapters(env, problems)
    for name in env.costs:
        if name not in env.cluster.pools and name != CONTROL_PLANE:
            problems.add(
                f"costs.{name}",
                f"{name!r} is no pool; allowed: {', '.join((*env.cluster.pools, CONTROL_PLANE))}; correct it",
            )
    if env.edge is not None:
        check_edge(
            env.edge,
            problems,
            name=env.name,
            network_plugin=env.network.plugin is not None,
            pools=pools_of(env),
            edge_pools=[name for name, pool in env.cluster.pools.items() if pool.role == "edge"],
            buckets={name: bucket.namespace for name, bucket in env.buckets.items()},
        )


def _check_buckets(env: OnPremEnvironment, problems: Problems) -> None:
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
    monitoring = env.kubernetes.monitoring
    archive, path = monitoring.log_archive, "kubernetes.monitoring.log_archive"
    if archive is None:
        return
    if monitoring.logs is None:
        problems.add(path, f"{archive!r}, and there are no logs to keep; allowed: with logs; add them")
    elif archive not in env.buckets:
        problems.add(
            path, f"{archive!r} is not among the buckets; allowed: {', '.join(env.buckets) or 'none'}; add it"
        )
    elif env.buckets[archive].namespace != monitoring.logs.namespace:
        problems.add(
            f"buckets.{archive}.namespace",
            f"{env.buckets[archive].namespace!r}, and the log agents, which need the bucket's key, are in "
            f"{monitoring.logs.namespace!r}; allowed: that; correct it",
        )


def _check_machines(env: OnPremEnvironment, problems: Problems) -> None:
    if env.ceph is None or env.ceph.cluster is None:
        return
    machines = pools_of(env)
    role = env.ceph.cluster.node_role
    for index, node in enumerate(env.ceph.cluster.nodes):
        path = f"ceph.cluster.nodes[{index}]"
        if node.name not in machines:
            problems.add(
                f"{path}.name",
                f"{node.name!r} is no machine of cluster.pools; allowed: {', '.join(sorted(machines))}; "
                "correct the name or add the machine",
            )
            continue
        pool = env.cluster.pools[machines[node.name]]
        disks = sum(disk.count for disk in pool.disks)
        if len(node.devices) > disks:
            problems.add(
                f"{path}.devices",
                f"{len(node.devices)} disks, and a machine of pool {machines[node.name]!r} has "
                f"{disks}; allowed: as "
                "many as it has; correct one of the two",
            )
        if pool.role == "storage" and pool.role_taint and role != "storage":
            problems.add(
                "ceph.cluster.node_role",
                f"{'not given' if role is None else repr(role)}, and {node.name!r} keeps away what does not "
                "tolerate the role storage; allowed: storage; give it",
            )
            role = "storage"


def _check_classes(env: OnPremEnvironment, problems: Problems) -> None:
    classes = ceph_classes(env)
    for name in sorted({one for one in classes if classes.count(one) > 1}):
        problems.add("ceph", f"two storage classes would be called {name!r}; allowed: each once; rename one")


def _check_namespaces(env: OnPremEnvironment, problems: Problems) -> None:
    made: dict[str, str] = {}
    for path, name in _made_namespaces(env):
        if name in _KUBERNETES_OWN:
            problems.add(path, f"{name!r} is Kubernetes' own; allowed: any other; choose another")
        elif name in made:
            problems.add(
                path, f"{name!r} is made by {made[name]} as well; allowed: each is made once; choose another"
            )
        else:
            made[name] = path


def _made_namespaces(env: OnPremEnvironment) -> Iterator[tuple[str, str]]:
    """Each namespace that a part makes, with the part's path."""
    layer = env.kubernetes
    if env.ceph is not None and env.ceph.operator.make_namespace:
        yield "ceph.operator.namespace", env.ceph.operator.namespace
    if env.ceph is not None and env.ceph.snapshots is not None:
        yield "ceph.snapshots.namespace", env.ceph.snapshots.namespace
    if env.network.rdma is not None:
        yield "network.rdma.namespace", env.network.rdma.namespace
    if layer.monitoring.stack is not None and layer.monitoring.stack.make_namespaces:
        yield "kubernetes.monitoring.stack.namespace", layer.monitoring.stack.namespace
    if layer.monitoring.logs is not None and layer.monitoring.logs.make_namespace:
        yield "kubernetes.monitoring.logs.namespace", layer.monitoring.logs.namespace
    if layer.cert_manager is not None:
        yield "kubernetes.cert_manager.namespace", layer.cert_manager.namespace
    if layer.gpu.nvidia is not None:
        yield "kubernetes.gpu.nvidia.namespace", layer.gpu.nvidia.namespace
    if layer.queueing.jobset is not None:
        yield "kubernetes.queueing.jobset.namespace", layer.queueing.jobset.namespace
    if layer.queueing.trainer is not None:
        yield "kubernetes.queueing.trainer.namespace", layer.queueing.trainer.namespace
    if layer.scaling.keda is not None:
        yield "kubernetes.scaling.keda.namespace", layer.scaling.keda.namespace
    queues = layer.queueing.queues
    if queues is not None:
        yield "kubernetes.queueing.queues.namespace", queues.namespace
        # Teams may share one.
        teams = {
            name: f"kubernetes.queueing.queues.teams[{index}].namespaces"
            for index, team in enumerate(queues.teams)
            if team.make_namespaces
            for name in team.namespace_names
        }
        yield from ((path, name) for name, path in teams.items())
    for name, gateway in layer.serving.gateways.items():
        if gateway.make_namespace:
            yield f"kubernetes.serving.gateways.{name}.namespace", gateway.namespace
    if layer.policies is not None and layer.policies.make_namespaces:
        for index, name in enumerate(layer.policies.namespaces):
            yield f"kubernetes.policies.namespaces[{index}]", name


def _check_layer(env: OnPremEnvironment, problems: Problems) -> None:
    layer = env.kubernetes
    if layer.serving.gateways and layer.serving.gateway is None:
        problems.add(
            "kubernetes.serving.gateways",
            f"{', '.join(layer.serving.gateways)} without gateway, which is the controller; allowed: both or "
            "neither; add gateway",
        )
    issuers = tuple(layer.cert_manager.issuers) if layer.cert_manager is not None else None
    for name, gateway in layer.serving.gateways.items():
        if gateway.issuer is None or gateway.issuer_kind != "ClusterIssuer" or issuers is None:
            continue
        if gateway.issuer not in issuers:
            problems.add(
                f"kubernetes.serving.gateways.{name}.issuer",
                f"{gateway.issuer!r} is not among cert_manager.issuers; allowed: "
                f"{', '.join(issuers) or 'none'}; "
                "correct it or add the issuer",
            )
    pool = layer.serving.gateway.address_pool if layer.serving.gateway is not None else None
    known = {name: child(env.name, f"addresses-{name}") for name in env.network.load_balancers}
    if pool is not None and known and pool not in known and pool not in known.values():
        problems.add(
            "kubernetes.serving.gateway.address_pool",
            f"{pool!r} is not among network.load_balancers; allowed: {', '.join(known)}; correct it",
        )
    for field in ("karpenter", "karpenter_pools"):
        if getattr(layer.scaling, field) is not None:
            problems.add(
                f"kubernetes.scaling.{field}",
                "given on machines of your own, and Karpenter starts AWS's; allowed: on EKS; remove it",
            )
    if layer.queueing.trainer is not None and layer.queueing.jobset is None:
        problems.add(
            "kubernetes.queueing.trainer",
            "given without jobset, of which the trainer makes its jobs; allowed: with it; add jobset: {}",
        )
    _check_shares(env, problems)


def _check_shares(env: OnPremEnvironment, problems: Problems) -> None:
    """Quota is counted in GPUs, which pods of a pool that is cut do not ask for."""
    nvidia, queues = env.kubernetes.gpu.nvidia, env.kubernetes.queueing.queues
    if nvidia is None or queues is None or nvidia.mig_strategy == "single":
        return
    cut = {name for name, one in nvidia.pools.items() if one.cut}
    for index, team in enumerate(queues.teams):
        for place, quota in enumerate(team.quotas):
            if quota.pool in cut:
                problems.add(
                    f"kubernetes.queueing.queues.teams[{index}].quotas[{place}].pool",
                    f"{quota.pool!r} is cut into MIG instances, which pods ask for by other names "
                    "than the quota's; "
                    "allowed: a pool of whole GPUs; choose one, or leave the pool whole",
                )


def _check_adapters(env: OnPremEnvironment, problems: Problems) -> None:
    rdma, gpu = env.network.rdma, env.kubernetes.gpu
    if rdma is None:
        return
    labelled = gpu.features is not None or gpu.nvidia is not None
    if rdma.node_feature_discovery and labelled:
        problems.add(
            "network.rdma.node_feature_discovery",
            "true, and kubernetes.gpu brings Node Feature Discovery as well, and the two would undo "
            "each other's "
            "labels; allowed: false; remove it",
        )
    if not rdma.node_feature_discovery and not labelled:
        problems.add(
            "network.rdma.node_feature_discovery",
            "off, and nothing else labels the nodes that have adapters; allowed: on, or "
            "kubernetes.gpu.features; "
            "add one of them",
        )
