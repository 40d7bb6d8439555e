"""Prometheus, Alertmanager, Grafana and the exporters of a cluster, by the chart kube-prometheus-stack."""

from collections.abc import Mapping, Sequence

import pulumi

from bedplate.core.naming import child
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import custom_object, namespace
from bedplate.monitoring.kubernetes.handles import MonitoringHandle, prometheus_url
from bedplate.monitoring.kubernetes.network import ingress
from bedplate.monitoring.kubernetes.prometheus_args import PrometheusStackArgs
from bedplate.monitoring.kubernetes.prometheus_values import smart_values, stack_values

__all__ = ["PrometheusStack", "PrometheusStackArgs"]

RUN_LABEL = "bedplate/run"
"""On the pods of a training run; its value is the run's name."""
_WEBHOOK_PORT = 10250
_QUERY_PORTS = (9090, 10901)


class PrometheusStack(pulumi.ComponentResource):
    """What watches a cluster. `TrainingMonitoring` adds rules, dashboards and routes.

    The exporters on the nodes see the host and have a namespace of their own, so that the one of Prometheus
    and Grafana can be held to the standard "restricted". Samples lie in volumes that go with the namespace:
    what must outlive the cluster is written elsewhere (`remote_write`, `thanos`).
    """

    handle: MonitoringHandle
    prometheus_url: pulumi.Output[str]
    """Where Prometheus answers inside of the cluster."""

    def __init__(
        self, name: str, args: PrometheusStackArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:PrometheusStack", name, None, opts)
        self._name = name
        self._args = args
        before = self._namespaces() if args.make_namespaces else []
        stack = release(
            self,
            child(name, "stack"),
            chart_name="kube-prometheus-stack",
            release_name=args.release_name,
            namespace=args.namespace,
            values=stack_values(args),
            after=before,
        )
        if args.has_smart:
            release(
                self,
                child(name, "smart"),
                chart_name="prometheus-smartctl-exporter",
                namespace=args.exporters_namespace,
                values=smart_values(args),
                after=[*before, stack],
            )
        if args.training_runs:
            self._training_runs(stack)
        url = prometheus_url(args.release_name, args.namespace)
        self.handle = MonitoringHandle(
            namespace=args.namespace,
            release=args.release_name,
            cluster=args.cluster.name,
            prometheus_url=url,
            alertmanager_name=f"{args.release_name}-alertmanager",
            routes_name=args.alertmanager.routes_name,
            resource=stack,
        )
        self.prometheus_url = pulumi.Output.from_input(url)
        self.register_outputs({"prometheus_url": self.prometheus_url})

    def _namespaces(self) -> list[pulumi.Resource]:
        args = self._args
        own = namespace(self, child(self._name, "namespace"), object_name=args.namespace)
        nodes = namespace(
            self,
            child(self._name, "nodes-namespace"),
            object_name=args.exporters_namespace,
            pod_security="privileged",
        )
        return [own, nodes, *self._own_policies(own), *self._node_policies(nodes)]

    def _own_policies(self, own: pulumi.Resource) -> list[pulumi.Resource]:
        args = self._args
        policies: list[pulumi.Resource] = [
            self._policy("closed", args.namespace, own),
            self._policy("inside", args.namespace, own, from_namespaces=[args.namespace]),
            # The API server calls the webhook, and its address is not that of a pod.
            self._policy(
                "webhook",
                args.namespace,
                own,
                pods={"app": "kube-prometheus-stack-operator"},
                from_everywhere=True,
                ports=[_WEBHOOK_PORT],
            ),
        ]
        if args.query_namespaces:
            policies.append(
                self._policy(
                    "queries",
                    args.namespace,
                    own,
                    from_namespaces=args.query_namespaces,
                    ports=_QUERY_PORTS,
                )
            )
        return policies

    def _node_policies(self, nodes: pulumi.Resource) -> list[pulumi.Resource]:
        args = self._args
        space = args.exporters_namespace
        return [
            self._policy("nodes-closed", space, nodes),
            self._policy("nodes-scraped", space, nodes, from_namespaces=[args.namespace]),
        ]

    def _policy(
        self,
        part: str,
        where: str,
        after: pulumi.Resource,
        *,
        pods: Mapping[str, str] | None = None,
        from_namespaces: Sequence[str] | None = None,
        from_everywhere: bool = False,
        ports: Sequence[int] = (),
    ) -> pulumi.Resource:
        return ingress(
            self,
            child(self._name, part),
            object_name=f"bedplate-{part}",
            namespace=where,
            after=[after],
            pods=pods,
            from_namespaces=from_namespaces,
            from_everywhere=from_everywhere,
            ports=ports,
        )

    def _training_runs(self, stack: pulumi.Resource) -> None:
        custom_object(
            self,
            child(self._name, "training-runs"),
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            object_name="bedplate-training-runs",
            namespace=self._args.namespace,
            labels={"release": self._args.release_name},
            spec=training_runs_spec(),
            after=[stack],
        )


def training_runs_spec() -> dict[str, object]:
    """The PodMonitor of training runs: every pod with the label of a run, at its port `metrics`."""
    return {
        "namespaceSelector": {"any": True},
        "selector": {"matchExpressions": [{"key": RUN_LABEL, "operator": "Exists"}]},
        "jobLabel": RUN_LABEL,
        "podTargetLabels": ["kueue.x-k8s.io/queue-name"],
        # The labels of the target win, so that a run cannot speak for another namespace.
        "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics", "honorLabels": False}],
    }
