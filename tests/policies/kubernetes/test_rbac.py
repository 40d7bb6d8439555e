"""Rules about roles and bindings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bedplate_policies.kubernetes import rbac
from bedplate_policies.rule import Finding
from bedplate_policies.testing import Case, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULE_NAMES = {rule.name for rule in rbac.RULES}
CLUSTER, ROLE = rbac.ROLES
CLUSTER_BINDING, BINDING = rbac.BINDINGS


def role(
    verbs: list[str], resources: list[str], group: str = "", kind: str = CLUSTER, **more: object
) -> Example:
    return kind, {"rules": [{"apiGroups": [group], "resources": resources, "verbs": verbs, **more}]}


def bound(name: str = "view", kind: str = CLUSTER_BINDING) -> Example:
    return kind, {"roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}}


def to(kind: str, name: str, binding: str = BINDING) -> Example:
    return binding, {"subjects": [{"kind": kind, "name": name}]}


READER = role(["get", "list"], ["pods"])

CASES = [
    Case(
        "kubernetes-rbac-cluster-admin", [bound()], [bound("cluster-admin"), bound("cluster-admin", BINDING)]
    ),
    Case("kubernetes-rbac-broad-roles", [bound()], [bound("admin"), bound("edit")]),
    Case(
        "kubernetes-rbac-wildcards",
        [READER, role(["get"], ["pods"], kind=ROLE)],
        [
            role(["*"], ["pods"]),
            role(["get"], ["*"], kind=ROLE),
            role(["get"], ["pods"], "*"),
            (CLUSTER, {"rules": [{"nonResourceURLs": ["*"], "verbs": ["get"]}]}),
        ],
    ),
    Case(
        "kubernetes-rbac-secrets",
        [READER, role(["get"], ["secrets"], resourceNames=["hub"]), role(["create"], ["secrets"])],
        [role(["get"], ["secrets"]), role(["*"], ["secrets"]), role(["list"], ["*"], "*")],
    ),
    Case(
        "kubernetes-rbac-escalation",
        [READER],
        [
            role(["impersonate"], ["users"]),
            role(["bind"], ["roles"], kind=ROLE),
            role(["escalate"], ["roles"]),
        ],
    ),
    Case("kubernetes-rbac-exec", [READER], [role(["create"], ["pods/exec"]), role(["get"], ["pods/attach"])]),
    Case("kubernetes-rbac-node-proxy", [role(["get"], ["nodes/metrics"])], [role(["get"], ["nodes/proxy"])]),
    Case("kubernetes-rbac-token-creation", [READER], [role(["create"], ["serviceaccounts/token"])]),
    Case(
        "kubernetes-rbac-webhooks",
        [READER, role(["get"], ["validatingwebhookconfigurations"], "admissionregistration.k8s.io")],
        [role(["patch"], ["mutatingwebhookconfigurations"], "admissionregistration.k8s.io")],
    ),
    Case(
        "kubernetes-rbac-certificates",
        [READER],
        [role(["update"], ["certificatesigningrequests/approval"], "certificates.k8s.io")],
    ),
    Case(
        "kubernetes-rbac-anonymous",
        [to("Group", "platform"), to("ServiceAccount", "trainer", CLUSTER_BINDING)],
        [to("User", "system:anonymous"), to("Group", "system:unauthenticated", CLUSTER_BINDING)],
    ),
    Case(
        "kubernetes-rbac-authenticated",
        [to("Group", "platform")],
        [to("Group", "system:authenticated"), to("Group", "system:serviceaccounts", CLUSTER_BINDING)],
    ),
    Case("kubernetes-rbac-masters", [to("Group", "platform")], [to("Group", "system:masters")]),
    Case(
        "kubernetes-rbac-default-account",
        [to("ServiceAccount", "trainer"), to("User", "default")],
        [to("ServiceAccount", "default"), to("ServiceAccount", "default", CLUSTER_BINDING)],
    ),
]


def test_a_resource_that_is_right_passes(passed: Outcomes) -> None:
    assert {name: found for name, found in passed().items() if found} == {}


def test_a_resource_that_is_wrong_is_refused(refused: Outcomes) -> None:
    assert [name for name, found in refused().items() if not violations(found)] == []


def test_what_nobody_knows_yet_stays_open(opened: Outcomes) -> None:
    kinds = {name: {one.kind for one in found} for name, found in opened().items()}
    assert [name for name, found in kinds.items() if "undetermined" not in found] == []


def test_no_shape_makes_a_rule_raise(mangled: Outcomes) -> None:
    assert all(one.message for found in mangled().values() for one in found)


def test_every_rule_has_cases() -> None:
    assert {case.rule_name for case in CASES} == RULE_NAMES
