"""Manifests that an API server refuses, each with the path and a part of the reason."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.wire import UNKNOWN

Manifest = dict[str, Any]


def _object(api_version: str, kind: str, **rest: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}, **rest}


def _pod_template(**spec: Any) -> Manifest:
    container = {"name": "web", "image": "registry/web:1", "ports": [{"containerPort": 80}]}
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], **spec}}


GOOD: dict[str, Manifest] = yaml.safe_load(Path(__file__).with_name("good_manifests.yaml").read_text())
C = "spec.template.spec.containers[0]"
V = "spec.versions[0].schema.openAPIV3Schema"
# Which good manifest, the path to change, the value (None takes it away), the path of the problem, why.
BAD: list[tuple[str, str, Any, str, str]] = [
    ("deployment", "spec.replica", 2, "spec.replica", "did you mean replicas"),
    ("deployment", f"{C}.imagePullPolicies", "Always", f"{C}.imagePullPolicies", "imagePullPolicy"),
    ("deployment", "spec.replicas", "two", "spec.replicas", "give an integer"),
    ("deployment", "spec.replicas", -1, "spec.replicas", "negative"),
    ("deployment", "spec.replicas", 2**40, "spec.replicas", "int32"),
    ("deployment", "spec.selector", None, "spec.selector", "required"),
    ("deployment", "spec.selector.matchLabels.app", "db", "spec.template.metadata.labels", "does not select"),
    ("deployment", "spec.selector.matchLabels", {}, "spec.selector", "empty"),
    ("deployment", "spec.strategy", {"type": "Blue"}, "spec.strategy.type", "Recreate"),
    ("deployment", "metadata.name", "Web_1", "metadata.name", "DNS subdomain"),
    ("deployment", "metadata.namespace", "a.b", "metadata.namespace", "DNS label"),
    ("deployment", "metadata.labels", {"a b": "c"}, 'metadata.labels["a b"]', "is no key"),
    ("deployment", "metadata.labels", {"a": "x" * 64}, "metadata.labels.a", "63"),
    ("deployment", "metadata.labels", {"a": "no spaces"}, "metadata.labels.a", "label value"),
    ("deployment", "metadata.labels", {"a": True}, "metadata.labels.a", "give a string"),
    ("deployment", "metadata.annotations", {"a/b/c": "d"}, 'metadata.annotations["a/b/c"]', "DNS subdomain"),
    ("deployment", "metadata.annotations", {"a": "x" * 300000}, "metadata.annotations", "262144"),
    ("deployment", f"{C}.name", "Web", f"{C}.name", "DNS label"),
    ("deployment", f"{C}.image", None, f"{C}.image", "needs an image"),
    ("deployment", f"{C}.imagePullPolicy", "Sometimes", f"{C}.imagePullPolicy", "IfNotPresent"),
    ("deployment", f"{C}.ports[0].containerPort", 70000, f"{C}.ports[0].containerPort", "65535"),
    ("deployment", f"{C}.ports[0].protocol", "HTTP", f"{C}.ports[0].protocol", "SCTP"),
    (
        "deployment",
        f"{C}.ports",
        [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}],
        f"{C}.ports[1]",
        "duplicate",
    ),
    ("deployment", f"{C}.resources", {"limits": {"memory": "1 GB"}}, f"{C}.resources.limits.memory", "64Gi"),
    (
        "deployment",
        f"{C}.resources",
        {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}},
        f"{C}.resources.requests.cpu",
        "more than the limit",
    ),
    (
        "deployment",
        f"{C}.resources",
        {"limits": {"nvidia.com/gpu": "0.5"}},
        f'{C}.resources.limits["nvidia.com/gpu"]',
        "whole numbers",
    ),
    (
        "deployment",
        f"{C}.volumeMounts",
        [{"name": "data", "mountPath": "/data"}],
        f"{C}.volumeMounts[0].name",
        "no volume 'data'",
    ),
    ("deployment", f"{C}.livenessProbe", {"periodSeconds": 5}, f"{C}.livenessProbe", "exactly one"),
    (
        "deployment",
        "spec.template.spec.restartPolicy",
        "Never",
        "spec.template.spec.restartPolicy",
        "must be Always",
    ),
    (
        "deployment",
        "spec.template.spec.tolerations",
        [{"key": "gpu", "operator": "Exists", "value": "x"}],
        "spec.template.spec.tolerations[0].value",
        "takes no value",
    ),
    ("stateful", "spec.template.spec.dnsPolicy", "Cluster", "spec.template.spec.dnsPolicy", "ClusterFirst"),
    ("stateful", "metadata.name", "a.b", "metadata.name", "DNS label"),
    (
        "job",
        "spec.template.spec.restartPolicy",
        None,
        "spec.template.spec.restartPolicy",
        "OnFailure or Never",
    ),
    ("job", "spec.completionMode", "Indexed", "spec.completions", "Indexed needs it"),
    ("cron", "spec.schedule", "every day", "spec.schedule", "five fields"),
    ("service", "metadata.name", "1st", "metadata.name", "beginning with a letter"),
    ("service", "spec.type", "Internal", "spec.type", "LoadBalancer"),
    ("service", "spec.ports", [{"port": 80}, {"port": 81}], "spec.ports[0].name", "needs a name for each"),
    ("service", "spec.ports[0].nodePort", 31000, "spec.ports[0].nodePort", "NodePort"),
    ("service", "spec.ports[0].targetPort", "a-very-long-port-name", "spec.ports[0].targetPort", "15"),
    ("service", "spec.ports", None, "spec.ports", "at least one port"),
    ("namespace", "metadata.name", "a.b", "metadata.name", "DNS label"),
    ("namespace", "metadata.namespace", "default", "metadata.namespace", "lives in no namespace"),
    ("config", "data", {"a b": "c"}, 'data["a b"]', "is no key"),
    ("config", "data", {"port": 80}, "data.port", "give a string"),
    ("config", "data", {"big": "x" * 1100000}, "data", "1048576"),
    ("secret", "data.key", "no base64!", "data.key", "stringData"),
    ("secret", "type", "kubernetes.io/tls", 'data["tls.crt"]', "kubernetes.io/tls"),
    ("claim", "spec.accessModes", ["ReadWrite"], "spec.accessModes[0]", "ReadWriteMany"),
    ("claim", "spec.resources", None, "spec.resources.requests.storage", "100Gi"),
    ("class", "provisioner", None, "provisioner", "required"),
    ("class", "reclaimPolicy", "Keep", "reclaimPolicy", "Retain"),
    ("class", "parameters", {"replicas": 3}, "parameters.replicas", "give a string"),
    ("role", "rules[0].verbs", [], "rules[0].verbs", "at least one verb"),
    ("role", "rules[0].apiGroups", None, "rules[0].apiGroups", "API groups"),
    ("binding", "roleRef.kind", "Role", "roleRef.kind", "ClusterRole"),
    ("binding", "subjects[0].namespace", None, "subjects[0].namespace", "namespace"),
    ("scaler", "spec.minReplicas", 5, "spec.maxReplicas", "less than minReplicas"),
    ("budget", "spec.maxUnavailable", 1, "spec.maxUnavailable", "either"),
    ("policy", "spec.policyTypes", ["Inbound"], "spec.policyTypes[0]", "Ingress"),
    ("policy", "spec.ingress", [{"from": [{}]}], "spec.ingress[0].from[0]", "empty"),
    ("ingress", "spec.rules[0].http.paths[0].path", "api", "spec.rules[0].http.paths[0].path", "'/'"),
    ("priority", "value", 2000000000, "value", "1000000000"),
    ("definition", "metadata.name", "widget", "metadata.name", "widgets.example.com"),
    ("definition", "spec.scope", "Global", "spec.scope", "Namespaced"),
    ("definition", "spec.versions[0].storage", False, "spec.versions", "exactly one"),
    ("definition", f"{V}.type", None, f"{V}.type", "object"),
    ("definition", f"{V}.properties.more", {"description": "x"}, f"{V}.properties.more.type", "has a type"),
]


def _changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    """A copy with one place set, or taken away."""
    result = deepcopy(manifest)
    here: Any = result
    parts: list[Any] = []
    for part in path.replace("]", "").replace("[", ".#").split("."):
        parts.append(int(part[1:]) if part.startswith("#") else part)
    for part in parts[:-1]:
        here = here[part]
    if value is None:
        del here[parts[-1]]
    else:
        here[parts[-1]] = value
    return result


@pytest.mark.parametrize("name", GOOD)
def test_the_good_ones_are_accepted(kubernetes: Any, name: str) -> None:
    assert kubernetes.problems(GOOD[name]) == {}
    assert kubernetes.create(GOOD[name])["metadata"]["uid"]


@pytest.mark.parametrize(("name", "path", "value", "where", "reason"), BAD)
def test_refused_with_path_and_reason(
    kubernetes: Any, name: str, path: str, value: Any, where: str, reason: str
) -> None:
    problems = kubernetes.problems(_changed(GOOD[name], path, value))
    assert where in problems, problems
    assert reason in problems[where]


# Refused for being there at all, whatever the value is.
_PRESENT = ("did you mean replicas", "imagePullPolicy", "NodePort", "lives in no namespace", "either")
VALUES = [
    (name, path)
    for name, path, value, where, reason in BAD
    if value is not None and path == where and reason not in _PRESENT
]


@pytest.mark.parametrize(("name", "path"), VALUES)
def test_a_value_that_is_not_known_yet_is_not_refused(kubernetes: Any, name: str, path: str) -> None:
    assert path not in kubernetes.problems(_changed(GOOD[name], path, UNKNOWN))


def _widget(**spec: Any) -> Manifest:
    return _object("example.com/v1", "Widget", spec={"size": 1, **spec})


@pytest.mark.parametrize(
    ("spec", "where", "reason"),
    [
        ({"size": 0}, "spec.size", "minimum is 1"),
        ({"size": "1"}, "spec.size", "give an integer"),
        ({"sise": 2}, "spec.sise", "did you mean size"),
        ({"colour": "green"}, "spec.colour", "red, blue"),
        ({"name": "A"}, "spec.name", "does not match"),
        ({"name": "abcdefg"}, "spec.name", "maxLength"),
        ({"labels": {"a": 1}}, "spec.labels.a", "give a string"),
        ({"keys": ["a", "a"]}, "spec.keys[1]", "duplicate"),
        ({"share": 1.5}, "spec.share", "whole number or a string"),
    ],
)
def test_a_custom_resource_is_held_to_its_definition(
    kubernetes: Any, spec: Manifest, where: str, reason: str
) -> None:
    kubernetes.create(GOOD["definition"])
    problems = kubernetes.problems(_widget(**spec))
    assert reason in problems[where]


def test_a_good_custom_resource(kubernetes: Any) -> None:
    kubernetes.create(GOOD["definition"])
    kept = kubernetes.create(_widget(free={"any": {"thing": 1}}, share="50%", labels={"a": "b"}))
    assert kept["spec"] == {"size": 1, "free": {"any": {"thing": 1}}, "share": "50%", "labels": {"a": "b"}}


def _with(name: str, path: str, value: Any) -> Callable[[], Manifest]:
    return lambda: _changed(GOOD[name], path, value)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (
            _with("config", "metadata.namespace", "nowhere"),
            "metadata.namespace: there is no namespace 'nowhere'",
        ),
        (
            _with("claim", "spec.storageClassName", "fast"),
            "spec.storageClassName: there is no StorageClass 'fast'",
        ),
        (
            _with(
                "stateful",
                "spec.volumeClaimTemplates",
                [{"metadata": {"name": "d"}, "spec": {**GOOD["claim"]["spec"], "storageClassName": "fast"}}],
            ),
            "spec.volumeClaimTemplates[0].spec.storageClassName",
        ),
        (
            _with(
                "config",
                "metadata.ownerReferences",
                [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "gone", "uid": "1"}],
            ),
            "metadata.ownerReferences[0]: there is no Deployment 'gone'",
        ),
        (lambda: _widget(), "no kind Widget in apiVersion example.com/v1"),
        (
            lambda: _object("v1", "Pod", spec={**_pod_template(priorityClassName="high")["spec"]}),
            "there is no PriorityClass 'high'",
        ),
    ],
)
def test_what_is_named_must_exist(kubernetes: Any, manifest: Callable[[], Manifest], reason: str) -> None:
    with pytest.raises(CloudError) as error:
        kubernetes.create(manifest())
    assert reason in error.value.message


@pytest.mark.parametrize(
    ("api_version", "kind", "reason"),
    [
        ("extensions/v1beta1", "Deployment", "this kind is in apps/v1"),
        ("apps/v1", "Deploymant", "did you mean Deployment"),
        ("v1", "TokenReview", "no kind TokenReview"),
    ],
)
def test_kinds_that_there_cannot_be(kubernetes: Any, api_version: str, kind: str, reason: str) -> None:
    with pytest.raises(CloudError) as error:
        kubernetes.problems(_object(api_version, kind))
    assert reason in error.value.message
    assert api_version in error.value.message


def test_a_version_that_a_definition_does_not_serve(kubernetes: Any) -> None:
    kubernetes.create(GOOD["definition"])
    with pytest.raises(CloudError, match=r"serves example.com/v1, and not example.com/v2"):
        kubernetes.problems(_object("example.com/v2", "Widget"))


def test_two_of_one_name(kubernetes: Any) -> None:
    kubernetes.create(GOOD["config"])
    with pytest.raises(CloudError, match="already"):
        kubernetes.create(GOOD["config"])


def test_two_services_share_neither_address_nor_node_port(kubernetes: Any) -> None:
    node = {"type": "NodePort", "ports": [{"port": 80}]}
    one = kubernetes.create(_object("v1", "Service", spec=node))
    two = kubernetes.create({**_object("v1", "Service", spec=node), "metadata": {"name": "two"}})
    assert one["spec"]["clusterIP"] != two["spec"]["clusterIP"]
    assert one["spec"]["ports"][0]["nodePort"] != two["spec"]["ports"][0]["nodePort"]
    taken = {"ports": [{"port": 80}], "clusterIP": one["spec"]["clusterIP"]}
    with pytest.raises(CloudError, match="another service's"):
        kubernetes.create({**_object("v1", "Service", spec=taken), "metadata": {"name": "three"}})


@pytest.mark.parametrize(
    ("given", "where", "reason"),
    [
        ({}, "version", "pin"),
        ({"version": ">=1.0.0"}, "version", "no exact version"),
        ({"version": "1.0.0", "valuess": {}}, "valuess", "did you mean values"),
        ({"version": "1.0.0", "values": "a: 1"}, "values", "str was given"),
        ({"version": "1.0.0", "name": "Web"}, "name", "DNS subdomain"),
        ({"version": "1.0.0", "name": "a" * 60}, "name", "53"),
    ],
)
def test_releases_that_are_refused(kubernetes: Any, given: Manifest, where: str, reason: str) -> None:
    inputs = {"chart": "operator", "name": "operator", **given}
    problems = dict(kubernetes.release().problems(inputs))
    assert reason in problems[where]


def test_a_release_needs_its_namespace(kubernetes: Any) -> None:
    inputs = {"chart": "operator", "version": "1.0.0", "name": "operator", "namespace": "gpu"}
    with pytest.raises(CloudError, match="createNamespace"):
        kubernetes.release().create(inputs)
    kubernetes.release().create({**inputs, "createNamespace": True})
    assert kubernetes.release().read("gpu/operator")["status"]["revision"] == 1


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from _places(item, (*path, key))


ODD = (UNKNOWN, {}, [], "", 0, True, [{}], [UNKNOWN], {"a": UNKNOWN}, {"matchExpressions": UNKNOWN}, -1, 1.5)


@pytest.mark.parametrize("name", GOOD)
def test_no_value_anywhere_is_too_odd_to_be_judged(kubernetes: Any, name: str) -> None:
    judged = 0
    for path in _places(GOOD[name]):
        if path[0] in ("apiVersion", "kind"):
            continue
        for value in ODD:
            manifest = deepcopy(GOOD[name])
            here: Any = manifest
            for part in path[:-1]:
                here = here[part]
            here[path[-1]] = value
            life = kubernetes.life(manifest)
            problems = life.problems(manifest)
            assert all(where and reason for where, reason in problems)
            if not problems:
                assert life.preview(manifest, {}, None)["kind"] == manifest["kind"]
            judged += 1
    assert judged
