"""Namespaces: the borders between teams, and what each of them needs beside it."""

from collections.abc import Callable, Iterator

from bedplate_policies.checks import custom
from bedplate_policies.kubernetes.controls import cis, kubernetes, nsa
from bedplate_policies.kubernetes.workloads import ALLOWED_NAMESPACES, SYSTEM_NAMESPACES
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, StackCheck, rule, stack_rule
from bedplate_policies.stack import Stack
from bedplate_policies.value import MISSING, UNKNOWN, has_unknown

NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMITS = "kubernetes:core/v1:LimitRange"
DISRUPTION = "kubernetes:policy/v1:PodDisruptionBudget"
_ENFORCE = 'metadata.labels["pod-security.kubernetes.io/enforce"]'
_UNFILLED = Option(
    "array",
    ["kube-public", "kube-node-lease", "default", *SYSTEM_NAMESPACES],
    "Namespaces that need none: they are the cluster's own, or run daemons for the whole cluster.",
)


def _pod_security(resource: Resource, config: Config) -> Iterator[Finding]:
    level, name = resource.get(_ENFORCE), resource.get("metadata.name")
    where = resource.path(_ENFORCE)
    if level in ("baseline", "restricted"):
        return
    if level is UNKNOWN:
        yield Finding.undetermined(where)
    elif level == "privileged" and name is UNKNOWN:
        yield Finding.undetermined("metadata.name")
    elif level != "privileged" or name not in config.strings("allowed_namespaces"):
        yield Finding.violation(
            f"{where} is {resource.shown(_ENFORCE, ('privileged',))}, it must be baseline or restricted",
            where,
        )


def _restricted(resource: Resource, config: Config) -> Iterator[Finding]:
    for mode in ("audit", "warn"):
        path = f'metadata.labels["pod-security.kubernetes.io/{mode}"]'
        level = resource.get(path)
        if level is UNKNOWN:
            yield Finding.undetermined(resource.path(path))
        elif level != "restricted":
            yield Finding.violation(f"{resource.path(path)} is not restricted", resource.path(path))


def in_namespace(resource: Resource, namespace: Resource) -> object:
    """True, False or UNKNOWN: whether an object lives in a namespace of the stack."""
    there, name = resource.get("metadata.namespace"), namespace.get("metadata.name")
    if namespace.urn in resource.property_dependencies.get("metadata", ()):
        return True
    if UNKNOWN in (there, name):
        return UNKNOWN
    return there is not MISSING and there == name


def _denies_by_default(policy: Resource) -> object:
    """True, False or UNKNOWN: whether a policy closes every pod of its namespace for what comes in."""
    spec = policy.get("spec")
    if spec is UNKNOWN or UNKNOWN in (policy.get("spec.podSelector"), policy.get("spec.ingress")):
        return UNKNOWN
    selector = policy.get("spec.podSelector")
    if has_unknown(selector) or has_unknown(policy.get("spec.policyTypes")):
        return UNKNOWN
    if isinstance(selector, dict) and any(selector.values()):
        return False
    types = policy.get("spec.policyTypes")
    ingress = policy.get("spec.ingress")
    return (types is MISSING or (isinstance(types, list) and "Ingress" in types)) and ingress in (MISSING, [])


def _beside(kinds: tuple[str, ...], counts: Callable[[Resource], object], lacks: str) -> StackCheck:
    """Every namespace of the stack has an object of one of these kinds that counts."""

    def run(stack: Stack, config: Config) -> Iterator[Finding]:
        candidates = stack.of_type(*kinds)
        for namespace in stack.of_type(NAMESPACE):
            if namespace.get("metadata.name") in config.strings("allowed_namespaces"):
                continue
            found: object = False
            for candidate in candidates:
                there = in_namespace(candidate, namespace)
                if there is False:
                    continue
                right = counts(candidate)
                if there is True and right is True:
                    found = True
                    break
                if right is not False:
                    found = UNKNOWN
            if found is UNKNOWN:
                yield Finding.undetermined("metadata.namespace", namespace)
            elif not found:
                yield Finding.violation(f"the namespace has no {lacks}", "", namespace)

    return run


