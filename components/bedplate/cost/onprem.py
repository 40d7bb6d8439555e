"""What a machine of one's own costs by the hour: capital, power, hosting and staff."""

from dataclasses import dataclass, fields
from decimal import Decimal

from bedplate.cost.figures import HOURS_PER_MONTH

_WATTS_PER_KILOWATT = Decimal(1_000)


@dataclass(frozen=True, kw_only=True)
class OnPremNode:
    """One machine in one's own data centre. Money is in US dollars. Raises ValueError for impossible figures.

    Attributes:
        capital_usd: What the machine costs, with its share of network and racks.
        amortisation_months: Over how many months that is written off.
        power_watts: What it draws on average while it runs.
        pue: Power usage effectiveness: what the site draws for each watt of the machine; at least 1.
        energy_usd_per_kwh: The price of energy.
        hosting_usd_per_month: Space, cooling contracts, connectivity.
        staff_usd_per_month: This machine's share of those who run it.
        utilisation: The share of time in which its GPUs do paid work, which pays for the rest.
        gpus: How many it has.
    """

    capital_usd: Decimal
    amortisation_months: int
    power_watts: Decimal
    energy_usd_per_kwh: Decimal
    gpus: int
    pue: Decimal = Decimal("1.5")
    hosting_usd_per_month: Decimal = Decimal(0)
    staff_usd_per_month: Decimal = Decimal(0)
    utilisation: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        problems = []
        for each in fields(self):
            value = getattr(self, each.name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | Decimal)
                or not Decimal(value).is_finite()
            ):
                problems.append(
                    f"{each.name}: {value!r} given; allowed: a Decimal or whole number; correct it"
                )
            elif value < 0:
                problems.append(f"{each.name}: {value} given; allowed: 0 or more; correct it")
        if not problems:
            for name in ("capital_usd", "amortisation_months", "gpus"):
                if getattr(self, name) <= 0:
                    problems.append(f"{name}: {getattr(self, name)} given; allowed: above 0; correct it")
            if self.pue < 1:
                problems.append(f"pue: {self.pue} given; allowed: 1 or more; correct it")
            if not 0 < self.utilisation <= 1:
                problems.append(
                    f"utilisation: {self.utilisation} given; allowed: above 0, up to 1; correct it"
                )
        if problems:
            raise ValueError("; ".join(problems))

    def usd_per_month(self) -> Decimal:
        """Everything that a month costs, whether the machine works or not."""
        fixed = self.hosting_usd_per_month + self.staff_usd_per_month
        return self.capital_usd / self.amortisation_months + self._energy_usd_per_month() + fixed

    def usd_per_hour(self) -> Decimal:
        return self.usd_per_month() / HOURS_PER_MONTH

    def usd_per_gpu_hour(self) -> Decimal:
        """For an hour of one GPU's paid work."""
        return self.usd_per_hour() / self.gpus / self.utilisation

    def arithmetic(self) -> str:
        """How the month comes about, as text."""
        parts = [
            f"${self.capital_usd:,} / {self.amortisation_months} months",
            f"{self.power_watts:,} W x PUE {self.pue} x {HOURS_PER_MONTH} h "
            f"x ${self.energy_usd_per_kwh} per kWh",
            f"${self.hosting_usd_per_month:,} hosting",
            f"${self.staff_usd_per_month:,} staff",
        ]
        return " + ".join(parts) + f" = ${self.usd_per_month():,.2f} a month"

    def _energy_usd_per_month(self) -> Decimal:
        kilowatts = self.power_watts * self.pue / _WATTS_PER_KILOWATT
        return kilowatts * HOURS_PER_MONTH * self.energy_usd_per_kwh
