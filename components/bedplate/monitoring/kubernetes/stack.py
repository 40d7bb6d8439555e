"""Alerts, dashboards and routes as objects of a cluster that runs the Prometheus operator."""

import json
import re
from collections.abc import Sequence
from typing import Annotated

import pulumi
import pulumi_kubernetes as k8s
from pydantic import AfterValidator, Field, InstanceOf, model_validator

from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.monitoring.kubernetes.dashboards import DASHBOARDS
from bedplate.monitoring.kubernetes.handles import MonitoringHandle
from bedplate.monitoring.kubernetes.model import AlertGroup
from bedplate.monitoring.kubernetes.panels import render
from bedplate.monitoring.kubernetes.routing_args import AlertRouting, Name
from bedplate.monitoring.kubernetes.routing_operator import API_VERSION, alertmanager_config_spec
from bedplate.monitoring.kubernetes.rules import RUNBOOKS, all_groups, rule_group
from bedplate.monitoring.kubernetes.thresholds import AlertThresholds

__all__ = ["TrainingMonitoring", "TrainingMonitoringArgs", "groups_for"]

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


def groups_for(
    cluster: KubernetesHandle, *, ceph: bool = False, queues: bool = True, logs: bool = False
) -> tuple[AlertGroup, ...]:
    """The groups of alerts that suit a cluster: what is not there is not missed.

    Args:
        cluster: GPUs and edge nodes are watched where it has pools of them.
        ceph: Whether Ceph runs on it, or is connected to it.
        queues: Whether Kueue is on it.
        logs: Whether LogShipping is on it.
    """
    there = {
        AlertGroup.GPU: any(
            pool.accelerator is not None and pool.accelerator.vendor == "nvidia" for pool in cluster.pools
        ),
        AlertGroup.CEPH: ceph,
        AlertGroup.QUEUE: queues,
        AlertGroup.EDGE: any(pool.edge for pool in cluster.pools),
        AlertGroup.LOGS: logs,
    }
    return tuple(group for group in AlertGroup if there.get(group, True))


class TrainingMonitoringArgs(Args):
    """What is watched and who is told."""

    stack: InstanceOf[MonitoringHandle] | None = None
    """The Prometheus stack that reads the objects: gives namespace, label, cluster and order."""
    namespace: In[Name] | None = None
    """Where the objects go, and the operator must watch it; the stack's, or "monitoring", if not given."""
    groups: Annotated[tuple[AlertGroup, ...], Field(min_length=1)] = (
        AlertGroup.GPU,
        AlertGroup.NODES,
        AlertGroup.QUEUE,
        AlertGroup.TRAINING,
        AlertGroup.OBJECT_STORE,
        AlertGroup.KUBERNETES,
        AlertGroup.MONITORING,
    )
    """Ceph, edge and logs are left out unless named: their absence would be an alert. See `groups_for`."""
    thresholds: AlertThresholds = AlertThresholds()
    labels: dict[str, Label] = Field(default_factory=dict)
    """On each object. kube-prometheus-stack selects rules by `release: <name of its Helm release>`."""
    cluster: Label | None = None
    """The cluster's name as a label of each alert; wanted where one Alertmanager serves several."""
    runbook_base_url: Annotated[str, Field(pattern=r"^(https://\S+|[A-Za-z0-9._/-]+)$")] = RUNBOOKS
    """Where the runbooks are published; a path within the repository if not given."""
    routing: AlertRouting | None = None
    """Who is told; nothing is set up if not given."""
    routes_name: Name | None = None
    """The name of the AlertmanagerConfig; the stack's, where that names one, or generated."""
    dashboards: bool = True
    """Whether Grafana's side container gets the dashboards as config maps with `grafana_dashboard: "1"`."""
    operator: pulumi.Resource | None = None
    """What installs the operator and its resource definitions, where that is not the stack."""

    @model_validator(mode="after")
    def _fits_the_stack(self) -> "TrainingMonitoringArgs":
        problems = Problems("TrainingMonitoringArgs")
        stack = self.stack
        if stack is None:
            return self
        if self.operator is not None:
            problems.add("operator", "given with stack, which brings the operator; remove it")
        if stack.routes_name is not None:
            if self.routing is None:
                problems.add(
                    "routing",
                    f"not given, and Alertmanager starts only once {stack.routes_name!r} is there; give "
                    f"routing, "
                    "or the stack no routes_name",
                )
            if self.routes_name not in (None, stack.routes_name):
                problems.add(
                    "routes_name",
                    f"{self.routes_name!r} is not {stack.routes_name!r}, which Alertmanager reads; remove it",
                )
            if isinstance(self.namespace, str) and self.namespace != stack.namespace:
                problems.add(
                    "namespace",
                    f"{self.namespace!r} is not {stack.namespace!r}, where Alertmanager looks for "
                    f"{stack.routes_name!r}; remove it",
                )
        problems.raise_if_any()
        return self

    def where(self) -> pulumi.Input[str]:
        """The namespace of the objects."""
        if self.namespace is not None:
            return self.namespace
        return "monitoring" if self.stack is None else self.stack.namespace

    def found_by(self) -> dict[str, str]:
        """The labels of the objects."""
        return {**({} if self.stack is None else self.stack.labels), **self.labels}

    def after(self) -> list[pulumi.Resource]:
        """What the objects wait for."""
        if self.stack is not None:
            return self.stack.after()
        return [] if self.operator is None else [self.operator]


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
        return pulumi.ResourceOptions(parent=self, depends_on=self._args.after())

    def _metadata(self, name: str | None = None, **labels: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=self._args.where(),
            labels={**self._args.found_by(), "app.kubernetes.io/managed-by": "bedplate", **labels},
        )

    def _rules(self) -> list[k8s.apiextensions.CustomResource]:
        args = self._args
        name = args.cluster or (None if args.stack is None else args.stack.cluster)
        labels = {} if name is None else {"cluster": name}
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
        stack = self._args.stack
        name = self._args.routes_name or (None if stack is None else stack.routes_name)
        return k8s.apiextensions.CustomResource(
            child(self._name, "routes"),
            api_version=API_VERSION,
            kind="AlertmanagerConfig",
            metadata=self._metadata(name),
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
