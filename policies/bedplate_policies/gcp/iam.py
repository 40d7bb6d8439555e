"""Projects, folders, organizations and service accounts: who may do what."""

from collections.abc import Iterator

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.gcp.controls import cis, google
from bedplate_policies.gcp.identity import bindings_of, no_public_member
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import UNKNOWN, has_unknown

_LEVELS = ("projects", "folder", "organizations")
GRANTS = tuple(
    f"gcp:{level}/iAM{kind}:IAM{kind}" for level in _LEVELS for kind in ("Member", "Binding", "Policy")
)
ACCOUNT_GRANTS = tuple(f"gcp:serviceaccount/iAM{kind}:IAM{kind}" for kind in ("Member", "Binding", "Policy"))

PRIMITIVE = ("roles/owner", "roles/editor")
# Whoever has one of these acts as any service account of the project.
IMPERSONATION = ("roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator")
_ADMIN = ("roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin", "roles/iam.securityAdmin")


def no_role(roles: tuple[str, ...], why: str, members: str = "") -> BuiltCheck:
    """No grant of these roles; with `members`, only grants to members of that kind count."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        if has_unknown(resource.get("policyData")):
            yield Finding.undetermined("policyData")
        for number, (bound, granted) in enumerate(bindings_of(resource)):
            if bound in roles and any(one.startswith(members) for one in granted):
                yield Finding.violation(f"policyData: binding {number} grants {bound}, {why}", "policyData")
        role = resource.get("role")
        given = [resource.get("member"), *(value for _, value in resource.each("members[]"))]
        counts = not members or any(isinstance(one, str) and one.startswith(members) for one in given)
        if role in roles and counts:
            yield Finding.violation(f"role is {role}, {why}", "role")
        elif role is UNKNOWN and (counts or UNKNOWN in given):
            yield Finding.undetermined("role")
        elif role in roles and UNKNOWN in given:
            yield Finding.undetermined("member")

    return custom(run)


def _no_key(resource: Resource, config: Config) -> Iterator[Finding]:
    # A key whose public half was uploaded never leaves the machine that made it.
    uploaded = resource.get("publicKeyData")
    if uploaded is UNKNOWN:
        yield Finding.undetermined("publicKeyData")
    elif not uploaded:
        yield Finding.violation("the key's private half leaves Google and never expires", "")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="gcp-iam-no-public-members",
        description="No role of a project, folder or organization is granted to everybody.",
        severity=Severity.CRITICAL,
        remediation="Name users, groups or service accounts in member(s) instead of allUsers.",
        controls=(google("Use IAM securely"),),
        types=GRANTS,
        check=no_public_member(),
    ),
    rule(
        name="gcp-iam-no-primitive-roles",
        description="Nobody is owner or editor of a project, folder or organization.",
        severity=Severity.HIGH,
        remediation="Grant the predefined roles that the work needs, such as roles/container.developer.",
        controls=(google("Use IAM securely"),),
        types=GRANTS,
        check=no_role(PRIMITIVE, "which may change everything"),
    ),
    rule(
        name="gcp-iam-no-admin-service-accounts",
        description="No service account administers a project.",
        severity=Severity.HIGH,
        remediation="Grant the service account the roles that its workload needs.",
        controls=(cis("1.5"),),
        types=GRANTS,
        check=no_role(_ADMIN, "to a service account", "serviceAccount:"),
    ),
    rule(
        name="gcp-iam-no-project-wide-impersonation",
        description="Nobody may act as every service account of a project.",
        severity=Severity.HIGH,
        remediation="Grant the role on one service account with gcp.serviceaccount.IAMMember.",
        controls=(cis("1.6"),),
        types=GRANTS,
        check=no_role(IMPERSONATION, "on every service account"),
    ),
    rule(
        name="gcp-iam-authoritative-policy",
        description="No stack replaces the whole policy of a project: that locks others out.",
        severity=Severity.MEDIUM,
        remediation="Use gcp.projects.IAMMember (adds one) instead of gcp.projects.IAMPolicy (replaces all).",
        controls=(),
        types=tuple(f"gcp:{level}/iAMPolicy:IAMPolicy" for level in _LEVELS),
        enforcement="advisory",
        check=custom(
            lambda resource, config: (
                Finding.violation("the policy replaces every grant that others made", "policyData"),
            ),
            "policyData",
        ),
    ),
    rule(
        name="gcp-service-account-no-public-members",
        description="Nobody unnamed may act as a service account.",
        severity=Severity.CRITICAL,
        remediation="Name the workload in member(s): serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME].",
        controls=(google("Best practices for using service accounts"),),
        types=ACCOUNT_GRANTS,
        check=no_public_member(),
    ),
    rule(
        name="gcp-service-account-no-keys",
        description="Service accounts have no keys that people hold.",
        severity=Severity.HIGH,
        remediation="Use workload identity (in GKE) or workload identity federation (elsewhere) instead "
        "of a key.",
        controls=(cis("1.4"),),
        types=("gcp:serviceaccount/key:Key",),
        check=custom(_no_key, "publicKeyData"),
    ),
)
