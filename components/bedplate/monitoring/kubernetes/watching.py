"""Alerts about what watches: Prometheus, Alertmanager, the operator; and about the shipping of logs."""

from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, Severity, duration, number
from bedplate.monitoring.kubernetes.thresholds import LogThresholds, MonitoringThresholds

_PROMETHEUS = "{{ $labels.namespace }}/{{ $labels.pod }}"
_STATUS = (
    "`kubectl port-forward -n NAMESPACE svc/RELEASE-prometheus 9090`, then the page Status of Prometheus."
)


def monitoring_group(limits: MonitoringThresholds) -> Group:
    """Rules that fail, samples that are late or lost, alerts that reach nobody."""
    return Group(
        AlertGroup.MONITORING,
        "Monitoring itself",
        "Prometheus, Alertmanager and the Prometheus operator scrape themselves (kube-prometheus-stack). A "
        "Prometheus that is down tells nothing: a dead man's switch does (`dead_mans_switch`).",
        (*_rules(limits), *_samples(limits), *_delivery(limits)),
    )


def _rules(limits: MonitoringThresholds) -> tuple[Alert, ...]:
    hold = limits.hold_seconds
    return (
        Alert(
            "PrometheusConfigRejected",
            "max_over_time(prometheus_config_last_reload_successful[5m]) == 0",
            Severity.CRITICAL,
            hold,
            f"{_PROMETHEUS} refuses its configuration",
            f"{_PROMETHEUS} goes on with the configuration from before, and starts with none.",
            "A monitor, a rule or a setting that the operator took is refused by Prometheus.",
            (
                "The pod's log names the line: `kubectl logs -n NAMESPACE POD -c prometheus | grep -i "
                "error`.",
                "Undo the newest change of a ServiceMonitor, PodMonitor or PrometheusRule.",
            ),
        ),
        Alert(
            "PrometheusRulesFailing",
            "sum by (namespace, pod) (increase(prometheus_rule_evaluation_failures_total[5m]) + "
            "increase(prometheus_rule_group_iterations_missed_total[5m])) > 0",
            Severity.CRITICAL,
            hold,
            f"Rules fail on {_PROMETHEUS}",
            f'{{{{ $value | printf "%.0f" }}}} evaluation(s) of rules failed or were left out on '
            f"{_PROMETHEUS} in "
            "5 minutes.",
            "An alert whose rule fails never fires.",
            (
                "Which: the page Status / Rule health of Prometheus shows the error and the time that "
                "each takes.",
                "Many-to-many matching: two exporters tell the same thing. Too slow: raise the CPU, or "
                "record "
                "the series.",
            ),
        ),
        Alert(
            "PrometheusObjectRejected",
            'sum by (namespace, resource) (prometheus_operator_managed_resources{state="rejected"}) > 0',
            Severity.WARNING,
            hold,
            "The Prometheus operator refuses a {{ $labels.resource }}",
            "The Prometheus operator refuses {{ $value }} object(s) of the kind {{ $labels.resource }}.",
            "The object is valid for the API server and not for Prometheus; it has no effect.",
            ("The operator's events: `kubectl get events -A --field-selector reason=InvalidConfiguration`.",),
        ),
    )


