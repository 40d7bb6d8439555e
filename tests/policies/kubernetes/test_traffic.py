"""Rules about services, ingresses, gateways, network policies and namespaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bedplate_policies.kubernetes import namespaces, network
from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import UNKNOWN, Case, StackCase, stack_findings, violations

Outcomes = Callable[[], dict[str, list[Finding]]]
Example = tuple[str, Mapping[str, object]]
RULES = (*network.RULES, *namespaces.RULES)
RULE_NAMES = {rule.name for rule in RULES if isinstance(rule, Rule)}
(SERVICE,), (INGRESS,), (POLICY,) = network.SERVICE, network.INGRESS, network.NETWORK_POLICY
NAMESPACE, DEPLOYMENT = namespaces.NAMESPACE, "kubernetes:apps/v1:Deployment"


def service(annotations: Mapping[str, object] | None = None, **spec: object) -> Example:
    return SERVICE, {"metadata": {"annotations": annotations or {}}, "spec": spec}


def ingress(annotations: Mapping[str, object] | None = None, **spec: object) -> Example:
    return INGRESS, {"metadata": {"annotations": annotations or {}}, "spec": spec}


def gateway(*listeners: Mapping[str, object]) -> list[Example]:
    return [(type, {"spec": {"listeners": list(listeners)}}) for type in network.GATEWAY]


def lets_in(*rules: Mapping[str, object]) -> Example:
    return POLICY, {"spec": {"podSelector": {}, "ingress": list(rules)}}


def labelled(name: object = "training", **levels: object) -> Example:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
    return NAMESPACE, {"metadata": {"name": name, "labels": labels}}


HTTP = {"name": "http", "protocol": "HTTP", "port": 80}
HTTPS = {"name": "https", "protocol": "HTTPS", "port": 443, "tls": {"certificateRefs": [{"name": "tls"}]}}
TLS = [{"hosts": ["a.example"], "secretName": "tls"}]

CASES = [
    Case(
        "kubernetes-service-public-load-balancer",
        [
            service(type="ClusterIP"),
            service(type="LoadBalancer", loadBalancerSourceRanges=["203.0.113.0/24"]),
            service({"networking.gke.io/load-balancer-type": "Internal"}, type="LoadBalancer"),
            service({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}, type="LoadBalancer"),
        ],
        [
            service(type="LoadBalancer"),
            service(type="LoadBalancer", loadBalancerSourceRanges=["0.0.0.0/0"]),
            service(
                {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"},
                type="LoadBalancer",
            ),
        ],
    ),
    Case("kubernetes-service-node-port", [service(type="ClusterIP"), service()], [service(type="NodePort")]),
    Case("kubernetes-service-external-ips", [service()], [service(externalIPs=["203.0.113.1"])]),
    Case(
        "kubernetes-ingress-tls",
        [
            ingress(tls=TLS),
            ingress({"networking.gke.io/managed-certificates": "cert"}),
            ingress({"alb.ingress.kubernetes.io/certificate-arn": UNKNOWN}),
        ],
        [
            ingress(),
            ingress(tls=[]),
            ingress({"nginx.ingress.kubernetes.io/ssl-redirect": "false"}, tls=TLS),
            ingress({"kubernetes.io/ingress.allow-http": "true"}, tls=TLS),
        ],
    ),
    Case(
        "kubernetes-ingress-snippets",
        [ingress(), ingress({"nginx.ingress.kubernetes.io/proxy-body-size": "1g"})],
        [ingress({"nginx.ingress.kubernetes.io/server-snippet": "a"})],
    ),
    Case(
        "kubernetes-gateway-tls",
        [*gateway(HTTPS), *gateway(HTTP, HTTPS), *gateway({**HTTPS, "tls": {"options": {"cert": "a"}}})],
        [*gateway(HTTP), *gateway({**HTTPS, "tls": {}})],
    ),
    Case(
        "kubernetes-network-policy-open",
        [
            lets_in(),
            lets_in({"from": [{"podSelector": {}}]}),
            lets_in({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
        ],
        [lets_in({}), lets_in({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})],
    ),
    Case(
        "kubernetes-namespace-pod-security",
        [
            labelled(enforce="restricted"),
            labelled(enforce="baseline"),
            labelled("gpu-operator", enforce="privileged"),
        ],
        [labelled(), labelled(enforce="privileged"), (NAMESPACE, {"metadata": {"name": "training"}})],
    ),
    Case(
        "kubernetes-namespace-pod-security-warnings",
        [labelled(audit="restricted", warn="restricted")],
        [labelled(), labelled(audit="restricted", warn="baseline")],
    ),
]

TRAINING = (NAMESPACE, "training", {"metadata": {"name": "training"}})
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
SYSTEM = (NAMESPACE, "system", {"metadata": {"name": "kube-system"}})


def policy(spec: object, namespace: object = "training") -> tuple[str, str, Mapping[str, object]]:
    return POLICY, "policy", {"metadata": {"namespace": namespace}, "spec": spec}


def quota(kind: str, namespace: str) -> tuple[str, str, Mapping[str, object]]:
    return kind, "quota", {"metadata": {"namespace": namespace}, "spec": {}}


def replicas(number: int) -> tuple[str, str, Mapping[str, object]]:
    labels = {"app": "serve", "track": "stable"}
    return DEPLOYMENT, "serve", {"spec": {"replicas": number, "template": {"metadata": {"labels": labels}}}}


def budget(**labels: str) -> tuple[str, str, Mapping[str, object]]:
    return namespaces.DISRUPTION, "budget", {"spec": {"selector": {"matchLabels": labels}}}


STACKS = [
    StackCase(
        "kubernetes-namespace-default-deny",
        good=[
            [TRAINING, policy(DENY)],
            [TRAINING, policy({"podSelector": {"matchLabels": {}}})],
            # The namespace's name is an output: what the policy depends on says where it lives.
            [TRAINING, (*policy(DENY, UNKNOWN), {"metadata": ["training"]})],
            [SYSTEM],
            [],
        ],
        bad=[
            [TRAINING],
            [TRAINING, policy(DENY, "elsewhere")],
            [TRAINING, policy({"podSelector": {"matchLabels": {"app": "a"}}})],
            [TRAINING, policy({**DENY, "ingress": [{}]})],
            [TRAINING, policy({"podSelector": {}, "policyTypes": ["Egress"]})],
        ],
    ),
    StackCase(
        "kubernetes-namespace-quota",
        good=[
            [TRAINING, quota(namespaces.QUOTA, "training")],
            [TRAINING, quota(namespaces.LIMITS, "training")],
        ],
        bad=[[TRAINING], [TRAINING, quota(namespaces.QUOTA, "elsewhere")]],
    ),
    StackCase(
        "kubernetes-disruption-budget",
        good=[[replicas(1)], [replicas(3), budget(app="serve")]],
        bad=[[replicas(3)], [replicas(3), budget(app="other")], [replicas(3), budget()]],
    ),
]
STACK_RULES = {rule.name: rule for rule in RULES if isinstance(rule, StackRule)}


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


@pytest.mark.parametrize("case", STACKS, ids=lambda case: case.rule_name)
def test_what_stands_beside_a_resource(case: StackCase) -> None:
    rule = STACK_RULES[case.rule_name]
    assert [stack_findings(rule, stack) for stack in case.good] == [[] for _ in case.good]
    assert all(violations(stack_findings(rule, stack)) for stack in case.bad)


def test_every_stack_rule_has_cases() -> None:
    assert {case.rule_name for case in STACKS} == set(STACK_RULES)


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("kubernetes-namespace-default-deny", [TRAINING, policy(DENY, UNKNOWN)]),
        ("kubernetes-namespace-default-deny", [TRAINING, policy(UNKNOWN)]),
        ("kubernetes-namespace-default-deny", [TRAINING, policy({**DENY, "ingress": UNKNOWN})]),
        (
            "kubernetes-disruption-budget",
            [
                replicas(3),
                (namespaces.DISRUPTION, "budget", {"spec": {"selector": {"matchLabels": UNKNOWN}}}),
            ],
        ),
        ("kubernetes-disruption-budget", [(DEPLOYMENT, "serve", {"spec": {"replicas": UNKNOWN}})]),
    ],
)
def test_a_stack_that_nobody_knows_yet_stays_open(name: str, stack: list[tuple[str, str, object]]) -> None:
    found = stack_findings(STACK_RULES[name], stack)  # type: ignore[arg-type]
    assert [one.kind for one in found] == ["undetermined"]


def test_more_namespaces_can_do_without() -> None:
    rule = STACK_RULES["kubernetes-namespace-default-deny"]
    assert stack_findings(rule, [TRAINING], {"allowed_namespaces": ["training"]}) == []
    assert violations(stack_findings(rule, [SYSTEM], {"allowed_namespaces": ["training"]}))
