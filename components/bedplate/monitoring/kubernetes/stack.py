"""Alerts, dashboards and routes as objects of a cluster that runs the Prometheus operator."""

import json
import re
from collections.abc import Sequence
from typing import Annotated

import pulumi
import pulumi_kubernetes as k8s
from pydantic import AfterValidator, Field

from bedplate.core import Args, In
from bedplate.core.naming import child
from bedplate.monitoring.kubernetes.dashboards import DASHBOARDS
from bedplate.monitoring.kubernetes.model import AlertGroup
from bedplate.monitoring.kubernetes.panels import render
from bedplate.monitoring.kubernetes.routing_args import AlertRouting, Name
from bedplate.monitoring.kubernetes.routing_operator import API_VERSION, alertmanager_config_spec
from bedplate.monitoring.kubernetes.rules import RUNBOOKS, all_groups, rule_group
from bedplate.monitoring.kubernetes.thresholds import AlertThresholds

__all__ = ["TrainingMonitoring", "TrainingMonitoringArgs"]

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_NEEDED_BY_DASHBOARD = {"bedplate-ceph": AlertGroup.CEPH, "bedplate-queues": AlertGroup.QUEUE}


def _label_value(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(
            f"{value[:80]!r} is not a label's value; allowed are up to 63 letters, digits and ._-, beginning "
            "and ending with a letter or digit"
        )
    return value


Label = Annotated[str, AfterValidator(_label_value)]


class TrainingMonitoringArgs(Args):
    """What is watched and who is told."""

    namespace: In[Name] = "monitoring"
    """Where the objects go; the operator must watch it."""
    groups: Annotated[tuple[AlertGroup, ...], Field(min_length=1)] = (
        AlertGroup.GPU,
        AlertGroup.NODES,
        AlertGroup.QUEUE,
        AlertGroup.TRAINING,
        AlertGroup.OBJECT_STORE,
        AlertGroup.KUBERNETES,
    )
    """Ceph and edge are left out unless named: their absence would be an alert."""
    thresholds: AlertThresholds = AlertThresholds()
    labels: dict[str, Label] = Field(default_factory=dict)
    """On each object. kube-prometheus-stack selects rules by `release: <name of its Helm release>`."""
    cluster: Label | None = None
    """The cluster's name as a label of each alert; wanted where one Alertmanager serves several."""
    runbook_base_url: Annotated[str, Field(pattern=r"^(https://\S+|[A-Za-z0-9._/-]+)$")] = RUNBOOKS
    """Where the runbooks are published; a path within the repository if not given."""
    routing: AlertRouting | None = None
    """Who is told; nothing is set up if not given."""
    dashboards: bool = True
    """Whether Grafana's side container gets the dashboards as config maps with `grafana_dashboard: "1"`."""
    operator: pulumi.Resource | None = None
    """What installs the operator and its resource definitions; the objects wait for it."""


class TrainingMonitoring(pulumi.ComponentResource):
    """PrometheusRules with runbooks, Grafana dashboards and Alertmanager routes for a training cluster."""

    rule_names: pulumi.Output[list[str]]
    """The names of the PrometheusRules."""
    dashboard_names: pulumi.Output[list[str]]
    """The names of the config maps with dashboards."""
    alertmanager_config_name: pulumi.Output[str | None]
    """The name of the AlertmanagerConfig, for `alertmanagerConfiguration` of the Alertmanager."""

    def __init__(
        self, name: str, args: TrainingMonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:TrainingMonitoring", name, None, opts)
        self._name = name
        self._args = args
        rules = self._rules()
        dashboards = self._dashboards() if args.dashboards else []
        self.rule_names = _names(rules)
        self.dashboard_names = _names(dashboards)
        self.alertmanager_config_name = (
            pulumi.Output.from_input(None)
            if args.routing is None
            else _names([self._routes(args.routing)]).apply(lambda names: names[0])
        )
        self.register_outputs(
            {
                "rule_names": self.rule_names,
                "dashboard_names": self.dashboard_names,
                "alertmanager_config_name": self.alertmanager_config_name,
            }
        )

    def _options(self) -> pulumi.ResourceOptions:
        operator = self._args.operator
        return pulumi.ResourceOptions(parent=self, depends_on=[] if operator is None else [operator])

    def _metadata(self, **labels: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            namespace=self._args.namespace,
            labels={**self._args.labels, "app.kubernetes.io/managed-by": "bedplate", **labels},
        )

    def _rules(self) -> list[k8s.apiextensions.CustomResource]:
        args = self._args
        labels = {} if args.cluster is None else {"cluster": args.cluster}
        return [
            k8s.apiextensions.CustomResource(
                child(self._name, group.name),
                api_version="monitoring.coreos.com/v1",
                kind="PrometheusRule",
                metadata=self._metadata(),
                spec={"groups": [rule_group(group, runbook_base=args.runbook_base_url, labels=labels)]},
                opts=self._options(),
            )
            for group in all_groups(args.thresholds, args.groups)
        ]

    def _dashboards(self) -> list[k8s.core.v1.ConfigMap]:
        return [
            k8s.core.v1.ConfigMap(
                child(self._name, dashboard.uid.removeprefix("bedplate-")),
                metadata=self._metadata(grafana_dashboard="1"),
                data={f"{dashboard.uid}.json": json.dumps(render(dashboard), indent=1)},
                opts=self._options(),
            )
            for dashboard in DASHBOARDS
            if _NEEDED_BY_DASHBOARD.get(dashboard.uid) in (None, *self._args.groups)
        ]

    def _routes(self, routing: AlertRouting) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            child(self._name, "routes"),
            api_version=API_VERSION,
            kind="AlertmanagerConfig",
            metadata=self._metadata(),
            spec=alertmanager_config_spec(routing),
            opts=self._options(),
        )


def _names(objects: Sequence[pulumi.CustomResource]) -> pulumi.Output[list[str]]:
    if not objects:
        # `Output.all()` of nothing would be an empty dict.
        return pulumi.Output.from_input(list[str]())
    # Pulumi's identifier of a Kubernetes object is `namespace/name`.
    return pulumi.Output.all(*(one.id for one in objects)).apply(
        lambda identifiers: [identifier.rsplit("/", 1)[-1] for identifier in identifiers]
    )
