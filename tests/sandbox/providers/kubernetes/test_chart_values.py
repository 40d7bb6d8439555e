"""Values of releases, against what their charts take."""

from typing import Any

import pytest
from tests.sandbox.providers.kubernetes.conftest import Api


def _problems(kubernetes: Api, chart: str, values: dict[str, Any]) -> dict[str, str]:
    release = {"name": "it", "chart": chart, "version": "1.0.0", "namespace": "default", "values": values}
    return dict(kubernetes.release().problems(release))


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        (
            "cilium",
            {"kubeProxyReplacement": True, "ipam": {"mode": "kubernetes"}},
        ),
        ("metallb", {"speaker": {"frr": {"enabled": False}}, "controller": {"logLevel": "info"}}),
        ("cert-manager", {"crds": {"enabled": True}, "replicaCount": 2, "global": {"logLevel": 2}}),
        (
            "rook-ceph",
            {"crds": {"enabled": True}, "csi": {"anything": 1}, "resources": {"a": {}}},
        ),
        ("ceph-csi-drivers", {"drivers": {"rbd": {"enabled": True}}, "cephConnections": []}),
        ("kueue", {"controllerManager": {"replicas": 2}, "managerConfig": {}}),
        ("oci://registry.example.com/charts/keda", {"operator": {"replicaCount": 2}, "prometheus": {}}),
        ("node-feature-discovery", {"master": {}, "worker": {"tolerations": []}}),
        ("of-somebody", {"anything": {"goes": 1}}),
    ],
)
def test_values_that_a_chart_takes(kubernetes: Api, chart: str, values: dict[str, Any]) -> None:
    assert _problems(kubernetes, chart, values) == {}


@pytest.mark.parametrize(
    ("chart", "values", "path", "why"),
    [
        ("cilium", {"kubeProxyReplacements": True}, "values.kubeProxyReplacements", "kubeProxyReplacement"),
        ("cilium", {"hubble": {"enabled": "yes"}}, "values.hubble.enabled", "give a boolean"),
        ("metallb", {"controller": {"logLevel": "loud"}}, "values.controller.logLevel", "choose from"),
        ("metallb", {"speakers": {}}, "values.speakers", "did you mean speaker"),
        ("cert-manager", {"crds": {"enable": True}}, "values.crds.enable", "did you mean enabled"),
        (
            "rook-ceph",
            {"monitorings": {}},
            "values.monitorings",
            "no such value, and helm would pass",
        ),
        ("ceph-csi-drivers", {"driver": {}}, "values.driver", "did you mean drivers"),
        ("kueue", {"controllerManger": {}}, "values.controllerManger", "controllerManager"),
        ("oci://registry.example.com/charts/keda", {"operators": {}}, "values.operators", "operator"),
    ],
)
def test_values_that_a_chart_does_not_take(
    kubernetes: Api, chart: str, values: dict[str, Any], path: str, why: str
) -> None:
    found = _problems(kubernetes, chart, values)
    assert set(found) == {path}
    assert why in found[path]
