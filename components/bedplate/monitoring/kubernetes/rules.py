"""Rules as Prometheus and the Prometheus operator read them. Pure: nothing is registered or written here."""

from collections.abc import Iterable, Mapping
from typing import Any

from bedplate.monitoring.kubernetes.ceph import ceph_group
from bedplate.monitoring.kubernetes.cluster_objects import kubernetes_group
from bedplate.monitoring.kubernetes.edge import edge_group
from bedplate.monitoring.kubernetes.gpu import gpu_group
from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, duration
from bedplate.monitoring.kubernetes.nodes import nodes_group
from bedplate.monitoring.kubernetes.queue import queue_group
from bedplate.monitoring.kubernetes.thresholds import AlertThresholds
from bedplate.monitoring.kubernetes.training import object_store_group, training_group
from bedplate.monitoring.kubernetes.watching import logs_group, monitoring_group

RUNBOOKS = "docs/runbooks"
"""Where the runbooks are in this repository; give a base address to make the links work from a message."""


def all_groups(
    limits: AlertThresholds | None = None, only: Iterable[AlertGroup] | None = None
) -> list[Group]:
    """The groups of alerts with their thresholds, all or those in `only`."""
    limits = limits or AlertThresholds()
    groups = [
        gpu_group(limits.gpu),
        nodes_group(limits.nodes, limits.edge),
        ceph_group(limits.ceph),
        queue_group(limits.queue),
        training_group(limits.training),
        object_store_group(limits.object_store),
        edge_group(limits.edge),
        kubernetes_group(limits.kubernetes),
        monitoring_group(limits.monitoring),
        logs_group(limits.logs),
    ]
    wanted = set(AlertGroup if only is None else only)
    return [group for group in groups if group.name in wanted]


def runbook_url(base: str, group: Group, alert: Alert) -> str:
    """Where an alert's runbook is: one page for each group, one heading for each alert."""
    return f"{base.rstrip('/')}/{group.name}.md#{alert.name.lower()}"


def rule_group(
    group: Group, *, runbook_base: str = RUNBOOKS, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """One group as both Prometheus and the PrometheusRule resource spell it. `labels` go on each alert."""
    rules: list[dict[str, Any]] = [
        {"record": recording.record, "expr": recording.expr} for recording in group.recordings
    ]
    for alert in group.alerts:
        rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expr}
        if alert.for_seconds:
            rule["for"] = duration(alert.for_seconds)
        rule["labels"] = {**(labels or {}), "severity": alert.severity.value, "group": group.name.value}
        rule["annotations"] = {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": runbook_url(runbook_base, group, alert),
        }
        rules.append(rule)
    return {"name": f"bedplate-{group.name}", "rules": rules}


def rule_file(
    groups: Iterable[Group], *, runbook_base: str = RUNBOOKS, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The content of a plain rule file of Prometheus."""
    return {"groups": [rule_group(group, runbook_base=runbook_base, labels=labels) for group in groups]}


def prometheus_rule(
    group: Group,
    *,
    name: str,
    namespace: str,
    metadata_labels: Mapping[str, str] | None = None,
    runbook_base: str = RUNBOOKS,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A group as a `monitoring.coreos.com/v1` PrometheusRule; the operator selects by `metadata_labels`."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(metadata_labels or {})},
        "spec": {"groups": [rule_group(group, runbook_base=runbook_base, labels=labels)]},
    }
