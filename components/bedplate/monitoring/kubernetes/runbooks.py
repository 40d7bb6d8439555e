"""The runbooks, one page for each group, written from the alerts themselves so that none is without one."""

from bedplate.monitoring.kubernetes.model import Alert, Group, Severity, duration

_URGENCY = {
    Severity.CRITICAL: "critical: work or data is lost now, or soon",
    Severity.WARNING: "warning: look at it on the same working day",
    Severity.INFO: "info: costs money or speed",
}


def runbook_page(group: Group) -> str:
    """One group's page. Thresholds are those that the group was made with."""
    header = [
        f"# Runbook: {group.title}",
        "",
        "Written from the alerts by `python -m bedplate.monitoring.kubernetes docs/runbooks`; thresholds "
        "are the "
        "defaults. NODE, POD and other words in capitals stand for what the alert names.",
        "",
        f"Metrics: {group.needs}",
    ]
    return "\n".join([*header, *(line for alert in group.alerts for line in _section(alert))]) + "\n"


def _section(alert: Alert) -> list[str]:
    held = f", for {duration(alert.for_seconds)}" if alert.for_seconds else ""
    return [
        "",
        f"## {alert.name}",
        "",
        f"**{_URGENCY[alert.severity].capitalize()}**{held}.",
        "",
        alert.meaning,
        "",
        *(f"{index}. {step}" for index, step in enumerate(alert.steps, 1)),
        "",
        "```promql",
        alert.expr,
        "```",
    ]
