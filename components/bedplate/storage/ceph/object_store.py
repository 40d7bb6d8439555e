"""S3 on Ceph (RGW): gateways that speak TLS only, with pools and a class that buckets are claimed from."""

from dataclasses import dataclass

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.cert_manager import CertManagerHandle, certificate
from bedplate.kubernetes.names import K8sName
from bedplate.storage.ceph.cluster_args import DaemonResources
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.objects import rook_object, storage_class
from bedplate.storage.ceph.pools import (
    DeviceClass,
    Redundancy,
    Replicated,
    check_fits,
    pool_spec,
    recommended,
)


@dataclass(frozen=True, kw_only=True)
class CephObjectStoreHandle:
    """A gateway, for the buckets and users on it.

    Attributes:
        name: The `CephObjectStore` object's name.
        namespace: Its namespace.
        endpoint: The URL of the gateway; https always.
        bucket_class_name: The storage class that buckets are claimed from; None where there is none.
        resource: What buckets and users wait for; None for a store that exists.
    """

    name: str
    namespace: str
    endpoint: str
    bucket_class_name: str | None = None
    resource: pulumi.Resource | None = None

    @classmethod
    def from_existing(
        cls, *, name: str, namespace: str, endpoint: str | None = None, bucket_class_name: str | None = None
    ) -> "CephObjectStoreHandle":
        """The handle of a `CephObjectStore` object that is made elsewhere.

        Raises:
            ValueError: the endpoint is not https.
        """
        url = endpoint or f"https://{service_host(name, namespace)}"
        if not url.startswith("https://"):
            raise ValueError(
                f"endpoint: {url!r} is not https; allowed: https://...; use the gateway's TLS port"
            )
        return cls(name=name, namespace=namespace, endpoint=url, bucket_class_name=bucket_class_name)

    def after(self) -> list[pulumi.Resource]:
        return [] if self.resource is None else [self.resource]


class CephObjectStoreArgs(Args):
    """Arguments of CephObjectStore.

    Attributes:
        cluster: The cluster.
        certificate_secret_name: The secret of kind kubernetes.io/tls, in the cluster's namespace, for the
            names `rook-ceph-rgw-<store>.<namespace>.svc` and `dns_name`; this or issuer.
        issuer: The ClusterIssuer of cert-manager's that signs a certificate for these names, in place of a
            secret. It must be an authority of your own: a public one signs no names inside of a cluster.
        cert_manager: cert-manager, which must then be there first; by default the issuer is not checked.
        certificate_days: How long a certificate of the issuer is valid; a year by default, renewed after two
            thirds of it. Gateways read a new one when they start (rook/rook#14069), which leaves the last
            third for a restart.
        redundancy: Copies of the objects. By default erasure coding where the cluster has five failure
            domains or more (2+2; 4+2 from seven), and three copies otherwise. Make a second store with
            `Replicated()` for checkpoints that are written in small pieces.
        device_class: The disks that objects are on; all by default.
        metadata_device_class: The disks that indexes are on; all by default. They should be flash.
        instances: Gateways; 2 by default and at least 2, spread over hosts.
        port: The TLS port; 443 by default. There is no other.
        dns_name: The name that clients use, where it is not the service's.
        resources: What a gateway gets; 2 cores, 4 GiB by default.
        bucket_class_name: The storage class for bucket claims; `<component>-buckets` by default.
        external_hosts: Gateways that run elsewhere, for an ExternalCephCluster; none by default. Pools,
            instances and certificate are then theirs.
        deletion_protection: Whether Pulumi refuses to delete the store; on by default. Rook keeps its pools
            in any case.
    """

    cluster: InstanceOf[CephClusterHandle]
    certificate_secret_name: K8sName | None = None
    issuer: K8sName | None = None
    cert_manager: InstanceOf[CertManagerHandle] | None = None
    certificate_days: int = Field(default=365, ge=30, le=825)
    redundancy: Redundancy | None = None
    device_class: DeviceClass | None = None
    metadata_device_class: DeviceClass | None = None
    instances: int = Field(default=2, ge=2, le=64)
    port: int = Field(default=443, ge=1, le=65535)
    dns_name: K8sName | None = None
    resources: DaemonResources = DaemonResources(cpu=2, memory_gib=4)
    bucket_class_name: K8sName | None = None
    external_hosts: tuple[K8sName, ...] = ()
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "CephObjectStoreArgs":
        problems = Problems("CephObjectStoreArgs")
        self._check_certificate(problems)
        if self.external_hosts and self.redundancy is not None:
            problems.add("redundancy", "given with external_hosts, whose pools are made elsewhere; remove it")
        if self.redundancy is not None:
            cluster = self.cluster
            check_fits(problems, "redundancy", self.redundancy, cluster.domains, cluster.failure_domain)
        problems.raise_if_any()
        return self

    def _check_certificate(self, problems: Problems) -> None:
        if self.issuer is None:
            if not self.external_hosts and self.certificate_secret_name is None:
                problems.add(
                    "certificate_secret_name",
                    "not given; gateways speak TLS only; give the name of a kubernetes.io/tls secret, or an "
                    "issuer",
                )
            if "certificate_days" in self.model_fields_set:
                problems.add(
                    "certificate_days",
                    f"{self.certificate_days}, and there is no issuer to ask; give one, or remove it",
                )
            return
        if self.external_hosts:
            problems.add(
                "issuer",
                f"{self.issuer!r} given with external_hosts, which have certificates of their own; remove it",
            )
        elif self.certificate_secret_name is not None:
            problems.add(
                "issuer",
                f"{self.issuer!r} given with certificate_secret_name {self.certificate_secret_name!r}; "
                "allowed: one of the two; remove one",
            )
        elif self.cert_manager is not None:
            self.cert_manager.check_inside(problems, "issuer", self.issuer)


