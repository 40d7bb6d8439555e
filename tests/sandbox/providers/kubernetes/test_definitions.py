"""Definitions that charts bring: the data itself, and what releases do with them."""

from typing import Any

import pytest
from tests.sandbox.providers.kubernetes.conftest import Api

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes import api, definitions
from bedplate.sandbox.providers.kubernetes.cluster import DEFINITION

POOL = {
    "apiVersion": "ceph.rook.io/v1",
    "kind": "CephBlockPool",
    "metadata": {"name": "fast", "namespace": "default"},
    "spec": {"failureDomain": "host", "replicated": {"size": 3}},
}
FLAVOR = {
    "apiVersion": "kueue.x-k8s.io/v1beta1",
    "kind": "ResourceFlavor",
    "metadata": {"name": "h100"},
    "spec": {"nodeLabels": {"gpu": "h100"}},
}


def _release(chart: str, **more: Any) -> dict[str, Any]:
    return {"name": chart, "chart": chart, "version": "1.0.0", "namespace": "default", **more}


def _names(kubernetes: Api) -> set[str]:
    return {one["metadata"]["name"] for one in kubernetes.cluster.objects(DEFINITION)}


@pytest.mark.parametrize("name", sorted(definitions.index()))
def test_the_data_of_a_source_is_what_an_api_server_takes(kubernetes: Api, name: str) -> None:
    source = definitions.source(name)
    assert source.origin
    assert source.date >= "2021"
    assert {key: one["spec"]["names"]["kind"] for key, one in source.definitions.items()} == dict(
        definitions.index()[name]
    )
    kind = api.find_kind(kubernetes.cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert kind is not None
    for one in source.definitions.values():
        assert list(api.problems(kubernetes.cluster, kind, one)) == []


def test_every_chart_brings_a_source_that_is_there() -> None:
    assert {one.source for one in definitions.charts()} <= set(definitions.index())


@pytest.mark.parametrize("chart", sorted({one.chart for one in definitions.charts()}))
def test_a_release_brings_its_charts_definitions_once(kubernetes: Api, chart: str) -> None:
    release = kubernetes.release()
    release.create(_release(chart))
    expected = {
        name for one in definitions.of_chart(chart) if one.default for name in definitions.index()[one.source]
    }
    assert _names(kubernetes) == expected
    release.update(f"default/{chart}", _release(chart), _release(chart, values={"a": 1}))
    assert _names(kubernetes) == expected


def test_custom_resources_of_a_brought_definition_are_checked_and_defaulted(kubernetes: Api) -> None:
    kubernetes.release().create(_release("rook-ceph"))
    assert kubernetes.problems({**POOL, "spec": {"failureDomains": "host"}}) == {
        "spec.failureDomains": "unknown field; did you mean failureDomain?"
    }
    assert kubernetes.create(POOL)["spec"]["replicated"]["size"] == 3


def test_a_missing_definition_is_refused_with_the_chart_that_brings_it(kubernetes: Api) -> None:
    with pytest.raises(CloudError, match=r"CephBlockPool .*the chart rook-ceph brings it"):
        kubernetes.create(POOL)
    machine = {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "one"}}
    with pytest.raises(CloudError, match=r"no chart .*clusters.cluster.x-k8s.io.*cluster-api@v"):
        kubernetes.create(machine)


def test_skip_crds_leaves_out_the_crds_directory_and_not_templates(kubernetes: Api) -> None:
    kubernetes.release().create(_release("jobset", skipCrds=True))
    assert _names(kubernetes) == set()
    kubernetes.release().create(_release("kueue", skipCrds=True))
    assert "clusterqueues.kueue.x-k8s.io" in _names(kubernetes)


def test_a_value_switches_definitions_on_and_off(kubernetes: Api) -> None:
    release = kubernetes.release()
    release.create(_release("cert-manager"))
    assert _names(kubernetes) == set()
    release.update("default/cert-manager", {}, _release("cert-manager", values={"crds": {"enabled": True}}))
    assert "issuers.cert-manager.io" in _names(kubernetes)


def test_definitions_in_templates_go_with_the_release_and_take_their_objects(kubernetes: Api) -> None:
    release = kubernetes.release()
    release.create(_release("kueue"))
    queue = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "LocalQueue",
        "metadata": {"name": "team"},
        "spec": {"clusterQueue": "all"},
    }
    kubernetes.create(queue)
    release.delete("default/kueue")
    assert _names(kubernetes) == set()
    assert kubernetes.life(queue).read("default/team") is None


@pytest.mark.parametrize("finalizers", [[], ["example.com/wait"]])
def test_a_release_whose_objects_are_held_stays(kubernetes: Api, finalizers: list[str]) -> None:
    release = kubernetes.release()
    release.create(_release("kueue"))
    kubernetes.create({**FLAVOR, "metadata": {"name": "h100", "finalizers": finalizers}})
    with pytest.raises(CloudError, match=r"resourceflavors.kueue.x-k8s.io 'h100' has the finalizer"):
        release.delete("default/kueue")
    assert release.read("default/kueue") is not None
    assert "clusterqueues.kueue.x-k8s.io" in _names(kubernetes)


@pytest.mark.parametrize("chart", ["jobset", "rook-ceph", "cilium"])
def test_definitions_of_the_crds_directory_or_with_policy_keep_stay(kubernetes: Api, chart: str) -> None:
    release = kubernetes.release()
    release.create(_release(chart))
    before = {name for name in _names(kubernetes) if not name.endswith("csi.ceph.io")}
    release.delete(f"default/{chart}")
    assert before
    assert before <= _names(kubernetes)
    release.create(_release(chart))  # and the same release takes them up again


def test_a_definition_of_somebody_else_is_not_taken_over(kubernetes: Api) -> None:
    release = kubernetes.release()
    release.create(_release("karpenter"))
    with pytest.raises(CloudError, match="not this release's"):
        release.create(_release("karpenter-crd"))
    release.create(_release("karpenter-crd", takeOwnership=True))
