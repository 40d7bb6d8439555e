"""The values of kube-prometheus-stack, from typed arguments. Pure.

Keys are those of the chart 88.5.3 (prometheus-community/helm-charts at cf408a2, values.yaml) and of the
charts that it brings along: grafana 12.11.1, kube-state-metrics 8.4.0, prometheus-node-exporter 4.56.1.
"""

from bedplate.kubernetes.handles import POOL_LABEL
from bedplate.monitoring.kubernetes.addresses import PodResources
from bedplate.monitoring.kubernetes.grafana_values import grafana_values
from bedplate.monitoring.kubernetes.prometheus_args import PrometheusStackArgs
from bedplate.monitoring.kubernetes.prometheus_parts import PrometheusSettings, RemoteWrite
from bedplate.monitoring.kubernetes.routing_args import SecretRef

REPLACED = {
    "KubePodCrashLooping": "PodCrashLooping",
    "KubeDeploymentReplicasMismatch": "DeploymentUnavailable",
    "KubeDaemonSetRolloutStuck": "DaemonSetIncomplete",
    "KubeDaemonSetNotScheduled": "DaemonSetIncomplete",
    "KubeJobFailed": "JobFailed",
    "KubePersistentVolumeFillingUp": "VolumeFilling",
    "KubeNodeNotReady": "NodeNotReady",
    "KubeNodeUnreachable": "NodeNotReady",
    "KubeNodePressure": "NodeDiskPressure",
    "KubeAPIErrorBudgetBurn": "ApiServerErrors",
    "NodeFilesystemAlmostOutOfSpace": "NodeFilesystemFilling",
    "NodeFilesystemSpaceFillingUp": "NodeFilesystemFilling",
    "TargetDown": "TargetsDown",
    "PrometheusBadConfig": "PrometheusConfigRejected",
    "PrometheusRuleFailures": "PrometheusRulesFailing",
    "PrometheusMissingRuleEvaluations": "PrometheusRulesFailing",
    "PrometheusRemoteWriteBehind": "PrometheusRemoteWriteLate",
    "PrometheusRemoteStorageFailures": "PrometheusRemoteWriteLosing",
    "PrometheusNotConnectedToAlertmanagers": "PrometheusWithoutAlertmanager",
    "PrometheusNotIngestingSamples": "PrometheusIngestsNothing",
    "AlertmanagerFailedToSendAlerts": "AlertmanagerNotDelivering",
    "AlertmanagerClusterFailedToSendAlerts": "AlertmanagerNotDelivering",
    "AlertmanagerFailedReload": "AlertmanagerConfigRejected",
}
"""Alerts of the chart, and those of Bedplate's that tell the same, with a runbook and a tested case."""

# What kube-state-metrics passes on as labels: who runs where, and in which queue.
_POD_LABELS = ("bedplate/run", "kueue.x-k8s.io/queue-name", "jobset.sigs.k8s.io/jobset-name")
_NODE_LABELS = (
    POOL_LABEL,
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone",
    "topology.rook.io/rack",
    "nvidia.com/gpu.product",
)

# The chart's own arguments of node exporter, which a list of ours replaces (values.yaml, extraArgs).
_NO_MOUNTS = "^/(dev|proc|sys|run/containerd/.+|var/lib/docker/.+|var/lib/kubelet/.+)($|/)"
_NO_FILESYSTEMS = (
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|"
    "overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs|erofs)$"
)
_MONITORS = ("serviceMonitor", "podMonitor", "probe")
_EVERY_NODE = [{"operator": "Exists"}]
_SMALL = PodResources(cpu=0.05, memory_gib=0.125)


