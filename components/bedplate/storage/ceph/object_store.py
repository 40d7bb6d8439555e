"""S3 on Ceph (RGW): gateways that speak TLS only, with pools and a class that buckets are claimed from."""

from dataclasses import dataclass

import pulumi
from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import child
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
            names `rook-ceph-rgw-<store>.<namespace>.svc` and `dns_name`.
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
        if not self.external_hosts and self.certificate_secret_name is None:
            problems.add(
                "certificate_secret_name",
                "not given; gateways speak TLS only; give the name of a kubernetes.io/tls secret",
            )
        if self.external_hosts and self.redundancy is not None:
            problems.add("redundancy", "given with external_hosts, whose pools are made elsewhere; remove it")
        if self.redundancy is not None:
            cluster = self.cluster
            check_fits(problems, "redundancy", self.redundancy, cluster.domains, cluster.failure_domain)
        problems.raise_if_any()
        return self


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
        store = rook_object(
            self,
            child(name, "store"),
            kind="CephObjectStore",
            object_name=name,
            namespace=cluster.namespace,
            spec=store_spec(args),
            after=cluster.after(),
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


def service_host(store: str, namespace: str) -> str:
    """The host's name of a store's service, as Rook makes it."""
    return f"rook-ceph-rgw-{store}.{namespace}.svc"


def store_spec(args: CephObjectStoreArgs) -> dict[str, object]:
    """The spec of the `CephObjectStore` object."""
    gateway: dict[str, object] = {"securePort": args.port}
    if args.certificate_secret_name is not None:
        gateway["sslCertificateRef"] = args.certificate_secret_name
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
