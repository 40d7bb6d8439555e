"""How an environment's Ceph is wired: operator, cluster, classes of volumes, object stores and buckets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from bedplate.core.naming import child
from bedplate.environment.building import NOTHING, Build, standing_in
from bedplate.environment.layer_parts import waiting
from bedplate.environment.onprem_models import BucketPart, CephPart, OnPremEnvironment
from bedplate.environment.settings import given
from bedplate.kubernetes.cert_manager import CertManagerHandle
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.snapshots import SnapshotController, SnapshotControllerArgs
from bedplate.storage.ceph.block import CephBlockStore, CephBlockStoreArgs
from bedplate.storage.ceph.bucket import CephBucket, CephBucketArgs
from bedplate.storage.ceph.cluster import RookCephCluster, RookCephClusterArgs
from bedplate.storage.ceph.external import ExternalCephCluster, ExternalCephClusterArgs
from bedplate.storage.ceph.files import CephFileStore, CephFileStoreArgs
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.object_store import CephObjectStore, CephObjectStoreArgs, CephObjectStoreHandle
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs
from bedplate.storage.handles import CredentialsReference, ObjectStoreHandle


@dataclass(frozen=True, kw_only=True)
class CephParts:
    """What an environment's Ceph hands on.

    Attributes:
        classes: Storage classes, with what makes them.
        stores: Object stores, by their names in the file.
    """

    classes: Mapping[str, pulumi.Resource] = field(default_factory=dict)
    stores: Mapping[str, CephObjectStoreHandle] = field(default_factory=dict)


def wire_ceph(
    env: OnPremEnvironment,
    build: Build,
    cluster: KubernetesHandle,
    *,
    watched: bool,
    certificates: CertManagerHandle | None,
) -> CephParts:
    """Everything under `ceph`. `watched`: whether there is a Prometheus' operator to tell of it."""
    part = env.ceph
    if part is None:
        return CephParts()
    operator = build.add(
        "rook",
        "ceph.operator",
        RookOperator,
        RookOperatorArgs,
        given(part.operator),
        handle=lambda made: made,
        stand_in=lambda _: None,
        options=cluster.options(),
    )
    ready = waiting(cluster, *([] if operator is None else [operator]))
    ceph = _cluster(env, build, ready, part, watched)
    classes: dict[str, pulumi.Resource] = {}
    snapshots = _snapshots(build, cluster, part, watched)
    for name, block in part.block.items():
        made: pulumi.Resource | None = build.add(
            name,
            f"ceph.block.{name}",
            CephBlockStore,
            CephBlockStoreArgs,
            {**given(block), "cluster": ceph, "snapshot_controller": snapshots},
            handle=lambda made: made,
            stand_in=lambda _: NOTHING,
            options=ready.options(),
        )
        if made is not None:
            classes[block.class_name or child(env.name, name)] = made
    for name, files in part.files.items():
        made = build.add(
            name,
            f"ceph.files.{name}",
            CephFileStore,
            CephFileStoreArgs,
            {**given(files), "cluster": ceph, "snapshot_controller": snapshots},
            handle=lambda made: made,
            stand_in=lambda _: NOTHING,
            options=ready.options(),
        )
        if made is not None:
            for pool in files.pools or ("checkpoints", "datasets"):
                classes[f"{files.file_system or child(env.name, name)}-{pool}"] = made
    stores: dict[str, CephObjectStoreHandle] = {}
    for name, store in part.object_stores.items():
        found = build.add(
            name,
            f"ceph.object_stores.{name}",
            CephObjectStore,
            CephObjectStoreArgs,
            {**given(store), "cluster": ceph, "cert_manager": certificates},
            handle=lambda made: made.handle,
            stand_in=lambda _: CephObjectStoreHandle(
                name="store", namespace="rook-ceph", endpoint="https://store", bucket_class_name="buckets"
            ),
            options=ready.options(),
        )
        if found is not None:
            stores[name] = found
    return CephParts(classes=classes, stores=stores)


def _snapshots(
    build: Build, cluster: KubernetesHandle, part: CephPart, watched: bool
) -> pulumi.Resource | None:
    if part.snapshots is None:
        return None
    return build.add(
        "snapshots",
        "ceph.snapshots",
        SnapshotController,
        SnapshotControllerArgs,
        {"service_monitor": watched, **given(part.snapshots)},
        handle=lambda made: made.handle.release,
        stand_in=lambda _: NOTHING,
        options=cluster.options(),
    )


def _cluster(
    env: OnPremEnvironment, build: Build, cluster: KubernetesHandle, part: CephPart, watched: bool
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
    monitors = {} if watched else {"prometheus": False}
    return build.add(
        "ceph",
        "ceph.cluster",
        RookCephCluster,
        RookCephClusterArgs,
        {**monitors, **given(part.cluster), "nodes": nodes, "namespace": operator},
        handle=lambda made: made.handle,
        stand_in=lambda args: CephClusterHandle(
            namespace=args.namespace,
            operator_namespace=operator,
            failure_domain=args.domain,
            domains=len(args.domain_names),
            kms_id=args.volume_kms_id,
        ),
        # What its pools need is not known then, and they are not checked.
        refused=lambda args: CephClusterHandle(
            namespace=args.namespace, operator_namespace=operator, kms_id=args.volume_kms_id
        ),
        options=cluster.options(),
    )


def wire_bucket(
    build: Build,
    cluster: KubernetesHandle,
    name: str,
    bucket: BucketPart,
    stores: Mapping[str, CephObjectStoreHandle],
) -> ObjectStoreHandle | None:
    """A bucket by claim; None where the file does not say on which store, which is told elsewhere."""
    store = stores.get(bucket.object_store) if bucket.object_store else next(iter(stores.values()), None)
    if store is None:
        return None
    own = {field: value for field, value in given(bucket).items() if field != "object_store"}
    return build.add(
        name,
        f"buckets.{name}",
        CephBucket,
        CephBucketArgs,
        {**own, "store": store},
        handle=lambda made: made.handle,
        stand_in=lambda _: standing_in(
            ObjectStoreHandle,
            region="us-east-1",
            credentials=standing_in(CredentialsReference),
        ),
        options=cluster.options(),
    )
