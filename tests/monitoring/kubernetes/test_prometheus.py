"""The Prometheus stack: what its arguments refuse, what its values say, and what it makes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core import InputPropertiesError
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle, Platform
from bedplate.monitoring.kubernetes.prometheus import PrometheusStack, PrometheusStackArgs
from bedplate.monitoring.kubernetes.prometheus_parts import PrometheusSettings
from bedplate.monitoring.kubernetes.prometheus_values import REPLACED, remote_write, stack_values
from bedplate.monitoring.kubernetes.rules import all_groups
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule, StackRule
from bedplate_policies.testing import findings, stack_findings

KEY = {"name": "store", "key": "token"}
GRAFANA = {"admin_secret_name": "grafana-admin"}
OIDC = {
    "client_id": "grafana",
    "client_secret": {"name": "oidc", "key": "secret"},
    "auth_url": "https://id.example.com/auth",
    "token_url": "https://id.example.com/token",
    "user_info_url": "https://id.example.com/me",
    "allowed_domains": ["example.com"],
}


def cluster(platform: Platform = "onprem", **more: Any) -> KubernetesHandle:
    provider = k8s.Provider("cluster", cluster_identifier="dresden")
    return KubernetesHandle(name="dresden", platform=platform, version="1.36", provider=provider, **more)


@pytest.fixture
def values(record: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The values of the release that arguments make."""

    def make(platform: Platform = "onprem", pools: tuple[NodePoolHandle, ...] = (), **args: Any) -> Any:
        found: dict[str, Any] = {}

        def program() -> None:
            handle = cluster(platform, pools=pools, storage_class="fast")
            found.update(stack_values(PrometheusStackArgs(cluster=handle, **args)))

        record(program)
        return found

    return make


def refused(record: Callable[..., Any], platform: Platform = "onprem", **args: Any) -> dict[str, str]:
    caught: dict[str, str] = {}

    def program() -> None:
        with pytest.raises(InputPropertiesError) as error:
            PrometheusStackArgs(cluster=cluster(platform), **args)
        caught.update({one["property_path"]: one["reason"] for one in error.value.errors or []})

    record(program)
    return caught


@pytest.mark.parametrize(
    ("args", "path", "words"),
    [
        ({"node_namespace": "monitoring"}, "node_namespace", "also namespace"),
        ({"namespace": "n" * 60}, "node_namespace", "at most 63"),
        ({"release_name": "a-name-that-the-chart-cuts-off"}, "release_name", "a-name-that"),
        ({"query_namespaces": ["monitoring"]}, "query_namespaces", "may ask anyway"),
        ({"chart_rules": "none", "dead_mans_switch": True}, "dead_mans_switch", "'unduplicated'"),
        (
            {"prometheus": {"volume_gib": 100, "retention_size_gib": 95}},
            "prometheus.retention_size_gib",
            "90",
        ),
        (
            {"prometheus": {"external_labels": {"cluster": "x"}}},
            "prometheus.external_labels.cluster",
            "set for",
        ),
        (
            {"prometheus": {"remote_write": [{"name": "a", "url": "http://store.example.com"}]}},
            "prometheus.remote_write[0].url",
            "only encrypted",
        ),
        (
            {
                "prometheus": {
                    "remote_write": [
                        {"name": "a", "url": "https://a.example.com"},
                        {"name": "a", "url": "https://b.example.com"},
                    ]
                }
            },
            "prometheus.remote_write[1].name",
            "rename",
        ),
        (
            {
                "prometheus": {
                    "remote_write": [{"name": "a", "url": "https://a.example.com", "username": KEY}]
                }
            },
            "prometheus.remote_write[0].password",
            "go together",
        ),
        (
            {
                "prometheus": {
                    "remote_write": [
                        {
                            "name": "a",
                            "url": "https://a.example.com",
                            "bearer_token": KEY,
                            "sigv4_region": "eu-west-1",
                        }
                    ]
                }
            },
            "prometheus.remote_write[0].sigv4_region",
            "one way",
        ),
        ({"grafana": {}}, "grafana.admin_secret_name", "required"),
        ({"grafana": {**GRAFANA, "oidc": OIDC}}, "grafana.root_url", "https address"),
        (
            {
                "grafana": {
                    **GRAFANA,
                    "root_url": "https://g.example.com",
                    "oidc": {**OIDC, "allowed_domains": []},
                }
            },
            "grafana.oidc.allowed_domains",
            "",
        ),
        ({"nodes": {"ethtool_devices": "eth(?!9)"}}, "nodes.ethtool_devices", "looks ahead"),
    ],
)
def test_what_cannot_be_is_refused(record, args: dict[str, Any], path: str, words: str) -> None:
    caught = refused(record, **args)
    assert list(caught) == [path]
    assert words in caught[path]


