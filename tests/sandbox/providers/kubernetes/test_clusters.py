"""Which cluster a provider means, and which version that has."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes import eks
from bedplate.sandbox.providers.kubernetes.connection import connect
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("sandbox-providers-kubernetes-clusters")

CONFIG_MAP = GroupKind("", "ConfigMap")
ONE, TWO = "one.example.com:6443", "two.example.com:6443"


def _kubeconfig(server: str, user: str = "admin", version: str = "") -> str:
    told = f", extensions: [{{name: bedplate, extension: {{kubernetesVersion: '{version}'}}}}]"
    return f"""
apiVersion: v1
kind: Config
clusters: [{{name: kubernetes, cluster: {{server: "https://{server}"{told if version else ""}}}}}]
contexts: [{{name: admin, context: {{cluster: kubernetes, user: {user}}}}}]
current-context: admin
"""


def _program(kubeconfig: str) -> None:
    provider = k8s.Provider("cluster", kubeconfig=kubeconfig)
    k8s.core.v1.ConfigMap(
        "settings", metadata={"name": "settings"}, opts=pulumi.ResourceOptions(provider=provider)
    )


def test_a_kubeconfig_of_another_cluster_makes_everything_anew_there(sandbox: SandboxFixture) -> None:
    sandbox.up(lambda: _program(_kubeconfig(ONE)))
    sandbox.up(lambda: _program(_kubeconfig(ONE, user="somebody")))
    assert sandbox.steps("replace") == []
    sandbox.up(lambda: _program(_kubeconfig(TWO)))
    assert set(sandbox.steps("replace")) == {"cluster", "settings"}
    assert len(sandbox.cluster(TWO).objects(CONFIG_MAP)) == 1
    assert sandbox.cluster(ONE).objects(CONFIG_MAP) == []


def test_a_cluster_has_the_version_that_its_kubeconfig_tells(sandbox: SandboxFixture) -> None:
    def program(version: str) -> None:
        provider = k8s.Provider("cluster", kubeconfig=_kubeconfig(ONE, version=version))
        k8s.resource.v1.DeviceClass(
            "gpus", metadata={"name": "gpus"}, spec={}, opts=pulumi.ResourceOptions(provider=provider)
        )

    with pytest.raises(SandboxError, match=r"Kubernetes 1.32 has no kind DeviceClass in apiVersion resource"):
        sandbox.up(lambda: program("1.32"))
    sandbox.up(lambda: program("1.36"))
    assert sandbox.cluster(ONE).builtin.version == "1.36"


def test_a_version_without_a_schema_is_refused_by_name() -> None:
    assert connect({"kubeconfig": _kubeconfig(ONE, version="9.9")}).version == "9.9"
    assert connect({"kubeconfig": _kubeconfig(ONE)}).version == ""
    with pytest.raises(CloudError, match="names no cluster"):
        connect({"kubeconfig": "clusters: []\n"})


def test_an_eks_cluster_has_the_version_that_eks_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.eks import models

    class Eks:
        def __init__(self, endpoint: str, version: str) -> None:
            self.endpoint, self.version = f"https://{endpoint}/", version
            self.arn = f"arn:aws:eks:eu-west-1:123456789012:cluster/{endpoint[0]}"

    class Region:
        def __init__(self, *clusters: Eks) -> None:
            self.clusters = {str(number): one for number, one in enumerate(clusters)}

    region = Region(Eks("a.eks.amazonaws.com", "1.33"), Eks("b.eks.amazonaws.com", "1.1"))
    monkeypatch.setattr(models, "eks_backends", {"123456789012": {"eu-west-1": region}})
    assert eks.version_of("a.eks.amazonaws.com") == "1.33"
    assert eks.version_of("arn:aws:eks:eu-west-1:123456789012:cluster/a") == "1.33"
    assert eks.version_of("b.eks.amazonaws.com") == ""  # nothing is published of it
    assert eks.version_of("c.eks.amazonaws.com") == ""
    assert eks.version_of("one.example.com") == ""
