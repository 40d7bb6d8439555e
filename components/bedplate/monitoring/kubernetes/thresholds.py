"""Thresholds of the alerts: typed, with safe defaults, refused where they could never or always be met."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bedplate.core import Args

Percent = Annotated[float, Field(gt=0, lt=100)]
"""More than 0 and less than 100: at either end an alert fires always or never."""
AnyPercent = Annotated[float, Field(gt=0, le=1000)]
"""A share that may pass 100, such as a growth."""
Seconds = Annotated[int, Field(ge=0, le=7 * 86400)]
"""How long a condition holds before somebody is told."""
Window = Annotated[int, Field(ge=60, le=7 * 86400)]
"""A range that is looked back over; shorter than a minute, it would hold too few scrapes for a rate."""
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""More than so many is too many."""
Xid = Annotated[int, Field(ge=1, le=999)]


class GpuThresholds(Args):
    """Alerts about GPUs, from NVIDIA's DCGM exporter."""

    honor_labels: bool = False
    """Whether the scrape keeps the exporter's own `pod` label.

    The GPU operator's service monitor does not, so that the pod that holds a GPU is in `exported_pod`."""
    fatal_xids: Annotated[tuple[Xid, ...], Field(min_length=1)] = (48, 63, 64, 74, 79, 94, 95, 119, 120)
    """XIDs after which the GPU or its node is drained: memory, NVLink, lost from the bus, GSP."""
    application_xids: tuple[Xid, ...] = (13, 31, 43, 45)
    """XIDs that a faulty program causes; they tell nothing about the GPU and are left out."""
    temperature_celsius: Annotated[float, Field(ge=40, le=110)] = 87.0
    thermal_throttle_percent: Percent = 5.0
    """Share of time in which clocks are held down by heat."""
    power_throttle_percent: Percent = 90.0
    """Share of time in which clocks are held down by the power limit; a busy GPU reaches its limit often."""
    violation_unit: Literal["us", "ns"] = "us"
    """Unit of DCGM's violation counters: microseconds in its field list, nanoseconds with some drivers."""
    nvlink_errors_per_10m: Count = 100
    lost_memory_seconds: Window = 86400
    """How long a GPU that was seen is missed."""
    idle_percent: Percent = 5.0
    idle_seconds: Window = 3600
    hold_seconds: Seconds = 300

    @model_validator(mode="after")
    def _xids_are_of_one_kind(self) -> Self:
        both = sorted(set(self.fatal_xids) & set(self.application_xids))
        if both:
            raise ValueError(
                f"XIDs {', '.join(map(str, both))} are in fatal_xids and in application_xids; "
                "an XID is one or the other; remove them from one list"
            )
        return self


class NodeThresholds(Args):
    """Alerts about machines, from kube-state-metrics and the exporters of nodes, NVMe drives and EFA."""

    not_ready_seconds: Seconds = 300
    pressure_seconds: Seconds = 300
    filesystem_free_percent: Percent = 10.0
    nvme_used_percent: Annotated[float, Field(gt=0, le=255)] = 80.0
    """Share of the rated writes; NVMe counts on past 100, up to 255."""
    efa_errors_per_10m: Count = 0
    efa_drops_per_10m: Count = 1000
    link_down_seconds: Seconds = 120


class CephThresholds(Args):
    """Alerts about Ceph, from the manager's prometheus module."""

    warning_seconds: Seconds = 900
    error_seconds: Seconds = 60
    osd_down_seconds: Seconds = 300
    osds_down_percent: Percent = 10.0
    osd_used_percent: Percent = 80.0
    """Ceph itself warns at 85 (mon_osd_nearfull_ratio) and stops writes at 95 (mon_osd_full_ratio)."""
    cluster_used_percent: Percent = 70.0
    """Lower than an OSD's, because what a lost failure domain held must fit on the others."""
    pool_quota_percent: Percent = 85.0
    slow_ops: Count = 0
    rgw_failed_percent: Percent = 5.0

    @model_validator(mode="after")
    def _before_ceph_stops(self) -> Self:
        if self.osd_used_percent >= 95:
            raise ValueError(
                f"osd_used_percent is {self.osd_used_percent:g}, and Ceph refuses writes at 95 "
                "(mon_osd_full_ratio): nobody would be told before; choose less than 95"
            )
        return self


