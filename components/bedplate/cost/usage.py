"""What costs by use: how much of it a month has is declared, never guessed."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from bedplate.cost.figures import Collected, Counts
from bedplate.cost.prices import PriceBook


@dataclass(frozen=True)
class UsageItem:
    """One key of a declaration, the priced item that it multiplies, and what brings it about."""

    key: str
    item: str
    unit: str
    kind: str
    note: str = ""
    gcp: bool = False


_FIRST_TIER = "the first tier's price for all of it, which is the highest"

USAGE_ITEMS = (
    UsageItem("nat_gb", "NAT data processed", "GB", "nat"),
    UsageItem("endpoint_gb", "VPC endpoint data", "GB", "endpoint"),
    UsageItem("egress_gb", "internet egress first 10 TB", "GB", "egress", _FIRST_TIER),
    UsageItem("s3_gb", "S3 Standard", "GB-month", "s3"),
    UsageItem("s3_thousand_requests", "S3 PUT/LIST", "1k requests", "s3"),
    UsageItem("logs_ingested_gb", "CloudWatch logs ingest", "GB", "logs"),
    UsageItem("logs_stored_gb", "CloudWatch logs store", "GB-month", "logs"),
    UsageItem("kms_ten_thousand_requests", "KMS requests", "10k", "kms"),
    UsageItem("efs_gb", "EFS standard", "GB-month", "efs"),
    UsageItem("ecr_gb", "ECR storage", "GB-month", "ecr"),
    UsageItem("alb_lcu_hours", "application load balancer capacity", "LCU-hour", "alb"),
    UsageItem("nlb_lcu_hours", "network load balancer capacity", "LCU-hour", "nlb"),
    UsageItem("gcp_nat_gb", "Cloud NAT data", "GB", "gcp-nat", gcp=True),
    UsageItem("gcp_egress_gb", "internet egress first 1 TB", "GB", "gcp-egress", _FIRST_TIER, gcp=True),
    UsageItem("gcs_gb", "Cloud Storage Standard", "GB-month", "gcs", gcp=True),
)
USAGE_KEYS = tuple(item.key for item in USAGE_ITEMS)


class UsageError(ValueError):
    """A declaration of usage that cannot be meant; every problem of it is in the text."""


@dataclass(frozen=True)
class Usage:
    """How much a month uses, by key; a key that is not there is not declared."""

    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> "Usage":
        """Raises UsageError for unknown keys and for what is no number of 0 or more."""
        amounts: dict[str, Decimal] = {}
        problems: list[str] = []
        for key, value in given.items():
            if key not in USAGE_KEYS:
                near = difflib.get_close_matches(key, USAGE_KEYS, n=2) or USAGE_KEYS
                problems.append(f"usage {key!r} is not known; known: {', '.join(near)}")
                continue
            try:
                amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
            except InvalidOperation:
                amount = Decimal("NaN")
            if not amount.is_finite() or amount < 0:
                problems.append(f"usage {key}: {value!r} given; allowed: a number of 0 or more; correct it")
            amounts[key] = amount
        if problems:
            raise UsageError("; ".join(problems))
        return cls(amounts)


def add_usage(to: Collected, book: PriceBook, usage: Usage, kinds: Iterable[str]) -> None:
    """Lines for what is declared; for what is there and not declared, a note that says how to declare it."""
    present = set(kinds)
    for entry in USAGE_ITEMS:
        if entry.gcp != book.gcp:
            continue
        if entry.key in usage.amounts:
            amount = usage.amounts[entry.key]
            if amount > 0:
                book.add(to, "declared usage", entry.item, Counts.always(amount), entry.unit, note=entry.note)
        elif entry.kind in present:
            book.undeclared(to, entry.item, entry.key)
