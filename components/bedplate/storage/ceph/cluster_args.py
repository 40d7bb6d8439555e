"""Arguments of a Ceph cluster: which disks of which machines, and what each daemon may use."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bedplate.catalog import image
from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sName
from bedplate.storage.ceph.alarms import FullRatios
from bedplate.storage.ceph.pools import DeviceClass, FailureDomain

_STABLE = re.compile(r"/dev/disk/by-(id|path)/[A-Za-z0-9._:+-]+")


def validate_device(device: str) -> str:
    """A disk's path, given back. Raises ValueError where the path may mean another disk after a reboot."""
    if not _STABLE.fullmatch(device):
        raise ValueError(
            f"{device!r} may be another disk after a reboot; allowed: /dev/disk/by-id/... and "
            "/dev/disk/by-path/...; see `ls -l /dev/disk/by-id`"
        )
    if re.search(r"-part\d+$", device):
        raise ValueError(
            f"{device!r} is a partition, and partitions cannot be encrypted; give the whole disk"
        )
    return device


class StorageNode(Args):
    """A machine with disks for Ceph. Its disks are named: what is not named is never formatted.

    Attributes:
        name: The node's name in Kubernetes (its label kubernetes.io/hostname).
        devices: Whole disks, by paths that stay: /dev/disk/by-id/... or /dev/disk/by-path/....
        device_path_filter: A regular expression of such paths, in place of `devices`. It begins with ^/dev/.
        rack: The rack, as the node's label topology.rook.io/rack has it; unknown by default.
        zone: The zone, as the node's label topology.kubernetes.io/zone has it; unknown by default.
        device_class: What the disks are taken for; what the kernel says by default.
        osds_per_device: Daemons per disk; 1 by default.
        metadata_device: A faster disk for the metadata of the others; none by default.
    """

    name: K8sName
    devices: tuple[Annotated[str, AfterValidator(validate_device)], ...] = ()
    device_path_filter: str | None = Field(default=None, pattern=r"^\^/dev/")
    rack: K8sName | None = None
    zone: K8sName | None = None
    device_class: DeviceClass | None = None
    osds_per_device: int = Field(default=1, ge=1, le=8)
    metadata_device: Annotated[str, AfterValidator(validate_device)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "StorageNode":
        problems = Problems("StorageNode")
        if bool(self.devices) == (self.device_path_filter is not None):
            problems.add(
                "devices",
                f"{len(self.devices)} devices and {'a' if self.device_path_filter else 'no'} "
                "device_path_filter; allowed: one of the two; give the disks that Ceph may format",
            )
        if len(set(self.devices)) < len(self.devices):
            problems.add("devices", "one of them is given twice; remove it")
        if self.metadata_device is not None and self.metadata_device in self.devices:
            problems.add(
                "metadata_device", f"{self.metadata_device!r} is also among devices; remove it from one"
            )
        problems.raise_if_any()
        return self


class DaemonResources(Args):
    """What one daemon asks for and gets. Memory is its limit too; the CPU is not limited.

    Attributes:
        cpu: Cores that are kept for it.
        memory_gib: Memory; Ceph sizes its caches by it.
    """

    cpu: float = Field(gt=0)
    memory_gib: float = Field(gt=0)

    def manifest(self) -> dict[str, dict[str, str]]:
        memory = f"{round(self.memory_gib * 1024)}Mi"
        return {
            "requests": {"cpu": f"{round(self.cpu * 1000)}m", "memory": memory},
            "limits": {"memory": memory},
        }


class KeyService(Args):
    """Where the keys of encrypted disks live, in place of Kubernetes secrets beside them.

    Attributes:
        connection_details: As Rook's "Key Management System" has it, for example
            {"KMS_PROVIDER": "vault", "VAULT_ADDR": "https://vault.example.com:8200", ...}. No secrets.
        token_secret_name: The secret that holds the token; none where the service knows service accounts.
    """

    connection_details: dict[str, In[str]] = Field(min_length=1)
    token_secret_name: K8sName | None = None


class RookCephClusterArgs(Args):
    """Arguments of RookCephCluster.

    Attributes:
        nodes: The machines and their disks.
        namespace: The namespace of the operator and the cluster; "rook-ceph" by default.
        operator_namespace: The operator's, where it is another.
        ceph_image: Ceph's image; that of the Rook version that Bedplate knows by default.
        failure_domain: What copies are spread over. By default racks where all nodes name one and there are
            three or more, zones likewise, and hosts otherwise.
        monitors: Monitors; odd. By default 5 where there are five failure domains or more, and 3 otherwise.
        key_service: Where the disks' keys live; Kubernetes secrets by default.
        volume_kms_id: The entry of the CSI drivers' configuration (`rook-ceph-csi-kms-config`) whose key
            service encrypts each volume on top; none by default: disks and wires are encrypted in any case.
        full_ratios: How full disks may be.
        dashboard: Whether the dashboard runs, over TLS; on by default.
        prometheus: Whether Rook makes a ServiceMonitor, for which Prometheus' operator must be there; on by
            default.
        mon_resources: What a monitor gets; 1 core, 2 GiB by default.
        mgr_resources: What a manager gets; 1 core, 2 GiB by default.
        osd_resources: What an OSD gets; 2 cores, 6 GiB by default.
        node_role: The nodes' role label that daemons are bound to and whose taint they stand; none by
            default: the daemons run wherever there is room, and OSDs where their disks are.
        deletion_protection: Whether Pulumi refuses to delete the cluster; on by default. Deleting it never
            wipes disks: Rook's cleanup confirmation is not set by Bedplate at all.
    """

    nodes: tuple[StorageNode, ...]
    namespace: K8sName = "rook-ceph"
    operator_namespace: K8sName | None = None
    ceph_image: str = Field(
        default_factory=lambda: image("ceph").reference, pattern=r".+(:v\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$"
    )
    failure_domain: FailureDomain | None = None
    monitors: Literal[3, 5, 7] | None = None
    key_service: KeyService | None = None
    volume_kms_id: K8sName | None = None
    full_ratios: FullRatios = FullRatios()
    dashboard: bool = True
    prometheus: bool = True
    mon_resources: DaemonResources = DaemonResources(cpu=1, memory_gib=2)
    mgr_resources: DaemonResources = DaemonResources(cpu=1, memory_gib=2)
    osd_resources: DaemonResources = DaemonResources(cpu=2, memory_gib=6)
    node_role: K8sName | None = None
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "RookCephClusterArgs":
        problems = Problems("RookCephClusterArgs")
        names = [node.name for node in self.nodes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("nodes", f"{name!r} is given twice; one entry per machine; join them")
        zones: dict[str, set[str]] = {}
        for node in self.nodes:
            if node.rack is not None and node.zone is not None:
                zones.setdefault(node.rack, set()).add(node.zone)
        for rack, where in sorted(zones.items()):
            if len(where) > 1:
                problems.add(
                    "nodes",
                    f"rack {rack!r} is in the zones {', '.join(sorted(where))}; names are unique; rename one",
                )
        domain = self.domain
        for index, node in enumerate(self.nodes):
            if domain_of(node, domain) is None:
                problems.add(
                    f"nodes[{index}].{domain}", f"not given, and failure_domain is {domain}; give it"
                )
        count = len(self.domain_names)
        if count < 3 and not problems:
            problems.add(
                "nodes",
                f"they are in {count} failure domains of kind {domain}; three copies need 3; spread them or "
                'set failure_domain to "host"',
            )
        if self.monitors is not None and self.monitors > len(self.nodes):
            problems.add(
                "monitors",
                f"{self.monitors} on {len(self.nodes)} nodes; each needs a node of its own; lower it",
            )
        problems.raise_if_any()
        return self

    @property
    def domain(self) -> FailureDomain:
        """The failure domain that is given, or the widest that the nodes allow."""
        if self.failure_domain is not None:
            return self.failure_domain
        wide: tuple[FailureDomain, ...] = ("zone", "rack")
        for domain in wide:
            names = [domain_of(node, domain) for node in self.nodes]
            if None not in names and len(set(names)) >= 3:
                return domain
        return "host"

    @property
    def domain_names(self) -> list[str]:
        """The failure domains, in order."""
        names = {domain_of(node, self.domain) for node in self.nodes}
        return sorted(name for name in names if name is not None)

    @property
    def monitor_count(self) -> int:
        return self.monitors or (5 if len(self.domain_names) >= 5 else 3)


def domain_of(node: StorageNode, domain: FailureDomain) -> str | None:
    """The failure domain that a node is in; None where it does not say."""
    return {"host": node.name, "rack": node.rack, "zone": node.zone}[domain]
