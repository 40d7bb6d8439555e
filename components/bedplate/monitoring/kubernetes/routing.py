"""Alertmanager's configuration, as its own file and as the operator's AlertmanagerConfig. Pure."""

from collections.abc import Callable
from typing import Any

from bedplate.monitoring.kubernetes.model import duration
from bedplate.monitoring.kubernetes.routing_args import (
    AlertRouting,
    EmailTarget,
    PagerDutyTarget,
    Receiver,
    Route,
    SecretRef,
    SlackTarget,
    WebhookTarget,
)

SECRETS_DIRECTORY = "/etc/alertmanager/secrets"
"""Where the operator mounts what `spec.secrets` of the Alertmanager resource lists: one folder per Secret."""

INHIBITIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("NodeNotReady", ("GpuMetricsMissing", "NodeDiskPressure", "NodeMemoryPressure"), ("node",)),
    ("GpuXidFatal", ("GpuIdleWhileAllocated", "GpuThermalThrottling"), ("Hostname", "gpu")),
    ("CephHealthError", ("CephHealthWarning",), ()),
    ("CephOsdsDown", ("CephOsdDown",), ()),
    ("CephMonQuorumAtRisk", ("CephMonOutOfQuorum",), ()),
    ("QueueStuck", ("QueueNeverEmpty", "QueueWaitLong", "QueueQuotaExhausted"), ("cluster_queue",)),
    (
        "TrainingStalled",
        ("TrainingCheckpointOld", "TrainingStepTimeRegression", "TrainingDataWait"),
        ("run",),
    ),
    ("ObjectStoreErrors", ("ObjectStoreSlow", "ObjectStoreThrottled"), ("store",)),
)
"""While the first fires, the others say nothing where these labels agree: they follow from it."""

TITLE = "[{{ .Status | toUpper }}] {{ .CommonLabels.severity }}: {{ .CommonLabels.alertname }}"
TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "Runbook: {{ .Annotations.runbook_url }}\n{{ end }}"
)
PAGER_SEVERITY = '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}'


_Path = Callable[[SecretRef], str]


def alertmanager_config(
    routing: AlertRouting, *, secrets_directory: str = SECRETS_DIRECTORY
) -> dict[str, Any]:
    """The content of alertmanager.yml. Secrets are read from files: `<directory>/<secret>/<key>`."""

    def path(secret: SecretRef) -> str:
        return f"{secrets_directory}/{secret.name}/{secret.key}"

    def receiver(name: str, target: Receiver) -> dict[str, Any]:
        found = {
            "webhook_configs": [_webhook(one, path) for one in target.webhooks],
            "slack_configs": [_slack(one, path) for one in target.slack],
            "pagerduty_configs": [_pagerduty(one, path) for one in target.pagerduty],
            "email_configs": [_email(one, path) for one in target.email],
        }
        return {"name": name, **{key: configs for key, configs in found.items() if configs}}

    return {
        "route": {
            **timing(routing),
            "routes": [_route(route) for route in routing.routes],
        },
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname="{source}"'],
                "target_matchers": [f'alertname=~"{"|".join(targets)}"'],
                **({"equal": list(labels)} if labels else {}),
            }
            for source, targets, labels in INHIBITIONS
        ],
        "receivers": [receiver(name, target) for name, target in routing.receivers.items()],
    }


def timing(routing: AlertRouting) -> dict[str, Any]:
    """The default receiver and how alerts are grouped and repeated."""
    return {
        "receiver": routing.default,
        "group_by": list(routing.group_by),
        "group_wait": duration(routing.group_wait_seconds),
        "group_interval": duration(routing.group_interval_seconds),
        "repeat_interval": duration(routing.repeat_seconds),
    }


def _route(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "receiver": route.receiver,
        "matchers": [f'{label}=~"{pattern}"' for label, pattern in conditions(route)],
        "continue": route.also_later_routes,
    }
    if route.repeat_seconds is not None:
        found["repeat_interval"] = duration(route.repeat_seconds)
    return found


def conditions(route: Route) -> list[tuple[str, str]]:
    """Labels and the patterns that a route wants of them."""
    wanted = (("severity", route.severities), ("group", route.groups))
    return [(label, "|".join(values)) for label, values in wanted if values]


def _webhook(target: WebhookTarget, path: _Path) -> dict[str, Any]:
    found: dict[str, Any] = {"url": target.url, "send_resolved": True}
    if target.token is not None:
        found["http_config"] = {"authorization": {"type": "Bearer", "credentials_file": path(target.token)}}
    return found


def _slack(target: SlackTarget, path: _Path) -> dict[str, Any]:
    return {
        "api_url_file": path(target.webhook_url),
        "channel": target.channel,
        "send_resolved": True,
        "title": TITLE,
        "text": TEXT,
    }


def _pagerduty(target: PagerDutyTarget, path: _Path) -> dict[str, Any]:
    return {"routing_key_file": path(target.routing_key), "severity": PAGER_SEVERITY, "send_resolved": True}


def _email(target: EmailTarget, path: _Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "to": target.to,
        "from": target.sender,
        "smarthost": target.smarthost,
        "require_tls": True,
        "send_resolved": True,
    }
    if target.username is not None and target.password is not None:
        found |= {"auth_username": target.username, "auth_password_file": path(target.password)}
    return found
