"""What an EKS cluster is, apart from its wiring: plain data, as an environment's file has it."""

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from bedplate.catalog import AwsMachine, aws_machine
from bedplate.cluster.access import AccessEntryArgs, EndpointArgs, ipv4_range
from bedplate.cluster.nodes import PoolSizes, RootVolumeArgs, known_machine
from bedplate.cluster.versions import check_version, supported_versions
from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.core.naming import validate_name
from bedplate.network.aws_args import LogRetentionDays

AddonName = Literal[
    "vpc-cni",
    "kube-proxy",
    "coredns",
    "eks-pod-identity-agent",
    "eks-node-monitoring-agent",
    "aws-ebs-csi-driver",
]
# Without these no node becomes ready, or no pod finds another; EKS installs none by itself here.
REQUIRED_ADDONS: tuple[AddonName, ...] = ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent")

_ADDON_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
_PRIVATE = tuple(ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _addon_version(value: str) -> str:
    if not _ADDON_VERSION.fullmatch(value):
        raise ValueError(
            f"{value!r} is not an add-on version; allowed: vMAJOR.MINOR.PATCH-eksbuild.N; list them with "
            "`aws eks describe-addon-versions --addon-name ...`, or leave it out for EKS's default"
        )
    return value


def _service_cidr(value: str) -> str:
    network = ipaddress.IPv4Network(ipv4_range(value))
    if not any(network.subnet_of(private) for private in _PRIVATE) or not 12 <= network.prefixlen <= 24:
        raise ValueError(
            f"{value!r} cannot be the range of Kubernetes services; allowed: a /12 to /24 inside 10.0.0.0/8, "
            "172.16.0.0/12 or 192.168.0.0/16; choose for example 172.20.0.0/16"
        )
    return value


def check_service_cidr_apart(service: str, network: str) -> str:
    """Returns the service range, or raises ValueError where it overlaps the network's (EKS refuses it)."""
    if ipaddress.IPv4Network(service).overlaps(ipaddress.IPv4Network(network)):
        free = [c for c in ("172.20.0.0/16", "10.100.0.0/16", "192.168.0.0/16") if not _overlap(c, network)]
        raise ValueError(
            f"{service!r} overlaps the network {network}; allowed: a private range outside it; "
            + (f"choose for example {free[0]}" if free else f"make {network} smaller, as it holds them all")
        )
    return service


def _overlap(one: str, other: str) -> bool:
    return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))


class AddonArgs(Args):
    """One EKS add-on.

    Attributes:
        enabled: False leaves it out; the add-ons that every node needs cannot be left out.
        version: Absent: EKS's default for the cluster's version.
        configuration: The add-on's own values.
        resolve_conflicts_on_update: What happens to fields that somebody changed in the cluster.
    """

    enabled: bool = True
    version: Annotated[str, AfterValidator(_addon_version)] | None = None
    configuration: dict[str, JsonValue] = Field(default_factory=dict)
    resolve_conflicts_on_update: Literal["NONE", "OVERWRITE", "PRESERVE"] = "OVERWRITE"


class SystemPoolArgs(PoolSizes):
    """The machines that the add-ons and the cluster's own controllers run on."""

    machine: Annotated[str, AfterValidator(known_machine)] = "m7i.xlarge"
    min_size: int = Field(default=2, ge=1)
    max_size: int = Field(default=4, ge=1)
    volume: RootVolumeArgs = RootVolumeArgs(size_gib=50)

    @model_validator(mode="after")
    def _plain_machine(self) -> Self:
        problems = Problems()
        if self.spec().accelerator is not None:
            problems.add(
                "machine",
                f"{self.machine!r} has accelerators, which the system pool would leave idle; allowed: a "
                "machine "
                "without any; choose for example m7i.xlarge and put this one into a GPU pool",
            )
        problems.raise_if_any()
        return self

    def spec(self) -> AwsMachine:
        """The machine's row in the catalogue."""
        return aws_machine(self.machine)


class EksClusterSettings(Args):
    """The plain-data half of `EksClusterArgs`.

    Attributes:
        version: The Kubernetes minor version; EKS upgrades one minor at a time.
        endpoint: How the Kubernetes API is reached; absent: from inside the network only.
        access: Access entries by a name of your choice.
        bootstrap_cluster_creator_admin_permissions: Makes whoever runs the first `up` an administrator. It
        cannot
            be changed later without replacing the cluster.
        addons: Changes to the add-ons, by name; all of them are installed unless left out here.
        service_ipv4_cidr: The range of Kubernetes services; it cannot be changed later.
        upgrade_policy: STANDARD: EKS upgrades the cluster when standard support ends. EXTENDED: it bills
        extended
            support instead.
        log_retention_days: How long the control plane's logs are kept.
        deletion_protection: EKS refuses to delete the cluster until this is lifted.
        zonal_shift: Lets Application Recovery Controller move traffic out of a broken zone.
        system_pool: The machines for the add-ons.
    """

    version: Annotated[str, AfterValidator(check_version)]
    endpoint: EndpointArgs = EndpointArgs()
    access: dict[Annotated[str, AfterValidator(validate_name)], AccessEntryArgs] = Field(default_factory=dict)
    bootstrap_cluster_creator_admin_permissions: bool = False
    addons: dict[AddonName, AddonArgs] = Field(default_factory=dict)
    service_ipv4_cidr: Annotated[str, AfterValidator(_service_cidr)] = "172.20.0.0/16"
    upgrade_policy: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    log_retention_days: LogRetentionDays = 90
    deletion_protection: bool = True
    zonal_shift: bool = False
    system_pool: SystemPoolArgs = SystemPoolArgs()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = Problems()
        row = supported_versions()[self.version]
        if row.support == "EXTENDED" and self.upgrade_policy == "STANDARD":
            standard = ", ".join(
                v for v, known in supported_versions().items() if known.support == "STANDARD"
            )
            problems.add(
                "version",
                f"{self.version!r} left standard support on {row.standard_support_until}, so that EKS "
                "would upgrade "
                f"it by itself under upgrade_policy STANDARD; allowed under it: {standard}; choose one of "
                "these, or "
                "set upgrade_policy to EXTENDED (billed)",
            )
        if not self.access and not self.bootstrap_cluster_creator_admin_permissions:
            problems.add(
                "access",
                "empty, so that nobody could use the Kubernetes API; allowed: at least one entry; add one "
                "such as "
                "platform-admins: {principal_arn: ..., policies: [{policy: AmazonEKSClusterAdminPolicy}]}, "
                "or set "
                "bootstrap_cluster_creator_admin_permissions",
            )
        principals = [entry.principal_arn for entry in self.access.values()]
        for entry in sorted(name for name, e in self.access.items() if principals.count(e.principal_arn) > 1):
            problems.add(
                f"access.{entry}.principal_arn",
                f"{self.access[entry].principal_arn!r} has more than one entry; allowed: one for each "
                "principal; "
                "join their policies and groups",
            )
        for addon in REQUIRED_ADDONS:
            if not self.addon(addon).enabled:
                problems.add(
                    f"addons.{addon}.enabled",
                    f"false, but no node works without it; allowed: true for {', '.join(REQUIRED_ADDONS)}; "
                    "remove the line",
                )
        problems.raise_if_any()
        return self

    def addon(self, name: AddonName) -> AddonArgs:
        """The add-on's settings, the defaults where nothing is said."""
        return self.addons.get(name, AddonArgs())
