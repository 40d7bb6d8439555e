"""Rules as files and as objects: taken by promtool, with runbooks, and with thresholds that can be met."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.core import InputPropertiesError
from bedplate.monitoring.kubernetes.dashboards import DASHBOARDS
from bedplate.monitoring.kubernetes.model import AlertGroup, duration
from bedplate.monitoring.kubernetes.panels import render
from bedplate.monitoring.kubernetes.routing import INHIBITIONS
from bedplate.monitoring.kubernetes.rules import all_groups, prometheus_rule, rule_file, runbook_url
from bedplate.monitoring.kubernetes.runbooks import runbook_page
from bedplate.monitoring.kubernetes.thresholds import AlertThresholds

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"


def check(call, folder: Path, content: dict[str, Any]):
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return call("promtool", "check", "rules", file)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {
            "gpu": {"fatal_xids": [79], "application_xids": [], "honor_labels": True, "violation_unit": "ns"},
            "nodes": {"filesystem_free_percent": 0.000001, "not_ready_seconds": 0},
            "queue": {"wait_seconds": 10239, "stuck_seconds": 61},
            "edge": {"node_role": "factory-edge", "buffer_mountpoint": "/data"},
        },
    ],
    ids=["defaults", "extremes"],
)
def test_promtool_takes_the_rules_whatever_the_thresholds(tmp_path, call, limits) -> None:
    done = check(call, tmp_path, rule_file(all_groups(AlertThresholds.model_validate(limits))))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_refuses_a_broken_rule(tmp_path, call) -> None:
    """What the other tests rely on."""
    content = rule_file(all_groups())
    content["groups"][0]["rules"][-1]["expr"] += " >"
    assert check(call, tmp_path, content).returncode == 1


def test_an_object_holds_what_the_file_holds() -> None:
    for group in all_groups():
        made = prometheus_rule(group, name="r", namespace="monitoring", metadata_labels={"release": "kps"})
        assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert made["metadata"] == {"name": "r", "namespace": "monitoring", "labels": {"release": "kps"}}
        assert made["spec"] == rule_file([group])


def test_every_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    for group in rule_file(all_groups(), runbook_base="https://wiki.example.com/runbooks/")["groups"]:
        for rule in (rule for rule in group["rules"] if "alert" in rule):
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["annotations"]["runbook_url"].startswith("https://wiki.example.com/runbooks/")
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["description"]


def test_names_are_unique() -> None:
    names = [alert.name for group in all_groups() for alert in group.alerts]
    records = [recording.record for group in all_groups() for recording in group.recordings]
    assert len(set(names)) == len(names)
    assert len(set(records)) == len(records)


def test_labels_go_on_each_alert_and_on_no_recorded_series() -> None:
    (group,) = rule_file(all_groups(only=[AlertGroup.CEPH]), labels={"cluster": "dresden"})["groups"]
    for rule in group["rules"]:
        assert rule.get("labels", {}).get("cluster") == ("dresden" if "alert" in rule else None)


@pytest.mark.parametrize("group", all_groups(), ids=lambda group: group.name.value)
def test_the_runbook_in_the_docs_is_that_of_the_alerts(group) -> None:
    page = (RUNBOOKS / f"{group.name}.md").read_text(encoding="utf-8")
    assert page == runbook_page(group), "write it: python -m bedplate.monitoring.kubernetes docs/runbooks"
    # Headings as GitHub turns them into anchors.
    anchors = {heading.lower() for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)}
    for alert in group.alerts:
        assert runbook_url("docs/runbooks", group, alert).partition("#")[2] in anchors


@pytest.mark.parametrize(
    ("limits", "path", "reason"),
    [
        ({"gpu": {"idle_percent": 0}}, "gpu.idle_percent", "more than 0"),
        ({"gpu": {"idle_percent": 100}}, "gpu.idle_percent", "less than 100"),
        ({"gpu": {"idle_seconds": 30}}, "gpu.idle_seconds", "60"),
        ({"gpu": {"temperature_celsius": 200}}, "gpu.temperature_celsius", "110"),
        ({"gpu": {"fatal_xids": []}}, "gpu.fatal_xids", "at least"),
        ({"gpu": {"fatal_xids": [31]}}, "gpu", "one or the other"),
        ({"gpu": {"hold_seconds": -1}}, "gpu.hold_seconds", "0"),
        ({"gpu": {"violation_unit": "ms"}}, "gpu.violation_unit", "us"),
        ({"nodes": {"filesystem_free_percent": 101}}, "nodes.filesystem_free_percent", "less than 100"),
        ({"nodes": {"nvme_used_percent": 256}}, "nodes.nvme_used_percent", "255"),
        ({"ceph": {"osd_used_percent": 96}}, "ceph", "mon_osd_full_ratio"),
        ({"queue": {"wait_seconds": 10240}}, "queue.wait_seconds", "10240"),
        ({"queue": {"stuck_seconds": 8 * 86400}}, "queue.stuck_seconds", "604800"),
        (
            {"training": {"stalled_seconds": 7200, "checkpoint_seconds": 3600}},
            "training",
            "stalled_seconds the smaller",
        ),
        ({"object_store": {"p99_seconds": 0}}, "object_store.p99_seconds", "more than 0"),
        ({"edge": {"node_role": 'edge"} or up'}}, "edge.node_role", "edge"),
        ({"edge": {"buffer_mountpoint": "buffer"}}, "edge.buffer_mountpoint", "buffer"),
        ({"kubernetes": {"crash_loop_seconds": True}}, "kubernetes.crash_loop_seconds", "true"),
        ({"gpus": {}}, "gpus", "gpu"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(limits: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as caught:
        AlertThresholds.model_validate(limits)
    assert [error["property_path"] for error in caught.value.errors] == [path]
    assert reason in caught.value.errors[0]["reason"]


def test_a_threshold_is_the_one_in_the_rule() -> None:
    limits = AlertThresholds.model_validate({"gpu": {"temperature_celsius": 91.5, "hold_seconds": 90}})
    (group,) = rule_file(all_groups(limits, [AlertGroup.GPU]))["groups"]
    (rule,) = (rule for rule in group["rules"] if rule.get("alert") == "GpuTooHot")
    assert rule["expr"] == "DCGM_FI_DEV_GPU_TEMP > 91.5"
    assert rule["for"] == "90s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (90, "90s"), (5400, "90m"), (7200, "2h"), (172800, "2d")]
)
def test_durations_are_written_as_prometheus_reads_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_inhibitions_name_alerts_that_exist() -> None:
    names = {alert.name for group in all_groups() for alert in group.alerts}
    assert {name for source, targets, _ in INHIBITIONS for name in (source, *targets)} <= names


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_is_one_and_promtool_takes_its_queries(tmp_path, call, dashboard) -> None:
    model = render(dashboard)
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= set(model)
    variables = [variable["name"] for variable in model["templating"]["list"]]
    assert variables[0] == "datasource"
    panels = model["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24
    targets = [target for panel in panels for target in panel["targets"]]
    assert {target["datasource"]["uid"] for target in targets} == {"${datasource}"}
    used = {name for target in targets for name in re.findall(r"\$(\w+)", target["expr"])}
    assert used == set(variables[1:])
    rules = [
        {"record": f"panel:{index}", "expr": re.sub(r"\$\w+", ".*", target["expr"])}
        for index, target in enumerate(targets)
    ]
    done = check(call, tmp_path, {"groups": [{"name": "panels", "rules": rules}]})
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboards_ask_for_recorded_series_that_exist() -> None:
    records = {recording.record for group in all_groups() for recording in group.recordings}
    asked = {
        name
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        for expr, _ in panel.queries
        for name in re.findall(r"bedplate:[a-z0-9_:]+", expr)
    }
    assert asked
    assert asked <= records
