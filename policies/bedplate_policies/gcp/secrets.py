"""Secret Manager: keys, rotation and readers."""

from collections.abc import Iterator

from bedplate_policies.checks import custom, must_be_set
from bedplate_policies.gcp.controls import google
from bedplate_policies.gcp.identity import no_public_member
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

SECRET = ("gcp:secretmanager/secret:Secret",)
_AUTO = "replication.auto.customerManagedEncryption.kmsKeyName"
_REPLICAS = "replication.userManaged.replicas[]"


def _cmek(resource: Resource, config: Config) -> Iterator[Finding]:
    replication = resource.get("replication.auto"), resource.get("replication.userManaged")
    if UNKNOWN in replication or resource.get("replication.auto.customerManagedEncryption") is UNKNOWN:
        yield Finding.undetermined("replication")
        return
    places = [("replication.auto", resource)]
    if replication[1] is not MISSING:
        places = [(one.path(""), one) for one in resource.at(_REPLICAS)]
    for place, part in places:
        inner = (
            "customerManagedEncryption"
            if part is not resource
            else "replication.auto.customerManagedEncryption"
        )
        if part.is_unknown or part.get(inner) is UNKNOWN:
            yield Finding.undetermined(place)
        elif part.get(f"{inner}.kmsKeyName") in (MISSING, ""):
            yield Finding.violation(f"{place} has no customer_managed_encryption with a kms_key_name", place)


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-secret-cmek",
        description="Secrets are encrypted with a key of the customer.",
        severity=Severity.HIGH,
        remediation='Set replication.auto.customer_managed_encryption={"kms_key_name": key.id}, or the '
        "same in each "
        "replica.",
        controls=(google("Enable Customer-Managed Encryption Keys (Secret Manager)"),),
        types=SECRET,
        group="encryption",
        check=custom(_cmek, _AUTO, f"{_REPLICAS}.customerManagedEncryption.kmsKeyName"),
    ),
    rule(
        name="gcp-secret-rotation",
        description="Somebody is told when a secret is due for rotation.",
        severity=Severity.LOW,
        remediation="Set rotation.rotation_period and topics.",
        controls=(google("Create rotation schedules (Secret Manager)"),),
        types=SECRET,
        group="encryption",
        enforcement="advisory",
        check=must_be_set("rotation.rotationPeriod"),
    ),
    rule(
        name="gcp-secret-no-public-members",
        description="Nobody unnamed reads a secret.",
        severity=Severity.CRITICAL,
        remediation="Name the service account that needs it in member(s) instead of allUsers.",
        controls=(google("Access control with IAM (Secret Manager)"),),
        types=(
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            "gcp:secretmanager/secretIamBinding:SecretIamBinding",
            "gcp:secretmanager/secretIamPolicy:SecretIamPolicy",
        ),
        check=no_public_member(),
    ),
)