def test_a_cloud_s_control_plane_cannot_be_scraped(record) -> None:
    assert "cannot be scraped" in refused(record, "eks", control_plane=True)["control_plane"]


def test_an_address_with_a_password_is_not_shown(record) -> None:
    target = {"name": "a", "url": "https://me:hunter2@store.example.com"}
    (reason,) = refused(record, prometheus={"remote_write": [target]}).values()
    assert "hunter2" not in reason
    assert "Kubernetes Secret" in reason


@given(volume=st.integers(5, 65536), days=st.integers(1, 1825))
def test_blocks_never_fill_the_volume(volume: int, days: int) -> None:
    settings = PrometheusSettings(volume_gib=volume, retention_days=days)
    assert 0 < settings.size_limit_gib <= volume * 0.9


def test_nothing_is_given_in_place_of_a_secret(values) -> None:
    made = values(
        prometheus={
            "remote_write": [{"name": "a", "url": "https://a.example.com", "bearer_token": KEY, "ca": KEY}],
            "thanos": {"object_store_config": {"name": "thanos", "key": "objstore.yml"}},
        },
        grafana={**GRAFANA, "root_url": "https://g.example.com", "oidc": OIDC},
    )
    grafana, spec = made["grafana"], made["prometheus"]["prometheusSpec"]
    assert grafana["admin"]["existingSecret"] == "grafana-admin"
    assert "adminPassword" not in json.dumps(made)
    assert grafana["envValueFrom"]["GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET"]["secretKeyRef"]["name"] == "oidc"
    assert "client_secret" not in grafana["grafana.ini"]["auth.generic_oauth"]
    assert grafana["grafana.ini"]["auth.anonymous"] == {"enabled": False}
    assert spec["remoteWrite"][0]["authorization"]["credentials"] == KEY
    assert spec["remoteWrite"][0]["tlsConfig"] == {"ca": {"secret": KEY}}
    assert spec["thanos"]["objectStorageConfig"]["existingSecret"]["key"] == "objstore.yml"


@pytest.mark.parametrize(
    ("platform", "own", "dns"),
    [("onprem", True, "coreDns"), ("eks", False, "coreDns"), ("gke", False, "kubeDns")],
)
def test_the_platform_decides_what_is_scraped(values, platform: Platform, own: bool, dns: str) -> None:
    made = values(platform)
    assert {made[part]["enabled"] for part in ("kubeEtcd", "kubeScheduler", "kubeControllerManager")} == {own}
    assert [name for name in ("coreDns", "kubeDns") if made[name]["enabled"]] == [dns]
    assert ("etcd" in made["defaultRules"]["rules"]) is not own


def test_the_chart_s_alerts_give_way_to_ours(values) -> None:
    ours = {alert.name for group in all_groups() for alert in group.alerts}
    assert set(REPLACED.values()) <= ours
    assert not set(REPLACED) & ours
    disabled = values()["defaultRules"]["disabled"]
    assert {*REPLACED, "Watchdog", "InfoInhibitor"} == set(disabled)
    assert "Watchdog" not in values(dead_mans_switch=True)["defaultRules"]["disabled"]
    assert values(chart_rules="none")["defaultRules"] == {"create": False}


