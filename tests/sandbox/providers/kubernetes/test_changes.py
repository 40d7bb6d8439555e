"""Which changes replace an object, which clusters a provider means, and which versions there are."""

from typing import Any

import pytest

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes.connection import cluster_name, problems
from bedplate.sandbox.providers.kubernetes.immutable import replaces
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, built_in, default_version

CLAIM = GroupKind("", "PersistentVolumeClaim")
SIZE = "spec.resources.requests.storage"


def _claim(size: str) -> dict[str, Any]:
    return {"spec": {"resources": {"requests": {"storage": size}}}}


@pytest.mark.parametrize(
    ("group", "kind", "path", "expected"),
    [
        ("apps", "Deployment", "spec.selector.matchLabels.app", True),
        ("apps", "Deployment", "spec.template.spec.containers[0].image", False),
        ("apps", "Deployment", "metadata.name", True),
        ("apps", "Deployment", "metadata.labels.app", False),
        ("apps", "StatefulSet", "spec.serviceName", True),
        ("apps", "StatefulSet", "spec.replicas", False),
        ("batch", "Job", "spec.template.spec.containers[0].image", True),
        ("batch", "Job", "spec.parallelism", False),
        ("", "Service", "spec.clusterIP", True),
        ("", "Service", "spec.ports[0].port", False),
        ("", "Pod", "spec.containers[0].image", False),
        ("", "Pod", "spec.nodeName", True),
        ("storage.k8s.io", "StorageClass", "parameters.type", True),
        ("storage.k8s.io", "StorageClass", "allowVolumeExpansion", False),
        ("rbac.authorization.k8s.io", "RoleBinding", "roleRef.name", True),
        ("rbac.authorization.k8s.io", "RoleBinding", "subjects[0].name", False),
        ("", "ConfigMap", "data.mode", True),
        ("example.com", "Widget", "spec.size", False),
        ("example.com", "Widget", "metadata.namespace", True),
    ],
)
def test_what_replaces(group: str, kind: str, path: str, expected: bool) -> None:
    assert replaces(GroupKind(group, kind), path, {}, {}, mutable_data=False) is expected


def test_a_claim_grows_and_does_not_shrink() -> None:
    assert not replaces(CLAIM, SIZE, _claim("10Gi"), _claim("20Gi"), mutable_data=False)
    assert replaces(CLAIM, SIZE, _claim("10Gi"), _claim("900Mi"), mutable_data=False)


def test_immutable_data_replaces_whatever_the_provider_allows() -> None:
    kind = GroupKind("", "ConfigMap")
    assert not replaces(kind, "data.mode", {}, {}, mutable_data=True)
    assert replaces(kind, "data.mode", {"immutable": True}, {}, mutable_data=True)


def test_a_claim_grows_only_where_its_class_lets_it(kubernetes: Any) -> None:
    base = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}

    def claim(size: str) -> dict[str, Any]:
        return {**base, "spec": {**_claim(size)["spec"], "accessModes": ["ReadWriteOnce"]}}

    kubernetes.create(claim("1Gi"))
    with pytest.raises(CloudError, match="allowVolumeExpansion"):
        kubernetes.life(base).update("default/data", claim("1Gi"), claim("2Gi"))


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, "sandbox"),
        ({"clusterIdentifier": "mine"}, "mine"),
        ({"context": "kind-dev"}, "kind-dev"),
        (
            {"kubeconfig": '{"clusters": [{"name": "a", "cluster": {"server": "https://h:6443/"}}]}'},
            "h:6443",
        ),
    ],
)
def test_the_cluster_that_a_provider_means(inputs: dict[str, str], expected: str) -> None:
    assert cluster_name(inputs) == expected


@pytest.mark.parametrize(
    ("inputs", "where", "reason"),
    [
        ({"namspace": "x"}, "namspace", "did you mean namespace"),
        ({"kubeconfig": "/no/such/file"}, "kubeconfig", "neither"),
        ({"kubeconfig": "a: 1\n"}, "kubeconfig", "no clusters"),
        ({"kubeconfig": '{"clusters": [], "contexts": []}', "context": "x"}, "kubeconfig", "no context 'x'"),
        ({"renderYamlToDirectory": "out"}, "renderYamlToDirectory", "writes no files"),
    ],
)
def test_settings_that_are_refused(inputs: dict[str, str], where: str, reason: str) -> None:
    assert reason in dict(problems(inputs))[where]


def test_the_version_is_a_choice_among_those_that_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEDPLATE_KUBERNETES_VERSION", raising=False)
    newest = default_version()
    assert built_in(newest).schema("apps/v1", "Deployment") is not None
    monkeypatch.setenv("BEDPLATE_KUBERNETES_VERSION", "v1.30.4")
    assert built_in(default_version()).version == "1.30"
    with pytest.raises(CloudError, match="BEDPLATE_KUBERNETES_VERSION"):
        built_in("1.2")
