"""Secrets Manager and SSM."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate_policies.aws.companions import every_has
from bedplate_policies.aws.controls import KEYS, PUBLIC_ACCESS, STORED_SECRETS, fsbp
from bedplate_policies.checks import (
    at_least,
    at_most,
    custom,
    equals,
    must_be_given,
    must_equal,
    on_values,
    when,
)
from bedplate_policies.document import no_public_principal, policy_document
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule, stack_rule
from bedplate_policies.value import UNKNOWN

_SECRET = "aws:secretsmanager/secret:Secret"
_SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
_ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
_PARAMETER = "aws:ssm/parameter:Parameter"

# Pulumi puts a random end to names that it makes up. "tokens" is left out: models have limits of them.
_SECRET_NAME = re.compile(
    r"(?:^|[-_/.])(?:passw(?:ord|d)s?|passphrase|secrets?|token|api[-_]?key|private[-_]?key|credentials?)"
    r"(?:[-_/.]|$)",
    re.IGNORECASE,
)


def _secret_parameter(resource: Resource, _: Config) -> Iterator[Finding]:
    kind, name = resource.get("type"), resource.get("name")
    if kind == "SecureString":
        return
    marked = resource.is_secret("value") or resource.is_secret("insecureValue")
    if not marked and name is not UNKNOWN and not _SECRET_NAME.search(str(name)):
        return
    if kind is UNKNOWN or (not marked and name is UNKNOWN):
        yield Finding.undetermined("type")
    else:
        why = "its value is a secret" if marked else "its name is that of a secret"
        yield Finding.violation(f'type must be "SecureString": {why}', "type")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-secretsmanager-customer-key",
        description="Secrets are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_SECRET,),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-secretsmanager-replica-customer-key",
        description="Replicas of secrets are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id in each of replicas.",
        controls=KEYS,
        types=(_SECRET,),
        group="encryption",
        check=must_be_given("replicas[].kmsKeyId"),
    ),
    rule(
        name="aws-secretsmanager-policy-not-public",
        description="Secrets are not everybody's.",
        severity=Severity.CRITICAL,
        remediation="Name principals in policy.",
        controls=PUBLIC_ACCESS,
        types=(_SECRET, _SECRET_POLICY),
        check=policy_document("policy", no_public_principal),
    ),
    rule(
        name="aws-secretsmanager-policy-block-public",
        description="Secrets Manager refuses a policy that would make a secret public.",
        severity=Severity.LOW,
        remediation="Set block_public_policy=True.",
        controls=PUBLIC_ACCESS,
        types=(_SECRET_POLICY,),
        check=must_equal("blockPublicPolicy", True),
    ),
    rule(
        name="aws-secretsmanager-recovery-window",
        description="A secret that somebody deletes can be brought back for a week or more.",
        severity=Severity.MEDIUM,
        remediation="Leave recovery_window_in_days out (30), or set 7 or more; 0 deletes at once.",
        controls=STORED_SECRETS,
        types=(_SECRET,),
        check=at_least("recoveryWindowInDays", 7, option="fewest_days", missing="ok"),
    ),
    stack_rule(
        name="aws-secretsmanager-rotation",
        description="Every secret is rotated.",
        severity=Severity.LOW,
        remediation="Add aws.secretsmanager.SecretRotation(secret_id=secret.id, ...).",
        controls=fsbp("SecretsManager.1"),
        types=(_ROTATION,),
        reads=("secretId",),
        # Not every secret can be rotated by a function, e.g. a licence.
        enforcement="advisory",
        check=every_has(
            (_SECRET,), (_ROTATION,), "secretId", "no aws.secretsmanager.SecretRotation names it"
        ),
    ),
    rule(
        name="aws-secretsmanager-rotation-interval",
        description="Secrets are rotated every 90 days or more often.",
        severity=Severity.LOW,
        remediation="Set rotation_rules.automatically_after_days to 90 or less.",
        controls=fsbp("SecretsManager.4"),
        types=(_ROTATION,),
        check=at_most("rotationRules.automaticallyAfterDays", 90, option="longest_days", missing="ok"),
    ),
    rule(
        name="aws-ssm-parameter-secure-string",
        description="Parameters that hold a secret are of the type that is encrypted.",
        severity=Severity.HIGH,
        remediation='Set type="SecureString" and value (not insecure_value).',
        controls=STORED_SECRETS,
        types=(_PARAMETER,),
        group="encryption",
        check=custom(_secret_parameter, "type", "name", "value", "insecureValue"),
    ),
    rule(
        name="aws-ssm-parameter-customer-key",
        description="Secret parameters are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_PARAMETER,),
        group="encryption",
        check=when(equals("type", "SecureString"), must_be_given("keyId")),
    ),
    rule(
        name="aws-ssm-document-not-public",
        description="Documents of Systems Manager are not shared with everybody.",
        severity=Severity.CRITICAL,
        remediation='Name accounts in permissions["account_ids"], not "All".',
        controls=fsbp("SSM.4"),
        types=("aws:ssm/document:Document",),
        check=on_values(
            'permissions["account_ids"]',
            lambda value, _: "which is everybody" if "all" in str(value).lower().split(",") else None,
            missing="ok",
        ),
    ),
)