def _samples(limits: MonitoringThresholds) -> tuple[Alert, ...]:
    late = "prometheus_remote_storage_queue_highest_timestamp_seconds"
    sent = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
    failed = "increase(prometheus_remote_storage_samples_failed_total[15m])"
    return (
        Alert(
            "PrometheusIngestsNothing",
            "sum by (namespace, pod) (rate(prometheus_tsdb_head_samples_appended_total[5m])) == 0",
            Severity.CRITICAL,
            limits.hold_seconds,
            f"{_PROMETHEUS} takes in nothing",
            f"{_PROMETHEUS} has taken in no sample for 5 minutes.",
            "It finds no targets, or cannot write: no alert of it is to be trusted.",
            (_STATUS, "Is its volume full? See VolumeFilling."),
        ),
        Alert(
            "PrometheusHistoryCut",
            "max by (namespace, pod) (prometheus_tsdb_storage_blocks_bytes / "
            f"(prometheus_tsdb_retention_limit_bytes > 0)) * 100 > {number(limits.store_used_percent)}",
            Severity.WARNING,
            limits.hold_seconds,
            f"The store of {_PROMETHEUS} is almost full",
            f'The store of {_PROMETHEUS} is full to {{{{ $value | printf "%.0f" }}}}%; beyond that the '
            f"oldest "
            "samples go before their time.",
            "There are more series than the store was sized for.",
            (
                "What takes the room: `topk(20, count by (__name__) ({__name__=~'.+'}))`.",
                "Raise `volume_gib`, or drop what nobody asks for.",
            ),
        ),
        Alert(
            "PrometheusRemoteWriteLate",
            f"max by (namespace, pod, remote_name) ({late}) - max by (namespace, pod, remote_name) "
            f"({sent}) > "
            f"{number(limits.remote_write_delay_seconds)}",
            Severity.WARNING,
            limits.hold_seconds,
            "Samples for {{ $labels.remote_name }} are late",
            f"{_PROMETHEUS} is {{{{ $value | humanizeDuration }}}} behind with what "
            f"{{{{ $labels.remote_name }}}} "
            "should have.",
            "The other store is slow or refuses; after two hours samples are lost.",
            (
                "The log: 429 and 5xx are the store, timeouts the network.",
                "Send less (`metrics`), or have the store raise its limit.",
            ),
        ),
        Alert(
            "PrometheusRemoteWriteLosing",
            f"sum by (namespace, pod, remote_name) ({failed}) > 0",
            Severity.CRITICAL,
            0,
            "Samples for {{ $labels.remote_name }} are lost",
            f'{_PROMETHEUS} gave up {{{{ $value | printf "%.0f" }}}} sample(s) for '
            f"{{{{ $labels.remote_name }}}} in "
            "15 minutes.",
            "The store refused them for good: credentials, labels that it does not take, or samples too old.",
            ("The log names the answer: `kubectl logs -n NAMESPACE POD -c prometheus | grep remote`.",),
        ),
    )


def _delivery(limits: MonitoringThresholds) -> tuple[Alert, ...]:
    failed = "sum by (namespace, integration) (rate(alertmanager_notifications_failed_total[15m]))"
    sent = "sum by (namespace, integration) (rate(alertmanager_notifications_total[15m]))"
    return (
        Alert(
            "PrometheusWithoutAlertmanager",
            "max_over_time(prometheus_notifications_alertmanagers_discovered[5m]) < 1",
            Severity.CRITICAL,
            limits.hold_seconds,
            f"{_PROMETHEUS} knows no Alertmanager",
            f"{_PROMETHEUS} finds no Alertmanager to send alerts to.",
            "Alerts fire and nobody is told; the other replica of Prometheus may still deliver this one.",
            (
                "`kubectl get pods -n NAMESPACE -l app.kubernetes.io/name=alertmanager`.",
                "None there: does the AlertmanagerConfig exist that `routes_name` names?",
            ),
        ),
        Alert(
            "AlertmanagerConfigRejected",
            "max_over_time(alertmanager_config_last_reload_successful[5m]) == 0",
            Severity.CRITICAL,
            limits.hold_seconds,
            f"{_PROMETHEUS} refuses its configuration",
            f"{_PROMETHEUS} goes on with the configuration from before.",
            "A receiver names a Secret or key that is missing, or a template is wrong.",
            ("`kubectl logs -n NAMESPACE POD -c alertmanager | grep -i config`.",),
        ),
        Alert(
            "AlertmanagerNotDelivering",
            f"{failed} / {sent} * 100 > {number(limits.undelivered_percent)}",
            Severity.CRITICAL,
            limits.hold_seconds,
            "Alerts do not get through by {{ $labels.integration }}",
            '{{ $value | printf "%.0f" }}% of what Alertmanager sends by {{ $labels.integration }} fails.',
            "The receiver's address, its credentials or the way out of the cluster is at fault.",
            (
                "`kubectl logs -n NAMESPACE -l app.kubernetes.io/name=alertmanager -c alertmanager`.",
                "Try the receiver by hand from a pod in the namespace; is there a NetworkPolicy for what "
                "goes out?",
            ),
        ),
        Alert(
            "AlertmanagerSplit",
            "max by (namespace, service) (count by (namespace, service) (alertmanager_cluster_members)) - "
            "min by (namespace, service) (alertmanager_cluster_members) > 0",
            Severity.WARNING,
            limits.hold_seconds,
            "The members of Alertmanager do not see each other",
            "A member of {{ $labels.namespace }}/{{ $labels.service }} misses {{ $value }} other(s).",
            "Members that do not talk tell everything twice, and know nothing of each other's silences.",
            ("Ports 9094 TCP and UDP between the pods: a NetworkPolicy, or a service mesh in between?",),
        ),
    )


