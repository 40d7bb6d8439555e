"""Arguments of PrometheusStack."""

from typing import Annotated, Literal

from pydantic import Field, InstanceOf, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems
from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.kubernetes.names import K8sLabel
from bedplate.monitoring.kubernetes.prometheus_parts import (
    AlertmanagerSettings,
    GrafanaSettings,
    NodeMetrics,
    PrometheusSettings,
)

# The chart cuts longer names off, and the names of its services with them.
# kube-prometheus-stack 88.5.3, templates/_helpers.tpl, "kube-prometheus-stack.fullname".
ReleaseName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$")]


class PrometheusStackArgs(Args):
    """Arguments of PrometheusStack.

    Attributes:
        cluster: The cluster; its platform decides which parts of the control plane can be scraped.
        namespace: Where Prometheus, Alertmanager and Grafana run, made here; "monitoring" by default. Pods
            in it are held to the standard "restricted".
        node_namespace: Where the exporters on the nodes run, which need the host; `<namespace>-nodes` by
            default.
        make_namespaces: Whether both are made, with network policies that close the first for everyone
            outside of it but `query_namespaces`; on by default.
        release_name: The release, and by that the value of the label `release` by which rules and monitors
            are found; the chart's name by default.
        prometheus: Prometheus.
        alertmanager: Alertmanager.
        grafana: Grafana; not installed unless given, because it needs a Secret for its administrator.
        nodes: The exporters on the nodes.
        control_plane: Whether etcd, the scheduler and the controller manager are scraped; by default where
            the control plane is your own. kubeadm has them listen on loopback only unless told otherwise.
        kube_proxy: Whether kube-proxy is scraped; off by default: it listens on loopback only, or is
            replaced by the network.
        chart_rules: "unduplicated" by default: the chart's alerts without those that Bedplate's own replace.
            "none" leaves its recorded series and its dashboards empty, too.
        dead_mans_switch: Whether the alert `Watchdog` fires at all times, for a service that tells when it
            stops; off by default. Route it there: every other receiver would be told for ever.
        monitors: "all" by default: every ServiceMonitor, PodMonitor and Probe of the cluster is followed,
            because operators (Rook's, NVIDIA's) make theirs without the label. "labelled": only those with
            `release`. Who may make a monitor may have Prometheus read with its own rights: grant it to
            administrators only. Rules are found by the label in any case.
        query_namespaces: Namespaces whose pods may ask Prometheus (KEDA, metrics adapters); none by default.
        training_runs: Whether pods with the label `bedplate/run` are scraped at their port `metrics`; on by
            default.
        cert_manager: Whether cert-manager issues the certificate of the operator's webhook; by default a
            job of the chart makes it.
    """

    cluster: InstanceOf[KubernetesHandle]
    namespace: K8sLabel = "monitoring"
    node_namespace: K8sLabel | None = None
    make_namespaces: bool = True
    release_name: ReleaseName = "kube-prometheus-stack"
    prometheus: PrometheusSettings = PrometheusSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    grafana: GrafanaSettings | None = None
    nodes: NodeMetrics = NodeMetrics()
    control_plane: bool | None = None
    kube_proxy: bool = False
    chart_rules: Literal["unduplicated", "none"] = "unduplicated"
    dead_mans_switch: bool = False
    monitors: Literal["all", "labelled"] = "all"
    query_namespaces: tuple[K8sLabel, ...] = ()
    training_runs: bool = True
    cert_manager: bool = False

    @property
    def exporters_namespace(self) -> str:
        """Where the exporters on the nodes run."""
        return self.node_namespace or f"{self.namespace}-nodes"

    @property
    def scrapes_control_plane(self) -> bool:
        """Whether etcd, scheduler and controller manager are scraped."""
        if self.control_plane is None:
            return self.cluster.platform == "onprem"
        return self.control_plane

    @property
    def has_smart(self) -> bool:
        """Whether the exporter of drives is installed."""
        if self.nodes.smart is None:
            return self.cluster.platform == "onprem"
        return self.nodes.smart

    @model_validator(mode="after")
    def _check(self) -> "PrometheusStackArgs":
        problems = Problems("PrometheusStackArgs")
        platform = self.cluster.platform
        if self.exporters_namespace == self.namespace:
            problems.add(
                "node_namespace",
                f"{self.namespace!r} is also namespace; the exporters see the host, and whatever ran beside "
                "them might too; choose another",
            )
        if len(self.exporters_namespace) > 63:
            problems.add(
                "node_namespace",
                f"{self.exporters_namespace!r} has {len(self.exporters_namespace)} characters; allowed: at "
                "most 63; give a shorter one",
            )
        if self.control_plane and platform != "onprem":
            problems.add(
                "control_plane",
                f"true on {platform}, where the control plane is the cloud's and cannot be scraped; allowed: "
                "false; remove it",
            )
        if self.dead_mans_switch and self.chart_rules == "none":
            problems.add(
                "dead_mans_switch",
                "true with chart_rules 'none', which leaves Watchdog out; allowed: 'unduplicated'; set one",
            )
        if self.namespace in self.query_namespaces:
            problems.add(
                "query_namespaces", f"{self.namespace!r} is the stack's own and may ask anyway; remove it"
            )
        problems.raise_if_any()
        return self
