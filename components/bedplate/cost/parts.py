"""What machines, disks and control planes cost: shared by environments and stacks, so that both agree."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bedplate.cluster.versions import supported_versions
from bedplate.cost.figures import Collected, Counts, Undetermined, Unpriced
from bedplate.cost.prices import PriceBook

# What a gp3 volume has without extra charge:
# https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html (from memory)
GP3_IOPS = 3_000
GP3_THROUGHPUT = 125
# What detailed monitoring of an instance is billed as; the source is with the price in the catalogue.
DETAILED_METRICS = 7

# Volume types without a charge for operations.
_SIZE_ONLY = ("gp2", "st1", "sc1", "standard")


@dataclass(frozen=True)
class Disk:
    """One EBS volume: size in GiB, throughput in MiB/s; None where the volume type's baseline holds."""

    size_gib: int
    kind: str = "gp3"
    iops: int | None = None
    throughput_mibps: int | None = None


def add_disk(book: PriceBook, to: Collected, group: str, disk: Disk, count: Counts, pool: str = "") -> None:
    """A volume for each of `count`."""
    book.add(to, group, f"EBS {disk.kind}", count, "GB-month", each=disk.size_gib, pool=pool)
    if disk.kind in _SIZE_ONLY:
        return
    iops = disk.iops or 0
    if disk.kind != "gp3":
        if iops:
            book.add(to, group, f"EBS {disk.kind} IOPS", count, "IOPS-month", each=iops, pool=pool)
        return
    if iops > GP3_IOPS:
        book.add(to, group, "EBS gp3 extra IOPS", count, "IOPS-month", each=iops - GP3_IOPS, pool=pool)
    throughput = disk.throughput_mibps or 0
    if throughput > GP3_THROUGHPUT:
        extra = throughput - GP3_THROUGHPUT
        book.add(to, group, "EBS gp3 extra throughput", count, "MBps-month", each=extra, pool=pool)


def add_monitoring(book: PriceBook, to: Collected, group: str, count: Counts, pool: str = "") -> None:
    """Detailed monitoring of each of `count` machines."""
    item = "EC2 detailed monitoring"
    book.add(to, group, item, count, "metric-month", each=DETAILED_METRICS, pool=pool)


def add_control_plane(book: PriceBook, to: Collected, group: str, version: str, today: datetime.date) -> None:
    """An EKS control plane: extended support costs more, and begins by itself on a known day."""
    known = supported_versions().get(version)
    if version and known is None:
        # Too old or too new to say whether it is in extended support, which is six times the price.
        shown = version if re.fullmatch(r"\d{1,2}\.\d{1,3}", version) else "of this version"
        reason = f"Kubernetes {shown} is not in the list of versions, so that its support is not known"
        to.unpriced.append(Unpriced("EKS control plane", group, "1", reason, None))
        return
    extended = known is not None and today > known.standard_support_until
    item = "EKS extended support" if extended else "EKS control plane standard"
    note = (
        f"Kubernetes {version} left standard support on {known.standard_support_until}"
        if extended and known
        else ""
    )
    book.add(to, group, item, Counts.always(1), "cluster-hour", note=note if extended else "")


def dearest(book: PriceBook, machines: Sequence[str]) -> str:
    """The machine of a mixed pool that costs most, or one without a price: the gate must not guess low."""

    def cost(name: str) -> Decimal:
        price, _ = book.machine(name)
        return Decimal("Infinity") if price is None else price.usd

    return max(machines, key=cost)


def unknown(to: Collected, resource: str, path: str, urn: str = "") -> None:
    """Notes a property that decides a price and is not known yet."""
    to.undetermined.append(Undetermined(resource, path, urn))
