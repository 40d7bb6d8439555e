"""Metrics of sites: collected there, kept while the link is down, and sent when it is back."""

from typing import Annotated

import pulumi
import pulumi_kubernetes as k8s
import yaml
from pydantic import Field, InstanceOf, model_validator

from bedplate.catalog import image
from bedplate.core import Args, In
from bedplate.core.errors import Problems
from bedplate.core.naming import child
from bedplate.edge.buffer import log_bytes
from bedplate.edge.handles import EdgeHandle, EdgeNodeHandle, EdgeSiteHandle
from bedplate.edge.pods import (
    CONTAINER_SECURITY,
    Json,
    deployment,
    digest,
    labels,
    node_spec,
    pod_security,
    resources_of,
    untyped,
)
from bedplate.kubernetes.names import K8sLabel, K8sName
from bedplate.kubernetes.objects import MANAGED, options

__all__ = ["EdgeMetrics", "EdgeMetricsArgs", "RemoteWrite", "SiteTarget"]

GIB = 1 << 30
_PORT = 9090
_SECRETS = "/etc/prometheus/secrets"


class RemoteWrite(Args):
    """Where metrics are sent; always over TLS. Secrets are in the edge's namespace.

    Attributes:
        url: The address that takes remote writes.
        token_secret: A secret whose entry "token" is sent as a bearer token; none by default.
        client_secret: A secret of type kubernetes.io/tls with the sites' client certificate; none by default.
        ca_secret: A secret whose entry "ca.crt" signed the receiver's certificate; the system's by default.
        shards: Parallel senders once the link is back; 4 by default, so that the past is caught up with
            without filling the link.
        batch: Samples in one request; 2000 by default.
    """

    url: In[Annotated[str, Field(pattern=r"^https://\S+$")]]
    token_secret: K8sName | None = None
    client_secret: K8sName | None = None
    ca_secret: K8sName | None = None
    shards: int = Field(default=4, ge=1, le=50)
    batch: int = Field(default=2000, ge=100, le=10_000)


class SiteTarget(Args):
    """What is scraped on every node beside the node exporter.

    Attributes:
        job: The label job.
        port: The port on the node's address.
        gpu_only: Whether only nodes with GPUs have it; off by default.
    """

    job: K8sLabel
    port: int = Field(ge=1, le=65535)
    gpu_only: bool = False


class EdgeMetricsArgs(Args):
    """Arguments of EdgeMetrics.

    Attributes:
        edge: The fleet. At each site the first node with a buffer collects for all.
        remote_write: Where metrics are sent.
        interval_seconds: How often it is scraped; 60 by default.
        series_per_node: Time series of each node, for the size of the buffer; 1500 by default: a node
            exporter with some hundreds beside it.
        buffer_share: What part of the node's buffer metrics may take; 0.5 by default. Results of lines and
            logs take the rest.
        node_exporter_port: Of the node exporter, which kube-prometheus-stack puts on every node; 9100 by
            default.
        targets: What else there is on nodes, such as DCGM's exporter on a port of the host.
        external_labels: Further labels of all metrics; `site` is set.
        memory_mib: Memory of the collector, in MiB; 512 by default.
    """

    edge: InstanceOf[EdgeHandle]
    remote_write: RemoteWrite
    interval_seconds: int = Field(default=60, ge=5, le=600)
    series_per_node: int = Field(default=1500, ge=100)
    buffer_share: float = Field(default=0.5, gt=0, le=1)
    node_exporter_port: int = Field(default=9100, ge=1, le=65535)
    targets: tuple[SiteTarget, ...] = ()
    external_labels: dict[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")], str] = Field(
        default_factory=dict
    )
    memory_mib: int = Field(default=512, ge=128)

    @model_validator(mode="after")
    def _check(self) -> "EdgeMetricsArgs":
        problems = Problems("EdgeMetricsArgs")
        for site in self.edge.sites:
            gateway = site.gateway
            if gateway is None:
                problems.add("edge", f"no node of {site.name} has a buffer; give one buffer_gib")
                continue
            needed = self.needed_gib(site)
            room = gateway.buffer_gib * self.buffer_share
            if needed > room:
                problems.add(
                    "buffer_share",
                    f"{site.offline_hours:g} h without a link are {needed:.1f} GiB of metrics for "
                    f"{len(site.nodes)} nodes at {site.name}; {self.buffer_share:g} of {gateway.hostname}'s "
                    f"{gateway.buffer_gib:g} GiB are {room:.1f}; raise buffer_gib or interval_seconds, or "
                    "lower offline_hours",
                )
        if "site" in self.external_labels:
            problems.add("external_labels", "'site' is set to each site's name; remove it")
        jobs = [target.job for target in self.targets]
        for job in sorted({job for job in jobs if jobs.count(job) > 1 or job in ("node", "pods")}):
            problems.add("targets", f"job {job!r} is there already; rename it")
        problems.raise_if_any()
        return self

    def needed_gib(self, site: EdgeSiteHandle) -> float:
        """What a site's metrics take after its longest time without a link, in GiB."""
        series = self.series_per_node * len(site.nodes)
        return log_bytes(series, self.interval_seconds, site.offline_hours) / GIB


