"""Alerts about Kueue's queues."""

from bedplate.monitoring.kubernetes.model import (
    Alert,
    AlertGroup,
    Group,
    Recording,
    Severity,
    duration,
    number,
)
from bedplate.monitoring.kubernetes.thresholds import QueueThresholds

# Every replica of the controller reports; the leader's figure is the largest.
_PENDING = "sum by (cluster_queue) (max by (cluster_queue, status) (kueue_pending_workloads))"
_USAGE = "max by (cluster_queue, flavor, resource) (kueue_cluster_queue_resource_usage)"
_QUOTA = "max by (cluster_queue, flavor, resource) (kueue_cluster_queue_nominal_quota)"


def queue_group(limits: QueueThresholds) -> Group:
    """Workloads that wait too long, queues that admit nothing, used-up quotas, evictions."""
    return Group(
        AlertGroup.QUEUE,
        "Queues",
        "Kueue's controller, with `metrics.enableClusterQueueResources: true` for usage and quota.",
        (*_waiting(limits), *_state(limits)),
        (
            Recording("bedplate:queue_pending:sum_by_queue", _PENDING),
            Recording("bedplate:queue_quota_used_percent", f"{_USAGE} / ({_QUOTA} > 0) * 100"),
        ),
    )


def _waiting(limits: QueueThresholds) -> tuple[Alert, ...]:
    stuck = duration(limits.stuck_seconds)
    return (
        Alert(
            "QueueWaitLong",
            "histogram_quantile(0.9, sum by (le, cluster_queue) "
            f"(rate(kueue_admission_wait_time_seconds_bucket[1h]))) > {number(limits.wait_seconds)}",
            Severity.WARNING,
            0,
            "Workloads wait long in {{ $labels.cluster_queue }}",
            "One of ten workloads that {{ $labels.cluster_queue }} admitted in the last hour had waited "
            "longer than "
            "{{ $value | humanizeDuration }}.",
            "More is asked of the queue than it can hold.",
            (
                "Who uses it: `kubectl get workloads -A`; the queue dashboard shows usage by queue.",
                "Raise the quota, let the queue borrow from its cohort, or add nodes.",
            ),
        ),
        Alert(
            "QueueNeverEmpty",
            f"{_PENDING} > 0",
            Severity.INFO,
            limits.pending_seconds,
            "{{ $labels.cluster_queue }} has had waiting workloads for long",
            "{{ $value }} workload(s) wait in {{ $labels.cluster_queue }}, which has not been empty for "
            f"{duration(limits.pending_seconds)}.",
            "Either demand is steadily above the quota, or a workload waits that can never be admitted.",
            (
                "The oldest: `kubectl get workloads -A --sort-by=.metadata.creationTimestamp`.",
                "`kubectl describe workload NAME`: the condition QuotaReserved says why it waits.",
            ),
        ),
        Alert(
            "QueueStuck",
            f"{_PENDING} > 0 unless on (cluster_queue) sum by (cluster_queue) "
            f"(increase(kueue_admitted_workloads_total[{stuck}])) > 0 unless on (cluster_queue) "
            "max by (cluster_queue) (kueue_admitted_active_workloads) > 0",
            Severity.CRITICAL,
            limits.stuck_seconds,
            "{{ $labels.cluster_queue }} admits nothing",
            "{{ $value }} workload(s) wait in {{ $labels.cluster_queue }}, none runs, and none was admitted "
            "in "
            f"{stuck}.",
            "The queue is free, and still nothing starts: a flavour that no node offers, a failing "
            "admission check, "
            "a topology request that cannot be met, or a workload larger than the whole quota.",
            (
                "`kubectl describe clusterqueue QUEUE` and `kubectl describe workload NAME`: read the "
                "conditions.",
                "Does a node carry the labels of the resource flavour? `kubectl get resourceflavor -o yaml`.",
                "The controller's log: `kubectl logs -n kueue-system deploy/kueue-controller-manager`.",
            ),
        ),
    )


def _state(limits: QueueThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "QueueInactive",
            'max by (cluster_queue, status) (kueue_cluster_queue_status{status!="active"}) == 1',
            Severity.CRITICAL,
            300,
            "{{ $labels.cluster_queue }} is {{ $labels.status }}",
            "{{ $labels.cluster_queue }} is {{ $labels.status }} and admits nothing.",
            "The queue names a flavour, topology or admission check that does not exist, or it is being "
            "deleted.",
            ("`kubectl describe clusterqueue QUEUE`: the condition Active says what is missing.",),
        ),
        Alert(
            "QueueQuotaExhausted",
            f"{_USAGE} >= ({_QUOTA} > 0) and on (cluster_queue) {_PENDING} > 0",
            Severity.INFO,
            limits.quota_seconds,
            "{{ $labels.cluster_queue }} has used up its {{ $labels.resource }}",
            "{{ $labels.cluster_queue }} uses {{ $value }} {{ $labels.resource }} of {{ $labels.flavor }}, "
            "all of its "
            "quota, and workloads wait.",
            "The quota is the limit now, not the nodes.",
            ("Raise the quota if nodes are idle; else see QueueWaitLong.",),
        ),
        Alert(
            "QueueEvictions",
            "sum by (cluster_queue, reason) "
            '(increase(kueue_evicted_workloads_total{reason!="Preempted"}[1h])) > '
            f"{number(limits.evictions_per_hour)}",
            Severity.WARNING,
            0,
            "Workloads of {{ $labels.cluster_queue }} are evicted: {{ $labels.reason }}",
            '{{ $value | printf "%.0f" }} workloads of {{ $labels.cluster_queue }} were evicted within an '
            "hour "
            "because of {{ $labels.reason }}.",
            "Evicted work starts again from its last checkpoint. PodsReadyTimeout means that pods were "
            "admitted and "
            "did not come up in time; preemption by a higher priority is not counted here.",
            (
                "`kubectl get events -A --field-selector reason=EvictedDueToPodsReadyTimeout`.",
                "Do nodes come up too slowly? Raise `waitForPodsReady.timeout`.",
            ),
        ),
        Alert(
            "QueueMetricsMissing",
            "absent(kueue_cluster_queue_status)",
            Severity.WARNING,
            900,
            "No metrics from Kueue",
            "Kueue's controller is not scraped or has no queue.",
            "None of the alerts about queues can fire.",
            (
                "`kubectl get pods -n kueue-system` and its service monitor.",
                "Leave this group out where Kueue is not installed (`groups`).",
            ),
        ),
    )