def test_volumes_use_the_cluster_s_class_unless_told(values) -> None:
    made = values(alertmanager={"storage_class": "slow"})
    claim = made["prometheus"]["prometheusSpec"]["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "100Gi")
    spec = made["alertmanager"]["alertmanagerSpec"]
    assert spec["storage"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "slow"
    assert spec["alertmanagerConfigMatcherStrategy"] == {"type": "None"}


def test_alertmanager_takes_one_configuration_or_all_with_the_label(values) -> None:
    one = values(alertmanager={"routes_name": "routes"})["alertmanager"]["alertmanagerSpec"]
    assert one["alertmanagerConfiguration"] == {"name": "routes"}
    assert "alertmanagerConfigSelector" not in one
    many = values(release_name="kps")["alertmanager"]["alertmanagerSpec"]
    assert many["alertmanagerConfigSelector"] == {"matchLabels": {"release": "kps"}}


def test_replicas_are_kept_apart_where_there_are_nodes_enough(values) -> None:
    pool = NodePoolHandle(name="cpu", labels={}, max_nodes=2, cpu=8, memory_gib=32)
    made = values(pools=(pool,))
    assert made["prometheus"]["prometheusSpec"]["podAntiAffinity"] == "hard"
    assert made["alertmanager"]["alertmanagerSpec"]["podAntiAffinity"] == "soft"
    assert made["prometheus"]["podDisruptionBudget"] == {"enabled": True, "minAvailable": 1}
    edge = values(pools=(replace(pool, edge=True),))
    assert edge["prometheus"]["prometheusSpec"]["podAntiAffinity"] == "soft"


def test_monitors_are_found_everywhere_and_rules_by_their_label(values) -> None:
    spec = values()["prometheus"]["prometheusSpec"]
    assert spec["serviceMonitorNamespaceSelector"] == spec["ruleNamespaceSelector"] == {}
    assert [
        spec[f"{kind}SelectorNilUsesHelmValues"] for kind in ("rule", "serviceMonitor", "podMonitor")
    ] == [
        True,
        False,
        False,
    ]
    labelled = values(monitors="labelled")["prometheus"]["prometheusSpec"]
    assert labelled["podMonitorSelectorNilUsesHelmValues"] is True


def test_ethtool_is_switched_on_only_when_asked(values) -> None:
    assert "--collector.ethtool" not in values()["prometheus-node-exporter"]["extraArgs"]
    arguments = values(nodes={"ethtool": True})["prometheus-node-exporter"]["extraArgs"]
    assert "--collector.ethtool.device-include=^(eth|en|ib).*" in arguments
    assert "--collector.infiniband" in arguments


def test_a_target_gets_only_what_is_named() -> None:
    settings = PrometheusSettings(
        remote_write=[
            {"name": "amp", "url": "https://aps.example.com/w", "sigv4_region": "eu-west-1", "metrics": "up"}
        ]
    )
    assert remote_write(settings.remote_write[0]) == {
        "name": "amp",
        "url": "https://aps.example.com/w",
        "sigv4": {"region": "eu-west-1"},
        "writeRelabelConfigs": [{"sourceLabels": ["__name__"], "regex": "up", "action": "keep"}],
    }


def test_the_exporters_live_apart_and_the_rest_is_held_to_restricted(record) -> None:
    made = record(lambda: PrometheusStack("watch", PrometheusStackArgs(cluster=cluster())))
    labels = {one.name: one.inputs["metadata"]["labels"] for one in made.of_type("Namespace")}
    assert {name: of["pod-security.kubernetes.io/enforce"] for name, of in labels.items()} == {
        "watch-namespace": "restricted",
        "watch-nodes-namespace": "privileged",
    }
    assert made.one("Release", "watch-smart").inputs["namespace"] == "monitoring-nodes"
    cloud = record(lambda: PrometheusStack("watch", PrometheusStackArgs(cluster=cluster("eks"))))
    assert [one.name for one in cloud.of_type("Release")] == ["watch-stack"]


def test_no_rule_of_the_policy_packs_is_broken(record) -> None:
    made = record(lambda: PrometheusStack("watch", PrometheusStackArgs(cluster=cluster(), grafana=GRAFANA)))
    broken = [
        f"{one.name}: {rule.name}: {found.message}"
        for one in made.made
        for rule in RULES
        if isinstance(rule, Rule) and one.type in rule.types and rule.enforcement != "advisory"
        for found in findings(rule, one.type, one.inputs)
    ]
    assert [
        line for line in broken if "watch-nodes-namespace: kubernetes-namespace-pod-security" not in line
    ] == []


def test_every_namespace_is_closed_for_what_comes_in(record) -> None:
    """By the policy pack's own rule about stacks; and without the policies it would see it."""
    made = record(lambda: PrometheusStack("watch", PrometheusStackArgs(cluster=cluster())))
    (closed,) = (rule for rule in RULES if rule.name == "kubernetes-namespace-default-deny")
    assert isinstance(closed, StackRule)
    everything = [(one.type, one.name, one.inputs) for one in made.made if one.type in closed.types]
    assert list(stack_findings(closed, everything)) == []
    open_ones = [one for one in everything if "closed" not in one[1]]
    # The exporters' namespace is one of those that the rule lets through: they are on the nodes' own network.
    (missing,) = stack_findings(closed, open_ones)
    assert missing.urn.endswith("::watch-namespace")
