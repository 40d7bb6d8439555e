"""Custom resources of the real definitions that an API server refuses, each with the path and the reason."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sandbox.providers.kubernetes.conftest import Api

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes import customs, definitions, validations
from bedplate.sandbox.providers.wire import UNKNOWN

GOOD: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("good_customs.yaml").read_text())
G = "spec.resourceGroups[0]"
W = "spec.replicatedJobs[0].template.spec.template.spec"
# Which good object, the path to change, the value (None takes it away), the path of the problem, why.
BAD: list[tuple[str, str, Any, str, str]] = [
    ("pool", "spec.failureDomains", "host", "spec.failureDomains", "did you mean failureDomain"),
    ("pool", "spec.replicated.size", "three", "spec.replicated.size", "give an integer"),
    ("pool", "spec.replicated.size", -1, "spec.replicated.size", "minimum is 0"),
    ("pool", "spec.compressionMode", "lossy", "spec.compressionMode", "aggressive"),
    ("filesystem", "spec.metadataServer.activeCount", 99, "spec.metadataServer.activeCount", "maximum is 50"),
    ("filesystem", "spec.dataPools", None, "spec.dataPools", "required"),
    ("queue", "spec.queueingStrategy", "Random", "spec.queueingStrategy", "BestEffortFIFO"),
    ("queue", f"{G}.flavors[0].name", "H 100", f"{G}.flavors[0].name", "does not match"),
    ("queue", f"{G}.flavors", [], f"{G}.flavors", "minItems"),
    ("queue", f"{G}.coveredResources", ["cpu", "memory"], f"{G}", "flavors must have the same number"),
    ("queue", f"{G}.flavors[0].resources[0].nominalQuota", "8 GPUs",
     f"{G}.flavors[0].resources[0].nominalQuota", "does not match"),
    ("queue", "spec.preemption", {"reclaimWithinCohort": "Never", "borrowWithinCohort": {"policy":
     "LowerPriority"}}, "spec.preemption", "reclaimWithinCohort"),
    ("local", "spec.clusterQueues", "team", "spec.clusterQueues", "did you mean clusterQueue"),
    ("topology", "spec.levels", [{"nodeLabel": "rack"}, {"nodeLabel": "rack"}], "spec.levels", "unique"),
    ("topology", "spec.levels", [{"nodeLabel": "kubernetes.io/hostname"}, {"nodeLabel": "rack"}],
     "spec.levels", "hostname"),
    ("jobset", f"{W}.containers[0].imagePullPolicies", "Always", f"{W}.containers[0].imagePullPolicies",
     "imagePullPolicy"),
    ("jobset", "spec.successPolicy", {"operator": "Most"}, "spec.successPolicy.operator", "Any"),
    ("jobset", "spec.replicatedJobs", [{"name": "a"}], "spec.replicatedJobs[0].template", "required"),
    ("monitor", "spec.endpoints[0].interval", "often", "spec.endpoints[0].interval", "does not match"),
    ("monitor", "spec.endpoints[0].scheme", "ftp", "spec.endpoints[0].scheme", "https"),
    ("monitor", "spec.selectors", {}, "spec.selectors", "did you mean selector"),
    ("rule", "spec.groups[0].rules[0].expr", None, "spec.groups[0].rules[0].expr", "required"),
    ("rule", "spec.groups[0].rules[0].for", "a while", "spec.groups[0].rules[0].for", "does not match"),
    ("nodes", "spec.disruption", {"consolidationPolicy": "WhenIdle"}, "spec.disruption.consolidationPolicy",
     "WhenEmpty"),
    ("nodes", "spec.template.spec.requirements[0].operator", "Maybe",
     "spec.template.spec.requirements[0].operator", "NotIn"),
    ("nodes", "spec.template.spec.requirements[0].values", [],
     "spec.template.spec.requirements", "must have a value"),
    ("nodes", "spec.template.spec.requirements[0].key", "karpenter.sh/nodepool",
     "spec.template.spec.requirements[0].key", "restricted"),
    ("nodes", "spec.weight", 200, "spec.weight", "maximum is 100"),
    ("class", "spec.amiFamily", "Ubuntu", "spec.amiFamily", "Bottlerocket"),
    ("class", "spec.role", None, "spec", "role"),
    ("class", "spec.securityGroupSelectorTerms", [{"id": "sg-0123", "name": "a"}],
     "spec.securityGroup", "mutually"),
    ("scaled", "spec.triggers[0].metadata", {"threshold": 5},
     "spec.triggers[0].metadata.threshold", "give a string"),
    ("scaled", "spec.maxReplicas", 5, "spec.maxReplicas", "did you mean maxReplicaCount"),
    ("gateway", "spec.listeners[0].port", 70000, "spec.listeners[0].port", "65535"),
    ("gateway", "spec.listeners[0].tls", {"mode": "Terminate"}, "spec.listeners", "tls"),
    ("route", "spec.rules[0].backendRefs[0].port", None, "spec.rules[0].backendRefs[0]", "port"),
    ("feature", "spec.rules[0].name", None, "spec.rules[0].name", "required"),
    ("sriov", "spec.linkType", "wifi", "spec.linkType", "ETH"),
    ("addresses", "spec.addresses", None, "spec.addresses", "required"),
    ("peer", "spec.peerASN", -1, "spec.peerASN", "minimum is 0"),
    ("policy", "spec.ingress[0].fromEndpoint", [], "spec.ingress[0].fromEndpoint",
     "did you mean fromEndpoints"),
    ("driver", "spec.driverType", "cpu", "spec.driverType", "vgpu"),
    ("driver", "spec.usePrecompiled", "yes", "spec.usePrecompiled", "give a boolean"),
    ("trainjob", "spec.trainer.numNodes", 1.5, "spec.trainer.numNodes", "give an integer"),
    ("trainjob", "spec.runtimeRef", None, "spec.runtimeRef", "required"),
    ("pool", "metadata.labels", {"team": "no spaces"}, "metadata.labels.team", "label value"),
    ("queue", "metadata.namespace", "default", "metadata.namespace", "lives in no namespace"),
]  # fmt: skip


def _object(name: str) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, **deepcopy(GOOD[name]["object"])}


def _changed(name: str, path: str, value: Any) -> dict[str, Any]:
    manifest = _object(name)
    *parents, last = path.replace("[", ".[").split(".")
    node: Any = manifest
    for part in parents:
        node = node[int(part[1:-1])] if part.startswith("[") else node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return manifest


def _bring(kubernetes: Api, chart: str) -> None:
    release = {"name": "it", "chart": chart, "version": "1.0.0", "namespace": "default"}
    kubernetes.release().create(release)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_good_objects_are_taken(kubernetes: Api, name: str) -> None:
    _bring(kubernetes, GOOD[name]["chart"])
    assert kubernetes.create(_object(name))["metadata"]["uid"]


@pytest.mark.parametrize(("name", "path", "value", "where", "why"), BAD)
def test_a_wrong_object_is_refused_with_path_and_reason(
    kubernetes: Api, name: str, path: str, value: Any, where: str, why: str
) -> None:
    _bring(kubernetes, GOOD[name]["chart"])
    found = kubernetes.problems(_changed(name, path, value))
    assert any(one.startswith(where) and why in reason for one, reason in found.items()), found
    with pytest.raises(CloudError):
        kubernetes.life(_object(name)).create(_changed(name, path, value))


def test_rules_that_compare_with_what_was_are_asked_at_a_change_and_its_preview(kubernetes: Api) -> None:
    _bring(kubernetes, "kueue")
    old = _object("local")
    live = kubernetes.create(old)
    new = {**old, "spec": {"clusterQueue": "another"}}
    for action in (
        lambda: kubernetes.life(old).update("default/one", old, new),
        lambda: kubernetes.life(old).preview(new, old, live),
    ):
        with pytest.raises(CloudError, match=r"spec.clusterQueue: field is immutable"):
            action()
    labelled = {**old, "metadata": {"name": "one", "labels": {"a": "b"}}}
    kubernetes.life(old).update("default/one", old, labelled)


def test_a_rule_is_not_asked_where_something_is_unknown(kubernetes: Api) -> None:
    _bring(kubernetes, "kueue")
    assert kubernetes.problems(_changed("queue", f"{G}.coveredResources", [UNKNOWN, "cpu"])) == {}


def test_the_rules_of_all_definitions_can_be_evaluated_except_these() -> None:
    skipped = {
        rule
        for name in definitions.index()
        for one in definitions.source(name).definitions.values()
        for version in customs.served(one)
        for rule in validations.uncompiled(customs.schema_of(one, version))
    }
    assert skipped == {"size(self) == 0 || format.dns1123Label().validate(self) == null"}


@pytest.mark.parametrize(
    ("rule", "value", "passes"),
    [
        ("self.?size.orValue(1) == 1", {}, True),
        ("self.find('[0-9]+') == '12'", "x12y", True),
        ("isIP(self)", "10.0.0.256", False),
        ("isCIDR(self)", "10.0.0.0/8", True),
        ("isURL(self)", "no url", False),
        ("quantity(self).isLessThan(quantity('1Gi'))", "2Gi", False),
        ("isQuantity(self)", "2Gi", True),
        ("self.__namespace__ == 'a' && self.x__dash__y == 1", {"namespace": "a", "x-y": 1}, True),
        ("duration(self) > duration('5m')", "1h", True),
        ("no.such.function(self)", 1, True),
        ("self.missing == 1", {}, True),
    ],
)
def test_a_rule_is_what_the_cel_of_kubernetes_makes_of_it(rule: str, value: Any, passes: bool) -> None:
    properties = {"namespace": {"type": "string"}, "x-y": {"type": "integer"}}
    schema = {"properties": {"a": {"properties": properties, "x-kubernetes-validations": [{"rule": rule}]}}}
    found = dict(validations.problems(schema, {"a": value}))
    assert found == ({} if passes else {"a": f"breaks the rule {rule}"})