class EdgeMetrics(pulumi.ComponentResource):
    """Prometheus in agent mode at each site, with its log on the disk that the alerts about buffers watch.

    Its own metrics are the ones that EdgeMetricsDelayed and EdgeSamplesLost are about.
    """

    needed_gib: dict[str, float]
    """What the metrics of each site take after its longest time without a link, in GiB."""

    def __init__(self, name: str, args: EdgeMetricsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:EdgeMetrics", name, None, opts)
        self._name, self._args = name, args
        self._labels = labels("bedplate-edge-metrics", name, **{"bedplate/scrapes": "true"})
        account = self._account()
        self._policy()
        self.needed_gib = {}
        for site in args.edge.sites:
            gateway = site.gateway
            assert gateway is not None  # the arguments were checked
            self._site(site, gateway, account)
            self.needed_gib[site.name] = args.needed_gib(site)
        self.register_outputs({})

    def _metadata(self, name: str) -> Json:
        return {"name": name, "namespace": self._args.edge.namespace, "labels": dict(MANAGED)}

    def _account(self) -> list[pulumi.Resource]:
        """Pods of the namespace are found by the API server, and go on being scraped while it is away."""
        made = options(self, self._args.edge.resources)
        account = k8s.core.v1.ServiceAccount(
            child(self._name, "account"),
            metadata=untyped(self._metadata(self._name)),
            automount_service_account_token=False,
            opts=made,
        )
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
        role = k8s.rbac.v1.Role(
            child(self._name, "role"),
            metadata=untyped(self._metadata(self._name)),
            rules=[untyped(rule)],
            opts=made,
        )
        subject = {
            "kind": "ServiceAccount",
            "name": self._name,
            "namespace": self._args.edge.namespace,
        }
        binding = k8s.rbac.v1.RoleBinding(
            child(self._name, "binding"),
            metadata=untyped(self._metadata(self._name)),
            role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": self._name}),
            subjects=[untyped(subject)],
            opts=options(self, [account, role]),
        )
        return [account, role, binding]

    def _site(self, site: EdgeSiteHandle, gateway: EdgeNodeHandle, account: list[pulumi.Resource]) -> None:
        args, name = self._args, child(self._name, site.name)
        config = pulumi.Output.from_input(args.remote_write.url).apply(
            lambda url: yaml.safe_dump(prometheus_config(args, site, url), sort_keys=False)
        )
        config_map = k8s.core.v1.ConfigMap(
            child(name, "config"),
            metadata=untyped(self._metadata(name)),
            data={"prometheus.yml": config},
            opts=options(self, args.edge.resources),
        )
        secrets = _secrets(args.remote_write)
        hours = site.offline_hours
        probe = {"port": _PORT, "path": "/-/ready"}
        container: Json = {
            "name": "prometheus",
            "image": image("prometheus-agent").reference,
            "args": [
                "--agent",
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.agent.path=/buffer",
                # What was sent goes with the next cut; what was not is kept for so long, and no longer: the
                # disk is not only this log's.
                f"--storage.agent.retention.max-time={round(hours * 60) + 120}m",
            ],
            "ports": [{"name": "http", "containerPort": _PORT}],
            "readinessProbe": {"httpGet": probe, "periodSeconds": 30},
            # Reading three days of log again takes minutes after a restart.
            "startupProbe": {"httpGet": probe, "periodSeconds": 15, "failureThreshold": 80},
            "livenessProbe": {"httpGet": {**probe, "path": "/-/healthy"}, "periodSeconds": 60},
            "resources": resources_of("100m", f"{args.memory_mib}Mi"),
            "securityContext": CONTAINER_SECURITY,
            "volumeMounts": [
                {
                    "name": "config",
                    "mountPath": "/etc/prometheus/prometheus.yml",
                    "subPath": "prometheus.yml",
                },
                {"name": "buffer", "mountPath": "/buffer", "subPath": "metrics"},
                *({"name": part, "mountPath": f"{_SECRETS}/{part}", "readOnly": True} for part, _ in secrets),
            ],
        }
        deployment(
            self,
            name,
            args.edge,
            pod_labels={**self._labels, "bedplate/site": site.name},
            spec={
                **node_spec(args.edge, gateway),
                "serviceAccountName": self._name,
                "automountServiceAccountToken": True,
                "securityContext": pod_security(),
                "containers": [container],
                "volumes": [
                    {"name": "config", "configMap": {"name": name}},
                    {"name": "buffer", "persistentVolumeClaim": {"claimName": gateway.buffer_claim}},
                    *({"name": part, "secret": {"secretName": secret}} for part, secret in secrets),
                ],
            },
            annotations={"bedplate/config": digest(config)},
            after=[config_map, *account],
        )

    def _policy(self) -> None:
        addresses = [node.address for node in self._args.edge.nodes]
        ports = [self._args.node_exporter_port, *(target.port for target in self._args.targets)]
        egress: list[Json] = [
            {"ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)]},
            {"to": [{"podSelector": {}}]},
            {
                "to": [{"ipBlock": {"cidr": f"{one}/{128 if ':' in one else 32}"}} for one in addresses],
                "ports": [{"protocol": "TCP", "port": port} for port in dict.fromkeys(ports)],
            },
        ]
        k8s.networking.v1.NetworkPolicy(
            child(self._name, "network"),
            metadata=untyped(self._metadata(self._name)),
            spec=untyped(
                {
                    "podSelector": {"matchLabels": self._labels},
                    "policyTypes": ["Ingress", "Egress"],
                    "egress": egress,
                }
            ),
            opts=options(self, self._args.edge.resources),
        )


def _secrets(write: RemoteWrite) -> list[tuple[str, str]]:
    named = (("token", write.token_secret), ("client", write.client_secret), ("ca", write.ca_secret))
    return [(part, secret) for part, secret in named if secret is not None]


def prometheus_config(args: EdgeMetricsArgs, site: EdgeSiteHandle, url: str) -> Json:
    """prometheus.yml of a site. Nodes are listed by address: no name has to be resolved to find them."""
    write = args.remote_write
    tls: Json = {}
    if write.ca_secret is not None:
        tls["ca_file"] = f"{_SECRETS}/ca/ca.crt"
    if write.client_secret is not None:
        tls |= {"cert_file": f"{_SECRETS}/client/tls.crt", "key_file": f"{_SECRETS}/client/tls.key"}
    remote: Json = {
        "url": url,
        "queue_config": {
            "max_shards": write.shards,
            "min_shards": 1,
            "max_samples_per_send": write.batch,
            "capacity": write.batch * 4,
            "min_backoff": "1s",
            "max_backoff": "5m",
            "retry_on_http_429": True,
        },
        **({"tls_config": tls} if tls else {}),
        **(
            {"authorization": {"type": "Bearer", "credentials_file": f"{_SECRETS}/token/token"}}
            if write.token_secret is not None
            else {}
        ),
    }
    jobs: list[Json] = [
        _static("node", [(node, args.node_exporter_port) for node in site.nodes]),
        *(
            _static(one.job, [(node, one.port) for node in site.nodes if node.gpus or not one.gpu_only])
            for one in args.targets
        ),
        {"job_name": "prometheus", "static_configs": [{"targets": [f"localhost:{_PORT}"]}]},
        _pods(args.edge.namespace, [node.hostname for node in site.nodes]),
    ]
    return {
        "global": {
            "scrape_interval": f"{args.interval_seconds}s",
            "scrape_timeout": f"{min(10, args.interval_seconds)}s",
            "external_labels": {"site": site.name, **args.external_labels},
        },
        "scrape_configs": jobs,
        "remote_write": [remote],
    }


def _static(job: str, targets: list[tuple[EdgeNodeHandle, int]]) -> Json:
    return {
        "job_name": job,
        "static_configs": [
            {
                "targets": [f"[{node.address}]:{port}" if ":" in node.address else f"{node.address}:{port}"],
                "labels": {"node": node.hostname},
            }
            for node, port in targets
        ],
    }


def _pods(namespace: str, hosts: list[str]) -> Json:
    """Containers of the site's own pods with a port called metrics."""
    return {
        "job_name": "pods",
        "honor_labels": True,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}}],
        "relabel_configs": [
            {
                "source_labels": ["__meta_kubernetes_pod_node_name"],
                "regex": "|".join(hosts),
                "action": "keep",
            },
            {
                "source_labels": ["__meta_kubernetes_pod_container_port_name"],
                "regex": "metrics",
                "action": "keep",
            },
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            {"source_labels": ["__meta_kubernetes_pod_node_name"], "target_label": "node"},
        ],
    }
