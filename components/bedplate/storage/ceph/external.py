"""A Ceph cluster that exists outside of Kubernetes, connected by Rook."""

import pulumi
from pydantic import Field

from bedplate.core import Args
from bedplate.core.naming import child
from bedplate.kubernetes.names import K8sName
from bedplate.storage.ceph.alarms import FullRatios, capacity_alarms
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.objects import rook_object
from bedplate.storage.ceph.pools import FailureDomain


class ExternalCephClusterArgs(Args):
    """Arguments of ExternalCephCluster.

    Its monitors' addresses and its keys come from objects that Rook's import script makes (the secret
    `rook-ceph-mon`, the config map `rook-ceph-mon-endpoints`, the secrets of the CSI users): they are named
    by Rook, live in `namespace`, and pass through no program and no state.

    Attributes:
        namespace: The namespace that the import script wrote to; "rook-ceph-external" by default.
        operator_namespace: The namespace of Rook's operator; "rook-ceph" by default.
        failure_domain: What the cluster spreads copies over.
        domains: How many failure domains it has; pools are checked against it. Unknown by default, and then
            nothing is checked.
        manager_ips: Addresses of the managers, for their metrics; none by default.
        manager_port: The port of the metrics; 9283 by default.
        volume_kms_id: The key service for volumes, as for RookCephCluster.
        full_ratios: How full its disks may be; alarms follow from it.
        deletion_protection: Whether Pulumi refuses to delete the connection; on by default.
    """

    namespace: K8sName = "rook-ceph-external"
    operator_namespace: K8sName = "rook-ceph"
    failure_domain: FailureDomain = "host"
    domains: int | None = Field(default=None, ge=1)
    manager_ips: tuple[str, ...] = ()
    manager_port: int = Field(default=9283, ge=1, le=65535)
    volume_kms_id: K8sName | None = None
    full_ratios: FullRatios = FullRatios()
    deletion_protection: bool = True


class ExternalCephCluster(pulumi.ComponentResource):
    """The connection to a Ceph cluster that others run; its handle is that of RookCephCluster."""

    handle: CephClusterHandle
    object_name: pulumi.Output[str]
    """The name of the `CephCluster` object."""

    def __init__(
        self, name: str, args: ExternalCephClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:ExternalCephCluster", name, None, opts)
        spec: dict[str, object] = {
            "external": {"enable": True},
            "crashCollector": {"disable": True},
            "network": {"connections": {"encryption": {"enabled": True}, "requireMsgr2": True}},
        }
        if args.manager_ips:
            spec["monitoring"] = {
                "enabled": True,
                "externalMgrEndpoints": [{"ip": ip} for ip in args.manager_ips],
                "externalMgrPrometheusPort": args.manager_port,
            }
        cluster = rook_object(
            self,
            child(name, "cluster"),
            kind="CephCluster",
            object_name=name,
            namespace=args.namespace,
            spec=spec,
            protect=args.deletion_protection,
        )
        self.handle = CephClusterHandle(
            namespace=args.namespace,
            operator_namespace=args.operator_namespace,
            failure_domain=args.failure_domain,
            domains=args.domains,
            kms_id=args.volume_kms_id,
            alarms=capacity_alarms(args.full_ratios, args.domains),
            resource=cluster,
        )
        self.object_name = pulumi.Output.from_input(name)
        self.register_outputs({"object_name": self.object_name})
