"""What an environment or a stack costs: pure functions over the catalogue, prices in and figures out."""

from bedplate.cost.budget import Reduction, Verdict, judge
from bedplate.cost.environment import environment_cost
from bedplate.cost.figures import (
    BASES,
    HOURS_PER_MONTH,
    MAX_PRICE_AGE_DAYS,
    Basis,
    Counts,
    Estimate,
    Line,
    Pool,
    Row,
    Undeclared,
    Undetermined,
    UnitPrice,
    Unpriced,
)
from bedplate.cost.usage import USAGE_KEYS, Usage, UsageError

__all__ = [
    "BASES",
    "HOURS_PER_MONTH",
    "MAX_PRICE_AGE_DAYS",
    "USAGE_KEYS",
    "Basis",
    "Counts",
    "Estimate",
    "Line",
    "Pool",
    "Reduction",
    "Row",
    "Undeclared",
    "Undetermined",
    "UnitPrice",
    "Unpriced",
    "Usage",
    "UsageError",
    "Verdict",
    "environment_cost",
    "judge",
]
