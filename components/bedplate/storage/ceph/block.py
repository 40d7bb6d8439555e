"""Disks on Ceph (RBD): a pool, and the storage and snapshot classes on it."""

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.names import K8sName
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.objects import rook_object, snapshot_class, storage_class
from bedplate.storage.ceph.pools import (
    DeviceClass,
    ErasureCoded,
    Redundancy,
    Replicated,
    check_fits,
    pool_spec,
)
from bedplate.storage.ceph.secrets import csi_secrets


class CephBlockStoreArgs(Args):
    """Arguments of CephBlockStore.

    Attributes:
        cluster: The cluster.
        redundancy: Copies of the volumes; three by default. With erasure coding, a second pool of three
            copies holds what Ceph cannot erasure-code.
        device_class: The disks that the pool is on; all by default.
        class_name: The storage class's name, and the snapshot class's; the component's name by default.
        delete_volumes: Whether deleting a claim deletes its volume; off by default (`Retain`).
        snapshots: Whether a snapshot class is made, for which a SnapshotController must be there; on by
            default.
        snapshot_controller: What brings the definitions of snapshots (a SnapshotController's release), where
            it is made by the same program; the snapshot class waits for it.
        deletion_protection: Whether Pulumi refuses to delete the pools; on by default.
    """

    cluster: InstanceOf[CephClusterHandle]
    redundancy: Redundancy = Field(default_factory=Replicated)
    device_class: DeviceClass | None = None
    class_name: K8sName | None = None
    delete_volumes: bool = False
    snapshots: bool = True
    snapshot_controller: InstanceOf[pulumi.Resource] | None = None
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "CephBlockStoreArgs":
        problems = Problems("CephBlockStoreArgs")
        cluster = self.cluster
        check_fits(problems, "redundancy", self.redundancy, cluster.domains, cluster.failure_domain)
        problems.raise_if_any()
        return self


class CephBlockStore(pulumi.ComponentResource):
    """Disks for pods that outlive the pods and, by default, their claims."""

    class_name: pulumi.Output[str]
    """The storage class."""
    snapshot_class_name: pulumi.Output[str] | None
    """The snapshot class; None where there is none."""

    def __init__(
        self, name: str, args: CephBlockStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:CephBlockStore", name, None, opts)
        cluster, coded = args.cluster, isinstance(args.redundancy, ErasureCoded)

        def pool(part: str, redundancy: Redundancy) -> tuple[str, pulumi.Resource]:
            object_name = name if part == "pool" else child(name, part)
            made = rook_object(
                self,
                child(name, part),
                kind="CephBlockPool",
                object_name=object_name,
                namespace=cluster.namespace,
                spec=pool_spec(redundancy, cluster.failure_domain, args.device_class),
                after=cluster.after(),
                protect=args.deletion_protection,
            )
            return object_name, made

        metadata, made = pool("pool", Replicated() if coded else args.redundancy)
        pools, parameters = [made], {"pool": metadata}
        if coded:
            data, made = pool("data", args.redundancy)
            pools, parameters = [*pools, made], {**parameters, "dataPool": data}
        parameters |= {
            "clusterID": cluster.namespace,
            "imageFormat": "2",
            "imageFeatures": "layering",
            "csi.storage.k8s.io/fstype": "ext4",
            **csi_secrets("rbd", cluster),
        }
        class_name = args.class_name or name
        made_class = storage_class(
            self,
            child(name, "class"),
            object_name=class_name,
            provisioner=f"{cluster.operator_namespace}.rbd.csi.ceph.com",
            parameters=parameters,
            after=pools,
            delete_volumes=args.delete_volumes,
        )
        self.class_name = made_class.metadata.apply(lambda metadata: str(metadata.name))
        self.snapshot_class_name = None
        if args.snapshots:
            snapshot_class(
                self,
                child(name, "snapshots"),
                object_name=class_name,
                driver=f"{cluster.operator_namespace}.rbd.csi.ceph.com",
                cluster_id=cluster.namespace,
                secret_name="rook-csi-rbd-provisioner",
                after=[*pools, *([] if args.snapshot_controller is None else [args.snapshot_controller])],
            )
            self.snapshot_class_name = pulumi.Output.from_input(class_name)
        self.register_outputs(
            {"class_name": self.class_name, "snapshot_class_name": self.snapshot_class_name}
        )
