"""Accelerators of machines of one's own: the catalogue's, and those that no cloud in it rents out."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bedplate.catalog import current_catalog
from bedplate.catalog.similar import nearest
from bedplate.kubernetes.handles import AcceleratorVendor

RESOURCES: Mapping[AcceleratorVendor, str] = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}


@dataclass(frozen=True, kw_only=True)
class AcceleratorFacts:
    """What is known of an accelerator that machines of one's own can hold; memory in GB as marketed."""

    name: str
    vendor: AcceleratorVendor
    memory_gb: float


@cache
def _not_rented() -> tuple[AcceleratorFacts, ...]:
    """Those that no machine of a cloud in the catalogue has: `onprem_accelerators.csv`, with sources."""
    text = resources.files("bedplate.cluster").joinpath("onprem_accelerators.csv").read_text(encoding="utf-8")
    return tuple(
        AcceleratorFacts(
            name=row["name"],
            vendor="amd" if row["vendor"] == "amd" else "nvidia",
            memory_gb=float(row["memory_gb"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def accelerator_facts(model: str) -> AcceleratorFacts:
    """What is known of an accelerator. Raises ValueError with the nearest names."""
    known = {one.name: one for one in _not_rented()}
    for machine in current_catalog().machines.values():
        found = machine.accelerator
        if found is not None and found.vendor == "nvidia":
            known[found.name] = AcceleratorFacts(
                name=found.name, vendor=found.vendor, memory_gb=found.memory_gb
            )
    if model not in known:
        close = nearest(model, known)
        hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(known))}."
        raise ValueError(
            f"{model!r} is not an accelerator for machines of your own in the catalogue; {hint} Others can "
            "be added, with a machine that has them, in a file named by BEDPLATE_CATALOG"
        )
    return known[model]
