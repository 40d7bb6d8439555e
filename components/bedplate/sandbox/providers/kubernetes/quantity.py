"""Kubernetes quantities as numbers."""

import re
from decimal import Decimal
from typing import Any

_FORM = re.compile(r"^([+-]?[\d.]+)([a-zA-Z]*|[eE][+-]?\d+)$")
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}  # fmt: skip


def amount(value: Any) -> Decimal | None:
    """The number that a quantity stands for; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(str(value))
    match = _FORM.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    number, unit = match.groups()
    try:
        if unit in _FACTORS:
            return Decimal(number) * _FACTORS[unit]
        return Decimal(number + unit)
    except ArithmeticError:
        return None
