"""Every test begins and ends with the package's own rows."""

from collections.abc import Iterator

import pytest

from bedplate.catalog import unload_overlay


@pytest.fixture(autouse=True)
def package_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BEDPLATE_CATALOG", raising=False)
    unload_overlay()
    yield
    unload_overlay()
