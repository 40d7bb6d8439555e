"""Machines of one's own: the hour worked out by hand, and figures that cannot be."""

from decimal import Decimal
from typing import Any

import pytest

from bedplate.cost import OnPremNode

NODE: dict[str, Any] = {
    "capital_usd": Decimal(360_000),
    "amortisation_months": 48,
    "power_watts": Decimal(10_000),
    "pue": Decimal("1.3"),
    "energy_usd_per_kwh": Decimal("0.10"),
    "hosting_usd_per_month": Decimal(1_000),
    "staff_usd_per_month": Decimal(500),
    "utilisation": Decimal("0.5"),
    "gpus": 8,
}


def test_the_hour_of_a_gpu_is_capital_energy_hosting_and_staff() -> None:
    node = OnPremNode(**NODE)
    # 360000/48 + 10 kW x 1.3 x 730 h x $0.10 + 1000 + 500
    assert node.usd_per_month() == Decimal(7_500) + Decimal(949) + Decimal(1_500)
    assert node.usd_per_hour() == Decimal(9_949) / 730
    assert node.usd_per_gpu_hour() == Decimal(9_949) / 730 / 8 / Decimal("0.5")
    assert "= $9,949.00 a month" in node.arithmetic()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capital_usd", Decimal(0)),
        ("capital_usd", Decimal("NaN")),
        ("capital_usd", 1.5),
        ("amortisation_months", 0),
        ("power_watts", Decimal(-1)),
        ("pue", Decimal("0.9")),
        ("utilisation", Decimal(0)),
        ("utilisation", Decimal("1.1")),
        ("gpus", 0),
        ("gpus", True),
    ],
)
def test_figures_that_cannot_be_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field}: .* given; allowed: "):
        OnPremNode(**{**NODE, field: value})
