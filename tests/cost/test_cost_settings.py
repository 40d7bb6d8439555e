"""`bedplate:cost` of a stack: what it may say, and what is refused."""

from decimal import Decimal

import pytest

from bedplate.cost import CostSettings, CostSettingsError


def test_settings_are_read_with_their_defaults() -> None:
    found = CostSettings.parse({"limit_usd_per_month": "1000.50", "usage": {"nat_gb": 5}})
    assert found.limit_usd_per_month == Decimal("1000.50")
    assert found.usage.amounts == {"nat_gb": 5}
    assert (found.basis, found.max_price_age_days) == ("maximum", 180)
    assert CostSettings.parse({}).limit_usd_per_month is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"limit_usd_per_month": 0}, "limit_usd_per_month: 0 given; allowed: US dollars above 0"),
        ({"limit_usd_per_month": "nan"}, "limit_usd_per_month: 'nan' given"),
        ({"limit_usd_per_month": True}, "limit_usd_per_month: True given"),
        ({"limit_usd_per_month": [1]}, "limit_usd_per_month: [1] given"),
        ({"limit": 5}, "limit: unknown; known: limit_usd_per_month"),
        ({"basis": "max"}, "basis: 'max' given; allowed: minimum, desired, maximum"),
        ({"max_price_age_days": 0}, "max_price_age_days: 0 given"),
        ({"usage": {"nat_gb": -1}}, "usage nat_gb: -1 given"),
        ({"usage": 5}, "usage: allowed: a mapping"),
        ({"uncounted_types": "aws:rds"}, "uncounted_types: allowed: a list"),
        ([], "expected a mapping"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: object, text: str) -> None:
    with pytest.raises(CostSettingsError) as refused:
        CostSettings.parse(given)
    assert text in str(refused.value)


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(CostSettingsError, match=r"basis: .*max_price_age_days: .*nat_gb"):
        CostSettings.parse({"basis": 1, "max_price_age_days": -1, "usage": {"nat_gb": "x"}})
