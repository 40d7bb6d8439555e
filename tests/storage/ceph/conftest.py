"""Arguments that the tests of Ceph's components share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def _node(number: int, rack: int | None) -> dict[str, Any]:
    node: dict[str, Any] = {
        "name": f"storage-{number}",
        "devices": [f"/dev/disk/by-id/nvme-disk-{number}a", f"/dev/disk/by-id/nvme-disk-{number}b"],
    }
    return node if rack is None else {**node, "rack": f"rack-{rack}"}


@pytest.fixture
def nodes() -> Callable[..., list[dict[str, Any]]]:
    """Machines with two disks each: so many, in so many racks (none where not said)."""

    def make(count: int = 3, racks: int | None = None) -> list[dict[str, Any]]:
        return [_node(number, None if racks is None else number % racks) for number in range(count)]

    return make
