"""RBAC: who may do what in a cluster."""

from collections.abc import Iterator

from bedplate_policies.checks import BuiltCheck, custom
from bedplate_policies.kubernetes.controls import cis, nsa
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Severity, rule
from bedplate_policies.value import MISSING, UNKNOWN

CLUSTER_ROLE = ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",)
ROLES = (*CLUSTER_ROLE, "kubernetes:rbac.authorization.k8s.io/v1:Role")
CLUSTER_BINDING = ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",)
BINDINGS = (*CLUSTER_BINDING, "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding")


def _strings(part: Resource, path: str) -> tuple[list[str], bool]:
    """The texts of a list, and whether some of it is not known yet."""
    values = [value for _, value in part.each(f"{path}[]")]
    return [str(value) for value in values if value is not UNKNOWN], UNKNOWN in values


def grants(verbs: tuple[str, ...], resources: tuple[str, ...], what: str, *, group: str = "") -> BuiltCheck:
    """No rule of a role grants one of these verbs on one of these resources, unless it names single "
    "objects."""

    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for granted in resource.at("rules[]"):
            where = granted.path("")
            if granted.is_unknown:
                yield Finding.undetermined(where)
                continue
            if granted.get("resourceNames") not in (MISSING, UNKNOWN, []):
                continue
            has_verbs, verbs_open = _strings(granted, "verbs")
            has_resources, resources_open = _strings(granted, "resources")
            groups, groups_open = _strings(granted, "apiGroups")
            by_verb = any(verb in has_verbs for verb in (*verbs, "*"))
            by_resource = any(one in has_resources for one in (*resources, "*"))
            by_group = group in groups or "*" in groups
            if by_verb and by_resource and by_group:
                yield Finding.violation(f"{where} lets {what}", where)
            elif (by_verb or verbs_open) and (by_resource or resources_open) and (by_group or groups_open):
                yield Finding.undetermined(where)

    return custom(run, "rules[].verbs", "rules[].resources", "rules[].apiGroups", "rules[].resourceNames")


def _no_wildcard(resource: Resource, config: Config) -> Iterator[Finding]:
    for path in ("verbs", "resources", "apiGroups"):
        for place, value in resource.each(f"rules[].{path}[]"):
            if value is UNKNOWN:
                yield Finding.undetermined(place)
            elif value == "*":
                yield Finding.violation(f"{place} is *: also what later versions add is granted", place)
    for place, value in resource.each("rules[].nonResourceURLs[]"):
        if value == "*":
            yield Finding.violation(f"{place} is *", place)


def _verbs(*names: str) -> BuiltCheck:
    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for place, value in resource.each("rules[].verbs[]"):
            if value is UNKNOWN:
                yield Finding.undetermined(place)
            elif value in names:
                yield Finding.violation(
                    f"{place} is {value}: whoever has it gets the rights of others", place
                )

    return custom(run, "rules[].verbs")


def _role_is(*names: str) -> BuiltCheck:
    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        name = resource.get("roleRef.name")
        if name is UNKNOWN:
            yield Finding.undetermined("roleRef.name")
        elif name in names:
            yield Finding.violation(f"roleRef.name is {name}", "roleRef.name")

    return custom(run, "roleRef.name")