def stack_values(args: PrometheusStackArgs) -> dict[str, object]:
    """The values of the release."""
    gke = args.cluster.platform == "gke"
    control = {"enabled": args.scrapes_control_plane}
    return {
        "fullnameOverride": args.release_name,
        "crds": {"enabled": True},
        "defaultRules": _rules(args),
        "prometheus": {
            "podDisruptionBudget": _budget(args.prometheus.replicas),
            "thanosService": {"enabled": args.prometheus.thanos is not None},
            "thanosServiceMonitor": {"enabled": args.prometheus.thanos is not None},
            "prometheusSpec": _prometheus(args),
        },
        "alertmanager": {
            "podDisruptionBudget": _budget(args.alertmanager.replicas),
            "config": _NO_ROUTES,
            "alertmanagerSpec": _alertmanager(args),
        },
        "prometheusOperator": {
            "tls": {"enabled": True},
            "admissionWebhooks": {
                "enabled": True,
                "failurePolicy": "Fail",
                "certManager": {"enabled": args.cert_manager},
                "patch": {"enabled": not args.cert_manager},
            },
            "resources": PodResources(cpu=0.1, memory_gib=0.5).manifest(),
            "prometheusConfigReloader": {"resources": _SMALL.manifest()},
        },
        "grafana": {"enabled": False} if args.grafana is None else grafana_values(args.grafana),
        "kubeStateMetrics": {"enabled": True},
        "kube-state-metrics": {
            "metricLabelsAllowlist": [
                f"nodes=[{','.join(_NODE_LABELS)}]",
                f"pods=[{','.join(_POD_LABELS)}]",
            ],
            "selfMonitor": {"enabled": True},
            "resources": PodResources(cpu=0.1, memory_gib=0.5).manifest(),
        },
        "nodeExporter": {"enabled": True},
        "prometheus-node-exporter": _node_exporter(args),
        "coreDns": {"enabled": not gke},
        "kubeDns": {"enabled": gke},
        "kubeEtcd": control,
        "kubeScheduler": control,
        "kubeControllerManager": control,
        "kubeProxy": {"enabled": args.kube_proxy},
    }


def smart_values(args: PrometheusStackArgs) -> dict[str, object]:
    """The values of prometheus-smartctl-exporter 0.17.1."""
    return {
        "serviceMonitor": {"enabled": True, "extraLabels": {"release": args.release_name}},
        "tolerations": _EVERY_NODE,
        "rbac": {"create": False},
        "resources": _SMALL.manifest(),
    }


# Where no AlertmanagerConfig is there yet: everything is kept, nobody is told, and nothing is held back.
_NO_ROUTES: dict[str, object] = {
    "route": {"group_by": ["alertname"], "receiver": "null", "routes": []},
    "inhibit_rules": [],
    "receivers": [{"name": "null"}],
}


def _budget(replicas: int) -> dict[str, object]:
    return {"enabled": replicas > 1, "minAvailable": max(1, replicas - 1)}


def _spread(args: PrometheusStackArgs, replicas: int) -> str:
    """Never two on one node, where the cluster has the nodes for it."""
    nodes = sum(pool.max_nodes for pool in args.cluster.pools if not pool.edge and not pool.taints)
    return "hard" if nodes >= replicas > 1 else "soft"


def _rules(args: PrometheusStackArgs) -> dict[str, object]:
    if args.chart_rules == "none":
        return {"create": False}
    silent = [*REPLACED, "InfoInhibitor", *([] if args.dead_mans_switch else ["Watchdog"])]
    managed = ["kubeControllerManager", "kubeSchedulerAlerting", "kubeSchedulerRecording", "etcd"]
    off = ["windows", *([] if args.scrapes_control_plane else managed)]
    if not args.kube_proxy:
        off.append("kubeProxy")
    return {
        "create": True,
        "disabled": dict.fromkeys(silent, True),
        "rules": dict.fromkeys(off, False),
    }


def _prometheus(args: PrometheusStackArgs) -> dict[str, object]:
    settings = args.prometheus
    spec: dict[str, object] = {
        "replicas": settings.replicas,
        "retention": f"{settings.retention_days}d",
        "retentionSize": f"{settings.size_limit_gib}GiB",
        "scrapeInterval": f"{settings.scrape_interval_seconds}s",
        "evaluationInterval": f"{settings.scrape_interval_seconds}s",
        "walCompression": True,
        "enableAdminAPI": False,
        "queryLogFile": False,
        "externalLabels": {"cluster": args.cluster.name, **settings.external_labels},
        "podAntiAffinity": _spread(args, settings.replicas),
        "resources": settings.resources.manifest(),
        "storageSpec": {"volumeClaimTemplate": _claim(args, settings.volume_gib, settings.storage_class)},
        "ruleNamespaceSelector": {},
        "ruleSelectorNilUsesHelmValues": True,
        **{f"{kind}NamespaceSelector": {} for kind in _MONITORS},
        # True: those with the label `release`. False: all.
        **{f"{kind}SelectorNilUsesHelmValues": args.monitors == "labelled" for kind in _MONITORS},
        "remoteWrite": [remote_write(one) for one in settings.remote_write],
    }
    return spec | _options(settings)


