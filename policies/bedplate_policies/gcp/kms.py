"""Cloud KMS keys: rotation, time to change one's mind, and who may use them."""

from collections.abc import Iterator

from bedplate_policies.checks import custom, equals, must_equal, negated, when
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.identity import no_public_member
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN, Value, number, safe

KEY = ("gcp:kms/cryptoKey:CryptoKey",)
DAY_SECONDS = 86_400


def seconds(value: Value) -> float | None:
    """A duration as Google's APIs write it, e.g. "7776000s"."""
    return number(value[:-1]) if isinstance(value, str) and value.endswith("s") else number(value)


def _rotated(resource: Resource, config: Config) -> Iterator[Finding]:
    purpose = resource.get("purpose")
    if purpose is not MISSING and purpose is not UNKNOWN and purpose != "ENCRYPT_DECRYPT":
        return  # Google rotates symmetric keys only.
    limit = config.number("maximum_rotation_days")
    period = resource.get("rotationPeriod")
    if UNKNOWN in (period, purpose):
        yield Finding.undetermined("rotationPeriod" if period is UNKNOWN else "purpose")
        return
    days = (seconds(period) or 0) / DAY_SECONDS
    if period is MISSING or not 0 < days <= limit:
        shown = "not set" if period is MISSING else f"{safe(days)} days"
        yield Finding.violation(
            f"rotationPeriod is {shown}, it must be at most {limit:g} days", "rotationPeriod"
        )


def _destroyed_late(resource: Resource, config: Config) -> Iterator[Finding]:
    wait = resource.get("destroyScheduledDuration")
    limit = config.number("minimum_destroy_days")
    if wait is UNKNOWN:
        yield Finding.undetermined("destroyScheduledDuration")
    elif wait is not MISSING and (seconds(wait) or 0) / DAY_SECONDS < limit:
        yield Finding.violation(
            f"destroyScheduledDuration is {safe((seconds(wait) or 0) / DAY_SECONDS)} days, "
            f"it must be at least {limit:g} days",
            "destroyScheduledDuration",
        )


def _protected(resource: Resource, config: Config) -> Iterator[Finding]:
    if not (resource.options.protect or resource.options.retain_on_delete):
        yield Finding.violation(
            "neither protect nor retain_on_delete is set: without the key, nobody reads what it encrypted", ""
        )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-kms-rotation",
        description="Keys that encrypt data are rotated at least every 90 days.",
        severity=Severity.MEDIUM,
        remediation='Set rotation_period="7776000s" (90 days) or less.',
        controls=(cis("1.10"),),
        types=KEY,
        group="encryption",
        check=custom(
            _rotated,
            "rotationPeriod",
            "purpose",
            options={
                "maximum_rotation_days": Option(
                    "integer", 90, "The longest time between rotations, in days.", minimum=1
                )
            },
        ),
    ),
    rule(
        name="gcp-kms-destroy-wait",
        description="A key that somebody destroys can be restored for at least a week.",
        severity=Severity.HIGH,
        remediation="Leave destroy_scheduled_duration at its default of 30 days, or set at least 7 days.",
        controls=(google("Destroy and restore key versions"),),
        types=KEY,
        group="encryption",
        check=custom(
            _destroyed_late,
            "destroyScheduledDuration",
            options={
                "minimum_destroy_days": Option(
                    "integer", 7, "The shortest wait before a key is destroyed, in days.", minimum=1
                )
            },
        ),
    ),
    rule(
        name="gcp-kms-protect",
        description="The stack does not delete keys together with what they encrypt.",
        severity=Severity.MEDIUM,
        remediation="Pass ResourceOptions(protect=True) or retain_on_delete=True.",
        controls=(google("Destroy and restore key versions"),),
        types=KEY,
        group="encryption",
        enforcement="advisory",
        check=custom(_protected),
    ),
    rule(
        name="gcp-kms-hardware",
        description="Keys live in hardware security modules.",
        severity=Severity.LOW,
        remediation='Set version_template={"protection_level": "HSM", "algorithm": ...}.',
        controls=(google("Cloud HSM"),),
        types=KEY,
        group="encryption",
        enforcement="advisory",
        check=when(
            negated(equals("versionTemplate.protectionLevel", "EXTERNAL", "EXTERNAL_VPC")),
            must_equal("versionTemplate.protectionLevel", "HSM"),
        ),
    ),
    rule(
        name="gcp-kms-no-public-members",
        description="Nobody unnamed may use a key.",
        severity=Severity.CRITICAL,
        remediation="Name the service agent or group in member(s) instead of allUsers.",
        controls=(cis("1.9"),),
        types=(
            "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
            "gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding",
            "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy",
            "gcp:kms/keyRingIAMMember:KeyRingIAMMember",
            "gcp:kms/keyRingIAMBinding:KeyRingIAMBinding",
            "gcp:kms/keyRingIAMPolicy:KeyRingIAMPolicy",
        ),
        group="encryption",
        check=no_public_member(),
    ),
)