def logs_group(limits: LogThresholds) -> Group:
    """Agents that ship nothing, fall behind, or lose what they read."""
    hold = limits.hold_seconds
    sent = 'sum by (namespace, pod) (rate(vector_component_sent_events_total{component_kind="sink"}[10m]))'
    read = (
        'sum by (namespace, pod) (rate(vector_component_received_events_total{component_kind="source"}[10m]))'
    )
    return Group(
        AlertGroup.LOGS,
        "Logs",
        "The log agent's own metrics (LogShipping: Vector's `internal_metrics`).",
        (
            Alert(
                "LogShippingMissing",
                "absent(vector_uptime_seconds)",
                Severity.WARNING,
                hold,
                "No metrics from the log agents",
                "No log agent is scraped.",
                "Nothing is shipped, or nobody would know.",
                (
                    "`kubectl get pods -A -l app.kubernetes.io/name=vector`; a wrong configuration ends "
                    "them at "
                    "the start.",
                    "Leave this group out where logs are not shipped by LogShipping (`groups`).",
                ),
            ),
            Alert(
                "LogShippingStopped",
                f"{read} > 0 unless {sent} > 0",
                Severity.CRITICAL,
                limits.stopped_seconds,
                f"{_PROMETHEUS} ships no logs",
                f"{_PROMETHEUS} reads logs and has sent none of them for {duration(limits.stopped_seconds)}.",
                "The sink does not answer or refuses. What is read waits in the buffer on the node's disk.",
                (
                    "`kubectl logs -n NAMESPACE POD`: status and cause are in the line.",
                    "Certificates, credentials, and the sink's own limits, in this order.",
                ),
            ),
            Alert(
                "LogBufferFilling",
                "max by (namespace, pod, component_id) (vector_buffer_size_bytes / "
                f"(vector_buffer_max_size_bytes > 0)) * 100 > {number(limits.buffer_used_percent)}",
                Severity.WARNING,
                hold,
                f"The buffer of {_PROMETHEUS} fills",
                f"The buffer for {{{{ $labels.component_id }}}} of {_PROMETHEUS} is full to "
                f'{{{{ $value | printf "%.0f" '
                "}}%.",
                "More is read than is sent. When it is full, reading stops, and lines that the kubelet "
                "rotates away "
                "meanwhile are lost.",
                (
                    "Does the sink keep up elsewhere? If not, it is the sink, else this node's pods write "
                    "too much.",
                    "Drop what nobody reads (`drop`), or raise `buffer_gib`.",
                ),
            ),
            Alert(
                "LogLinesLost",
                "sum by (namespace, pod, component_id) (increase("
                'vector_component_discarded_events_total{intentional="false"}[15m])) > 0',
                Severity.WARNING,
                0,
                f"{_PROMETHEUS} loses log lines",
                f'{_PROMETHEUS} gave up {{{{ $value | printf "%.0f" }}}} line(s) at '
                f"{{{{ $labels.component_id }}}} in 15 "
                "minutes.",
                "The sink refused them for good (too large, too old), or they could not be redacted.",
                ("The agent's log names the component and the reason.",),
            ),
        ),
    )
