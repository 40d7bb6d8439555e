"""Rules about Rook's custom resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bedplate_policies.kubernetes import rook, rook_data
from bedplate_policies.rule import Finding
from bedplate_policies.testing import Case, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULE_NAMES = {rule.name for module in (rook, rook_data) for rule in module.RULES}


def cluster(**spec: object) -> Example:
    return rook.CLUSTER[0], {"metadata": {"namespace": "rook-ceph"}, "spec": spec}


def storage(**settings: object) -> Example:
    return cluster(storage=settings)


def wire(**connections: object) -> Example:
    return cluster(network={"connections": connections})


def block(**spec: object) -> Example:
    return rook_data.BLOCK, {"spec": spec}


def files(**spec: object) -> Example:
    return rook_data.FILES, {"spec": spec}


def store(**spec: object) -> Example:
    return rook_data.STORE, {"spec": spec}


def gateway(**settings: object) -> Example:
    return store(gateway=settings)


EXTERNAL = cluster(external={"enable": True})
SET = {"name": "fast", "count": 3, "encrypted": True}
THREE = {"replicated": {"size": 3}}
TWO = {"replicated": {"size": 2}}
DISKS = {"useAllNodes": True, "useAllDevices": True}
ENCRYPTED = {"encryptedDevice": "true"}

CASES = [
    Case(
        "kubernetes-ceph-osd-encryption",
        [
            EXTERNAL,
            storage(**DISKS, config=ENCRYPTED),
            storage(storageClassDeviceSets=[SET]),
            storage(nodes=[{"name": "a", "config": ENCRYPTED}]),
        ],
        [
            cluster(),
            storage(**DISKS),
            storage(**DISKS, config={"encryptedDevice": "false"}),
            storage(storageClassDeviceSets=[SET, {"name": "slow"}]),
            storage(storageClassDeviceSets=[SET], **DISKS),
            storage(**DISKS, config=ENCRYPTED, nodes=[{"name": "a", "config": {"encryptedDevice": "false"}}]),
            storage(nodes=[{"name": "a", "config": ENCRYPTED}, {"name": "b"}]),
        ],
    ),
    Case(
        "kubernetes-ceph-wire-encryption",
        [EXTERNAL, wire(encryption={"enabled": True})],
        [cluster(), wire(encryption={"enabled": False})],
    ),
    Case("kubernetes-ceph-msgr2", [wire(requireMsgr2=True)], [cluster(), wire(requireMsgr2=False)]),
    Case("kubernetes-ceph-wire-compression", [cluster()], [wire(compression={"enabled": True})]),
    Case(
        "kubernetes-ceph-key-service",
        [cluster(security={"kms": {"connectionDetails": {"KMS_PROVIDER": "vault"}}})],
        [cluster(), cluster(security={"kms": {"connectionDetails": {}}})],
    ),
    Case(
        "kubernetes-ceph-key-rotation",
        [cluster(security={"keyRotation": {"enabled": True}})],
        [cluster(), cluster(security={"keyRotation": {"enabled": False}})],
    ),
    Case(
        "kubernetes-ceph-dashboard-tls",
        [cluster(), cluster(dashboard={"enabled": True, "ssl": True})],
        [cluster(dashboard={"enabled": True}), cluster(dashboard={"enabled": True, "ssl": False})],
    ),
    Case(
        "kubernetes-ceph-monitors",
        [cluster(mon={"count": 3, "allowMultiplePerNode": False}), cluster(mon={"count": 5})],
        [
            cluster(mon={"count": 1}),
            cluster(mon={"count": 4}),
            cluster(mon={"count": 3, "allowMultiplePerNode": True}),
        ],
    ),
    Case("kubernetes-ceph-managers", [cluster(mgr={"count": 2})], [cluster(), cluster(mgr={"count": 1})]),
    Case(
        "kubernetes-ceph-cleanup",
        [cluster(), cluster(cleanupPolicy={"confirmation": ""})],
        [
            cluster(cleanupPolicy={"confirmation": "yes-really-destroy-data"}),
            cluster(cleanupPolicy={"allowUninstallWithVolumes": True}),
        ],
    ),
    Case(
        "kubernetes-ceph-supported-version",
        [cluster(cephVersion={"image": "quay.io/ceph/ceph:v20.2.2"})],
        [
            cluster(cephVersion={"allowUnsupported": True}),
            cluster(skipUpgradeChecks=True),
            cluster(continueUpgradeAfterChecksEvenIfNotHealthy=True),
        ],
    ),
    Case(
        "kubernetes-ceph-copies",
        [
            block(**THREE),
            block(erasureCoded={"dataChunks": 4, "codingChunks": 2}),
            files(metadataPool=THREE, dataPools=[THREE]),
            store(metadataPool=THREE, dataPool={"erasureCoded": {"dataChunks": 2, "codingChunks": 2}}),
        ],
        [
            block(**TWO),
            block(),
            block(erasureCoded={"dataChunks": 2, "codingChunks": 1}),
            files(metadataPool=THREE, dataPools=[THREE, TWO]),
            store(metadataPool=TWO, dataPool=THREE),
        ],
    ),
    Case(
        "kubernetes-ceph-safe-replica-size",
        [block(**THREE), block(replicated={"size": 3, "requireSafeReplicaSize": True})],
        [
            block(replicated={"size": 3, "requireSafeReplicaSize": False}),
            files(dataPools=[{"replicated": {"size": 1, "requireSafeReplicaSize": False}}]),
        ],
    ),
    Case(
        "kubernetes-ceph-failure-domain",
        [block(**THREE), block(failureDomain="zone"), store(dataPool={"failureDomain": "host"})],
        [block(failureDomain="osd"), store(dataPool={"failureDomain": "osd"})],
    ),
    Case(
        "kubernetes-ceph-store-tls",
        [
            gateway(securePort=443, sslCertificateRef="rgw-tls", instances=2),
            gateway(externalRgwEndpoints=[{"ip": "10.0.0.1"}]),
        ],
        [
            gateway(port=80),
            gateway(securePort=443),
            gateway(port=80, securePort=443, sslCertificateRef="rgw-tls"),
            store(),
        ],
    ),
    Case(
        "kubernetes-ceph-preserve-data",
        [files(preserveFilesystemOnDelete=True), store(preservePoolsOnDelete=True)],
        [files(), store(), store(preservePoolsOnDelete=False)],
    ),
    Case(
        "kubernetes-ceph-standby-metadata-server",
        [files(metadataServer={"activeCount": 1, "activeStandby": True})],
        [files(), files(metadataServer={"activeStandby": False})],
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES
