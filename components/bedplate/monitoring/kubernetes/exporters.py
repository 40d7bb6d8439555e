"""Which exporter each metric of the alerts and dashboards comes from, and what installs it.

Names were looked up where the exporter's source or document could be read: kube-state-metrics 2.20, node
exporter 1.12, smartctl exporter 0.14, Prometheus 3.14, Alertmanager 0.34 by their charts' own rules
(prometheus-community/helm-charts at cf408a2); Vector 0.56 (lib/vector-common, metric names); Kueue 0.17
(pkg/metrics). DCGM and Ceph: from memory.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bedplate.monitoring.kubernetes.dashboards import DASHBOARDS
from bedplate.monitoring.kubernetes.rules import all_groups


@dataclass(frozen=True, slots=True)
class Exporter:
    """One source of metrics.

    Attributes:
        name: What it is called.
        installed_by: The component that installs it and has it scraped; None where none does.
        setting: What must be switched on for it; empty where it is as installed.
        metrics: Those that are used.
    """

    name: str
    installed_by: str | None
    setting: str
    metrics: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EXPORTERS: tuple[Exporter, ...] = (
    Exporter(
        "DCGM exporter",
        "NvidiaGpuOperator",
        "its list of counters holds `needed_dcgm_fields()`",
        _words(
            "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL DCGM_FI_DEV_FB_FREE DCGM_FI_DEV_FB_USED DCGM_FI_DEV_GPU_TEMP "
            "DCGM_FI_DEV_GPU_UTIL DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL "
            "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL DCGM_FI_DEV_POWER_USAGE "
            "DCGM_FI_DEV_POWER_VIOLATION DCGM_FI_DEV_ROW_REMAP_FAILURE DCGM_FI_DEV_THERMAL_VIOLATION "
            "DCGM_FI_DEV_XID_ERRORS"
        ),
    ),
    Exporter(
        "kube-state-metrics",
        "PrometheusStack",
        "",
        _words(
            "kube_daemonset_status_desired_number_scheduled kube_daemonset_status_number_ready "
            "kube_deployment_spec_replicas kube_deployment_status_replicas_available kube_job_failed "
            "kube_node_info kube_node_role kube_node_status_allocatable kube_node_status_condition "
            "kube_pod_container_status_last_terminated_reason kube_pod_container_status_restarts_total "
            "kube_pod_container_status_waiting_reason kube_pod_status_unschedulable"
        ),
    ),
    Exporter(
        "node exporter",
        "PrometheusStack",
        "collectors filesystem and infiniband, on by default",
        _words("node_filesystem_avail_bytes node_filesystem_size_bytes node_infiniband_state_id"),
    ),
    Exporter(
        "smartctl exporter",
        "PrometheusStack",
        "`nodes.smart`, on by default where the machines are your own",
        _words("smartctl_device_critical_warning smartctl_device_percentage_used"),
    ),
    Exporter(
        "EFA exporter",
        None,
        "build and run awslabs/awsome-distributed-ai, efa-node-exporter: no image of it is published",
        _words("node_amazonefa_rdma_read_wr_err node_amazonefa_rdma_write_wr_err node_amazonefa_rx_drops"),
    ),
    Exporter(
        "kubelet",
        "PrometheusStack",
        "",
        _words("kubelet_volume_stats_available_bytes kubelet_volume_stats_capacity_bytes"),
    ),
    Exporter("API server", "PrometheusStack", "", _words("apiserver_request_total")),
    Exporter(
        "Kueue",
        "KueueQueues",
        "`metrics.enableClusterQueueResources: true`",
        _words(
            "kueue_admission_wait_time_seconds_bucket kueue_admitted_active_workloads "
            "kueue_admitted_workloads_total kueue_cluster_queue_nominal_quota "
            "kueue_cluster_queue_resource_usage kueue_cluster_queue_status kueue_evicted_workloads_total "
            "kueue_pending_workloads"
        ),
    ),
    Exporter(
        "Ceph's manager",
        "RookCephCluster",
        "`prometheus`, on by default",
        _words(
            "ceph_cluster_total_bytes ceph_cluster_total_used_bytes ceph_health_status "
            "ceph_healthcheck_slow_ops ceph_mon_quorum_status ceph_osd_stat_bytes ceph_osd_stat_bytes_used "
            "ceph_osd_up ceph_pg_active ceph_pg_total ceph_pool_metadata ceph_pool_quota_bytes "
            "ceph_pool_rd_bytes ceph_pool_stored ceph_pool_wr_bytes"
        ),
    ),
    Exporter(
        "Ceph's exporter on each node",
        "RookCephCluster",
        "`prometheus`; counters of the gateways are not the manager's since Ceph 18",
        _words("ceph_rgw_failed_req ceph_rgw_req"),
    ),
    Exporter(
        "training runs",
        "PrometheusStack",
        "pods with the label `bedplate/run` and a port `metrics`",
        _words(
            "bedplate_object_store_request_seconds_bucket bedplate_object_store_requests_total "
            "bedplate_training_checkpoint_timestamp_seconds bedplate_training_data_wait_seconds_total "
            "bedplate_training_loss bedplate_training_samples_total bedplate_training_step_compute_seconds "
            "bedplate_training_step_seconds bedplate_training_steps_total"
        ),
    ),
    Exporter(
        "Prometheus",
        "PrometheusStack",
        "",
        _words(
            "ALERTS prometheus_config_last_reload_successful "
            "prometheus_notifications_alertmanagers_discovered "
            "prometheus_remote_storage_highest_timestamp_in_seconds "
            "prometheus_remote_storage_queue_highest_sent_timestamp_seconds "
            "prometheus_remote_storage_queue_highest_timestamp_seconds "
            "prometheus_remote_storage_samples_failed_total prometheus_rule_evaluation_failures_total "
            "prometheus_rule_group_iterations_missed_total prometheus_tsdb_head_samples_appended_total "
            "prometheus_tsdb_retention_limit_bytes prometheus_tsdb_storage_blocks_bytes up"
        ),
    ),
    Exporter("Prometheus operator", "PrometheusStack", "", _words("prometheus_operator_managed_resources")),
    Exporter(
        "Alertmanager",
        "PrometheusStack",
        "",
        _words(
            "alertmanager_cluster_members alertmanager_config_last_reload_successful "
            "alertmanager_notifications_failed_total alertmanager_notifications_total"
        ),
    ),
    Exporter(
        "log agents",
        "LogShipping",
        "`monitoring`",
        _words(
            "vector_buffer_max_size_bytes vector_buffer_size_bytes vector_component_discarded_events_total "
            "vector_component_received_events_total vector_component_sent_events_total vector_uptime_seconds"
        ),
    ),
)

_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_MATCHERS = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAMES = re.compile(r"(?<![\w:.])[A-Za-z_][\w:]*(?!\s*\(|[\w:])")
_KEYWORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "bool",
        "Inf",
        "NaN",
    ]
)
_VARIABLE = re.compile(r"label_values\(([^,]+),[^)]*\)")


def metrics_of(expr: str) -> set[str]:
    """The metrics that an expression of PromQL asks for; recorded series of Bedplate's are left out."""
    text = _LABELS.sub(" ", _RANGES.sub(" ", _MATCHERS.sub(" ", _STRINGS.sub(" ", expr))))
    found = {name for name in _NAMES.findall(text) if name not in _KEYWORDS}
    return {name for name in found if not name.startswith("bedplate:")}


def _expressions() -> Iterable[str]:
    for group in all_groups():
        yield from (alert.expr for alert in group.alerts)
        yield from (recording.expr for recording in group.recordings)
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            yield from (expr for expr, _ in panel.queries)
        for _, query in dashboard.variables:
            values = _VARIABLE.fullmatch(query)
            yield query if values is None else values[1]


def used_metrics() -> set[str]:
    """Every metric that an alert, a recorded series or a dashboard asks for."""
    return {metric for expr in _expressions() for metric in metrics_of(expr)}


def needed_dcgm_fields() -> tuple[str, ...]:
    """The fields of DCGM that must be in the exporter's list of counters, in order of their names."""
    return tuple(sorted(metric for metric in used_metrics() if metric.startswith("DCGM_FI_")))
