"""Alerts about edge nodes."""

from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, Severity, duration, number
from bedplate.monitoring.kubernetes.thresholds import EdgeThresholds


def edge_group(limits: EdgeThresholds) -> Group:
    """Nodes that are offline for longer than their link usually is, and what they could not send yet."""
    mount = f'mountpoint="{limits.buffer_mountpoint}"'
    offline = duration(limits.offline_seconds)
    return Group(
        AlertGroup.EDGE,
        "Edge nodes",
        "kube-state-metrics in the centre; node exporter and Prometheus in agent mode on the edge node. "
        "What a node "
        "tells while its link is down arrives afterwards; only EdgeNodeOffline fires meanwhile.",
        (
            Alert(
                "EdgeNodeOffline",
                'kube_node_status_condition{condition="Ready",status="true"} == 0 and on (node) '
                f'kube_node_role{{role="{limits.node_role}"}}',
                Severity.WARNING,
                limits.offline_seconds,
                "The edge node {{ $labels.node }} is offline",
                f"{{{{ $labels.node }}}} has not been heard of for {offline}; it goes on with the models "
                "that it has.",
                "The link is down for longer than expected, or the node has no power.",
                (
                    "Does another node at the same site answer? Then it is the node, else the link.",
                    "Ask someone there to look at the power and the modem.",
                ),
            ),
            Alert(
                "EdgeBufferFilling",
                f"100 - node_filesystem_avail_bytes{{{mount}}} / node_filesystem_size_bytes{{{mount}}} * 100 "
                f"> {number(limits.buffer_used_percent)}",
                Severity.WARNING,
                limits.hold_seconds,
                "The buffer of {{ $labels.instance }} fills",
                'The buffer of {{ $labels.instance }} is full to {{ $value | printf "%.0f" }}%; when it is '
                "full, the "
                "oldest data is lost.",
                "More is recorded than the link carries.",
                ("See EdgeMetricsDelayed; lower the rate of what is sent, or enlarge the buffer.",),
            ),
            Alert(
                "EdgeMetricsDelayed",
                "max by (instance) (prometheus_remote_storage_highest_timestamp_in_seconds) - max by "
                "(instance) "
                "(prometheus_remote_storage_queue_highest_sent_timestamp_seconds) > "
                f"{number(limits.metrics_delay_seconds)}",
                Severity.WARNING,
                limits.hold_seconds,
                "Metrics of {{ $labels.instance }} are late",
                "Metrics of {{ $labels.instance }} arrive {{ $value | humanizeDuration }} late.",
                "The queue grows faster than it is sent: a slow link, or a receiver that refuses.",
                ("The agent's log: 429 and 5xx are the receiver, timeouts are the link.",),
            ),
            Alert(
                "EdgeSamplesLost",
                "sum by (instance) (increase(prometheus_remote_storage_samples_failed_total[1h])) > 0",
                Severity.WARNING,
                0,
                "Metrics of {{ $labels.instance }} are lost",
                '{{ $value | printf "%.0f" }} samples of {{ $labels.instance }} were given up within an '
                "hour.",
                "The receiver refused them for good, for instance because they are too old.",
                ("Let the receiver take old samples: `out_of_order_time_window` of Prometheus' TSDB.",),
            ),
        ),
    )