class CephObjectStore(pulumi.ComponentResource):
    """An S3 store on Ceph. Its buckets' handles are those of S3's: a job cannot tell them apart."""

    handle: CephObjectStoreHandle
    endpoint: pulumi.Output[str]
    """The URL of the gateways."""
    bucket_class_name: pulumi.Output[str]
    """The storage class that buckets are claimed from."""

    def __init__(
        self, name: str, args: CephObjectStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:CephObjectStore", name, None, opts)
        cluster = args.cluster
        secret_name, after = args.certificate_secret_name, cluster.after()
        if args.issuer is not None:
            secret_name = child(name, "tls")
            after.append(self._certificate(name, args, secret_name))
        store = rook_object(
            self,
            child(name, "store"),
            kind="CephObjectStore",
            object_name=name,
            namespace=cluster.namespace,
            spec=store_spec(args, secret_name),
            after=after,
            protect=args.deletion_protection,
        )
        class_name = args.bucket_class_name or child(name, "buckets")
        storage_class(
            self,
            child(name, "bucket-class"),
            object_name=class_name,
            provisioner=f"{cluster.operator_namespace}.ceph.rook.io/bucket",
            parameters={"objectStoreName": name, "objectStoreNamespace": cluster.namespace},
            after=[store],
            expandable=False,
        )
        host = args.dns_name or (
            args.external_hosts[0] if args.external_hosts else service_host(name, cluster.namespace)
        )
        url = f"https://{host}" if args.port == 443 else f"https://{host}:{args.port}"
        self.handle = CephObjectStoreHandle(
            name=name,
            namespace=cluster.namespace,
            endpoint=url,
            bucket_class_name=class_name,
            resource=store,
        )
        self.endpoint = pulumi.Output.from_input(url)
        self.bucket_class_name = pulumi.Output.from_input(class_name)
        self.register_outputs({"endpoint": self.endpoint, "bucket_class_name": self.bucket_class_name})

    def _certificate(self, name: str, args: CephObjectStoreArgs, secret_name: str) -> pulumi.Resource:
        assert args.issuer is not None
        names = [service_host(name, args.cluster.namespace)]
        if args.dns_name is not None:
            names.append(args.dns_name)
        return certificate(
            self,
            child(name, "certificate"),
            object_name=secret_name,
            namespace=args.cluster.namespace,
            issuer=args.issuer,
            dns_names=names,
            days=args.certificate_days,
            after=[
                *args.cluster.after(),
                *([] if args.cert_manager is None else [args.cert_manager.release]),
            ],
        )


def service_host(store: str, namespace: str) -> str:
    """The host's name of a store's service, as Rook makes it."""
    return f"rook-ceph-rgw-{store}.{namespace}.svc"


def store_spec(args: CephObjectStoreArgs, secret_name: str | None) -> dict[str, object]:
    """The spec of the `CephObjectStore` object. `secret_name`: of the gateways' certificate."""
    gateway: dict[str, object] = {"securePort": args.port}
    if secret_name is not None:
        gateway["sslCertificateRef"] = secret_name
    spec: dict[str, object] = {"gateway": gateway}
    if args.dns_name is not None:
        spec["hosting"] = {
            "advertiseEndpoint": {"dnsName": args.dns_name, "port": args.port, "useTls": True},
            "dnsNames": [args.dns_name],
        }
    if args.external_hosts:
        gateway["externalRgwEndpoints"] = [{"hostname": host} for host in args.external_hosts]
        return spec
    gateway |= {
        "instances": args.instances,
        "priorityClassName": "system-cluster-critical",
        "resources": args.resources.manifest(),
        "placement": {"topologySpreadConstraints": [_SPREAD]},
    }
    cluster = args.cluster
    redundancy = args.redundancy or recommended(cluster.domains)
    data = pool_spec(redundancy, cluster.failure_domain, args.device_class)
    return {
        "metadataPool": pool_spec(Replicated(), cluster.failure_domain, args.metadata_device_class),
        # Ceph plans the placement groups of the pool that will hold nearly everything from the start.
        "dataPool": {**data, "parameters": {"bulk": "true"}},
        "preservePoolsOnDelete": True,
        **spec,
    }


_SPREAD = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app": "rook-ceph-rgw"}},
}

__all__ = ["CephObjectStore", "CephObjectStoreArgs", "CephObjectStoreHandle", "service_host"]
