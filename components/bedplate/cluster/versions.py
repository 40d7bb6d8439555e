"""The Kubernetes versions that EKS takes, as data: `eks_versions.csv`, each row with its source and date."""

import csv
import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, cast

Support = Literal["STANDARD", "EXTENDED"]


@dataclass(frozen=True, kw_only=True)
class KubernetesVersion:
    """One minor version on EKS.

    Attributes:
        version: The minor version, such as "1.35".
        standard_support_until: After this day EKS bills extended support, or upgrades the cluster by itself.
        extended_support_until: After this day EKS upgrades the cluster whatever its policy is.
        support: The kind of support on the day on which the row was checked.
        checked: The day on which the row was compared with its source.
        source: The page that the dates come from.
    """

    version: str
    standard_support_until: dt.date
    extended_support_until: dt.date
    support: Support
    checked: dt.date
    source: str


@cache
def supported_versions() -> dict[str, KubernetesVersion]:
    """Every version that a cluster can be made with, newest first."""
    text = resources.files(__package__).joinpath("eks_versions.csv").read_text(encoding="utf-8")
    rows = (
        KubernetesVersion(
            version=row["version"],
            standard_support_until=dt.date.fromisoformat(row["standard_support_until"]),
            extended_support_until=dt.date.fromisoformat(row["extended_support_until"]),
            support=cast(Support, row["support"]),
            checked=dt.date.fromisoformat(row["checked"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )
    return {row.version: row for row in rows}


def check_version(version: str) -> str:
    """Returns the version, or raises ValueError with the list of those that EKS takes."""
    known = supported_versions()
    if version in known:
        return version
    newest = next(iter(known.values()))
    hint = "give the minor version only" if version.lstrip("v").rsplit(".", 1)[0] in known else "choose one"
    raise ValueError(
        f"{version!r} is not a Kubernetes version that EKS takes; allowed: {', '.join(known)} "
        f"(as of {newest.checked}); {hint}, for example version: {newest.version!r} in quotes"
    )
