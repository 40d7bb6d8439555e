"""Storage classes, claims and volumes: which key encrypts a volume, and what becomes of it."""

from collections.abc import Iterator, Mapping

from bedplate_policies.checks import (
    BuiltCheck,
    all_of,
    custom,
    equals,
    must_equal,
    must_not_be,
    must_not_be_set,
    when,
)
from bedplate_policies.kubernetes.controls import kubernetes, nsa
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, same

CLASS = ("kubernetes:storage.k8s.io/v1:StorageClass",)
CLAIM = ("kubernetes:core/v1:PersistentVolumeClaim",)
VOLUME = ("kubernetes:core/v1:PersistentVolume",)
STATEFUL = "kubernetes:apps/v1:StatefulSet"

EBS = ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com")
PD = ("pd.csi.storage.gke.io",)
FILESTORE = ("filestore.csi.storage.gke.io",)
_REMOVED = ("kubernetes.io/aws-ebs", "kubernetes.io/gce-pd", "kubernetes.io/rbd", "kubernetes.io/cephfs")


def _parameter(name: str, provisioners: tuple[str, ...], wanted: bool | None, why: str) -> BuiltCheck:
    """Classes of these provisioners set a parameter: to `wanted`, or to a key's name, whatever it is."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        parameters = resource.get("parameters")
        where = f"parameters.{name}"
        if parameters is UNKNOWN:
            yield Finding.undetermined("parameters")
            return
        value = parameters.get(name, MISSING) if isinstance(parameters, Mapping) else MISSING
        if value is UNKNOWN and wanted is None:
            return  # The name of a key that is still to be made.
        if value is UNKNOWN:
            yield Finding.undetermined(where)
        elif value in (MISSING, "") or (wanted is not None and not same(value, wanted)):
            yield Finding.violation(f"{where} is {'not set' if wanted is None else 'not true'}, {why}", where)

    return when(equals("provisioner", *provisioners), custom(run, "parameters"))


def _chosen_class(resource: Resource, config: Config) -> Iterator[Finding]:
    paths = ("spec.storageClassName",)
    if resource.type == STATEFUL:
        paths = ("spec.volumeClaimTemplates[].spec.storageClassName",)
    for path in paths:
        for place, value in resource.each(path):
            if value is UNKNOWN:
                if not place.endswith("storageClassName"):
                    yield Finding.undetermined(place)
            elif value is MISSING:
                yield Finding.violation(
                    f"{place} is not set: the default class decides whether the volume is encrypted",
                    place,
                )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-storage-ebs-encrypted",
        description="Volumes that a class makes in EBS are encrypted.",
        severity=Severity.HIGH,
        remediation='Set parameters={"encrypted": "true", ...}.',
        controls=(kubernetes("AWS EBS CSI driver: StorageClass parameters"),),
        types=CLASS,
        group="encryption",
        check=_parameter("encrypted", EBS, True, "so volumes are not encrypted"),
    ),
    rule(
        name="kubernetes-storage-ebs-key",
        description="Volumes that a class makes in EBS are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set parameters={"kmsKeyId": key.arn, ...}.',
        controls=(kubernetes("AWS EBS CSI driver: StorageClass parameters"),),
        types=CLASS,
        group="encryption",
        check=_parameter("kmsKeyId", EBS, None, "so Amazon's own key encrypts volumes"),
    ),
    rule(
        name="kubernetes-storage-pd-key",
        description="Persistent disks that a class makes are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set parameters={"disk-encryption-kms-key": key.id, ...}.',
        controls=(kubernetes("GKE: Use customer-managed encryption keys"),),
        types=CLASS,
        group="encryption",
        check=_parameter("disk-encryption-kms-key", PD, None, "so Google's own key encrypts volumes"),
    ),
    rule(
        name="kubernetes-storage-filestore-key",
        description="File systems that a class makes in Filestore are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set parameters={"instance-encryption-kms-key": key.id, ...}.',
        controls=(kubernetes("GKE: Filestore CSI driver"),),
        types=CLASS,
        group="encryption",
        check=_parameter(
            "instance-encryption-kms-key", FILESTORE, None, "so Google's own key encrypts volumes"
        ),
    ),
    rule(
        name="kubernetes-storage-provisioner",
        description="Classes use provisioners that Kubernetes still has.",
        severity=Severity.MEDIUM,
        remediation="Use ebs.csi.aws.com, pd.csi.storage.gke.io or Rook's drivers.",
        controls=(kubernetes("Volumes: removed in-tree types"),),
        types=CLASS,
        check=must_not_be("provisioner", *_REMOVED),
    ),
    rule(
        name="kubernetes-storage-retain",
        description="Deleting a claim does not delete the volume with its data.",
        severity=Severity.LOW,
        remediation='Set reclaim_policy="Retain" on classes for data and checkpoints.',
        controls=(kubernetes("Storage Classes: Reclaim policy"),),
        types=CLASS,
        enforcement="advisory",
        check=must_equal("reclaimPolicy", "Retain"),
    ),
    rule(
        name="kubernetes-storage-binding-mode",
        description="Disks are made in the zone in which their pod runs.",
        severity=Severity.MEDIUM,
        remediation='Set volume_binding_mode="WaitForFirstConsumer".',
        controls=(kubernetes("Storage Classes: Volume binding mode"),),
        types=CLASS,
        check=when(
            equals("provisioner", *EBS, *PD, "kubernetes.io/no-provisioner"),
            must_equal("volumeBindingMode", "WaitForFirstConsumer"),
        ),
    ),
    rule(
        name="kubernetes-claim-class",
        description="A claim says which class makes its volume, and so which key encrypts it.",
        severity=Severity.MEDIUM,
        remediation="Set spec.storage_class_name; an empty text stands for a volume that exists.",
        controls=(kubernetes("Persistent Volumes: Class"),),
        types=(*CLAIM, STATEFUL),
        group="encryption",
        check=custom(_chosen_class),
    ),
    rule(
        name="kubernetes-volume-host-path",
        description="No persistent volume is a directory of a node.",
        severity=Severity.HIGH,
        remediation="Use a CSI driver, or spec.local with node affinity.",
        controls=(nsa("Kubernetes Pod security"),),
        types=VOLUME,
        check=all_of(must_not_be_set("spec.hostPath")),
    ),
)
