"""What the component registers: rules, dashboards and routes, each as its child."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from bedplate.core import InputPropertiesError
from bedplate.monitoring.kubernetes.model import AlertGroup
from bedplate.monitoring.kubernetes.stack import TrainingMonitoring, TrainingMonitoringArgs

ROUTING = {
    "receivers": {"team": {"webhooks": [{"url": "https://hooks.example.com/a"}]}},
    "default": "team",
}


def made(record, **args: Any):
    return record(lambda: TrainingMonitoring("watch", TrainingMonitoringArgs(**args)))


def test_each_group_is_a_rule_object_of_its_own(record) -> None:
    found = made(record, labels={"release": "kps"}, cluster="dresden").of_type("PrometheusRule")
    assert {one.name for one in found} == {
        f"watch-{group}"
        for group in ("gpu", "nodes", "queue", "training", "object-store", "kubernetes", "monitoring")
    }
    for one in found:
        assert one.inputs["apiVersion"] == "monitoring.coreos.com/v1"
        assert one.inputs["metadata"]["namespace"] == "monitoring"
        assert one.inputs["metadata"]["labels"]["release"] == "kps"
        alerts = [rule for rule in one.inputs["spec"]["groups"][0]["rules"] if "alert" in rule]
        assert {rule["labels"]["cluster"] for rule in alerts} == {"dresden"}
        assert one.parent == "watch"


def test_what_is_not_installed_is_not_watched(record) -> None:
    """An absent Ceph would be an alert."""
    plain = made(record)
    assert not [name for name in plain.names() if "ceph" in name or "edge" in name]
    named = made(record, groups=[AlertGroup.CEPH])
    assert [one.name for one in named.of_type("PrometheusRule")] == ["watch-ceph"]
    assert {one.name for one in named.of_type("ConfigMap")} == {
        "watch-ceph",
        "watch-gpu-fleet",
        "watch-training",
    }


def test_dashboards_are_found_by_grafana(record) -> None:
    found = made(record).of_type("ConfigMap")
    assert len(found) == 3
    for one in found:
        assert one.inputs["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((file, text),) = one.inputs["data"].items()
        assert file == f"{json.loads(text)['uid']}.json"
    assert not made(record, dashboards=False).of_type("ConfigMap")


def test_routes_are_made_only_when_given(record) -> None:
    assert not made(record).of_type("AlertmanagerConfig")
    one = made(record, routing=ROUTING).one("AlertmanagerConfig", "watch-routes")
    assert one.inputs["apiVersion"] == "monitoring.coreos.com/v1alpha1"
    assert one.inputs["spec"]["route"]["receiver"] == "team"


def test_thresholds_and_runbooks_are_those_asked_for(record) -> None:
    one = made(
        record,
        groups=["ceph"],
        thresholds={"ceph": {"osd_used_percent": 75}},
        runbook_base_url="https://wiki.example.com/rb",
    ).one("PrometheusRule")
    (rule,) = (
        rule for rule in one.inputs["spec"]["groups"][0]["rules"] if rule.get("alert") == "CephOsdNearFull"
    )
    assert rule["expr"].endswith("> 75")
    assert rule["annotations"]["runbook_url"] == "https://wiki.example.com/rb/ceph.md#cephosdnearfull"


def test_the_objects_wait_for_the_operator(record) -> None:
    class Chart(pulumi.CustomResource):
        def __init__(self) -> None:
            super().__init__("test:index:Chart", "chart", {})

    def program() -> None:
        TrainingMonitoring("watch", TrainingMonitoringArgs(operator=Chart(), routing=ROUTING))

    found = record(program)
    objects = [one for one in found.made if one.type.startswith("kubernetes:")]
    assert len(objects) == 11
    assert {one.depends_on for one in objects} == {("chart",)}


def test_names_are_handed_on(record) -> None:
    seen: dict[str, Any] = {}

    def program() -> None:
        stack = TrainingMonitoring("watch", TrainingMonitoringArgs(groups=["gpu"], routing=ROUTING))
        silent = TrainingMonitoring("quiet", TrainingMonitoringArgs(groups=["gpu"], dashboards=False))
        stack.rule_names.apply(lambda names: seen.update(rules=names))
        stack.alertmanager_config_name.apply(lambda name: seen.update(routes=name))
        silent.dashboard_names.apply(lambda names: seen.update(dashboards=names))
        silent.alertmanager_config_name.apply(lambda name: seen.update(no_routes=name))

    record(program)
    assert seen == {
        "rules": ["watch-gpu-id"],
        "routes": "watch-routes-id",
        "dashboards": [],
        "no_routes": None,
    }


def test_the_namespace_may_be_an_output(record) -> None:
    found = record(
        lambda: TrainingMonitoring(
            "watch", TrainingMonitoringArgs(namespace=pulumi.Output.from_input("watching"), groups=["gpu"])
        )
    )
    assert {one.inputs["metadata"]["namespace"] for one in found.of_type("PrometheusRule")} == {"watching"}


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"groups": []}, "groups"),
        ({"groups": ["gpu", "gpus"]}, "groups[1]"),
        ({"namespace": "Monitoring"}, "namespace"),
        ({"labels": {"release": "a b"}}, "labels.release"),
        ({"cluster": "-x"}, "cluster"),
        ({"runbook_base_url": "http://wiki.example.com"}, "runbook_base_url"),
        ({"thresholds": {"gpu": {"idle_percent": 0}}}, "thresholds.gpu.idle_percent"),
        ({"routing": {**ROUTING, "default": "x"}}, "routing"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(args: dict, path: str) -> None:
    with pytest.raises(InputPropertiesError) as caught:
        TrainingMonitoringArgs(**args)
    assert [error["property_path"] for error in caught.value.errors] == [path]


def test_the_programs_in_the_docs_run(record) -> None:
    text = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(programs) == 2
    found = record(lambda: exec(programs[0], {}))
    routes = found.one("AlertmanagerConfig", "watch-routes")
    assert routes.inputs["metadata"]["name"] == "routes"
    assert {one.inputs["chart"] for one in found.of_type("Release")} == {
        "kube-prometheus-stack",
        "prometheus-smartctl-exporter",
        "vector",
    }
    made: dict[str, Any] = {}
    exec(programs[1], made)
    assert "GpuXidFatal" in made["rules_yml"]
    assert "receiver: team" in made["alertmanager_yml"]
