"""A release and objects of the kinds that it brings, in one program: preview, up, again, change, destroy."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.cluster import DEFINITION
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

pytestmark = pytest.mark.xdist_group("sandbox-providers-kubernetes-release_life")

QUEUE = GroupKind("kueue.x-k8s.io", "LocalQueue")


def _program(cluster_queue: str = "all", field: str = "clusterQueue") -> None:
    release = k8s.helm.v3.Release(
        "kueue",
        name="kueue",
        chart="oci://registry.k8s.io/kueue/charts/kueue",
        version="0.17.0",
        namespace="kueue-system",
        create_namespace=True,
    )
    k8s.apiextensions.CustomResource(
        "queue",
        api_version="kueue.x-k8s.io/v1beta1",
        kind="LocalQueue",
        metadata={"name": "team", "namespace": "default"},
        spec={field: cluster_queue},
        opts=pulumi.ResourceOptions(depends_on=[release]),
    )


def test_a_release_and_its_kinds_live_and_go_together(sandbox: SandboxFixture) -> None:
    sandbox.up(_program)
    assert len(sandbox.cluster().objects(QUEUE)) == 1
    sandbox.up(_program)
    assert sandbox.steps("create") == sandbox.steps("update") == sandbox.steps("replace") == []
    with pytest.raises(SandboxError, match=r"spec.clusterQueue: field is immutable"):
        sandbox.up(lambda: _program("other"))
    sandbox.destroy()
    assert sandbox.cluster().objects(QUEUE) == []
    assert sandbox.cluster().objects(DEFINITION) == []


def test_a_preview_refuses_what_a_definition_refuses_that_the_release_is_going_to_bring(
    sandbox: SandboxFixture,
) -> None:
    with pytest.raises(SandboxError, match=r"spec.clusterQueues.*did you mean clusterQueue"):
        sandbox.preview(lambda: _program(field="clusterQueues"))
