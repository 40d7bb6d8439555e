"""The catalogue of this process: the package's rows, with a user's own over them."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from bedplate.catalog.catalogue import Catalog, builtin_catalog
from bedplate.catalog.errors import CatalogError, RowProblem
from bedplate.catalog.machines import AwsMachine, ServicePrice

VARIABLE = "BEDPLATE_CATALOG"
_chosen: list[Path] = []


def current_catalog() -> Catalog:
    """The package's rows, and over them those given to `load_overlay` or named by BEDPLATE_CATALOG.

    Raises CatalogError where that file is refused.
    """
    if _chosen:
        return _with_file(_chosen[-1])
    named = os.environ.get(VARIABLE, "")
    if not named:
        return builtin_catalog()
    path = Path(named)
    if not path.is_file():
        reason = f"does not exist; {VARIABLE} must name a .csv or .yaml file, or be unset"
        raise CatalogError(named, [RowProblem("", 0, "", reason)])
    return _with_file(path)


def load_overlay(path: str | os.PathLike[str]) -> Catalog:
    """Put a user's own rows over the package's, for this process, in place of any file loaded before.

    Raises CatalogError with file, row and field of every problem; the catalogue in use is then unchanged.
    """
    file = Path(path)
    catalog = _with_file(file)
    _chosen[:] = [file.absolute()]
    return catalog


def unload_overlay() -> None:
    """Go back to the package's rows (and those of BEDPLATE_CATALOG)."""
    _chosen.clear()


def _with_file(path: Path) -> Catalog:
    # A file that was edited since (in a test, in a long-lived process) is read again.
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _merged(path.absolute(), stamp)


@lru_cache(maxsize=8)
def _merged(path: Path, stamp: int) -> Catalog:
    return builtin_catalog().with_rows_of(path)


def aws_machine(name: str) -> AwsMachine:
    """One EC2 instance type. Raises UnknownMachineError, which names the nearest ones."""
    return current_catalog().machine(name)


def aws_machines() -> tuple[AwsMachine, ...]:
    """Every EC2 instance type of the catalogue, by family and size."""
    return tuple(current_catalog().machines.values())


def aws_regions() -> Mapping[str, tuple[str, ...]]:
    """The known regions, each with the names of its availability zones in order."""
    return current_catalog().regions


def aws_service_price(item: str, region: str) -> ServicePrice | None:
    """The price of something that is no machine, such as "NAT gateway"; None where none is sourced.

    Raises UnknownItemError, which names the nearest items.
    """
    return current_catalog().service_price(item, region)
