"""What an environment on your own racks costs a month, where its file says what its machines cost."""

import datetime
from decimal import Decimal

from bedplate.cost.figures import Counts, Estimate, Line, UnitPrice, Unpriced
from bedplate.cost.onprem import OnPremNode
from bedplate.environment.onprem_models import CONTROL_PLANE, MachineCosts, OnPremEnvironment

__all__ = ["onprem_cost"]

_REGION = "your racks"


def onprem_cost(env: OnPremEnvironment, today: datetime.date) -> Estimate:
    """The machines of each pool and of the control plane; those without costs in the file are named."""
    groups = {f"cluster.pools.{name}": (name, len(pool.nodes)) for name, pool in env.cluster.pools.items()}
    if env.cluster.control_plane:
        groups["cluster.control_plane"] = (CONTROL_PLANE, len(env.cluster.control_plane))
    lines: list[Line] = []
    unpriced: list[Unpriced] = []
    for group, (name, count) in groups.items():
        costs = env.costs.get(name)
        if costs is None:
            reason = f"machines of your own have no price in the catalogue; give costs.{name} in the file"
            unpriced.append(Unpriced("machine", group, str(count), reason, None))
            continue
        accelerator = env.cluster.pools[name].accelerator if name in env.cluster.pools else None
        node = _node(costs, accelerator.count if accelerator else 1)
        usd = node.usd_per_month().quantize(Decimal("0.01"))
        price = UnitPrice(usd, "machine-month", "month", _REGION, f"costs.{name}", today)
        lines.append(Line("machine", group, Counts.always(count), price, note=node.arithmetic()))
    free = ("network, racks and buildings that are in no machine's costs",)
    return Estimate(env.name, _REGION, today, lines=tuple(lines), unpriced=tuple(unpriced), free=free)


def _node(costs: MachineCosts, gpus: int) -> OnPremNode:
    def exact(value: float) -> Decimal:
        return Decimal(str(value))

    return OnPremNode(
        capital_usd=exact(costs.capital_usd),
        amortisation_months=costs.amortisation_months,
        power_watts=exact(costs.power_watts),
        energy_usd_per_kwh=exact(costs.energy_usd_per_kwh),
        pue=exact(costs.pue),
        hosting_usd_per_month=exact(costs.hosting_usd_per_month),
        staff_usd_per_month=exact(costs.staff_usd_per_month),
        gpus=gpus,
    )
