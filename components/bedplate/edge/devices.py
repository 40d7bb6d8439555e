"""What machines at the edge have in them; the facts are in devices.csv, with their sources."""

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import AfterValidator


@dataclass(frozen=True, kw_only=True)
class Device:
    """A kind of machine.

    Attributes:
        name: As the inventory names it, and as the node's label bedplate/device has it.
        architecture: Of the CPU.
        accelerator: The accelerator; empty for none.
        accelerator_memory_gib: Its memory in GiB; a Jetson's is also the CPU's.
        integrated: Whether CPU and GPU are one chip (Jetson), which NVIDIA's GPU operator does not serve.
    """

    name: str
    architecture: Literal["x86_64", "arm64"]
    accelerator: str
    accelerator_memory_gib: float
    integrated: bool


@cache
def devices() -> dict[str, Device]:
    """All kinds, by name."""
    text = resources.files("bedplate.edge").joinpath("devices.csv").read_text(encoding="utf-8")
    return {
        row["device"]: Device(
            name=row["device"],
            architecture="arm64" if row["architecture"] == "arm64" else "x86_64",
            accelerator=row["accelerator"],
            accelerator_memory_gib=float(row["accelerator_memory_gib"]),
            integrated=row["integrated"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
    }


def validate_device(name: str) -> str:
    """The name, given back. Raises ValueError with the nearest names where there is no such kind."""
    if name not in devices():
        near = difflib.get_close_matches(name, devices(), n=3) or sorted(devices())
        raise ValueError(f"{name!r} is no kind of edge device; allowed: {', '.join(near)}; correct it")
    return name


DeviceName = Annotated[str, AfterValidator(validate_device)]
