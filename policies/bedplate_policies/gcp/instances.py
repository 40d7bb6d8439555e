"""Compute Engine machines and the templates that make them."""

from collections.abc import Iterator

from bedplate_policies.checks import all_of, custom, is_set, must_equal, must_not_be_set, negated, when
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.identity import is_default_account, own_service_account
from bedplate_policies.gcp.keys import key_given
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, same

INSTANCE = ("gcp:compute/instance:Instance",)
TEMPLATES = (
    "gcp:compute/instanceTemplate:InstanceTemplate",
    "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
)
MACHINES = (*INSTANCE, *TEMPLATES)
WORKBENCH = ("gcp:workbench/instance:Instance",)

_FULL_ACCESS = ("cloud-platform", "https://www.googleapis.com/auth/cloud-platform")


def _default_account_with_everything(resource: Resource, config: Config) -> Iterator[Finding]:
    account = resource.get("serviceAccount")
    if account is MISSING:
        return
    email = resource.get("serviceAccount.email")
    for place, scope in resource.each("serviceAccount.scopes[]"):
        if UNKNOWN in (scope, email):
            yield Finding.undetermined(place if scope is UNKNOWN else "serviceAccount.email")
        elif scope in _FULL_ACCESS and (email is MISSING or is_default_account(email)):
            yield Finding.violation(
                f"{place} gives the default service account, an editor of the project, every API", place
            )


def _template_disks(resource: Resource, config: Config) -> Iterator[Finding]:
    for disk in resource.at("disks[]"):
        key = disk.get("diskEncryptionKey.kmsKeySelfLink")
        if disk.is_unknown or disk.get("type") is UNKNOWN or disk.get("diskEncryptionKey") is UNKNOWN:
            yield Finding.undetermined(disk.path(""))
        elif disk.get("type") == "SCRATCH" or disk.get("source") is not MISSING:
            continue  # A local SSD has a key of its own; a disk that exists brings its key along.
        elif key is MISSING or key == "":
            where = disk.path("diskEncryptionKey.kmsKeySelfLink")
            yield Finding.violation(f"{where} is not set, so Google's own key encrypts it", where)


