"""Machines without an operating system: how their controllers are reached, and which disk they boot from."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bedplate.cluster.onprem_inventory import OnPremNode, OnPremPool
from bedplate.core import Args
from bedplate.core.errors import ArgsError, Problem, Problems
from bedplate.kubernetes.names import K8sName

# metal3-io/baremetal-operator v0.13, pkg/hardwareutils/bmc: the drivers, and those that need no network boot.
_SCHEMES = (
    "redfish-virtualmedia",
    "idrac-virtualmedia",
    "ilo5-virtualmedia",
    "redfish",
    "redfish-uefihttp",
    "idrac-redfish",
    "ilo5-redfish",
    "ipmi",
)
_ADDRESS = re.compile(r"(?P<scheme>[a-z0-9-]+)(\+(?P<transport>https?))?://(?P<host>[^/@]+)(?P<path>/.*)?")
_IMAGE = re.compile(r"https?://[^\s/]+/\S+")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_DEVICE = re.compile(r"/dev/disk/by-(id|path)/[A-Za-z0-9._:+-]+")
_CHECKSUM_LENGTHS = {"sha256": 64, "sha512": 128}


def _refuse_user(address: str) -> None:
    if "@" in address:
        # The address is not shown: what stands before the sign may be a password. Another error would show
        # it.
        reason = "it has a user in it (not shown); allowed: an address without; name a secret in its place"
        raise ArgsError("address", [Problem("", reason)])


def _image_address(address: str) -> str:
    _refuse_user(address)
    if not _IMAGE.fullmatch(address) or len(address) > 512:
        raise ValueError(
            f"{address!r} is not an image's address; allowed: https://... or http://..., at most 512 "
            "characters; correct it"
        )
    return address


def _bmc_address(address: str) -> str:
    _refuse_user(address)
    found = _ADDRESS.fullmatch(address)
    if found is None or found["scheme"] not in _SCHEMES:
        raise ValueError(
            f"{address!r} is not a controller's address; allowed: <driver>://<host>[:port][/path] with a "
            f"driver of {', '.join(_SCHEMES)}; for example "
            "redfish-virtualmedia://10.0.9.11/redfish/v1/Systems/1"
        )
    if found["transport"] == "http":
        raise ValueError(
            f"{address!r} sends the controller's password in the clear; allowed: https; leave +http out"
        )
    if found["scheme"] != "ipmi" and "ilo5" not in found["scheme"] and not (found["path"] or "").strip("/"):
        raise ValueError(
            f"{address!r} does not say which system the controller means; allowed: a path such as "
            "/redfish/v1/Systems/1; add it"
        )
    return address


def _mac(address: str) -> str:
    text = address.lower()
    if not _MAC.fullmatch(text):
        raise ValueError(f"{address!r} is not a MAC address; allowed: six bytes such as 0c:42:a1:00:00:01")
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        raise ValueError(
            f"{address!r} is the address of no single interface; give that of the boot interface"
        )
    return text


def _device(path: str) -> str:
    if not _DEVICE.fullmatch(path):
        raise ValueError(
            f"{path!r} may be another disk after a reboot; allowed: /dev/disk/by-id/... and "
            "/dev/disk/by-path/...; see `ls -l /dev/disk/by-id`"
        )
    return path


class BmcAccess(Args):
    """The machine's controller.

    Attributes:
        address: The driver and where the controller is, such as
            redfish-virtualmedia://10.0.9.11/redfish/v1/Systems/1.
        credentials_secret_name: The secret with `username` and `password`, in the cluster's namespace of the
            management cluster. Never the password itself.
        verify_certificate: Whether the controller's certificate is checked; on by default.
    """

    address: Annotated[str, AfterValidator(_bmc_address)]
    credentials_secret_name: K8sName
    verify_certificate: bool = True

    @property
    def scheme(self) -> str:
        return self.address.partition("://")[0].partition("+")[0]


class RootDevice(Args):
    """The disk that the operating system is put on: everything that is given must fit.

    Attributes:
        device: Its path, /dev/disk/by-id/... or /dev/disk/by-path/....
        serial_number: Its serial number.
        wwn: Its world wide name.
        model: Part of its model's name.
        min_size_gb: Its size in GB at least.
        rotational: Whether it turns.
    """

    device: Annotated[str, AfterValidator(_device)] | None = None
    serial_number: str | None = Field(default=None, min_length=1)
    wwn: str | None = Field(default=None, pattern=r"^0x[0-9a-f]+$")
    model: str | None = Field(default=None, min_length=1)
    min_size_gb: int | None = Field(default=None, ge=1)
    rotational: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> "RootDevice":
        if not self.hints():
            problems = Problems("RootDevice")
            problems.add(
                "device",
                "nothing is said of the disk, and any may be overwritten; allowed: one field or more; give "
                "device or serial_number",
            )
            problems.raise_if_any()
        return self

    def hints(self) -> dict[str, object]:
        """As `rootDeviceHints` of a BareMetalHost has them."""
        names = {
            "deviceName": self.device,
            "serialNumber": self.serial_number,
            "wwn": self.wwn,
            "model": self.model,
            "minSizeGigabytes": self.min_size_gb,
            "rotational": self.rotational,
        }
        return {name: value for name, value in names.items() if value is not None}


class BareMetalNode(OnPremNode):
    """A machine that is switched on, wiped and installed by Metal3.

    Attributes:
        bmc: Its controller.
        boot_mac_address: The MAC address of the interface that it boots from. Needed unless the controller
            mounts images itself (the virtualmedia drivers).
        root_device: The disk for the operating system.
        boot_mode: "UEFISecureBoot" by default where the driver can switch it on, and "UEFI" where not (ipmi).
    """

    bmc: BmcAccess
    boot_mac_address: Annotated[str, AfterValidator(_mac)] | None = None
    root_device: RootDevice
    boot_mode: Literal["UEFI", "UEFISecureBoot", "legacy"] | None = None

    @model_validator(mode="after")
    def _check_host(self) -> "BareMetalNode":
        problems = Problems("BareMetalNode")
        if self.boot_mac_address is None and "virtualmedia" not in self.bmc.scheme:
            problems.add(
                "boot_mac_address",
                f"none, and {self.bmc.scheme} boots over the network; allowed: the boot interface's; give "
                "it, or take a virtualmedia driver",
            )
        if self.boot_mode == "UEFISecureBoot" and self.bmc.scheme == "ipmi":
            problems.add(
                "boot_mode",
                "'UEFISecureBoot', which ipmi cannot switch on; allowed: UEFI and legacy; change it or the "
                "driver",
            )
        if not self.bmc.verify_certificate and self.bmc.scheme == "ipmi":
            problems.add("bmc.verify_certificate", "off, and ipmi has no certificates; remove it")
        problems.raise_if_any()
        return self

    @property
    def mode(self) -> str:
        return self.boot_mode or ("UEFI" if self.bmc.scheme == "ipmi" else "UEFISecureBoot")


class OsImage(Args):
    """What is written on the disk.

    Attributes:
        url: Where it is.
        checksum: Its checksum, as text: what arrives is compared with it.
        checksum_type: "sha256" by default.
        format: "raw" by default, which Ironic streams to the disk.
    """

    url: Annotated[str, AfterValidator(_image_address)]
    checksum: str = Field(pattern=r"^[0-9a-f]+$")
    checksum_type: Literal["sha256", "sha512"] = "sha256"
    format: Literal["raw", "qcow2"] = "raw"

    @model_validator(mode="after")
    def _check(self) -> "OsImage":
        length = _CHECKSUM_LENGTHS[self.checksum_type]
        if len(self.checksum) != length:
            problems = Problems("OsImage")
            problems.add(
                "checksum",
                f"{len(self.checksum)} digits; allowed for {self.checksum_type}: {length}; give the image's "
                "own, and not the address of a file with it",
            )
            problems.raise_if_any()
        return self


class BareMetalPool(OnPremPool):
    """A pool of machines that Metal3 installs.

    Attributes:
        nodes: The machines; one or more.
        image: What they run; the cluster's by default.
        wipe_disks: Whether the partition tables of all disks are wiped when a machine is given back; on by
            default, and off for the role storage, whose disks hold data that outlives an installation.
    """

    nodes: tuple[BareMetalNode, ...] = Field(min_length=1)
    image: OsImage | None = None
    wipe_disks: bool | None = None

    @property
    def cleaning(self) -> str:
        wipe = self.role != "storage" if self.wipe_disks is None else self.wipe_disks
        return "metadata" if wipe else "disabled"


def host_problems(problems: Problems, listed: list[tuple[str, BareMetalNode]]) -> None:
    """Notes controllers and boot interfaces that two machines have."""
    for field, values in (
        ("bmc.address", [node.bmc.address for _, node in listed]),
        ("boot_mac_address", [node.boot_mac_address for _, node in listed]),
    ):
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                problems.add(
                    f"{listed[index][0]}.{field}",
                    f"{value!r} is also that of {listed[values.index(value)][1].name!r}; a machine has its "
                    "own; correct one",
                )
