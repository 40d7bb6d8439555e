"""What an environment or a stack costs: pure functions over the catalogue, prices in and figures out."""

from bedplate.cost.budget import Reduction, Verdict, judge
from bedplate.cost.difference import Change, difference
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
from bedplate.cost.free_types import is_free
from bedplate.cost.light import LightReadError, read_environment
from bedplate.cost.onprem import OnPremNode
from bedplate.cost.resource import MISSING, UNKNOWN, StackResource
from bedplate.cost.settings import CONFIG_KEY, CostSettings, CostSettingsError
from bedplate.cost.stack import stack_cost
from bedplate.cost.states import resources_of
from bedplate.cost.usage import USAGE_KEYS, Usage, UsageError

__all__ = [
    "BASES",
    "CONFIG_KEY",
    "HOURS_PER_MONTH",
    "MAX_PRICE_AGE_DAYS",
    "MISSING",
    "UNKNOWN",
    "USAGE_KEYS",
    "Basis",
    "Change",
    "CostSettings",
    "CostSettingsError",
    "Counts",
    "Estimate",
    "LightReadError",
    "Line",
    "OnPremNode",
    "Pool",
    "Reduction",
    "Row",
    "StackResource",
    "Undeclared",
    "Undetermined",
    "UnitPrice",
    "Unpriced",
    "Usage",
    "UsageError",
    "Verdict",
    "difference",
    "environment_cost",
    "is_free",
    "judge",
    "read_environment",
    "resources_of",
    "stack_cost",
]
