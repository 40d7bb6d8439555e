"""Every alert fires on what it is for, says it in words, and is quiet on what comes close; by promtool."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.monitoring.kubernetes.rules import all_groups, rule_file, runbook_url

CASES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
}

# A day of a queue, minute by minute, would take longer than all others together.
INTERVALS = {"queue": "5m"}


def expected(group: Any, alert: Any, case: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "exp_labels": {**case["labels"], "severity": alert.severity.value, "group": group.name.value},
            "exp_annotations": {
                "summary": case["summary"],
                "description": case["description"],
                "runbook_url": runbook_url("docs/runbooks", group, alert),
            },
        }
    ]


def unit(alert: Any, case: dict[str, Any], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """One test as promtool reads it."""
    return {
        "name": alert.name,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case["series"].items()],
        "alert_rule_test": [{"eval_time": case["at"], "alertname": alert.name, "exp_alerts": alerts}],
    }


def write(folder: Path, group: Any, units: list[dict[str, Any]]) -> Path:
    (folder / "rules.yaml").write_text(yaml.safe_dump(rule_file([group])), encoding="utf-8")
    file = folder / "tests.yaml"
    content = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": INTERVALS.get(group.name, "1m"),
        "tests": units,
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_every_alert_has_cases_and_no_case_is_left_over() -> None:
    assert {group.name.value: {alert.name for alert in group.alerts} for group in all_groups()} == {
        name: set(cases) for name, cases in CASES.items()
    }
    assert all({"fires", "quiet"} <= set(case) for cases in CASES.values() for case in cases.values())


@pytest.mark.parametrize("group", all_groups(), ids=lambda group: group.name.value)
def test_the_alerts_fire_and_keep_quiet(tmp_path: Path, call, group) -> None:
    """What promtool writes names the alert, what was expected and what came."""
    units = [
        unit(alert, case, [] if kind == "quiet" else expected(group, alert, case))
        for alert in group.alerts
        for kind, case in CASES[group.name.value][alert.name].items()
    ]
    done = call("promtool", "test", "rules", write(tmp_path, group, units))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.parametrize("group", all_groups(), ids=lambda group: group.name.value)
def test_no_case_passes_whatever_it_is_given(tmp_path: Path, call, group) -> None:
    """With the two series exchanged, both expectations of every alert fail."""
    units = []
    for alert in group.alerts:
        fires, quiet = (CASES[group.name.value][alert.name][kind] for kind in ("fires", "quiet"))
        units.append(unit(alert, quiet, expected(group, alert, fires)))
        units.append(unit(alert, fires, []))
    done = call("promtool", "test", "rules", write(tmp_path, group, units))
    assert done.returncode == 1
    wrote = done.stdout + done.stderr
    assert {alert.name: wrote.count(f"alertname: {alert.name},") for alert in group.alerts} == {
        alert.name: 2 for alert in group.alerts
    }
