"""How the components make objects: one place for parents, namespaces, labels and order."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pulumi
import pulumi_kubernetes as k8s

ROOK = "ceph.rook.io/v1"
_LABELS = {"app.kubernetes.io/managed-by": "bedplate"}


def custom_object(
    component: pulumi.Resource,
    name: str,
    *,
    api_version: str = ROOK,
    kind: str,
    object_name: str,
    namespace: pulumi.Input[str] | None,
    spec: Mapping[str, object],
    after: Sequence[pulumi.Resource] = (),
    protect: bool = False,
) -> k8s.apiextensions.CustomResource:
    """A custom resource of a component. `name` is the resource's, `object_name` that of the object."""
    metadata: dict[str, object] = {"name": object_name, "labels": _LABELS}
    if namespace is not None:
        metadata["namespace"] = namespace
    return k8s.apiextensions.CustomResource(
        name,
        api_version=api_version,
        kind=kind,
        metadata=metadata,
        spec=dict(spec),
        opts=pulumi.ResourceOptions(parent=component, depends_on=list(after), protect=protect),
    )


def storage_class(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    provisioner: str,
    parameters: Mapping[str, pulumi.Input[str]],
    after: Sequence[pulumi.Resource] = (),
    expandable: bool = True,
    delete_volumes: bool = False,
) -> k8s.storage.v1.StorageClass:
    """A storage class; what it made outlives its claims unless `delete_volumes` says otherwise."""
    return k8s.storage.v1.StorageClass(
        name,
        metadata={"name": object_name, "labels": _LABELS},
        provisioner=provisioner,
        parameters=dict(parameters),
        reclaim_policy="Delete" if delete_volumes else "Retain",
        allow_volume_expansion=expandable,
        volume_binding_mode="Immediate",
        opts=pulumi.ResourceOptions(parent=component, depends_on=list(after)),
    )


def snapshot_class(
    component: pulumi.Resource,
    name: str,
    *,
    object_name: str,
    driver: str,
    cluster_id: str,
    secret_name: str,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi.CustomResource:
    """A snapshot class; snapshots outlive their objects, as volumes do."""
    # VolumeSnapshotClass has no spec: its fields stand beside the metadata, which the SDK's class for custom
    # resources cannot say.
    return pulumi.CustomResource(
        "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
        name,
        {
            "apiVersion": "snapshot.storage.k8s.io/v1",
            "kind": "VolumeSnapshotClass",
            "metadata": {"name": object_name, "labels": _LABELS},
            "driver": driver,
            "deletionPolicy": "Retain",
            "parameters": {
                "clusterID": cluster_id,
                "csi.storage.k8s.io/snapshotter-secret-name": secret_name,
                "csi.storage.k8s.io/snapshotter-secret-namespace": cluster_id,
            },
        },
        pulumi.ResourceOptions(
            parent=component, depends_on=list(after), version=version("pulumi_kubernetes")
        ),
    )
