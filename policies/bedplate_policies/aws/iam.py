"""IAM: policies, roles, users."""

from __future__ import annotations

from collections.abc import Iterator

from bedplate_policies.aws.controls import LEAST_PRIVILEGE, TEMPORARY_CREDENTIALS, cis, fsbp, security_hub
from bedplate_policies.aws.documents import ESCALATIONS, federated_is_narrow, no_decrypt_everywhere
from bedplate_policies.checks import (
    BuiltCheck,
    all_of,
    at_least,
    at_most,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
    must_not_be_set,
    on_values,
)
from bedplate_policies.document import (
    Document,
    grants_none_of,
    no_admin,
    no_public_principal,
    no_wildcard_action,
    policy_document,
)
from bedplate_policies.rule import AnyRule, Severity, rule
from bedplate_policies.value import Value

_ROLE = "aws:iam/role:Role"
_USER = "aws:iam/user:User"
_POLICIES = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
_ATTACHMENTS = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
_PASSWORDS = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
# AWS's own policies that take away, or let a person change their password.
_HARMLESS = (
    "AWSDenyAll",
    "AWSCompromisedKeyQuarantineV2",
    "AWSCompromisedKeyQuarantineV3",
    "IAMUserChangePassword",
)
_ADMINISTRATIVE = ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess")


def _names(value: Value, *policies: str) -> bool:
    """Whether an ARN is that of one of AWS's own policies, in any partition."""
    return isinstance(value, str) and any(
        value.startswith("arn:aws") and value.endswith(f":policy/{name}") for name in policies
    )


def _only_denies(document: Document) -> Iterator[str]:
    for number, statement in enumerate(document.statements):
        if statement.allows:
            yield f"statement {number} grants to one user"


