"""Arguments of a cluster that is made from bare metal."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field, model_validator

from bedplate.cluster.baremetal_hosts import BareMetalNode, BareMetalPool, OsImage, host_problems
from bedplate.cluster.onprem_checks import inventory_problems, minor
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.network.onprem_args import ApiServerAddress
from bedplate.network.onprem_ranges import AddressText, Cidr, Named, overlap_problems, parse_range

# The first whose anonymous access can be held to single paths (AuthenticationConfiguration is
# apiserver.config.k8s.io/v1 since 1.34:
# https://kubernetes.io/docs/reference/access-authn-authz/authentication/, from memory).
OLDEST_MINOR = 34
# A field of the kubeadm API of Cluster API v1.14 (maxLength of an argument's value).
MOST_ARGUMENT_LENGTH = 1024


def _patch_version(version: str) -> str:
    if not re.fullmatch(r"1\.\d{1,2}\.\d{1,3}", version):
        raise ValueError(
            f"{version!r} is not a version of Kubernetes; allowed: 1.<minor>.<patch>, such as '1.36.3'; "
            "machines are installed with exactly one"
        )
    if minor(version) < OLDEST_MINOR:
        raise ValueError(
            f"{version!r} is too old for what the API server is told here; allowed: 1.{OLDEST_MINOR}.0 and "
            "newer; choose one"
        )
    return version


class VirtualAddress(Args):
    """The API server's address, which goes to another machine when one fails.

    Attributes:
        address: It; free, and in the machines' own range.
        port: The API server's port; 6443 by default.
        interface: The machines' interface that it is put on. Needed where the machines hold it themselves.
        held_by: Who answers for it: "kube-vip" by default, a pod on each machine of the control plane;
            "external" where a load balancer of yours does.
    """

    address: AddressText
    port: int = Field(default=6443, ge=1, le=65535)
    interface: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$")
    held_by: Literal["kube-vip", "external"] = "kube-vip"


class SecretKey(Args):
    """A key of a secret in the cluster's namespace of the management cluster.

    Attributes:
        name: The secret.
        key: The key in it.
    """

    name: K8sName
    key: str = Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")


class BareMetalClusterArgs(Args):
    """Arguments of BareMetalCluster.

    Attributes:
        kubernetes_version: The exact version, such as "1.36.3"; the image must hold it.
        endpoint: The API server's virtual address.
        control_plane: The machines of the control plane; 1, 3, 5 or 7.
        pools: Pool name to its machines.
        image: What machines run.
        machine_cidrs: The ranges of the machines' own addresses.
        encryption: The secret that holds the API server's EncryptionConfiguration, by which Kubernetes' own
            secrets are encrypted in etcd (a key service, or a key).
        cluster_name: The cluster's name; the component's by default.
        namespace: Its namespace in the management cluster, made here; the cluster's name by default.
        pod_cidrs: Where pods get addresses.
        service_cidrs: Where services get addresses.
        kube_proxy: Whether kube-proxy runs; off by default: ClusterNetwork takes its place.
        pod_security: What namespaces that say nothing are held to; "baseline" by default.
        ntp_servers: Time servers; the image's own by default. Certificates need right clocks.
        remediation: Whether a machine that is not ready for `unhealthy_seconds` is rebooted, and installed
            anew when that does not help; on by default, for at most 40% of a pool at a time.
        unhealthy_seconds: How long it may be so; 600 by default: GPU servers boot for minutes.
        deletion_protection: Whether Pulumi refuses to delete the cluster and its machines; on by default. A
            machine that is deleted is wiped.
    """

    kubernetes_version: Annotated[str, AfterValidator(_patch_version)]
    endpoint: VirtualAddress
    control_plane: tuple[BareMetalNode, ...] = Field(min_length=1)
    pools: dict[K8sLabel, BareMetalPool]
    image: OsImage
    machine_cidrs: tuple[Cidr, ...] = Field(min_length=1)
    encryption: SecretKey
    cluster_name: K8sLabel | None = None
    namespace: K8sLabel | None = None
    pod_cidrs: tuple[Cidr, ...] = ("10.244.0.0/16",)
    service_cidrs: tuple[Cidr, ...] = ("10.96.0.0/16",)
    kube_proxy: bool = False
    pod_security: Literal["privileged", "baseline", "restricted"] = "baseline"
    ntp_servers: tuple[str, ...] = ()
    remediation: bool = True
    unhealthy_seconds: int = Field(default=600, ge=120, le=7200)
    deletion_protection: bool = True

    @model_validator(mode="after")
    def _check(self) -> "BareMetalClusterArgs":
        problems = Problems("BareMetalClusterArgs")
        problems.extend(inventory_problems(dict(self.pools), tuple(self.control_plane), self.minor_version))
        listed = [(f"control_plane[{index}]", node) for index, node in enumerate(self.control_plane)]
        for name, pool in self.pools.items():
            listed += [(f"pools.{name}.nodes[{index}]", node) for index, node in enumerate(pool.nodes)]
            if pool.kubelet_version is not None:
                problems.add(
                    f"pools.{name}.kubelet_version",
                    f"{pool.kubelet_version!r}; machines are installed with kubernetes_version; remove it",
                )
            if pool.role == "edge":
                problems.add(
                    f"pools.{name}.role", "'edge', whose machines join by themselves; allowed: the others"
                )
            length = sum(len(key) + len(value) + 2 for key, value in pool.labels.items())
            if length > MOST_ARGUMENT_LENGTH // 2:
                problems.add(
                    f"pools.{name}.labels",
                    f"{length} characters together; allowed: {MOST_ARGUMENT_LENGTH // 2}; shorten them",
                )
        host_problems(problems, listed)
        overlap_problems(
            problems,
            (
                Named("machine_cidrs", "the machines'", self.machine_cidrs),
                Named("pod_cidrs", "the pods'", self.pod_cidrs),
                Named("service_cidrs", "the services'", self.service_cidrs),
            ),
        )
        self._check_endpoint(problems)
        problems.raise_if_any()
        return self

    def _check_endpoint(self, problems: Problems) -> None:
        place = self.endpoint
        inside = any(ip_address(place.address) in parse_range(cidr) for cidr in self.machine_cidrs)
        if place.held_by == "kube-vip":
            if not inside:
                problems.add(
                    "endpoint.address",
                    f"{place.address!r} is not in {', '.join(self.machine_cidrs)}, where machines could "
                    "answer for it; "
                    'allowed: a free address there, or held_by "external"; change one',
                )
            if place.interface is None:
                problems.add("endpoint.interface", 'none, and held_by is "kube-vip"; allowed: one; name it')
        elif place.interface is not None:
            problems.add("endpoint.interface", 'given, and held_by is "external"; remove it')
        for what, cidrs in (("pods'", self.pod_cidrs), ("services'", self.service_cidrs)):
            if any(ip_address(place.address) in parse_range(cidr) for cidr in cidrs):
                problems.add("endpoint.address", f"{place.address!r} is in the {what} range; move it out")

    @property
    def minor_version(self) -> str:
        """The minor version, as OnPremCluster and the handles have it."""
        return self.kubernetes_version.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class BareMetalClusterHandle:
    """A cluster that Cluster API makes, seen from the management cluster.

    Attributes:
        name: Its name.
        namespace: Its namespace in the management cluster.
        version: Its Kubernetes minor version.
        kubeconfig_secret_name: The secret that holds its kubeconfig under the key `value`, once there is one.
            It goes to OnPremCluster.
        api_server: Its API server's address, for ClusterNetwork.
        after: What must be there before the cluster can be.
    """

    name: str
    namespace: str
    version: str
    kubeconfig_secret_name: str
    api_server: ApiServerAddress
    after: tuple[pulumi.Resource, ...] = ()
