"""The dashboards: GPU fleet, training, Ceph, queues."""

from bedplate.monitoring.kubernetes.panels import Dashboard, Panel

_GPU = '{Hostname=~"$node"}'
_RUN = '{run=~"$run"}'
_QUEUE = '{cluster_queue=~"$cluster_queue"}'


def _stat(title: str, expr: str, unit: str = "short") -> Panel:
    return Panel(title, ((expr, ""),), unit, "stat", 6, 4)


def _alerts(group: str) -> Panel:
    return Panel(
        "Alerts",
        ((f'ALERTS{{alertstate="firing",group="{group}"}}', ""),),
        kind="table",
        width=24,
        height=6,
    )


GPU_FLEET = Dashboard(
    "bedplate-gpu-fleet",
    "GPU fleet",
    (
        _stat("GPUs", f"count(count by (Hostname, UUID) (DCGM_FI_DEV_GPU_TEMP{_GPU}))"),
        _stat("Allocated", f"sum(bedplate:gpus_allocated:count_by_node{_GPU})"),
        _stat("Utilisation", f"avg(DCGM_FI_DEV_GPU_UTIL{_GPU})", "percent"),
        _stat("Power", f"sum(DCGM_FI_DEV_POWER_USAGE{_GPU})", "watt"),
        Panel(
            "Utilisation by node",
            ((f"bedplate:gpu_utilisation_percent:avg_by_node{_GPU}", "{{Hostname}}"),),
            "percent",
        ),
        Panel(
            "Memory in use",
            (
                (
                    f"sum by (Hostname) (DCGM_FI_DEV_FB_USED{_GPU}) / (sum by (Hostname) "
                    f"(DCGM_FI_DEV_FB_USED{_GPU}) + sum by (Hostname) (DCGM_FI_DEV_FB_FREE{_GPU})) * 100",
                    "{{Hostname}}",
                ),
            ),
            "percent",
        ),
        Panel(
            "Hottest GPU of each node",
            ((f"max by (Hostname) (DCGM_FI_DEV_GPU_TEMP{_GPU})", "{{Hostname}}"),),
            "celsius",
        ),
        Panel(
            "NVLink errors in 10 minutes",
            (
                (
                    f"sum by (Hostname) (increase(DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL{_GPU}[10m]))",
                    "{{Hostname}}",
                ),
            ),
        ),
        Panel(
            "XIDs and uncorrectable memory errors",
            (
                (f"DCGM_FI_DEV_XID_ERRORS{_GPU} > 0", "XID {{Hostname}} GPU {{gpu}}"),
                (f"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{_GPU} > 0", "ECC {{Hostname}} GPU {{gpu}}"),
            ),
            width=24,
        ),
        _alerts("gpu"),
    ),
    (("node", "label_values(DCGM_FI_DEV_GPU_TEMP, Hostname)"),),
)

TRAINING = Dashboard(
    "bedplate-training",
    "Training",
    (
        Panel("Loss", ((f"max by (run) (bedplate_training_loss{_RUN})", "{{run}}"),)),
        Panel("Step time", ((f"bedplate:training_step_seconds:avg5m{_RUN}", "{{run}}"),), "s"),
        Panel(
            "Samples per second",
            ((f"sum by (run) (rate(bedplate_training_samples_total{_RUN}[5m]))", "{{run}}"),),
        ),
        Panel("Waiting for data", ((f"bedplate:training_data_wait_percent{_RUN}", "{{run}}"),), "percent"),
        Panel(
            "Time to compute a step, fastest and slowest rank",
            (
                (f"min by (run) (bedplate_training_step_compute_seconds{_RUN})", "{{run}} fastest"),
                (f"max by (run) (bedplate_training_step_compute_seconds{_RUN})", "{{run}} slowest"),
            ),
            "s",
        ),
        Panel(
            "Age of the last checkpoint",
            ((f"time() - max by (run) (bedplate_training_checkpoint_timestamp_seconds{_RUN})", "{{run}}"),),
            "s",
        ),
        Panel(
            "Object store requests by result",
            (
                (
                    "sum by (store, operation, result) (rate(bedplate_object_store_requests_total[5m]))",
                    "{{store}} {{operation}} {{result}}",
                ),
            ),
            "reqps",
            width=24,
        ),
        _alerts("training"),
    ),
    (("run", "label_values(bedplate_training_loss, run)"),),
)

CEPH = Dashboard(
    "bedplate-ceph",
    "Ceph",
    (
        _stat("Health (0 ok, 1 warning, 2 error)", "ceph_health_status"),
        _stat("Used", "bedplate:ceph_used_percent", "percent"),
        _stat("OSDs up", "sum(ceph_osd_up)"),
        _stat("Monitors in quorum", "sum(ceph_mon_quorum_status)"),
        Panel(
            "OSDs by use",
            (("ceph_osd_stat_bytes_used / ceph_osd_stat_bytes * 100", "{{ceph_daemon}}"),),
            "percent",
        ),
        Panel(
            "Pools",
            (("ceph_pool_stored * on (pool_id) group_left (name) ceph_pool_metadata", "{{name}}"),),
            "bytes",
        ),
        Panel(
            "Client throughput",
            (
                ("sum(rate(ceph_pool_rd_bytes[5m]))", "read"),
                ("sum(rate(ceph_pool_wr_bytes[5m]))", "written"),
            ),
            "Bps",
        ),
        Panel("Slow requests", (("ceph_healthcheck_slow_ops", "slow"),)),
        Panel(
            "Object gateway",
            (("sum(rate(ceph_rgw_req[5m]))", "requests"), ("sum(rate(ceph_rgw_failed_req[5m]))", "failed")),
            "reqps",
            width=24,
        ),
        _alerts("ceph"),
    ),
)

QUEUES = Dashboard(
    "bedplate-queues",
    "Queues",
    (
        Panel("Waiting workloads", ((f"bedplate:queue_pending:sum_by_queue{_QUEUE}", "{{cluster_queue}}"),)),
        Panel(
            "Running workloads",
            ((f"max by (cluster_queue) (kueue_admitted_active_workloads{_QUEUE})", "{{cluster_queue}}"),),
        ),
        Panel(
            "Quota in use",
            ((f"bedplate:queue_quota_used_percent{_QUEUE}", "{{cluster_queue}} {{flavor}} {{resource}}"),),
            "percent",
        ),
        Panel(
            "Wait before admission, nine of ten workloads",
            (
                (
                    "histogram_quantile(0.9, sum by (le, cluster_queue) "
                    f"(rate(kueue_admission_wait_time_seconds_bucket{_QUEUE}[1h])))",
                    "{{cluster_queue}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Evictions in an hour",
            (
                (
                    f"sum by (cluster_queue, reason) (increase(kueue_evicted_workloads_total{_QUEUE}[1h]))",
                    "{{cluster_queue}} {{reason}}",
                ),
            ),
            width=24,
        ),
        _alerts("queue"),
    ),
    (("cluster_queue", "label_values(kueue_cluster_queue_status, cluster_queue)"),),
)

DASHBOARDS = (GPU_FLEET, TRAINING, CEPH, QUEUES)