def _not_managed(path: str, *policies: str) -> BuiltCheck:
    return on_values(
        path,
        lambda value, _: f"which is AWS's {' or '.join(policies)}" if _names(value, *policies) else None,
        missing="ok",
    )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-iam-policy-no-admin",
        description="No policy grants every action on everything.",
        severity=Severity.CRITICAL,
        remediation="Name the actions and resources that the workload needs in policy.",
        controls=(*fsbp("IAM.1"), *cis("1.16")),
        types=_POLICIES,
        check=policy_document("policy", no_admin),
    ),
    rule(
        name="aws-iam-policy-no-service-wildcard",
        description="No policy grants every action of a service on everything.",
        severity=Severity.HIGH,
        remediation="Name the actions, or the resources, in policy.",
        controls=fsbp("IAM.21"),
        types=_POLICIES,
        check=policy_document("policy", no_wildcard_action),
    ),
    rule(
        name="aws-iam-policy-no-escalation",
        description="No policy lets its holder make itself an administrator.",
        severity=Severity.HIGH,
        remediation="Name the roles in Resource of statements with iam:PassRole and iam:Put*, iam:Attach*.",
        controls=LEAST_PRIVILEGE,
        types=_POLICIES,
        check=policy_document("policy", grants_none_of(*ESCALATIONS)),
    ),
    rule(
        name="aws-iam-policy-no-decrypt-everywhere",
        description="No policy lets its holder decrypt with every key.",
        severity=Severity.HIGH,
        remediation="Name the keys in Resource, or narrow by kms:ViaService.",
        controls=fsbp("KMS.1", "KMS.2"),
        types=_POLICIES,
        group="encryption",
        check=policy_document("policy", no_decrypt_everywhere),
    ),
    rule(
        name="aws-iam-role-inline-no-admin",
        description="No role grants every action on everything, or on a whole service, in its own policies.",
        severity=Severity.CRITICAL,
        remediation="Name the actions and resources in inline_policies[].policy.",
        controls=(*fsbp("IAM.1", "IAM.21"), *cis("1.16")),
        types=(_ROLE,),
        check=policy_document("inlinePolicies[].policy", no_wildcard_action),
    ),
    rule(
        name="aws-iam-role-trust-not-public",
        description="No role lets everybody assume it.",
        severity=Severity.CRITICAL,
        remediation="Name services, accounts or roles in Principal of assume_role_policy.",
        controls=LEAST_PRIVILEGE,
        types=(_ROLE,),
        check=policy_document("assumeRolePolicy", no_public_principal),
    ),
    rule(
        name="aws-iam-role-trust-federated",
        description="Roles for an identity provider's tokens name the audience and the subject.",
        severity=Severity.HIGH,
        remediation="Add StringEquals conditions on <provider>:aud and <provider>:sub to assume_role_policy.",
        controls=LEAST_PRIVILEGE,
        types=(_ROLE,),
        check=policy_document("assumeRolePolicy", federated_is_narrow),
    ),
    rule(
        name="aws-iam-no-administrator-access",
        description="Nobody is given AWS's administrative policies.",
        severity=Severity.HIGH,
        remediation="Attach a policy with the actions that are needed.",
        controls=(*cis("1.16"), *LEAST_PRIVILEGE),
        types=_ATTACHMENTS,
        check=_not_managed("policyArn", *_ADMINISTRATIVE),
    ),
    rule(
        name="aws-iam-role-no-administrator-access",
        description="No role names AWS's administrative policies.",
        severity=Severity.HIGH,
        remediation="Name a policy with the actions that are needed in managed_policy_arns.",
        controls=(*cis("1.16"), *LEAST_PRIVILEGE),
        types=(_ROLE,),
        check=_not_managed("managedPolicyArns[]", *_ADMINISTRATIVE),
    ),
    rule(
        name="aws-iam-no-cloudshell-full-access",
        description="Nobody is given AWSCloudShellFullAccess, which moves files in and out past the network.",
        severity=Severity.MEDIUM,
        remediation="Attach a policy that denies file transfer.",
        controls=cis("1.22"),
        types=_ATTACHMENTS,
        check=_not_managed("policyArn", "AWSCloudShellFullAccess"),
    ),
    rule(
        name="aws-iam-user-policy-only-denies",
        description="Policies of single users take away; permissions come through groups and roles.",
        severity=Severity.LOW,
        remediation="Use aws.iam.GroupPolicy, or a role.",
        controls=(*fsbp("IAM.2"), *cis("1.15")),
        types=("aws:iam/userPolicy:UserPolicy",),
        check=policy_document("policy", _only_denies),
    ),
    rule(
        name="aws-iam-user-attachment-only-denies",
        description="Single users have no policy attached that grants.",
        severity=Severity.LOW,
        remediation="Use aws.iam.GroupPolicyAttachment, or a role.",
        controls=(*fsbp("IAM.2"), *cis("1.15")),
        types=("aws:iam/userPolicyAttachment:UserPolicyAttachment",),
        check=on_values(
            "policyArn",
            lambda value, _: None if _names(value, *_HARMLESS) else "which may grant to one user",
        ),
    ),
    rule(
        name="aws-iam-policy-attachment-no-users",
        description="Policies are attached to groups and roles, not to users.",
        severity=Severity.LOW,
        remediation="Leave users out; use groups or roles.",
        controls=(*fsbp("IAM.2"), *cis("1.15")),
        types=("aws:iam/policyAttachment:PolicyAttachment",),
        check=must_not_be_set("users"),
    ),
    rule(
        name="aws-iam-no-access-key",
        description="No program makes long-lived access keys; their secret ends up in its state.",
        severity=Severity.HIGH,
        remediation='Use roles (EKS Pod Identity, instance profiles, OIDC). status="Inactive" retires a key.',
        controls=TEMPORARY_CREDENTIALS,
        types=("aws:iam/accessKey:AccessKey",),
        check=must_equal("status", "Inactive"),
    ),
    rule(
        name="aws-iam-password-policy-length",
        description="Passwords have 14 characters or more.",
        severity=Severity.MEDIUM,
        remediation="Set minimum_password_length=14.",
        controls=(*security_hub("IAM.15"), *cis("1.8")),
        types=(_PASSWORDS,),
        check=at_least("minimumPasswordLength", 14, option="fewest_characters"),
    ),
    rule(
        name="aws-iam-password-policy-reuse",
        description="The last 24 passwords cannot be used again.",
        severity=Severity.LOW,
        remediation="Set password_reuse_prevention=24.",
        controls=(*security_hub("IAM.16"), *cis("1.9")),
        types=(_PASSWORDS,),
        check=at_least("passwordReusePrevention", 24, option="remembered_passwords"),
    ),
    rule(
        name="aws-iam-permissions-boundary",
        description="Roles and users stay within a permissions boundary.",
        severity=Severity.LOW,
        remediation="Set permissions_boundary to the ARN of your boundary policy.",
        controls=LEAST_PRIVILEGE,
        types=(_ROLE, _USER),
        # Only some organisations have boundaries: switch it on where yours has.
        enforcement="disabled",
        check=must_be_given("permissionsBoundary"),
    ),
    rule(
        name="aws-iam-oidc-audience",
        description="Identity providers accept only tokens made for AWS.",
        severity=Severity.MEDIUM,
        remediation='Set client_id_lists=["sts.amazonaws.com"].',
        controls=LEAST_PRIVILEGE,
        types=("aws:iam/openIdConnectProvider:OpenIdConnectProvider",),
        check=all_of(
            must_be_set("clientIdLists"),
            must_not_be("clientIdLists[]", "*"),
        ),
    ),
    rule(
        name="aws-iam-session-length",
        description="A role's credentials end after some hours.",
        severity=Severity.LOW,
        remediation="Set max_session_duration to 4 hours (14400) or less.",
        controls=TEMPORARY_CREDENTIALS,
        types=(_ROLE,),
        enforcement="advisory",
        check=at_most("maxSessionDuration", 14400, option="longest_seconds", missing="ok"),
    ),
)