def _no_public_address(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("accessConfigs", "ipv6AccessConfigs"):
        # An empty block counts: it asks for an address that lasts as long as the machine.
        for place, value in resource.each(f"networkInterfaces[].{path}"):
            if value is UNKNOWN:
                yield Finding.undetermined(place)
            elif value is not MISSING and value != []:
                yield Finding.violation(f"{place} gives the machine a public address", place)


def _own_account(resource: Resource, config: Config) -> Iterator[Finding]:
    if resource.get("serviceAccount") is not MISSING:
        yield from own_service_account("serviceAccount.email")(resource, config)


def _os_login(resource: Resource, config: Config) -> Iterator[Finding]:
    value = resource.get('metadata["enable-oslogin"]')
    if value is UNKNOWN:
        yield Finding.undetermined("metadata")
    elif value is not MISSING and not same(value, True):
        yield Finding.violation("metadata enable-oslogin is not true", "metadata.enable-oslogin")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-instance-boot-disk-cmek",
        description="Boot disks of machines are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation="Set boot_disk.kms_key_self_link to a key from Cloud KMS.",
        controls=(cis("4.7"),),
        types=INSTANCE,
        group="encryption",
        check=when(negated(is_set("bootDisk.source")), key_given("bootDisk.kmsKeySelfLink")),
    ),
    rule(
        name="gcp-instance-template-disk-cmek",
        description="Disks of instance templates are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set disks[].disk_encryption_key={"kms_key_self_link": key.id}.',
        controls=(cis("4.7"),),
        types=TEMPLATES,
        group="encryption",
        check=custom(
            _template_disks, "disks[].diskEncryptionKey.kmsKeySelfLink", "disks[].type", "disks[].source"
        ),
    ),
    rule(
        name="gcp-instance-shielded",
        description="Machines are shielded: secure boot, a virtual TPM and integrity monitoring.",
        severity=Severity.MEDIUM,
        remediation="Set shielded_instance_config with enable_secure_boot=True and leave the other two at "
        "True.",
        controls=(cis("4.8"),),
        types=MACHINES,
        check=all_of(
            must_equal("shieldedInstanceConfig.enableSecureBoot", True),
            must_equal("shieldedInstanceConfig.enableVtpm", True, missing="ok"),
            must_equal("shieldedInstanceConfig.enableIntegrityMonitoring", True, missing="ok"),
        ),
    ),
    rule(
        name="gcp-instance-no-public-address",
        description="Machines have no public addresses.",
        severity=Severity.HIGH,
        remediation="Leave access_configs and ipv6_access_configs out of network_interfaces; use Cloud "
        "NAT and IAP.",
        controls=(cis("4.9"),),
        types=MACHINES,
        check=custom(
            _no_public_address,
            "networkInterfaces[].accessConfigs",
            "networkInterfaces[].ipv6AccessConfigs",
        ),
    ),
    rule(
        name="gcp-instance-service-account",
        description="Machines do not run as the project's default service account.",
        severity=Severity.MEDIUM,
        remediation="Set service_account.email to an account made for these machines, or leave "
        "service_account out.",
        controls=(cis("4.1"),),
        types=MACHINES,
        check=custom(_own_account, "serviceAccount.email"),
    ),
    rule(
        name="gcp-instance-full-access",
        description="The default service account of a machine does not reach every API.",
        severity=Severity.HIGH,
        remediation="Use an own service account, or scopes of the APIs that the machine calls.",
        controls=(cis("4.2"),),
        types=MACHINES,
        check=custom(_default_account_with_everything, "serviceAccount.scopes[]", "serviceAccount.email"),
    ),
    rule(
        name="gcp-instance-os-login",
        description="No machine switches OS Login off, which ties SSH to people's own accounts.",
        severity=Severity.MEDIUM,
        remediation='Leave "enable-oslogin" out of metadata, or set it to "TRUE".',
        controls=(cis("4.4"),),
        types=MACHINES,
        check=custom(_os_login, 'metadata["enable-oslogin"]'),
    ),
    rule(
        name="gcp-instance-block-project-keys",
        description="Machines do not take the SSH keys of the whole project.",
        severity=Severity.MEDIUM,
        remediation='Set metadata={"block-project-ssh-keys": "TRUE"}.',
        controls=(cis("4.3"),),
        types=MACHINES,
        check=must_equal('metadata["block-project-ssh-keys"]', True),
    ),
    rule(
        name="gcp-instance-no-serial-port",
        description="Nobody connects to the serial console of a machine.",
        severity=Severity.MEDIUM,
        remediation='Leave "serial-port-enable" out of metadata.',
        controls=(cis("4.5"),),
        types=MACHINES,
        check=must_equal('metadata["serial-port-enable"]', False, missing="ok"),
    ),
    rule(
        name="gcp-instance-no-ip-forwarding",
        description="Machines do not forward packets of others.",
        severity=Severity.MEDIUM,
        remediation="Leave can_ip_forward out.",
        controls=(cis("4.6"),),
        types=MACHINES,
        check=must_equal("canIpForward", False, missing="ok"),
    ),
    rule(
        name="gcp-instance-confidential",
        description="Machines encrypt their memory.",
        severity=Severity.LOW,
        remediation="Set confidential_instance_config.enable_confidential_compute=True where the machine "
        "type has it.",
        controls=(cis("4.11"),),
        types=MACHINES,
        group="encryption",
        enforcement="advisory",
        check=must_equal("confidentialInstanceConfig.enableConfidentialCompute", True),
    ),
    rule(
        name="gcp-project-metadata",
        description="A project's metadata does not open serial consoles or switch OS Login off.",
        severity=Severity.MEDIUM,
        remediation='Set metadata={"enable-oslogin": "TRUE"} and leave "serial-port-enable" out.',
        controls=(cis("4.4"), cis("4.5")),
        types=("gcp:compute/projectMetadata:ProjectMetadata",),
        check=all_of(
            must_equal('metadata["enable-oslogin"]', True),
            must_equal('metadata["serial-port-enable"]', False, missing="ok"),
        ),
    ),
    rule(
        name="gcp-workbench-disk-cmek",
        description="Notebook machines encrypt their disks with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set disk_encryption="CMEK" and kms_key in gce_setup.boot_disk and gce_setup.data_disks.',
        controls=(google("Customer-managed encryption keys (Vertex AI Workbench)"),),
        types=WORKBENCH,
        group="encryption",
        check=all_of(
            key_given("gceSetup.bootDisk.kmsKey"),
            must_equal("gceSetup.bootDisk.diskEncryption", "CMEK"),
            must_equal("gceSetup.dataDisks.diskEncryption", "CMEK"),
        ),
    ),
    rule(
        name="gcp-workbench-private",
        description="Notebook machines have no public addresses.",
        severity=Severity.HIGH,
        remediation="Set gce_setup.disable_public_ip=True.",
        controls=(cis("4.9"),),
        types=WORKBENCH,
        check=all_of(
            must_equal("gceSetup.disablePublicIp", True),
            must_not_be_set("gceSetup.networkInterfaces[].accessConfigs"),
        ),
    ),
)
