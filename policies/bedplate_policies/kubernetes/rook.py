"""Rook's Ceph clusters: encrypted disks and wires, and daemons that stand in for each other."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    Condition,
    all_of,
    at_least,
    custom,
    equals,
    must_be_set,
    must_equal,
    must_not_be_set,
    negated,
    when,
)
from bedplate_policies.kubernetes.controls import rook
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, has_unknown, number, same

CLUSTER = ("kubernetes:ceph.rook.io/v1:CephCluster",)
_OWN: Condition = negated(equals("spec.external.enable", True))


def own(check: Check) -> Check:
    """The check on clusters that Rook runs itself, not on those that it only connects to."""
    return when(_OWN, check)


def _encrypted_osds(resource: Resource, config: Config) -> Iterator[Finding]:
    sets = list(resource.at("spec.storage.storageClassDeviceSets[]"))
    for one in sets:
        value, where = one.get("encrypted"), one.path("encrypted")
        if UNKNOWN in (value, one.properties):
            yield Finding.undetermined(where)
        elif not same(value, True):
            yield Finding.violation(f"{where} is not true: the disks of this set are not encrypted", where)
    storage = resource.get("spec.storage")
    where = "spec.storage.config.encryptedDevice"
    value = resource.get(where)
    if UNKNOWN in (storage, value, resource.get("spec.storage.config")):
        yield Finding.undetermined(where)
    elif same(value, True):
        for node in resource.at("spec.storage.nodes[]"):
            if same(node.get("config.encryptedDevice"), False):
                place = node.path("config.encryptedDevice")
                yield Finding.violation(f"{place} is false: the disks of this node are not encrypted", place)
    elif not sets or _takes_devices(resource):
        nodes = list(resource.at("spec.storage.nodes[]"))
        if any(has_unknown(node.properties) for node in nodes):
            yield Finding.undetermined("spec.storage.nodes")
        elif not nodes or not all(same(node.get("config.encryptedDevice"), True) for node in nodes):
            yield Finding.violation(f'{where} is not "true": the disks of the nodes are not encrypted', where)


def _takes_devices(resource: Resource) -> bool:
    return any(
        resource.get(f"spec.storage.{path}") not in (MISSING, False, "", [])
        for path in ("useAllDevices", "deviceFilter", "devicePathFilter", "devices", "nodes")
    )


def _odd_monitors(resource: Resource, config: Config) -> Iterator[Finding]:
    value = resource.get("spec.mon.count")
    count = number(value)
    if value is UNKNOWN:
        yield Finding.undetermined("spec.mon.count")
    elif value is not MISSING and (count is None or count < 3 or count % 2 == 0):
        yield Finding.violation(
            f"spec.mon.count is {resource.shown('spec.mon.count')}, it must be odd and at least 3",
            "spec.mon.count",
        )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-ceph-osd-encryption",
        description="Every disk of a Ceph cluster is encrypted.",
        severity=Severity.HIGH,
        remediation='Set spec.storage.config.encryptedDevice="true" for the disks of nodes, and '
        "encrypted=True in "
        "each of spec.storage.storageClassDeviceSets.",
        controls=(rook("CephCluster CRD: OSD Configuration Settings"),),
        types=CLUSTER,
        group="encryption",
        check=own(custom(_encrypted_osds, "spec.storage")),
    ),
    rule(
        name="kubernetes-ceph-wire-encryption",
        description="Everything that clients and daemons of a Ceph cluster say is encrypted.",
        severity=Severity.HIGH,
        remediation="Set spec.network.connections.encryption.enabled=True (kernel 5.11 or later).",
        controls=(rook("CephCluster CRD: Network Configuration Settings"),),
        types=CLUSTER,
        group="encryption",
        check=own(must_equal("spec.network.connections.encryption.enabled", True)),
    ),
    rule(
        name="kubernetes-ceph-msgr2",
        description="A Ceph cluster speaks the second version of its protocol only; the first knows no "
        "encryption.",
        severity=Severity.HIGH,
        remediation="Set spec.network.connections.requireMsgr2=True.",
        controls=(rook("CephCluster CRD: Network Configuration Settings"),),
        types=CLUSTER,
        group="encryption",
        check=own(must_equal("spec.network.connections.requireMsgr2", True)),
    ),
    rule(
        name="kubernetes-ceph-wire-compression",
        description="Data is not compressed on the wire of a Ceph cluster: weights and images do not shrink.",
        severity=Severity.LOW,
        remediation="Leave spec.network.connections.compression.enabled out.",
        controls=(rook("CephCluster CRD: Network Configuration Settings"),),
        types=CLUSTER,
        enforcement="advisory",
        check=own(must_equal("spec.network.connections.compression.enabled", False, missing="ok")),
    ),
    rule(
        name="kubernetes-ceph-key-service",
        description="Keys of encrypted disks live in a key service, not in Kubernetes secrets beside them.",
        severity=Severity.MEDIUM,
        remediation="Set spec.security.kms.connectionDetails.",
        controls=(rook("Key Management System"),),
        types=CLUSTER,
        group="encryption",
        enforcement="advisory",
        check=own(must_be_set("spec.security.kms.connectionDetails")),
    ),
    rule(
        name="kubernetes-ceph-key-rotation",
        description="Keys of encrypted disks are rotated.",
        severity=Severity.LOW,
        remediation='Set spec.security.keyRotation={"enabled": True, "schedule": "@weekly"}.',
        controls=(rook("CephCluster CRD: Security"),),
        types=CLUSTER,
        group="encryption",
        enforcement="advisory",
        check=own(must_equal("spec.security.keyRotation.enabled", True)),
    ),
    rule(
        name="kubernetes-ceph-dashboard-tls",
        description="The dashboard of a Ceph cluster speaks HTTPS.",
        severity=Severity.MEDIUM,
        remediation="Set spec.dashboard.ssl=True.",
        controls=(rook("Ceph Dashboard"),),
        types=CLUSTER,
        group="encryption",
        check=own(when(equals("spec.dashboard.enabled", True), must_equal("spec.dashboard.ssl", True))),
    ),
    rule(
        name="kubernetes-ceph-monitors",
        description="A Ceph cluster has an odd number of monitors, at least three, on nodes of their own.",
        severity=Severity.HIGH,
        remediation='Set spec.mon={"count": 3, "allowMultiplePerNode": False}.',
        controls=(rook("CephCluster CRD: Mon Settings"),),
        types=CLUSTER,
        check=own(
            all_of(
                custom(_odd_monitors, "spec.mon.count"),
                must_equal("spec.mon.allowMultiplePerNode", False, missing="ok"),
            )
        ),
    ),
    rule(
        name="kubernetes-ceph-managers",
        description="A Ceph cluster has a second manager that takes over.",
        severity=Severity.LOW,
        remediation="Set spec.mgr.count=2.",
        controls=(rook("CephCluster CRD: Mgr Settings"),),
        types=CLUSTER,
        enforcement="advisory",
        check=own(at_least("spec.mgr.count", 2)),
    ),
    rule(
        name="kubernetes-ceph-cleanup",
        description="Deleting a Ceph cluster does not wipe its disks.",
        severity=Severity.CRITICAL,
        remediation="Leave spec.cleanupPolicy.confirmation empty until the data is to go for good.",
        controls=(rook("CephCluster CRD: Cleanup Policy"),),
        types=CLUSTER,
        check=all_of(
            must_not_be_set("spec.cleanupPolicy.confirmation"),
            must_equal("spec.cleanupPolicy.allowUninstallWithVolumes", False, missing="ok"),
        ),
    ),
    rule(
        name="kubernetes-ceph-supported-version",
        description="A Ceph cluster runs a version that Rook supports, and upgrades with its checks.",
        severity=Severity.MEDIUM,
        remediation="Leave spec.cephVersion.allowUnsupported, spec.skipUpgradeChecks and "
        "spec.continueUpgradeAfterChecksEvenIfNotHealthy out.",
        controls=(rook("CephCluster CRD: Cluster Settings"),),
        types=CLUSTER,
        check=own(
            all_of(
                must_equal("spec.cephVersion.allowUnsupported", False, missing="ok"),
                must_equal("spec.skipUpgradeChecks", False, missing="ok"),
                must_equal("spec.continueUpgradeAfterChecksEvenIfNotHealthy", False, missing="ok"),
            )
        ),
    ),
)
