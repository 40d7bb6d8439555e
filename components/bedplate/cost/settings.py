"""What a stack says of its cost: the limit, the basis, and how much a month uses (`bedplate:cost`)."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import cast

from bedplate.cost.figures import BASES, MAX_PRICE_AGE_DAYS, Basis
from bedplate.cost.usage import Usage, UsageError

CONFIG_KEY = "bedplate:cost"
_FIELDS = ("limit_usd_per_month", "basis", "max_price_age_days", "usage", "uncounted_types")


class CostSettingsError(ValueError):
    """Settings that cannot be meant; every problem is in the text."""


@dataclass(frozen=True)
class CostSettings:
    """The settings of a stack's cost.

    Attributes:
        limit_usd_per_month: What a month may cost; None where nobody says.
        basis: The size of pools that is held against the limit.
        max_price_age_days: Older prices are refused.
        usage: What is declared of gigabytes and requests in a month.
        uncounted_types: Types of resources whose cost is accepted as not counted.
    """

    limit_usd_per_month: Decimal | None = None
    basis: Basis = "maximum"
    max_price_age_days: int = MAX_PRICE_AGE_DAYS
    usage: Usage = field(default_factory=Usage)
    uncounted_types: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: object) -> "CostSettings":
        """Raises CostSettingsError with every problem: field, value given, what is allowed."""
        if not isinstance(given, Mapping):
            raise CostSettingsError(f"expected a mapping with {', '.join(_FIELDS)}; write one")
        problems = [_unknown(str(name)) for name in given if name not in _FIELDS]
        limit = _limit(given.get("limit_usd_per_month"), problems)
        basis = given.get("basis", "maximum")
        if basis not in BASES:
            problems.append(f"basis: {basis!r} given; allowed: {', '.join(BASES)}; choose one of these")
        age = given.get("max_price_age_days", MAX_PRICE_AGE_DAYS)
        if not isinstance(age, int) or isinstance(age, bool) or age < 1:
            problems.append(f"max_price_age_days: {age!r} given; allowed: whole days, 1 or more; correct it")
        types = given.get("uncounted_types", ())
        if not isinstance(types, list | tuple) or not all(isinstance(one, str) for one in types):
            problems.append("uncounted_types: allowed: a list of Pulumi type tokens; correct it")
            types = ()
        amounts, usage = given.get("usage", {}), Usage()
        if not isinstance(amounts, Mapping):
            problems.append("usage: allowed: a mapping of keys to numbers; correct it")
        else:
            try:
                usage = Usage.parse(amounts)
            except UsageError as error:
                problems.append(str(error))
        if problems:
            raise CostSettingsError("; ".join(problems))
        return cls(limit, cast(Basis, basis), cast(int, age), usage, tuple(types))


def _limit(value: object, problems: list[str]) -> Decimal | None:
    if value is None:
        return None
    try:
        limit = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        limit = Decimal("NaN")
    if not limit.is_finite() or limit <= 0:
        problems.append(f"limit_usd_per_month: {value!r} given; allowed: US dollars above 0; correct it")
    return limit


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _FIELDS, n=2) or _FIELDS
    return f"{name}: unknown; known: {', '.join(near)}"
