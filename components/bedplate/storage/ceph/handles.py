"""What block, file and object storage need to know of a Ceph cluster."""

from dataclasses import dataclass

import pulumi

from bedplate.storage.ceph.alarms import CephAlarm
from bedplate.storage.ceph.pools import FailureDomain


@dataclass(frozen=True, kw_only=True)
class CephClusterHandle:
    """A Ceph cluster that Rook runs or is connected to.

    Attributes:
        namespace: The namespace of the cluster's objects; it is also the cluster's id for the CSI drivers.
        operator_namespace: The namespace of Rook's operator; the drivers' names begin with it.
        failure_domain: What copies of the data are spread over.
        domains: How many of them there are; None where it is not known, and pools are then not checked.
        kms_id: The key service that volumes are encrypted with, as the CSI drivers' configuration names it;
            None where there is none.
        alarms: Capacity alarms, for monitoring.
        resource: What pools wait for; None for a cluster that exists.
    """

    namespace: str
    operator_namespace: str
    failure_domain: FailureDomain = "host"
    domains: int | None = None
    kms_id: str | None = None
    alarms: tuple[CephAlarm, ...] = ()
    resource: pulumi.Resource | None = None

    @classmethod
    def from_existing(
        cls,
        *,
        namespace: str = "rook-ceph",
        operator_namespace: str | None = None,
        failure_domain: FailureDomain = "host",
        domains: int | None = None,
        kms_id: str | None = None,
    ) -> "CephClusterHandle":
        """The handle of a `CephCluster` object that is made elsewhere."""
        return cls(
            namespace=namespace,
            operator_namespace=operator_namespace or namespace,
            failure_domain=failure_domain,
            domains=domains,
            kms_id=kms_id,
        )

    def after(self) -> list[pulumi.Resource]:
        """What a resource on this cluster depends on."""
        return [] if self.resource is None else [self.resource]
