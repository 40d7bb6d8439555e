"""KMS keys: rotation, deletion, who may use them."""

from __future__ import annotations

from bedplate_policies.aws.controls import KEYS, cis, fsbp, security_hub, well_architected
from bedplate_policies.checks import at_least, at_most, equals, must_equal, must_not_be, negated, when
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.rule import AnyRule, Severity, rule

_KEY = "aws:kms/key:Key"
_REPLICA = "aws:kms/replicaKey:ReplicaKey"
_EXTERNAL = "aws:kms/externalKey:ExternalKey"
_KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"

# AWS rotates symmetric keys whose material it made; others are rotated by making a new key.
_NOT_ROTATED = equals(
    "customerMasterKeySpec",
    *("RSA_2048", "RSA_3072", "RSA_4096"),
    *("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"),
    *("HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"),
    *("SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"),
)

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-kms-rotation",
        description="Symmetric keys are rotated every year or more often.",
        severity=Severity.MEDIUM,
        remediation="Set enable_key_rotation=True.",
        controls=(*security_hub("KMS.4"), *cis("3.6")),
        types=(_KEY,),
        group="encryption",
        check=when(negated(_NOT_ROTATED), must_equal("enableKeyRotation", True)),
    ),
    rule(
        name="aws-kms-rotation-period",
        description="Keys are rotated at least once a year.",
        severity=Severity.LOW,
        remediation="Set rotation_period_in_days to 365 or less.",
        controls=cis("3.6"),
        types=(_KEY,),
        group="encryption",
        check=at_most("rotationPeriodInDays", 365, option="longest_period_in_days", missing="ok"),
    ),
    rule(
        name="aws-kms-deletion-window",
        description=(
            "A key that somebody deletes can be brought back for some days; its data is lost with it."
        ),
        severity=Severity.HIGH,
        remediation="Set deletion_window_in_days (30 is the longest, and what AWS takes without it).",
        controls=well_architected("SEC08-BP01"),
        types=(_KEY, _REPLICA, _EXTERNAL),
        group="encryption",
        check=at_least("deletionWindowInDays", 7, option="fewest_days", missing="ok"),
    ),
    rule(
        name="aws-kms-policy-not-public",
        description="Key policies grant nothing to everybody.",
        severity=Severity.CRITICAL,
        remediation=(
            "Name principals in policy, or narrow * by kms:CallerAccount together with kms:ViaService."
        ),
        controls=fsbp("KMS.5"),
        types=(_KEY, _REPLICA, _EXTERNAL, _KEY_POLICY),
        group="encryption",
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-kms-lockout-check",
        description="Nobody skips AWS's check that a key's policy leaves it somebody who can change it.",
        severity=Severity.HIGH,
        remediation="Leave bypass_policy_lockout_safety_check out.",
        controls=KEYS,
        types=(_KEY, _REPLICA, _EXTERNAL, _KEY_POLICY),
        group="encryption",
        check=must_not_be("bypassPolicyLockoutSafetyCheck", True),
    ),
    rule(
        name="aws-kms-single-region",
        description="Key material stays in one region unless data is replicated.",
        severity=Severity.LOW,
        remediation="Leave multi_region out, or exempt the key with the reason.",
        controls=KEYS,
        types=(_KEY, _EXTERNAL),
        group="encryption",
        enforcement="advisory",
        check=must_not_be("multiRegion", True),
    ),
    rule(
        name="aws-kms-key-enabled",
        description="Keys that programs still name are switched on.",
        severity=Severity.MEDIUM,
        remediation="Leave is_enabled out, or delete the key.",
        controls=KEYS,
        types=(_KEY,),
        group="encryption",
        check=must_not_be("isEnabled", False),
    ),
)
