"""Alerts about a Ceph cluster."""

from bedplate.monitoring.kubernetes.model import Alert, AlertGroup, Group, Recording, Severity, number
from bedplate.monitoring.kubernetes.thresholds import CephThresholds

_STATUS = (
    "`ceph status` and `ceph health detail` in the toolbox: "
    "`kubectl exec -n rook-ceph deploy/rook-ceph-tools -- ceph status`."
)
_POOL = "* on (pool_id) group_left (name) max by (pool_id, name) (ceph_pool_metadata)"
_RGW_FAILED = "sum(rate(ceph_rgw_failed_req[5m])) / sum(rate(ceph_rgw_req[5m])) * 100"


def ceph_group(limits: CephThresholds) -> Group:
    """Health, OSDs, monitors, capacity, slow requests and the object gateway."""
    return Group(
        AlertGroup.CEPH,
        "Ceph",
        "The `prometheus` module of Ceph's manager (Rook: `monitoring.enabled: true`).",
        (*_health(limits), *_osds(limits), *_monitors(), *_capacity(limits), *_service(limits)),
        (
            Recording(
                "bedplate:ceph_used_percent", "ceph_cluster_total_used_bytes / ceph_cluster_total_bytes * 100"
            ),
            Recording("bedplate:ceph_rgw_failed_percent", _RGW_FAILED),
        ),
    )


def _health(limits: CephThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "CephHealthError",
            "ceph_health_status == 2",
            Severity.CRITICAL,
            limits.error_seconds,
            "Ceph reports HEALTH_ERR",
            "Ceph reports HEALTH_ERR: data is unreachable, at risk, or cannot be written.",
            "The most serious state that Ceph has.",
            (_STATUS, "Do not restart or remove OSDs before you know which placement groups are affected."),
        ),
        Alert(
            "CephHealthWarning",
            "ceph_health_status == 1",
            Severity.WARNING,
            limits.warning_seconds,
            "Ceph reports HEALTH_WARN",
            "Ceph has reported HEALTH_WARN for a while.",
            "Something needs a hand; clients are still served.",
            (_STATUS, "Each check in the output has a page in Ceph's manual under 'Health checks'."),
        ),
        Alert(
            "CephMetricsMissing",
            "absent(ceph_health_status)",
            Severity.CRITICAL,
            600,
            "No metrics from Ceph",
            "The manager's metrics are not scraped.",
            "None of the alerts about Ceph can fire.",
            (
                "Is a manager active? `kubectl get pods -n rook-ceph -l app=rook-ceph-mgr`.",
                "Leave this group out where there is no Ceph (`groups`).",
            ),
        ),
    )


def _osds(limits: CephThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "CephOsdDown",
            "ceph_osd_up == 0",
            Severity.WARNING,
            limits.osd_down_seconds,
            "{{ $labels.ceph_daemon }} is down",
            "{{ $labels.ceph_daemon }} is down. After 10 minutes Ceph copies its data to the other OSDs.",
            "A disk, its daemon or its node failed. Data has one copy less until it is back or recovered.",
            (
                "Where it is: `ceph osd find ID`; is its node up, does its pod restart?",
                "Its disk: `smartctl -a` on the node, and the kernel's log.",
                "A disk that is dead: `ceph osd out ID`, wait for recovery, then replace it.",
            ),
        ),
        Alert(
            "CephOsdsDown",
            f"count(ceph_osd_up == 0) / count(ceph_osd_up) * 100 > {number(limits.osds_down_percent)}",
            Severity.CRITICAL,
            60,
            "Many OSDs are down",
            '{{ $value | printf "%.0f" }}% of the OSDs are down.',
            "A rack, a switch or the cluster network is out. If two failure domains are out, writes stop.",
            ("`ceph osd tree down`: what do they have in common?", _STATUS),
        ),
        Alert(
            "CephOsdNearFull",
            f"ceph_osd_stat_bytes_used / ceph_osd_stat_bytes * 100 > {number(limits.osd_used_percent)}",
            Severity.WARNING,
            300,
            "{{ $labels.ceph_daemon }} is almost full",
            '{{ $labels.ceph_daemon }} is full to {{ $value | printf "%.0f" }}%; at 95% all writes stop.',
            "One full OSD stops writes to every pool that uses it, however empty the others are.",
            (
                "`ceph osd df`: if only a few are full, is the balancer on (`ceph balancer status`)?",
                "If all are, delete data or add OSDs.",
            ),
        ),
        Alert(
            "CephPgsInactive",
            f"(ceph_pg_total - ceph_pg_active) {_POOL} > 0",
            Severity.CRITICAL,
            300,
            "Placement groups of {{ $labels.name }} are inactive",
            "{{ $value }} placement group(s) of {{ $labels.name }} are inactive: reads and writes of their "
            "data hang.",
            "Too few copies of the data are up.",
            ("`ceph pg dump_stuck inactive`, then bring back the OSDs that it names.",),
        ),
    )


