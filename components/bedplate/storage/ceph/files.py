"""A shared file system on Ceph (CephFS): replicated for checkpoints, erasure-coded for data sets."""

from collections.abc import Mapping

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.storage.ceph.cluster_args import DaemonResources
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.objects import rook_object, snapshot_class, storage_class
from bedplate.storage.ceph.pools import (
    DeviceClass,
    Redundancy,
    Replicated,
    check_fits,
    pool_spec,
    recommended,
)
from bedplate.storage.ceph.secrets import csi_secrets

_FIRST = "default"


class FilePool(Args):
    """A pool of a file system, with a storage class of its own.

    Attributes:
        redundancy: Copies of the data.
        device_class: The disks that the pool is on; all by default.
        delete_volumes: Whether deleting a claim deletes its volume; off by default (`Retain`).
    """

    redundancy: Redundancy = Field(default_factory=Replicated)
    device_class: DeviceClass | None = None
    delete_volumes: bool = False


class CephFileStoreArgs(Args):
    """Arguments of CephFileStore.

    Attributes:
        cluster: The cluster.
        pools: The pools by name; the storage class of one is called `<file system>-<pool>`. By default
            "checkpoints" with three copies, which take small and overwritten files well, and "datasets",
            erasure-coded where the cluster has five failure domains or more (2+2; 4+2 from seven).
        file_system: The file system's name; the component's name by default.
        active_metadata_servers: Metadata servers that share the work, each with one that stands by; 1 by
            default.
        metadata_device_class: The disks that metadata are on; all by default. They should be flash.
        metadata_server_resources: What each gets; 2 cores, 8 GiB by default.
        snapshots: Whether a snapshot class is made, for which a SnapshotController must be there; on by
            default.
        snapshot_controller: What brings the definitions of snapshots (a SnapshotController's release), where
            it is made by the same program; the snapshot class waits for it.
        deletion_protection: Whether Pulumi refuses to delete the file system; on by default. Rook keeps its
            data in any case.
    """

    cluster: InstanceOf[CephClusterHandle]
    pools: dict[K8sLabel, FilePool] | None = Field(default=None, min_length=1)
    file_system: K8sName | None = None
    active_metadata_servers: int = Field(default=1, ge=1, le=50)
    metadata_device_class: DeviceClass | None = None
    metadata_server_resources: DaemonResources = DaemonResources(cpu=2, memory_gib=8)
    snapshots: bool = True
    snapshot_controller: InstanceOf[pulumi.Resource] | None = None
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "CephFileStoreArgs":
        problems = Problems("CephFileStoreArgs")
        cluster = self.cluster
        for pool_name, pool in self.all_pools().items():
            path = f"pools.{pool_name}.redundancy"
            check_fits(problems, path, pool.redundancy, cluster.domains, cluster.failure_domain)
        if _FIRST in self.all_pools() and self.all_coded():
            problems.add(
                f"pools.{_FIRST}",
                "erasure-coded, as all are; Ceph needs a replicated pool beside them, which takes this name; "
                "rename it",
            )
        problems.raise_if_any()
        return self

    def all_coded(self) -> bool:
        """Whether no pool can be the file system's first, which holds something of every file."""
        return not any(isinstance(pool.redundancy, Replicated) for pool in self.all_pools().values())

    def all_pools(self) -> Mapping[str, FilePool]:
        """The pools that are given, or those that fit the cluster."""
        if self.pools is not None:
            return self.pools
        return {
            "checkpoints": FilePool(),
            "datasets": FilePool(redundancy=recommended(self.cluster.domains)),
        }


class CephFileStore(pulumi.ComponentResource):
    """A file system that many pods mount at once, with one storage class per pool."""

    class_name_by_pool: dict[str, str]
    """The storage class of each pool."""
    file_system: pulumi.Output[str]
    """The file system's name."""

    def __init__(
        self, name: str, args: CephFileStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:CephFileStore", name, None, opts)
        cluster, file_system = args.cluster, args.file_system or name
        made = rook_object(
            self,
            child(name, "filesystem"),
            kind="CephFilesystem",
            object_name=file_system,
            namespace=cluster.namespace,
            spec=filesystem_spec(args),
            after=cluster.after(),
            protect=args.deletion_protection,
        )
        group = rook_object(
            self,
            child(name, "volumes"),
            kind="CephFilesystemSubVolumeGroup",
            # The CSI driver makes its volumes in the group of this name.
            object_name=f"{file_system}-csi",
            namespace=cluster.namespace,
            spec={"name": "csi", "filesystemName": file_system, "pinning": {"distributed": 1}},
            after=[made],
            protect=args.deletion_protection,
        )
        driver = f"{cluster.operator_namespace}.cephfs.csi.ceph.com"
        self.class_name_by_pool = {}
        for pool_name, pool in args.all_pools().items():
            class_name = f"{file_system}-{pool_name}"
            storage_class(
                self,
                child(name, f"{pool_name}-class"),
                object_name=class_name,
                provisioner=driver,
                parameters={
                    "clusterID": cluster.namespace,
                    "fsName": file_system,
                    "pool": f"{file_system}-{pool_name}",
                    **csi_secrets("cephfs", cluster),
                },
                after=[group],
                delete_volumes=pool.delete_volumes,
            )
            self.class_name_by_pool[pool_name] = class_name
        if args.snapshots:
            snapshot_class(
                self,
                child(name, "snapshots"),
                object_name=file_system,
                driver=driver,
                cluster_id=cluster.namespace,
                secret_name="rook-csi-cephfs-provisioner",
                after=[group, *([] if args.snapshot_controller is None else [args.snapshot_controller])],
            )
        self.file_system = pulumi.Output.from_input(file_system)
        self.register_outputs(
            {"class_name_by_pool": self.class_name_by_pool, "file_system": self.file_system}
        )


def filesystem_spec(args: CephFileStoreArgs) -> dict[str, object]:
    """The spec of the `CephFilesystem` object."""
    domain = args.cluster.failure_domain
    pools = [
        {"name": pool_name, **pool_spec(pool.redundancy, domain, pool.device_class)}
        # Ceph refuses an erasure-coded pool as a file system's first, which holds every file's back pointer.
        for pool_name, pool in sorted(
            args.all_pools().items(), key=lambda item: not isinstance(item[1].redundancy, Replicated)
        )
    ]
    if args.all_coded():
        pools.insert(0, {"name": _FIRST, **pool_spec(Replicated(), domain, args.metadata_device_class)})
    return {
        "metadataPool": pool_spec(Replicated(), domain, args.metadata_device_class),
        "dataPools": pools,
        "preserveFilesystemOnDelete": True,
        "metadataServer": {
            "activeCount": args.active_metadata_servers,
            "activeStandby": True,
            "priorityClassName": "system-cluster-critical",
            "resources": args.metadata_server_resources.manifest(),
        },
    }
