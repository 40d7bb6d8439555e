"""The resources that a program registers cost what its environment's file says."""

import copy
import datetime
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedplate import environment
from bedplate.catalog import Catalog
from bedplate.cost import BASES, Estimate, StackResource, environment_cost, stack_cost

# Pulumi's mocks, as the components' own tests use them.
_SPEC = importlib.util.spec_from_file_location(
    "cost_tests_recorder", Path(__file__).parents[1] / "cluster" / "conftest.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _SHARED
_SPEC.loader.exec_module(_SHARED)
made = _SHARED.made


def _shipped(data: dict[str, Any]) -> None:
    """As it stands in the repository."""


def _per_zone(data: dict[str, Any]) -> None:
    data["network"]["nat"] = "per_zone"
    data["network"]["interface_endpoints"] = []
    data["gpu_pools"]["l4"].update({"min_size": 1, "desired_size": 2})
    data["gpu_pools"]["h100"]["volume"] = {"size_gib": 700}
    data["cluster"]["system_pool"] = {"machine": "m7i.2xlarge", "volume": {"iops": 4000}}


def _plain(data: dict[str, Any]) -> None:
    data["network"]["nat"] = "none"
    data["network"]["public_subnets"] = False
    data["gpu_pools"], data["buckets"], data["workloads"] = {}, {}, {}
    data["cluster"].update({"version": "1.33", "upgrade_policy": "EXTENDED"})
    del data["alarms"]
    # Queues, logs and GPU operators of the layer are for what has just been taken away.
    del data["kubernetes"]


@pytest.mark.parametrize("change", [_shipped, _per_zone, _plain])
def test_program_and_file_cost_the_same(
    made: Callable[[Callable[[], object]], Any],
    aws_dev: dict[str, Any],
    catalog: Catalog,
    today: datetime.date,
    change: Callable[[dict[str, Any]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = copy.deepcopy(aws_dev)
    change(data)
    env = environment.load(data)
    resources: list[StackResource] = []
    answer = _SHARED._Cloud.new_resource

    def recorded(self: object, args: Any) -> tuple[str, dict[str, Any]]:
        identifier, outputs = answer(self, args)
        resources.append(StackResource(args.typ, args.name, f"urn:{args.name}", args.inputs, id=identifier))
        return identifier, outputs

    monkeypatch.setattr(_SHARED._Cloud, "new_resource", recorded)
    made(lambda: environment.deploy(env))
    assert len(resources) > 30
    stack = stack_cost(resources, catalog=catalog, today=today)
    file = environment_cost(env, catalog=catalog, today=today)
    assert not stack.unpriced
    assert not stack.undetermined
    assert by_item(stack) == by_item(file)
    assert {one.key for one in file.undeclared} == {one.key for one in stack.undeclared}
    assert sorted(pool.count.maximum for pool in stack.pools) == sorted(p.count.maximum for p in file.pools)


def by_item(estimate: Estimate) -> dict[str, list[object]]:
    return {
        item: [sum(line.month(basis) for line in estimate.lines if line.item == item) for basis in BASES]
        for item in {line.item for line in estimate.lines}
    }