class QueueThresholds(Args):
    """Alerts about Kueue, from its controller."""

    wait_seconds: Annotated[int, Field(ge=60, lt=10240)] = 7200
    """How long nine of ten workloads wait at most.

    The last finite bucket of Kueue's histogram ends at 10,240 s (sigs.k8s.io/kueue, pkg/metrics, 14 buckets),
    and no quantile lies above it.
    """
    pending_seconds: Seconds = 86400
    """How long a queue is never empty."""
    stuck_seconds: Window = 1800
    """How long a queue with waiting workloads admits nothing and runs nothing."""
    quota_seconds: Seconds = 3600
    evictions_per_hour: Count = 3


class TrainingThresholds(Args):
    """Alerts about training runs, from the metrics that a run exports (see docs/monitoring.md)."""

    step_time_growth_percent: AnyPercent = 25.0
    """How much slower a step is than the run's own last hour."""
    straggler_percent: AnyPercent = 20.0
    """How much slower the slowest rank is than the median rank."""
    data_wait_percent: Percent = 10.0
    stalled_seconds: Window = 900
    checkpoint_seconds: Window = 2 * 3600
    hold_seconds: Seconds = 600

    @model_validator(mode="after")
    def _a_stall_is_found_first(self) -> Self:
        if self.stalled_seconds > self.checkpoint_seconds:
            raise ValueError(
                f"stalled_seconds is {self.stalled_seconds}, checkpoint_seconds {self.checkpoint_seconds}: "
                "a run that stands still would be told as an old checkpoint; make stalled_seconds the smaller"
            )
        return self


class ObjectStoreThresholds(Args):
    """Alerts about object stores as their clients see them: S3, Google Cloud Storage and Ceph alike."""

    failed_percent: Percent = 1.0
    throttled_percent: Percent = 5.0
    p99_seconds: Annotated[float, Field(gt=0, le=600)] = 5.0
    hold_seconds: Seconds = 600


class EdgeThresholds(Args):
    """Alerts about edge nodes, whose link may be down for a while without anything being wrong."""

    node_role: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = "edge"
    """The role in the label `node-role.kubernetes.io/<role>` that edge nodes carry."""
    offline_seconds: Seconds = 3600
    buffer_mountpoint: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)+$")] = "/var/lib/bedplate/buffer"
    """Where an edge node keeps what it could not send yet."""
    buffer_used_percent: Percent = 70.0
    metrics_delay_seconds: Annotated[int, Field(ge=60, le=7 * 86400)] = 1800
    hold_seconds: Seconds = 300


class KubernetesThresholds(Args):
    """Alerts about the cluster's own objects, from kube-state-metrics, the kubelet and the API server."""

    crash_loop_seconds: Seconds = 600
    unschedulable_seconds: Seconds = 1800
    """Longer than a GPU node takes to come up."""
    rollout_seconds: Seconds = 900
    volume_free_percent: Percent = 10.0
    targets_down_percent: Percent = 10.0
    api_error_percent: Percent = 3.0


class MonitoringThresholds(Args):
    """Alerts about Prometheus, Alertmanager and the operator."""

    store_used_percent: Percent = 95.0
    """Share of what the blocks may take; at 100 the oldest go before their time."""
    remote_write_delay_seconds: Annotated[int, Field(ge=60, lt=7200)] = 300
    """How late the other store may be. After two hours samples leave the log that is written ahead."""
    undelivered_percent: Percent = 1.0
    hold_seconds: Seconds = 600


class LogThresholds(Args):
    """Alerts about the shipping of logs."""

    stopped_seconds: Window = 900
    buffer_used_percent: Percent = 70.0
    hold_seconds: Seconds = 600


class AlertThresholds(Args):
    """All thresholds. What is not given has a default that suits a cluster of tens of GPU nodes."""

    gpu: GpuThresholds = GpuThresholds()
    nodes: NodeThresholds = NodeThresholds()
    ceph: CephThresholds = CephThresholds()
    queue: QueueThresholds = QueueThresholds()
    training: TrainingThresholds = TrainingThresholds()
    object_store: ObjectStoreThresholds = ObjectStoreThresholds()
    edge: EdgeThresholds = EdgeThresholds()
    kubernetes: KubernetesThresholds = KubernetesThresholds()
    monitoring: MonitoringThresholds = MonitoringThresholds()
    logs: LogThresholds = LogThresholds()
