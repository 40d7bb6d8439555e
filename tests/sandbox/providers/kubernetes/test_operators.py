"""Deletion of objects that an operator holds by a finalizer."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sandbox.providers.kubernetes.conftest import Api

from bedplate.sandbox.providers.handler import CloudError
from bedplate.sandbox.providers.kubernetes import api
from bedplate.sandbox.providers.kubernetes.cluster import NAMESPACE
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind

GOOD: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("good_customs.yaml").read_text())
WORKLOAD = GroupKind("kueue.x-k8s.io", "Workload")


def _object(name: str, **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": "one", **metadata}, **deepcopy(GOOD[name]["object"])}


def _release(chart: str, namespace: str = "default") -> dict[str, Any]:
    return {"name": "it", "chart": chart, "version": "1.0.0", "namespace": namespace, "createNamespace": True}


def _workload(kubernetes: Api, *conditions: dict[str, str]) -> None:
    value = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "Workload",
        "metadata": {"name": "job-a", "namespace": "default", "uid": "u"},
        "status": {"admission": {"clusterQueue": "one"}, "conditions": list(conditions)},
    }
    kubernetes.cluster.put(WORKLOAD, "default", "job-a", value)


def test_an_operator_that_is_installed_lets_its_objects_go(kubernetes: Api) -> None:
    kubernetes.release().create(_release("kueue"))
    queue = _object("queue")
    live = kubernetes.create(queue)
    assert live["metadata"]["finalizers"] == ["kueue.x-k8s.io/resource-in-use"]
    labelled = _object("queue", labels={"a": "b"})  # type: ignore[arg-type]
    changed = kubernetes.life(queue).update("one", queue, labelled)
    assert changed["metadata"]["finalizers"] == ["kueue.x-k8s.io/resource-in-use"]
    assert "finalizers" not in kubernetes.life(queue).inputs_now(queue, changed)["metadata"]
    kubernetes.life(queue).delete("one")
    assert kubernetes.life(queue).read("one") is None


def test_a_queue_stays_while_admitted_workloads_run(kubernetes: Api) -> None:
    kubernetes.release().create(_release("kueue"))
    queue, local = _object("queue"), _object("local")
    local["spec"]["clusterQueue"] = "one"
    kubernetes.create(queue)
    kubernetes.create(local)
    _workload(kubernetes, {"type": "Admitted", "status": "True"})
    with pytest.raises(CloudError, match=r"'one' cannot go: the admitted workloads default/job-a"):
        kubernetes.life(queue).delete("one")
    kubernetes.life(local).delete("default/one")
    _workload(kubernetes, {"type": "Admitted", "status": "True"}, {"type": "Finished", "status": "True"})
    kubernetes.life(queue).delete("one")
    assert kubernetes.life(queue).read("one") is None


@pytest.mark.parametrize("name", ["pool", "filesystem", "class"])
def test_an_object_whose_operator_went_first_stays_for_ever(kubernetes: Api, name: str) -> None:
    release, chart = kubernetes.release(), GOOD[name]["chart"]
    release.create(_release(chart))
    life = kubernetes.life(_object(name))
    live = kubernetes.create(_object(name))
    release.delete("default/it")
    with pytest.raises(CloudError, match=f"the chart {chart} .*let the object depend on the release"):
        life.delete(life.id(live))
    release.create(_release(chart))
    life.delete(life.id(live))
    assert life.read(life.id(live)) is None


def test_a_namespace_with_an_operator_and_its_objects_stays(kubernetes: Api) -> None:
    kubernetes.release().create(_release("keda", "scaling"))
    scaled = _object("scaled", namespace="scaling")
    kubernetes.create(scaled)
    with pytest.raises(CloudError, match="the operator of the chart keda"):
        api.delete(kubernetes.cluster, NAMESPACE, "", "scaling")
    assert kubernetes.cluster.get(NAMESPACE, "", "scaling") is not None
    kubernetes.life(scaled).delete("scaling/one")
    api.delete(kubernetes.cluster, NAMESPACE, "", "scaling")
    assert kubernetes.cluster.get(NAMESPACE, "", "scaling") is None


def test_without_the_operator_nothing_is_held(kubernetes: Api) -> None:
    release = kubernetes.release()
    release.create(_release("karpenter"))
    release.delete("default/it")
    kubernetes.create(_object("class"))
    kubernetes.life(_object("class")).delete("one")
    assert kubernetes.life(_object("class")).read("one") is None
