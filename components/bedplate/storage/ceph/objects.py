"""How the storage components make objects beyond what every component makes."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pulumi
import pulumi_kubernetes as k8s

from bedplate.kubernetes.objects import MANAGED, custom_object

ROOK = "ceph.rook.io/v1"


def rook_object(
    component: pulumi.Resource,
    name: str,
    *,
    kind: str,
    object_name: str,
    namespace: pulumi.Input[str] | None,
    spec: Mapping[str, object],
    after: Sequence[pulumi.Resource] = (),
    protect: bool = False,
) -> k8s.apiextensions.CustomResource:
    """An object that Rook's operator serves."""
    return custom_object(
        component,
        name,
        api_version=ROOK,
        kind=kind,
        object_name=object_name,
        namespace=namespace,
        spec=spec,
        after=after,
        protect=protect,
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
        metadata={"name": object_name, "labels": MANAGED},
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
            "metadata": {"name": object_name, "labels": MANAGED},
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