def _options(settings: PrometheusSettings) -> dict[str, object]:
    spec: dict[str, object] = {}
    if settings.out_of_order_minutes:
        spec["tsdb"] = {"outOfOrderTimeWindow": f"{settings.out_of_order_minutes}m"}
    if settings.thanos is not None:
        secret = settings.thanos.object_store_config
        spec["thanos"] = {
            "objectStorageConfig": {"existingSecret": _reference(secret)},
            "resources": settings.thanos.resources.manifest(),
        }
    return spec


def remote_write(target: RemoteWrite) -> dict[str, object]:
    """One target as the `Prometheus` object has it."""
    spec: dict[str, object] = {"name": target.name, "url": target.url}
    if target.username is not None and target.password is not None:
        spec["basicAuth"] = {
            "username": _reference(target.username),
            "password": _reference(target.password),
        }
    if target.bearer_token is not None:
        spec["authorization"] = {"type": "Bearer", "credentials": _reference(target.bearer_token)}
    if target.sigv4_region is not None:
        spec["sigv4"] = {"region": target.sigv4_region}
    if target.ca is not None:
        spec["tlsConfig"] = {"ca": {"secret": _reference(target.ca)}}
    if target.metrics is not None:
        spec["writeRelabelConfigs"] = [
            {"sourceLabels": ["__name__"], "regex": target.metrics, "action": "keep"}
        ]
    return spec


def _alertmanager(args: PrometheusStackArgs) -> dict[str, object]:
    settings = args.alertmanager
    spec: dict[str, object] = {
        "replicas": settings.replicas,
        "retention": f"{settings.retention_hours}h",
        "podAntiAffinity": _spread(args, settings.replicas),
        "resources": settings.resources.manifest(),
        "storage": {"volumeClaimTemplate": _claim(args, settings.volume_gib, settings.storage_class)},
        # Alerts about nodes, Ceph and queues have no namespace that a configuration could be held to.
        "alertmanagerConfigMatcherStrategy": {"type": "None"},
    }
    if settings.routes_name is not None:
        spec["alertmanagerConfiguration"] = {"name": settings.routes_name}
    else:
        spec["alertmanagerConfigSelector"] = {"matchLabels": {"release": args.release_name}}
        spec["alertmanagerConfigNamespaceSelector"] = {}
    return spec


def _node_exporter(args: PrometheusStackArgs) -> dict[str, object]:
    arguments = [
        f"--collector.filesystem.mount-points-exclude={_NO_MOUNTS}",
        f"--collector.filesystem.fs-types-exclude={_NO_FILESYSTEMS}",
        # Both are on by default (node_exporter 1.12); named, because alerts are built on them.
        "--collector.infiniband",
        "--collector.nvme",
    ]
    if args.nodes.ethtool:
        arguments += [
            "--collector.ethtool",
            f"--collector.ethtool.device-include={args.nodes.ethtool_devices}",
        ]
    return {
        "namespaceOverride": args.exporters_namespace,
        "extraArgs": arguments,
        "tolerations": _EVERY_NODE,
        "resources": _SMALL.manifest(),
    }


def _claim(args: PrometheusStackArgs, gib: int, storage_class: str | None) -> dict[str, object]:
    chosen = storage_class or args.cluster.storage_class
    spec: dict[str, object] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{gib}Gi"}},
    }
    if chosen is not None:
        spec["storageClassName"] = chosen
    return {"spec": spec}


def _reference(secret: SecretRef) -> dict[str, str]:
    return {"name": secret.name, "key": secret.key}
