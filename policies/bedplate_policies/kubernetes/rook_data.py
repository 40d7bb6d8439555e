"""Rook's pools, file systems and object stores: enough copies of the data, on different hosts, behind TLS."""

from collections.abc import Iterator

from bedplate_policies.checks import (
    all_of,
    custom,
    is_set,
    must_be_set,
    must_equal,
    must_not_be,
    must_not_be_set,
    negated,
    when,
)
from bedplate_policies.kubernetes.controls import rook
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Check, Config, Finding, Option, Severity, rule
from bedplate_policies.value import UNKNOWN, number

BLOCK = "kubernetes:ceph.rook.io/v1:CephBlockPool"
FILES = "kubernetes:ceph.rook.io/v1:CephFilesystem"
STORE = "kubernetes:ceph.rook.io/v1:CephObjectStore"
POOLS = {
    BLOCK: ("spec",),
    FILES: ("spec.metadataPool", "spec.dataPools[]"),
    STORE: ("spec.metadataPool", "spec.dataPool"),
}


def pools(check: Check) -> Check:
    """The check on every pool of a block pool, a file system or an object store, with paths relative to "
    "it."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for path in POOLS[resource.type]:
            for pool in resource.at(path):
                if pool.is_unknown:
                    yield Finding.undetermined(pool.path(""))
                else:
                    yield from check(pool, config)

    return custom(run, "spec", options=getattr(check, "options", {}))


def _copies(pool: Resource, config: Config) -> Iterator[Finding]:
    minimum = config.number("minimum_copies")
    coding, where = pool.get("erasureCoded.codingChunks"), pool.path("replicated.size")
    size = pool.get("replicated.size")
    if UNKNOWN in (coding, size):
        yield Finding.undetermined(where)
    elif (number(coding) or 0) > 0:
        if (number(coding) or 0) < minimum - 1:
            place = pool.path("erasureCoded.codingChunks")
            yield Finding.violation(
                f"{place} is {pool.shown('erasureCoded.codingChunks')}: fewer disks may fail than with "
                f"{minimum:g} copies",
                place,
            )
    elif (number(size) or 0) < minimum:
        yield Finding.violation(
            f"{where} is {pool.shown('replicated.size')}, it must be at least {minimum:g}", where
        )


def _preserved(resource: Resource, config: Config) -> Iterator[Finding]:
    name = "preserveFilesystemOnDelete" if resource.type == FILES else "preservePoolsOnDelete"
    yield from must_equal(f"spec.{name}", True)(resource, config)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-ceph-copies",
        description="Pools hold three copies of the data, or as many coding chunks as make up for it.",
        severity=Severity.HIGH,
        remediation='Set replicated={"size": 3}, or erasureCoded with codingChunks=2.',
        controls=(rook("CephBlockPool CRD"),),
        types=tuple(POOLS),
        check=pools(
            custom(
                _copies,
                options={
                    "minimum_copies": Option("integer", 3, "Copies of the data that a pool holds.", minimum=1)
                },
            )
        ),
    ),
    rule(
        name="kubernetes-ceph-safe-replica-size",
        description="No pool may be shrunk to a single copy.",
        severity=Severity.HIGH,
        remediation="Set replicated.requireSafeReplicaSize=True, or leave it out.",
        controls=(rook("CephBlockPool CRD"),),
        types=tuple(POOLS),
        check=pools(must_equal("replicated.requireSafeReplicaSize", True, missing="ok")),
    ),
    rule(
        name="kubernetes-ceph-failure-domain",
        description="Copies of the data lie on different hosts, not only on different disks.",
        severity=Severity.HIGH,
        remediation='Set failureDomain="host" (the default), "rack" or "zone".',
        controls=(rook("CephBlockPool CRD"),),
        types=tuple(POOLS),
        check=pools(must_not_be("failureDomain", "osd")),
    ),
    rule(
        name="kubernetes-ceph-store-tls",
        description="Object stores are reached over TLS only.",
        severity=Severity.HIGH,
        remediation="Set spec.gateway.securePort and spec.gateway.sslCertificateRef, and leave "
        "spec.gateway.port out.",
        controls=(rook("CephObjectStore CRD: Gateway Settings"),),
        types=(STORE,),
        group="encryption",
        check=when(
            negated(is_set("spec.gateway.externalRgwEndpoints")),
            all_of(
                must_be_set("spec.gateway.securePort"),
                must_be_set("spec.gateway.sslCertificateRef"),
                must_not_be_set("spec.gateway.port"),
            ),
        ),
    ),
    rule(
        name="kubernetes-ceph-preserve-data",
        description="Deleting a file system or an object store keeps its data.",
        severity=Severity.MEDIUM,
        remediation="Set spec.preserveFilesystemOnDelete=True or spec.preservePoolsOnDelete=True.",
        controls=(rook("CephFilesystem CRD"), rook("CephObjectStore CRD")),
        types=(FILES, STORE),
        check=custom(_preserved, "spec"),
    ),
    rule(
        name="kubernetes-ceph-standby-metadata-server",
        description="A file system has a metadata server that takes over at once.",
        severity=Severity.LOW,
        remediation="Set spec.metadataServer.activeStandby=True.",
        controls=(rook("CephFilesystem CRD: Metadata Server Settings"),),
        types=(FILES,),
        enforcement="advisory",
        check=must_equal("spec.metadataServer.activeStandby", True),
    ),
)
