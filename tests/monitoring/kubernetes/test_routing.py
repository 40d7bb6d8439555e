"""Who is told: taken and routed by amtool, secrets never inline, and refused where an alert would be lost."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.core import InputPropertiesError
from bedplate.monitoring.kubernetes.routing import alertmanager_config
from bedplate.monitoring.kubernetes.routing_args import AlertRouting
from bedplate.monitoring.kubernetes.routing_operator import alertmanager_config_resource

WHOLE: dict[str, Any] = {
    "receivers": {
        "team": {
            "slack": [{"channel": "#training", "webhook_url": {"name": "slack", "key": "url"}}],
            "webhooks": [{"url": "https://hooks.example.com/a", "token": {"name": "hook", "key": "token"}}],
        },
        "oncall": {"pagerduty": [{"routing_key": {"name": "pager", "key": "key"}}]},
        "storage": {
            "email": [
                {
                    "to": "storage@example.com",
                    "sender": "alerts@example.com",
                    "smarthost": "smtp.example.com:587",
                    "username": "alerts",
                    "password": {"name": "mail", "key": "password"},
                }
            ]
        },
        "nobody": {},
    },
    "default": "team",
    "routes": [
        {"receiver": "oncall", "severities": ["critical"], "repeat_seconds": 3600, "also_later_routes": True},
        {"receiver": "storage", "groups": ["ceph", "object-store"], "severities": ["critical", "warning"]},
        {"receiver": "nobody", "severities": ["info"]},
    ],
}
SECRETS = {
    "slack/url": "https://hooks.slack.com/services/x",
    "hook/token": "t",
    "pager/key": "k" * 32,
    "mail/password": "p",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, value in SECRETS.items():
        file = tmp_path / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value, encoding="utf-8")
    content = alertmanager_config(
        AlertRouting.model_validate(WHOLE), secrets_directory=str(tmp_path / "secrets")
    )
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_amtool_takes_the_configuration(call, config: Path) -> None:
    done = call("amtool", "check-config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 receivers" in done.stdout
    assert "8 inhibit rules" in done.stdout


def test_amtool_refuses_a_broken_one(call, config: Path) -> None:
    """What the other tests rely on."""
    config.write_text(config.read_text(encoding="utf-8").replace("receiver: oncall", "receiver: gone"))
    assert call("amtool", "check-config", config).returncode == 1


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "group": "gpu"}, ["oncall"]),
        ({"severity": "critical", "group": "ceph"}, ["oncall", "storage"]),
        ({"severity": "warning", "group": "object-store"}, ["storage"]),
        ({"severity": "warning", "group": "gpu"}, ["team"]),
        ({"severity": "info", "group": "ceph"}, ["nobody"]),
    ],
)
def test_an_alert_goes_where_it_should(call, config: Path, labels: dict[str, str], receivers) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = call("amtool", "config", "routes", "test", f"--config.file={config}", *pairs)
    assert done.stdout.strip().split(",") == receivers


def test_secrets_are_named_and_never_given(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    resource = json.dumps(
        alertmanager_config_resource(AlertRouting.model_validate(WHOLE), name="r", namespace="monitoring")
    )
    for name, value in SECRETS.items():
        assert f"/{name}\n" in text
        if len(value) > 1:
            assert value not in text
        secret, key = name.split("/")
        assert f'{{"name": "{secret}", "key": "{key}"}}' in resource


def test_the_operator_is_told_the_same() -> None:
    routing = AlertRouting.model_validate(WHOLE)
    made = alertmanager_config_resource(routing, name="routes", namespace="monitoring")
    assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig")
    spec = made["spec"]
    assert spec["route"]["receiver"] == "team"
    assert spec["route"]["groupBy"] == ["alertname", "group", "cluster"]
    assert spec["route"]["routes"][0] == {
        "receiver": "oncall",
        "matchers": [{"name": "severity", "value": "critical", "matchType": "=~"}],
        "continue": True,
        "repeatInterval": "1h",
    }
    receivers = {one["name"]: one for one in spec["receivers"]}
    assert receivers["nobody"] == {"name": "nobody"}
    assert receivers["team"]["webhookConfigs"][0]["httpConfig"]["authorization"] == {
        "type": "Bearer",
        "credentials": {"name": "hook", "key": "token"},
    }
    assert receivers["storage"]["emailConfigs"][0]["requireTLS"] is True
    plain = alertmanager_config(routing)
    assert len(spec["inhibitRules"]) == len(plain["inhibit_rules"])


def changed(**changes: Any) -> dict[str, Any]:
    return {**WHOLE, **changes}


def receiver(**target: Any) -> dict[str, Any]:
    return {"receivers": {"team": target}, "default": "team"}


@pytest.mark.parametrize(
    ("values", "path", "reason"),
    [
        (changed(default="gone"), "", "there is no receiver 'gone'"),
        ({"receivers": {"nobody": {}}, "default": "nobody"}, "", "would be lost"),
        (changed(routes=[]), "", "nothing is sent to nobody, oncall, storage"),
        (changed(repeat_seconds=60), "", "nothing is repeated faster"),
        (changed(group_by=[]), "group_by", "at least"),
        (changed(routes=[{"receiver": "oncall"}]), "routes[0]", "takes every alert"),
        (changed(routes=[{"receiver": "oncall", "groups": ["network"]}]), "routes[0].groups[0]", "gpu"),
        (receiver(webhooks=[{"url": "http://hooks.example.com"}]), "receivers.team.webhooks[0].url", "https"),
        (
            receiver(webhooks=[{"url": "https://h.example.com/?token=abc"}]),
            "receivers.team.webhooks[0].url",
            "Secret",
        ),
        (
            receiver(webhooks=[{"url": "https://me:pw@h.example.com"}]),
            "receivers.team.webhooks[0].url",
            "Secret",
        ),
        (receiver(webhooks=[{"url": "hooks"}]), "receivers.team.webhooks[0].url", "https://host/path"),
        (
            receiver(slack=[{"channel": "a", "webhook_url": "https://hooks.slack.com/services/x"}]),
            "receivers.team.slack[0].webhook_url",
            "",
        ),
        (
            receiver(
                email=[{"to": "a@b.co", "sender": "c@b.co", "smarthost": "mail.b.co:25", "username": "c"}]
            ),
            "receivers.team.email[0]",
            "go together",
        ),
        (
            receiver(email=[{"to": "oncall", "sender": "c@b.co", "smarthost": "mail.b.co:25"}]),
            "receivers.team.email[0].to",
            "oncall",
        ),
    ],
)
def test_routes_that_lose_alerts_or_show_secrets_are_refused(values: dict, path: str, reason: str) -> None:
    with pytest.raises(InputPropertiesError) as caught:
        AlertRouting.model_validate(values)
    (error,) = caught.value.errors
    assert error["property_path"] == path
    assert reason in error["reason"]
    assert "abc" not in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_a_service_inside_of_the_cluster_may_be_plain() -> None:
    AlertRouting.model_validate(receiver(webhooks=[{"url": "http://bot.monitoring.svc:8080/alerts"}]))
