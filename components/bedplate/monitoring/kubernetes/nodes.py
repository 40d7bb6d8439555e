"""Alerts about machines: readiness, disks, RDMA."""

from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, Severity, number
from bedplate.monitoring.kubernetes.thresholds import EdgeThresholds, NodeThresholds


def nodes_group(limits: NodeThresholds, edge: EdgeThresholds) -> Group:
    """Nodes that are not ready or short of space, worn disks, and faulty network cards."""
    return Group(
        AlertGroup.NODES,
        "Nodes",
        "kube-state-metrics; node exporter; smartctl exporter for NVMe; on AWS the EFA exporter "
        "(`node_amazonefa_*`, source: awslabs/awsome-distributed-ai, efa-node-exporter).",
        (*_conditions(limits, edge), *_disks(limits), *_fabric(limits)),
    )


def _conditions(limits: NodeThresholds, edge: EdgeThresholds) -> tuple[Alert, ...]:
    # An edge node is often offline for good reasons and has an alert of its own.
    not_edge = f'unless on (node) kube_node_role{{role="{edge.node_role}"}}'
    return (
        Alert(
            "NodeNotReady",
            f'kube_node_status_condition{{condition="Ready",status="true"}} == 0 {not_edge}',
            Severity.CRITICAL,
            limits.not_ready_seconds,
            "{{ $labels.node }} is not ready",
            "The kubelet of {{ $labels.node }} has not reported itself ready.",
            "Pods on it are evicted after their toleration (300 s unless set), and a synchronous job stands "
            "still.",
            (
                "`kubectl describe node NODE`: the condition's message names the cause.",
                "Look at the machine: console, kubelet's log (`journalctl -u kubelet`), the container "
                "runtime.",
                "In a cloud, replace it; the node group makes another.",
            ),
        ),
        Alert(
            "NodeDiskPressure",
            'kube_node_status_condition{condition="DiskPressure",status="true"} == 1',
            Severity.WARNING,
            limits.pressure_seconds,
            "{{ $labels.node }} runs out of disk space",
            "{{ $labels.node }} is under disk pressure: the kubelet removes images and evicts pods.",
            "Large images, logs or checkpoints that were written to a pod's own disk fill the node.",
            (
                "What fills it: `du -xh --max-depth=2 /var/lib | sort -h | tail`.",
                "Write checkpoints to the object store, and scratch files to the local NVMe volume.",
            ),
        ),
        Alert(
            "NodeMemoryPressure",
            'kube_node_status_condition{condition="MemoryPressure",status="true"} == 1',
            Severity.WARNING,
            limits.pressure_seconds,
            "{{ $labels.node }} runs out of memory",
            "{{ $labels.node }} is under memory pressure: the kubelet evicts pods.",
            "Pods use more memory than they asked for: data loaders with many workers and page-locked "
            "buffers.",
            (
                "Which pods: `kubectl top pods -A --sort-by=memory`.",
                "Raise their memory requests, or lower the number of workers.",
            ),
        ),
    )


def _disks(limits: NodeThresholds) -> tuple[Alert, ...]:
    kinds = 'fstype!~"tmpfs|overlay|squashfs|ramfs"'
    return (
        Alert(
            "NodeFilesystemFilling",
            f"node_filesystem_avail_bytes{{{kinds}}} / node_filesystem_size_bytes{{{kinds}}} * 100 "
            f"< {number(limits.filesystem_free_percent)}",
            Severity.WARNING,
            600,
            "{{ $labels.mountpoint }} on {{ $labels.instance }} is almost full",
            '{{ $labels.mountpoint }} on {{ $labels.instance }} has {{ $value | printf "%.1f" }}% left.',
            "At 0 the kubelet, the container runtime or the job that writes there fails.",
            (
                "What fills it: `du -xh --max-depth=2 MOUNTPOINT | sort -h | tail`.",
                "Remove it or grow the volume.",
            ),
        ),
        Alert(
            "NodeNvmeWear",
            f"smartctl_device_percentage_used > {number(limits.nvme_used_percent)}",
            Severity.WARNING,
            3600,
            "{{ $labels.device }} on {{ $labels.instance }} is worn",
            "{{ $labels.device }} on {{ $labels.instance }} has used {{ $value }}% of its rated writes.",
            "The drive has been written to as often as its maker warrants, or nearly; it may go on or fail.",
            (
                "Order a replacement; see how fast it grows before you plan the change.",
                "A Ceph OSD: mark it out and wait for HEALTH_OK before the drive is pulled.",
            ),
        ),
        Alert(
            "NodeNvmeCriticalWarning",
            "smartctl_device_critical_warning > 0",
            Severity.CRITICAL,
            0,
            "{{ $labels.device }} on {{ $labels.instance }} reports a critical warning",
            "{{ $labels.device }} on {{ $labels.instance }} reports the critical warning bits {{ $value }}.",
            "Bits: 1 spare blocks low, 2 too hot, 4 unreliable, 8 read-only, 16 backup of its cache failed.",
            (
                "`smartctl -a /dev/DEVICE` on the node.",
                "Drain the node or mark the OSD out, and replace the drive.",
            ),
        ),
    )


def _fabric(limits: NodeThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "NodeEfaErrors",
            "increase(node_amazonefa_rdma_read_wr_err[10m]) > "
            f"{number(limits.efa_errors_per_10m)} or increase(node_amazonefa_rdma_write_wr_err[10m]) > "
            f"{number(limits.efa_errors_per_10m)}",
            Severity.WARNING,
            0,
            "RDMA errors at {{ $labels.device }} on {{ $labels.instance }}",
            '{{ $labels.device }} on {{ $labels.instance }} failed {{ $value | printf "%.0f" }} RDMA '
            "requests in 10 minutes.",
            "A peer went away or a link is bad; NCCL usually reports it as a timeout on other ranks.",
            (
                "Did the peers die first? See NodeNotReady and the job's log.",
                "If a node shows up again and again, drain it and have AWS replace it.",
            ),
        ),
        Alert(
            "NodeEfaDrops",
            f"increase(node_amazonefa_rx_drops[10m]) > {number(limits.efa_drops_per_10m)}",
            Severity.WARNING,
            0,
            "{{ $labels.device }} on {{ $labels.instance }} drops packets",
            '{{ $labels.device }} on {{ $labels.instance }} dropped {{ $value | printf "%.0f" }} packets in '
            "10 minutes.",
            "The receiver cannot keep up: too few posted buffers, or a node that is too busy.",
            (
                "Are huge pages given to the pods (hugepages-2Mi), and does NCCL use the EFA plugin?",
                "Compare with other nodes of the job; replace a node that alone drops.",
            ),
        ),
        Alert(
            "NodeRdmaLinkDown",
            "node_infiniband_state_id != 4",
            Severity.CRITICAL,
            limits.link_down_seconds,
            "RDMA port {{ $labels.device }}/{{ $labels.port }} on {{ $labels.instance }} is not active",
            "The port {{ $labels.device }}/{{ $labels.port }} on {{ $labels.instance }} is in state {{ "
            "$value }}; 4 is active.",
            "Jobs that use this port fail or fall back to a slower path.",
            (
                "`ibstat` and `rdma link` on the node; cable, transceiver and switch port.",
                "A port that is not cabled: disable it, so that it does not count.",
            ),
        ),
    )
