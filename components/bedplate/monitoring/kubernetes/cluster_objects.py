"""Alerts about the cluster's own objects."""

from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, Severity, number
from bedplate.monitoring.kubernetes.thresholds import KubernetesThresholds

_POD = "{{ $labels.namespace }}/{{ $labels.pod }}"


def kubernetes_group(limits: KubernetesThresholds) -> Group:
    """Pods, jobs, rollouts, volumes, the API server and the scrapes themselves."""
    return Group(
        AlertGroup.KUBERNETES,
        "Kubernetes",
        "kube-state-metrics, the kubelet, the API server and Prometheus itself.",
        (*_pods(limits), *_rollouts(limits), *_services(limits)),
    )


def _pods(limits: KubernetesThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "PodCrashLooping",
            "max by (namespace, pod, container) "
            '(max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m])) >= 1',
            Severity.WARNING,
            limits.crash_loop_seconds,
            f"{_POD} crashes again and again",
            f"The container {{{{ $labels.container }}}} of {_POD} ends soon after each start.",
            "A wrong argument, a missing secret or file, or a bug.",
            (
                "`kubectl logs -n NAMESPACE POD --previous`.",
                "`kubectl describe pod -n NAMESPACE POD`: exit code, events.",
            ),
        ),
        Alert(
            "PodUnschedulable",
            "max by (namespace, pod) (kube_pod_status_unschedulable) == 1",
            Severity.WARNING,
            limits.unschedulable_seconds,
            f"No node takes {_POD}",
            f"{_POD} was admitted and finds no node.",
            "No node has the resources, labels and taints that the pod asks for, and none comes up. What "
            "waits in a "
            "queue is not counted: its pods are gated.",
            (
                "`kubectl describe pod -n NAMESPACE POD`: the scheduler counts the nodes by reason.",
                "Does the node group grow? Capacity of the cloud, quota, maximum size of the pool.",
            ),
        ),
        Alert(
            "ContainerOutOfMemory",
            "max by (namespace, pod, container) "
            '(kube_pod_container_status_last_terminated_reason{reason="OOMKilled"}) == 1 '
            "and on (namespace, pod, container) max by (namespace, pod, container) "
            "(increase(kube_pod_container_status_restarts_total[15m])) > 0",
            Severity.WARNING,
            0,
            f"{_POD} ran out of memory",
            f"The container {{{{ $labels.container }}}} of {_POD} was killed because it used more memory "
            "than its limit.",
            "The limit is too low, or memory leaks.",
            (
                "Compare use and limit over time; /dev/shm counts as memory.",
                "Raise the limit, or use fewer data loader workers.",
            ),
        ),
        Alert(
            "JobFailed",
            'max by (namespace, job_name) (kube_job_failed{condition="true"}) > 0',
            Severity.WARNING,
            60,
            "The job {{ $labels.namespace }}/{{ $labels.job_name }} failed",
            "The job {{ $labels.namespace }}/{{ $labels.job_name }} has used up its retries or its time.",
            "The work was not done.",
            (
                "`kubectl logs -n NAMESPACE job/NAME`.",
                "Delete the job when it is dealt with; the alert ends then.",
            ),
        ),
    )


def _rollouts(limits: KubernetesThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "DaemonSetIncomplete",
            "max by (namespace, daemonset) (kube_daemonset_status_desired_number_scheduled - "
            "kube_daemonset_status_number_ready) > 0",
            Severity.WARNING,
            limits.rollout_seconds,
            "{{ $labels.namespace }}/{{ $labels.daemonset }} is missing on nodes",
            "{{ $labels.namespace }}/{{ $labels.daemonset }} is not ready on {{ $value }} node(s).",
            "Nodes lack something that each needs: a driver, the device plugin, the network, an exporter.",
            ("`kubectl get pods -n NAMESPACE -o wide | grep -v Running`, then describe them.",),
        ),
        Alert(
            "DeploymentUnavailable",
            "max by (namespace, deployment) (kube_deployment_spec_replicas - "
            "kube_deployment_status_replicas_available) > 0",
            Severity.WARNING,
            limits.rollout_seconds,
            "{{ $labels.namespace }}/{{ $labels.deployment }} lacks replicas",
            "{{ $labels.namespace }}/{{ $labels.deployment }} has {{ $value }} replica(s) fewer than asked "
            "for.",
            "A rollout is stuck, or pods do not become ready.",
            ("`kubectl rollout status -n NAMESPACE deployment/NAME`, then describe its pods.",),
        ),
        Alert(
            "VolumeFilling",
            "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes / "
            f"kubelet_volume_stats_capacity_bytes) * 100 < {number(limits.volume_free_percent)}",
            Severity.WARNING,
            300,
            "{{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} is almost full",
            "The volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has {{ $value | printf "
            '"%.1f" }}% left.',
            "At 0 whatever writes there fails.",
            ("Delete data, or raise the claim's request if its storage class can expand.",),
        ),
    )


def _services(limits: KubernetesThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "ApiServerErrors",
            'sum(rate(apiserver_request_total{code=~"5.."}[5m])) / sum(rate(apiserver_request_total[5m])) * '
            "100 > "
            f"{number(limits.api_error_percent)}",
            Severity.CRITICAL,
            600,
            "The Kubernetes API fails requests",
            '{{ $value | printf "%.1f" }}% of the requests to the Kubernetes API end with a server error.',
            "etcd is slow, a webhook does not answer, or the API server is overloaded.",
            ('Which: `sum by (resource, verb, code) (rate(apiserver_request_total{code=~"5.."}[5m]))`.',),
        ),
        Alert(
            "TargetsDown",
            "count by (job, namespace) (up == 0) / count by (job, namespace) (up) * 100 > "
            f"{number(limits.targets_down_percent)}",
            Severity.WARNING,
            600,
            "{{ $labels.job }} is not scraped",
            'Prometheus cannot scrape {{ $value | printf "%.0f" }}% of the targets of {{ $labels.job }}.',
            "Alerts that need these metrics cannot fire.",
            (
                "Prometheus' page Status / Targets shows the error: a NetworkPolicy, TLS, or a pod that is "
                "down.",
            ),
        ),
        Alert(
            "KubeStateMetricsMissing",
            "absent(kube_node_info)",
            Severity.CRITICAL,
            600,
            "No metrics from kube-state-metrics",
            "kube-state-metrics is not scraped.",
            "Most of the alerts about nodes and pods cannot fire.",
            ("`kubectl get pods -A -l app.kubernetes.io/name=kube-state-metrics` and its service monitor.",),
        ),
    )
