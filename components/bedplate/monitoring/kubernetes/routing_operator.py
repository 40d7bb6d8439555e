"""The same routes as the Prometheus operator's AlertmanagerConfig, with references to Secrets. Pure."""

from typing import Any

from bedplate.monitoring.kubernetes.model import duration
from bedplate.monitoring.kubernetes.routing import (
    INHIBITIONS,
    PAGER_SEVERITY,
    TEXT,
    TITLE,
    conditions,
    timing,
)
from bedplate.monitoring.kubernetes.routing_args import (
    AlertRouting,
    EmailTarget,
    Receiver,
    Route,
    SecretRef,
    WebhookTarget,
)

API_VERSION = "monitoring.coreos.com/v1alpha1"
_TIMING = {
    "receiver": "receiver",
    "group_by": "groupBy",
    "group_wait": "groupWait",
    "group_interval": "groupInterval",
    "repeat_interval": "repeatInterval",
}


def alertmanager_config_resource(routing: AlertRouting, *, name: str, namespace: str) -> dict[str, Any]:
    """An AlertmanagerConfig of the operator's API."""
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertmanagerConfig",
        "metadata": {"name": name, "namespace": namespace},
        "spec": alertmanager_config_spec(routing),
    }


def alertmanager_config_spec(routing: AlertRouting) -> dict[str, Any]:
    """What is in such a resource."""
    return {
        "route": {
            **{_TIMING[key]: value for key, value in timing(routing).items()},
            "routes": [_route(route) for route in routing.routes],
        },
        "inhibitRules": [
            {
                "sourceMatch": [_matcher("alertname", source, "=")],
                "targetMatch": [_matcher("alertname", "|".join(targets), "=~")],
                **({"equal": list(labels)} if labels else {}),
            }
            for source, targets, labels in INHIBITIONS
        ],
        "receivers": [_receiver(name, target) for name, target in routing.receivers.items()],
    }


def _matcher(label: str, value: str, kind: str) -> dict[str, str]:
    return {"name": label, "value": value, "matchType": kind}


def _route(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "receiver": route.receiver,
        "matchers": [_matcher(label, pattern, "=~") for label, pattern in conditions(route)],
        "continue": route.also_later_routes,
    }
    if route.repeat_seconds is not None:
        found["repeatInterval"] = duration(route.repeat_seconds)
    return found


def _receiver(name: str, target: Receiver) -> dict[str, Any]:
    found = {
        "webhookConfigs": [_webhook(one) for one in target.webhooks],
        "slackConfigs": [
            {
                "apiURL": _secret(one.webhook_url),
                "channel": one.channel,
                "sendResolved": True,
                "title": TITLE,
                "text": TEXT,
            }
            for one in target.slack
        ],
        "pagerdutyConfigs": [
            {"routingKey": _secret(one.routing_key), "severity": PAGER_SEVERITY, "sendResolved": True}
            for one in target.pagerduty
        ],
        "emailConfigs": [_email(one) for one in target.email],
    }
    return {"name": name, **{key: configs for key, configs in found.items() if configs}}


def _secret(secret: SecretRef) -> dict[str, str]:
    return {"name": secret.name, "key": secret.key}


def _webhook(target: WebhookTarget) -> dict[str, Any]:
    found: dict[str, Any] = {"url": target.url, "sendResolved": True}
    if target.token is not None:
        found["httpConfig"] = {"authorization": {"type": "Bearer", "credentials": _secret(target.token)}}
    return found


def _email(target: EmailTarget) -> dict[str, Any]:
    found: dict[str, Any] = {
        "to": target.to,
        "from": target.sender,
        "smarthost": target.smarthost,
        "requireTLS": True,
        "sendResolved": True,
    }
    if target.username is not None and target.password is not None:
        found |= {"authUsername": target.username, "authPassword": _secret(target.password)}
    return found