def _disruption(stack: Stack, config: Config) -> Iterator[Finding]:
    budgets = stack.of_type(DISRUPTION)
    for workload in stack.of_type("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet"):
        replicas = workload.get("spec.replicas")
        labels = workload.get("spec.template.metadata.labels")
        if replicas is UNKNOWN or has_unknown(labels):
            yield Finding.undetermined("spec", workload)
            continue
        if replicas is MISSING or not isinstance(replicas, int | float) or replicas < 2:
            continue
        wanted = labels if isinstance(labels, dict) else {}
        chosen = [budget.get("spec.selector.matchLabels") for budget in budgets]
        if any(isinstance(one, dict) and one and one.items() <= wanted.items() for one in chosen):
            continue
        if any(one is UNKNOWN or has_unknown(one) for one in chosen):
            yield Finding.undetermined("spec", workload)
        else:
            yield Finding.violation(
                "no PodDisruptionBudget selects its pods: an upgrade of the nodes may stop all of them",
                "",
                workload,
            )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-namespace-pod-security",
        description="Every namespace refuses pods that could take over their node.",
        severity=Severity.HIGH,
        remediation='Set metadata.labels={"pod-security.kubernetes.io/enforce": "restricted"} (or '
        '"baseline").',
        controls=(cis("5.2.1"), nsa("Kubernetes Pod security")),
        types=(NAMESPACE,),
        check=custom(
            _pod_security, _ENFORCE, "metadata.name", options={"allowed_namespaces": ALLOWED_NAMESPACES}
        ),
    ),
    rule(
        name="kubernetes-namespace-pod-security-warnings",
        description="Every namespace tells of pods that the profile restricted would refuse.",
        severity=Severity.LOW,
        remediation='Set the labels "pod-security.kubernetes.io/audit" and ".../warn" to "restricted".',
        controls=(kubernetes("Pod Security Admission"),),
        types=(NAMESPACE,),
        enforcement="advisory",
        check=custom(_restricted, "metadata.labels"),
    ),
    stack_rule(
        name="kubernetes-namespace-default-deny",
        description="Every namespace has a network policy that lets nothing in unless another one says so.",
        severity=Severity.HIGH,
        remediation='Add a NetworkPolicy with pod_selector={} and policy_types=["Ingress"] to the namespace.',
        controls=(cis("5.3.2"), nsa("Network policies")),
        types=(NAMESPACE, NETWORK_POLICY),
        reads=("metadata.namespace", "metadata.name"),
        config={"allowed_namespaces": _UNFILLED},
        check=_beside((NETWORK_POLICY,), _denies_by_default, "NetworkPolicy that denies ingress by default"),
    ),
    stack_rule(
        name="kubernetes-namespace-quota",
        description="Every namespace has a limit of what it may take.",
        severity=Severity.LOW,
        remediation="Add a ResourceQuota or a LimitRange to the namespace.",
        controls=(nsa("Resource policies"),),
        types=(NAMESPACE, QUOTA, LIMITS),
        reads=("metadata.namespace", "metadata.name"),
        enforcement="advisory",
        config={"allowed_namespaces": _UNFILLED},
        check=_beside((QUOTA, LIMITS), lambda _: True, "ResourceQuota and no LimitRange"),
    ),
    stack_rule(
        name="kubernetes-disruption-budget",
        description="A service of several replicas keeps some of them while nodes are replaced.",
        severity=Severity.LOW,
        remediation="Add a PodDisruptionBudget that selects the pods.",
        controls=(kubernetes("Specifying a Disruption Budget for your Application"),),
        types=("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet"),
        reads=("spec.replicas", "spec.template.metadata.labels"),
        enforcement="advisory",
        check=_disruption,
    ),
)