def _no_subject(kinds: tuple[str, ...], names: tuple[str, ...], why: str) -> BuiltCheck:
    def run(resource: Resource, config: Config) -> Iterator[Finding]:
        for subject in resource.at("subjects[]"):
            kind, name, where = subject.get("kind"), subject.get("name"), subject.path("name")
            if name in names and kind in kinds:
                yield Finding.violation(f"{where} is {name}, {why}", where)
            elif (kind is UNKNOWN or kind in kinds) and (name is UNKNOWN or name in names):
                yield Finding.undetermined(where)

    return custom(run, "subjects[].kind", "subjects[].name")


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-rbac-cluster-admin",
        description="No binding grants cluster-admin.",
        severity=Severity.CRITICAL,
        remediation="Bind a role with the rules that the work needs.",
        controls=(cis("5.1.1"), nsa("Authentication and authorization")),
        types=BINDINGS,
        check=_role_is("cluster-admin"),
    ),
    rule(
        name="kubernetes-rbac-broad-roles",
        description="No binding for the whole cluster grants the role admin or edit.",
        severity=Severity.HIGH,
        remediation="Use a RoleBinding in the namespaces that the subject works in.",
        controls=(nsa("Authentication and authorization"),),
        types=CLUSTER_BINDING,
        check=_role_is("admin", "edit"),
    ),
    rule(
        name="kubernetes-rbac-wildcards",
        description="Roles name what they grant instead of a wildcard.",
        severity=Severity.HIGH,
        remediation="Write verbs, resources and api_groups out.",
        controls=(cis("5.1.3"),),
        types=ROLES,
        check=custom(
            _no_wildcard, "rules[].verbs", "rules[].resources", "rules[].apiGroups", "rules[].nonResourceURLs"
        ),
    ),
    rule(
        name="kubernetes-rbac-secrets",
        description="No role reads every secret of the cluster.",
        severity=Severity.HIGH,
        remediation="Use a Role in one namespace, or name the secrets in resource_names.",
        controls=(cis("5.1.2"),),
        types=CLUSTER_ROLE,
        check=grants(("get", "list", "watch"), ("secrets",), "the subject read every secret"),
    ),
    rule(
        name="kubernetes-rbac-escalation",
        description="No role lets its subjects take the rights of others.",
        severity=Severity.CRITICAL,
        remediation="Leave the verbs escalate, bind and impersonate out.",
        controls=(cis("5.1.8"),),
        types=ROLES,
        check=_verbs("escalate", "bind", "impersonate"),
    ),
    rule(
        name="kubernetes-rbac-exec",
        description="No role for the whole cluster opens shells in pods.",
        severity=Severity.MEDIUM,
        remediation="Grant pods/exec and pods/attach with a Role in one namespace.",
        controls=(nsa("Authentication and authorization"),),
        types=CLUSTER_ROLE,
        check=grants(
            ("create", "get"), ("pods/exec", "pods/attach"), "the subject run commands in every pod"
        ),
    ),
    rule(
        name="kubernetes-rbac-node-proxy",
        description="No role reaches the kubelet's own interface past the audit log.",
        severity=Severity.HIGH,
        remediation="Leave nodes/proxy out; nodes/metrics and nodes/stats serve monitoring.",
        controls=(cis("5.1.10"),),
        types=CLUSTER_ROLE,
        check=grants(
            ("get", "create", "update", "patch", "delete"), ("nodes/proxy",), "the subject use the kubelet"
        ),
    ),
    rule(
        name="kubernetes-rbac-token-creation",
        description="No role makes tokens of any service account.",
        severity=Severity.HIGH,
        remediation="Name the accounts in resource_names, or use a Role in one namespace.",
        controls=(cis("5.1.13"),),
        types=CLUSTER_ROLE,
        check=grants(("create",), ("serviceaccounts/token",), "the subject act as every service account"),
    ),
    rule(
        name="kubernetes-rbac-webhooks",
        description="Few change the webhooks that every object passes.",
        severity=Severity.MEDIUM,
        remediation="Name the webhook in resource_names.",
        controls=(cis("5.1.12"),),
        types=CLUSTER_ROLE,
        enforcement="advisory",
        check=grants(
            ("create", "update", "patch", "delete"),
            ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
            "the subject change every object on its way",
            group="admissionregistration.k8s.io",
        ),
    ),
    rule(
        name="kubernetes-rbac-certificates",
        description="Few approve certificates, by which one becomes anybody.",
        severity=Severity.MEDIUM,
        remediation="Leave certificatesigningrequests/approval out.",
        controls=(cis("5.1.11"),),
        types=CLUSTER_ROLE,
        check=grants(
            ("update", "patch"),
            ("certificatesigningrequests/approval", "*/approval"),
            "the subject make certificates of anybody",
            group="certificates.k8s.io",
        ),
    ),
    rule(
        name="kubernetes-rbac-anonymous",
        description="Nothing is granted to those who did not say who they are.",
        severity=Severity.CRITICAL,
        remediation="Name users, groups or service accounts in subjects.",
        controls=(nsa("Authentication and authorization"),),
        types=BINDINGS,
        check=_no_subject(
            ("User", "Group"),
            ("system:anonymous", "system:unauthenticated"),
            "everybody who reaches the server",
        ),
    ),
    rule(
        name="kubernetes-rbac-authenticated",
        description="Nothing is granted to everybody who has any account.",
        severity=Severity.HIGH,
        remediation="Name users, groups or service accounts in subjects.",
        controls=(nsa("Authentication and authorization"),),
        types=BINDINGS,
        check=_no_subject(
            ("Group",), ("system:authenticated", "system:serviceaccounts"), "every account that there is"
        ),
    ),
    rule(
        name="kubernetes-rbac-masters",
        description="Nobody is put into the group that no role can bind.",
        severity=Severity.CRITICAL,
        remediation="Name another group in subjects.",
        controls=(cis("5.1.7"),),
        types=BINDINGS,
        check=_no_subject(("Group",), ("system:masters",), "which passes every check"),
    ),
    rule(
        name="kubernetes-rbac-default-account",
        description="Nothing is granted to a namespace's default service account.",
        severity=Severity.HIGH,
        remediation="Make a service account for the workload and name it in subjects.",
        controls=(cis("5.1.5"),),
        types=BINDINGS,
        check=_no_subject(("ServiceAccount",), ("default",), "the account of every pod that names none"),
    ),
)
