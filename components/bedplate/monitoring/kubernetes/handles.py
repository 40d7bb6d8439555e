"""What other capabilities need to know of the monitoring of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class MonitoringHandle:
    """The Prometheus stack of a cluster.

    Attributes:
        namespace: Where Prometheus, Alertmanager and Grafana run.
        release: The name of the Helm release; objects with the label `release: <name>` are found.
        cluster: The cluster's name, as the external label `cluster` of what leaves it.
        prometheus_url: Where Prometheus answers inside of the cluster, for KEDA and metrics adapters.
        alertmanager_name: The name of the `Alertmanager` object.
        routes_name: The name that the global AlertmanagerConfig must have; None where configurations are
            found by label.
        resource: The release, for ordering; None for one that exists.
    """

    namespace: str
    release: str
    cluster: str
    prometheus_url: str
    alertmanager_name: str
    routes_name: str | None = None
    resource: pulumi.Resource | None = None

    @classmethod
    def from_existing(
        cls,
        *,
        cluster: str,
        namespace: str = "monitoring",
        release: str = "kube-prometheus-stack",
        routes_name: str | None = None,
    ) -> "MonitoringHandle":
        """The handle of a kube-prometheus-stack that is installed elsewhere under its default names."""
        return cls(
            namespace=namespace,
            release=release,
            cluster=cluster,
            prometheus_url=prometheus_url(release, namespace),
            alertmanager_name=f"{release}-alertmanager",
            routes_name=routes_name,
        )

    @property
    def labels(self) -> Mapping[str, str]:
        """What a ServiceMonitor, PodMonitor or PrometheusRule carries to be found."""
        return {"release": self.release}

    def after(self) -> list[pulumi.Resource]:
        """What brings the operator's resource definitions; custom objects depend on it."""
        return [] if self.resource is None else [self.resource]


def prometheus_url(release: str, namespace: str) -> str:
    """The address of a release's Prometheus. Plain HTTP: it stays inside of the cluster."""
    return f"http://{release}-prometheus.{namespace}.svc:9090"
