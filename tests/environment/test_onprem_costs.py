"""What machines of one's own cost: only what the file says, and never nothing."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from bedplate import environment
from bedplate.cli import main
from bedplate.environment.onprem_costs import onprem_cost
from bedplate.environment.onprem_models import OnPremEnvironment

ROOT = Path(__file__).parents[2]


def test_a_machine_costs_its_capital_and_its_energy() -> None:
    text = (ROOT / "stacks/config/Pulumi.onprem-prod.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)["config"]["bedplate:environment"]
    data["costs"] = {
        "h100": {
            "capital_usd": 240000,
            "amortisation_months": 48,
            "power_watts": 1000,
            "energy_usd_per_kwh": 0.1,
        }
    }
    env = environment.load(data)
    assert isinstance(env, OnPremEnvironment)
    estimate = onprem_cost(env, datetime.date(2026, 11, 25))
    # 16 machines: $240,000 over 48 months, and 1 kW x 1.5 x 730 h x $0.10.
    assert estimate.month("maximum") == 16 * (Decimal(5000) + Decimal("109.50"))
    assert estimate.month("minimum") == estimate.month("maximum")
    assert {one.group for one in estimate.unpriced} == {
        "cluster.pools.system",
        "cluster.pools.inference",
        "cluster.pools.storage",
        "cluster.control_plane",
    }


def test_the_command_says_which_machines_have_no_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "onprem-dev", "--root", str(ROOT)]) == 0
    said = capsys.readouterr().out
    assert "NO PRICE" in said
    assert "give costs.l40s in the file" in said
