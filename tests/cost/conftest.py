"""Fixed prices and a fixed day, so that figures are the same next year."""

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.catalog import Catalog, unload_overlay
from bedplate.catalog.catalogue import builtin_catalog
from bedplate.cost import StackResource

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def catalog() -> Catalog:
    return builtin_catalog()


@pytest.fixture
def today() -> datetime.date:
    return datetime.date(2026, 11, 24)


@pytest.fixture
def aws_dev() -> dict[str, Any]:
    """The environment's part of the shipped file."""
    file = REPOSITORY / "stacks" / "config" / "Pulumi.aws-dev.yaml"
    found: dict[str, Any] = yaml.safe_load(file.read_text())["config"]["bedplate:environment"]
    return found


@pytest.fixture(autouse=True)
def _package_prices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BEDPLATE_CATALOG", raising=False)
    yield
    unload_overlay()


@pytest.fixture
def make() -> Any:
    """A resource by type, name and inputs; `links` says which resource (by name) a property comes from."""

    def _make(
        type: str, name: str, inputs: Mapping[str, object], links: Mapping[str, str] | None = None
    ) -> StackResource:
        urns = {property: (f"urn:{other}",) for property, other in (links or {}).items()}
        return StackResource(type, name, f"urn:{name}", inputs, dependencies=urns)

    return _make