def _monitors() -> tuple[Alert, ...]:
    return (
        Alert(
            "CephMonOutOfQuorum",
            "ceph_mon_quorum_status == 0",
            Severity.WARNING,
            300,
            "{{ $labels.ceph_daemon }} is out of quorum",
            "{{ $labels.ceph_daemon }} is out of quorum.",
            "The monitor's pod or node is down, its disk is slow or its clock is off.",
            ("`ceph quorum_status -f json-pretty`; the monitor's log; `ceph time-sync-status`.",),
        ),
        Alert(
            "CephMonQuorumAtRisk",
            "sum(ceph_mon_quorum_status) <= floor(count(ceph_mon_quorum_status) / 2) + 1 "
            "and sum(ceph_mon_quorum_status) < count(ceph_mon_quorum_status)",
            Severity.CRITICAL,
            60,
            "Ceph loses its quorum with the next monitor",
            "Only {{ $value }} monitor(s) are in quorum; if one more goes, the whole cluster stops.",
            "Without a majority of monitors nothing can be read or written.",
            ("Bring back a monitor before anything else; touch no node that runs one.", _STATUS),
        ),
    )


def _capacity(limits: CephThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "CephClusterNearFull",
            f"bedplate:ceph_used_percent > {number(limits.cluster_used_percent)}",
            Severity.WARNING,
            900,
            "Ceph runs out of space",
            'Ceph is full to {{ $value | printf "%.0f" }}%. A lost rack must fit on what is left.',
            "Ceph needs room to copy what a failed OSD or rack held.",
            (
                "`ceph df`: which pool grows? Old checkpoints and data sets: check the buckets' lifecycle "
                "rules.",
                "Add OSDs; copying takes hours, so do not wait for 85%.",
            ),
        ),
        Alert(
            "CephPoolNearQuota",
            f"ceph_pool_stored / (ceph_pool_quota_bytes > 0) * 100 {_POOL} > "
            f"{number(limits.pool_quota_percent)}",
            Severity.WARNING,
            300,
            "The pool {{ $labels.name }} is close to its quota",
            'The pool {{ $labels.name }} has used {{ $value | printf "%.0f" }}% of its quota.',
            "At 100% writes to the pool fail; checkpoints are lost.",
            ("Delete data, or raise it: `ceph osd pool set-quota POOL max_bytes BYTES`.",),
        ),
    )


def _service(limits: CephThresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            "CephSlowOps",
            f"ceph_healthcheck_slow_ops > {number(limits.slow_ops)}",
            Severity.WARNING,
            120,
            "Requests to Ceph are slow",
            "{{ $value }} request(s) to OSDs or monitors take longer than 30 s.",
            "A dying disk, a full queue or a lossy network.",
            (
                "`ceph health detail` names the OSDs; `ceph daemon osd.ID dump_ops_in_flight` what they "
                "wait for.",
                "One OSD in most of them: take it out. All OSDs: look at the network.",
            ),
        ),
        Alert(
            "CephRgwErrors",
            f"bedplate:ceph_rgw_failed_percent > {number(limits.rgw_failed_percent)}",
            Severity.WARNING,
            600,
            "The object gateway fails requests",
            '{{ $value | printf "%.1f" }}% of the requests to the object gateway fail.',
            "Missing objects and refused keys count as well, so that a faulty client can cause it.",
            (
                "The gateway's log: `kubectl logs -n rook-ceph -l app=rook-ceph-rgw`; which status and "
                "which user?",
                "503 is load: add gateways. 403: keys or policy. 5xx: see the state of Ceph.",
            ),
        ),
    )
