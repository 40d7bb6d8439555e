"""When a Ceph cluster is too full: thresholds and alarms as data, for whatever watches the cluster."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from bedplate.core import Args
from bedplate.core.errors import Problems


class FullRatios(Args):
    """How full a disk may be. Ceph's own defaults: https://docs.ceph.com/en/latest/rados/operations/health-checks/
    (from memory; Rook's CephCluster CRD, "Cluster Settings", v1.20, names the same).

    Attributes:
        near_full: Ceph warns; 0.85 by default.
        backfill_full: No more data is moved to the disk; 0.90 by default.
        full: Writes stop; 0.95 by default. A cluster that is full cannot delete its way out either.
    """

    near_full: float = Field(default=0.85, gt=0, lt=1)
    backfill_full: float = Field(default=0.90, gt=0, lt=1)
    full: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "FullRatios":
        problems = Problems("FullRatios")
        if not self.near_full < self.backfill_full < self.full:
            problems.add(
                "near_full",
                f"{self.near_full}, {self.backfill_full} and {self.full} are not in order; allowed: "
                "near_full < backfill_full < full; reorder them",
            )
        problems.raise_if_any()
        return self


@dataclass(frozen=True, kw_only=True)
class CephAlarm:
    """One alarm, as a Prometheus rule needs it.

    Attributes:
        name: The alert's name.
        expression: PromQL over the metrics of Ceph's manager.
        for_minutes: How long it must hold.
        severity: Whom it is for.
        summary: What happened, in one line.
        runbook: What to do.
    """

    name: str
    expression: str
    for_minutes: int
    severity: Literal["warning", "critical"]
    summary: str
    runbook: str


_USED = "ceph_cluster_total_used_raw_bytes / ceph_cluster_total_bytes"


def takeover_ratio(domains: int, near_full: float) -> float:
    """How full the cluster may be so that, one of `domains` equal failure domains lost, the others can hold
    its data and still stay below `near_full`.
    """
    return near_full * (domains - 1) / domains


def capacity_alarms(ratios: FullRatios, domains: int | None) -> tuple[CephAlarm, ...]:
    """The alarms of a cluster; the first comes while there is still time to buy disks.

    Where the number of failure domains is not known (an external cluster), it is taken for three.
    """
    early = takeover_ratio(domains or 3, ratios.near_full)
    return (
        CephAlarm(
            name="CephCapacityTakeover",
            expression=f"{_USED} > {early:.4f}",
            for_minutes=30,
            severity="warning",
            summary="The cluster is too full to take over a lost failure domain.",
            runbook="Add disks, or delete data sets and old checkpoints: after the loss of one failure "
            "domain the others would be nearly full.",
        ),
        CephAlarm(
            name="CephCapacityNearFull",
            expression=f"{_USED} > {ratios.near_full:.4f}",
            for_minutes=5,
            severity="critical",
            summary="The cluster is nearly full; writes stop soon.",
            runbook="Delete data now and add disks. Do not restart daemons: recovery needs free space.",
        ),
        CephAlarm(
            name="CephOsdNearFull",
            expression=f"ceph_osd_stat_bytes_used / ceph_osd_stat_bytes > {ratios.near_full:.4f}",
            for_minutes=5,
            severity="warning",
            summary="One disk is nearly full; its pools stop taking writes when it is full.",
            runbook="See that the balancer is on (`ceph balancer status`), and that disks are of one size.",
        ),
        CephAlarm(
            name="CephPoolNearQuota",
            expression="ceph_pool_stored / (ceph_pool_quota_bytes > 0) > 0.9",
            for_minutes=15,
            severity="warning",
            summary="A pool has used nine tenths of its quota.",
            runbook="Raise the pool's quota if the cluster has room, or ask its users to delete.",
        ),
    )
