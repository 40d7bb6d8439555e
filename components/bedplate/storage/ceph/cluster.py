"""A Ceph cluster on your own machines, run by Rook: encrypted disks and wires, monitors that stand in for
each other, and no disk taken that is not named.
"""

import pulumi

from bedplate.core.naming import child
from bedplate.storage.ceph.alarms import capacity_alarms
from bedplate.storage.ceph.cluster_args import (
    DaemonResources,
    KeyService,
    RookCephClusterArgs,
    StorageNode,
)
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.objects import rook_object

__all__ = ["DaemonResources", "KeyService", "RookCephCluster", "RookCephClusterArgs", "StorageNode"]

# The labels that Rook reads failure domains from: CephCluster CRD, "OSD Topology" (Rook v1.20.6)
_TOPOLOGY = {
    "host": "kubernetes.io/hostname",
    "rack": "topology.rook.io/rack",
    "zone": "topology.kubernetes.io/zone",
}


class RookCephCluster(pulumi.ComponentResource):
    """A Ceph cluster whose disks, and everything said on the wire, are encrypted.

    Nodes need Linux 5.11 or later: older kernels speak no encrypted protocol.
    """

    handle: CephClusterHandle
    object_name: pulumi.Output[str]
    """The name of the `CephCluster` object."""
    namespace: pulumi.Output[str]
    """Its namespace, which is also the id that storage classes know the cluster by."""

    def __init__(
        self, name: str, args: RookCephClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:RookCephCluster", name, None, opts)
        cluster = rook_object(
            self,
            child(name, "cluster"),
            kind="CephCluster",
            # Rook wants one cluster per namespace, and calls it by the namespace's name in its own examples.
            object_name=name,
            namespace=args.namespace,
            spec=cluster_spec(args),
            protect=args.deletion_protection,
        )
        self.handle = CephClusterHandle(
            namespace=args.namespace,
            operator_namespace=args.operator_namespace or args.namespace,
            failure_domain=args.domain,
            domains=len(args.domain_names),
            kms_id=args.volume_kms_id,
            alarms=capacity_alarms(args.full_ratios, len(args.domain_names)),
            resource=cluster,
        )
        self.object_name = pulumi.Output.from_input(name)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"object_name": self.object_name, "namespace": self.namespace})


def cluster_spec(args: RookCephClusterArgs) -> dict[str, object]:
    """The spec of the `CephCluster` object."""
    spec: dict[str, object] = {
        "cephVersion": {"image": args.ceph_image, "allowUnsupported": False},
        "dataDirHostPath": "/var/lib/rook",
        "skipUpgradeChecks": False,
        "continueUpgradeAfterChecksEvenIfNotHealthy": False,
        "mon": _monitors(args),
        "mgr": {"count": 2, "allowMultiplePerNode": False},
        "dashboard": {"enabled": args.dashboard, "ssl": True},
        "monitoring": {"enabled": args.prometheus, "metricsDisabled": False},
        "network": {
            # Weights and images do not shrink, so compression would only cost time.
            "connections": {
                "encryption": {"enabled": True},
                "compression": {"enabled": False},
                "requireMsgr2": True,
            }
        },
        "security": _security(args),
        "crashCollector": {"disable": False},
        "logCollector": {"enabled": True, "periodicity": "daily", "maxLogSize": "500M"},
        # An empty confirmation: deleting the cluster leaves the disks as they are.
        "cleanupPolicy": {"confirmation": "", "allowUninstallWithVolumes": False},
        "removeOSDsIfOutAndSafeToRemove": False,
        "priorityClassNames": {
            "mon": "system-node-critical",
            "osd": "system-node-critical",
            "mgr": "system-cluster-critical",
        },
        "resources": {
            "mon": args.mon_resources.manifest(),
            "mgr": args.mgr_resources.manifest(),
            "osd": args.osd_resources.manifest(),
        },
        "disruptionManagement": {"managePodBudgets": True},
        "storage": {
            "useAllNodes": False,
            "useAllDevices": False,
            "config": {"encryptedDevice": "true"},
            "nodes": [_node(node) for node in args.nodes],
            "nearFullRatio": args.full_ratios.near_full,
            "backfillFullRatio": args.full_ratios.backfill_full,
            "fullRatio": args.full_ratios.full,
        },
    }
    if args.node_role is not None:
        spec["placement"] = {"all": _placement(args.node_role)}
    return spec


def _monitors(args: RookCephClusterArgs) -> dict[str, object]:
    spec: dict[str, object] = {"count": args.monitor_count, "allowMultiplePerNode": False}
    if args.domain != "host":
        spec["failureDomainLabel"] = _TOPOLOGY[args.domain]
        if len(args.domain_names) >= args.monitor_count:
            # With fewer domains than monitors, Rook would have no zone for the last of them; and its
            # definition refuses more zones than monitors.
            spec["zones"] = [{"name": name} for name in args.domain_names[: args.monitor_count]]
    return spec


def _security(args: RookCephClusterArgs) -> dict[str, object]:
    spec: dict[str, object] = {
        "keyRotation": {"enabled": True, "schedule": "@weekly"},
        # Kernels before 7.0 know no other keys (Rook v1.20, deploy/examples/cluster.yaml).
        "cephx": {"csi": {"keyType": "aes"}},
    }
    if args.key_service is not None:
        kms: dict[str, object] = {"connectionDetails": dict(args.key_service.connection_details)}
        if args.key_service.token_secret_name is not None:
            kms["tokenSecretName"] = args.key_service.token_secret_name
        spec["kms"] = kms
    return spec


def _node(node: StorageNode) -> dict[str, object]:
    spec: dict[str, object] = {"name": node.name}
    if node.devices:
        spec["devices"] = [{"name": device} for device in node.devices]
    else:
        spec["devicePathFilter"] = node.device_path_filter
    # Rook replaces the cluster's settings by the node's where a node has any.
    config = {"encryptedDevice": "true", "osdsPerDevice": str(node.osds_per_device)}
    if node.device_class is not None:
        config["deviceClass"] = node.device_class
    if node.metadata_device is not None:
        config["metadataDevice"] = node.metadata_device
    return {**spec, "config": config}


def _placement(role: str) -> dict[str, object]:
    label = f"node-role.kubernetes.io/{role}"
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": label, "operator": "Exists"}]}]
            }
        },
        "tolerations": [{"key": label, "operator": "Exists"}],
    }
