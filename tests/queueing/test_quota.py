"""Quota arithmetic: the parts of a pool are what is in them, and never more than the pool."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.kubernetes.handles import NodeAccelerator, NodeFabric, NodePoolHandle
from bedplate.queueing.quota import CPU, MEMORY, NodeShape, PoolQuota, covered, flavor_quota, quantity

UNITS = {"m": Fraction(1, 1000), "Mi": Fraction(2**20), "Gi": Fraction(2**30)}


def read(text: str) -> Fraction:
    """A quantity as Kubernetes reads it."""
    for unit, factor in UNITS.items():
        if text.endswith(unit):
            return int(text.removesuffix(unit)) * factor
    return Fraction(int(text))


@st.composite
def gpu_pools(draw: st.DrawFn) -> NodePoolHandle:
    fabric = draw(st.sampled_from([None, 1, 4, 8, 16, 32]))
    return NodePoolHandle(
        name="gpu",
        labels={"bedplate/pool": "gpu"},
        max_nodes=draw(st.integers(1, 500)),
        cpu=draw(st.integers(1, 384)) / 2,
        memory_gib=draw(st.integers(1, 4096)) + draw(st.sampled_from([0.0, 0.5, 0.3])),
        accelerator=NodeAccelerator(
            vendor="nvidia",
            model="H100-SXM5-80GB",
            count=draw(st.sampled_from([1, 2, 4, 8, 16])),
            memory_gib=80,
            resource="nvidia.com/gpu",
        ),
        fabric=None
        if fabric is None
        else NodeFabric(kind="efa", resource="vpc.amazonaws.com/efa", count=fabric),
    )


reserves = st.sampled_from([0, 3.5, 8, 50])


def amounts(
    pool: NodePoolHandle,
    unit: Literal["nodes", "accelerators"],
    amount: int,
    reserve: float,
    **limits: int,
) -> list[dict[str, Any]]:
    quota = PoolQuota.model_validate({"pool": "gpu", unit: amount, **limits})
    return flavor_quota(quota, pool, resources=covered([pool]), reserve_percent=reserve, limits=bool(limits))


@settings(max_examples=100, deadline=None)
@given(pool=gpu_pools(), reserve=reserves, data=st.data())
def test_shares_of_a_pool_never_add_up_to_more_than_the_pool(
    pool: NodePoolHandle, reserve: float, data: st.DataObject
) -> None:
    assert pool.accelerator is not None
    total = pool.max_nodes * pool.accelerator.count
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=4)))
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, total], strict=True)]
    whole = {
        row["name"]: read(row["nominalQuota"]) for row in amounts(pool, "nodes", pool.max_nodes, reserve)
    }
    for name, most in whole.items():
        sums = sum(
            read(row["nominalQuota"])
            for part in parts
            for row in amounts(pool, "accelerators", part, reserve)
            if row["name"] == name
        )
        assert sums <= most
        if name == "nvidia.com/gpu":
            assert sums == most == total


@settings(max_examples=100, deadline=None)
@given(pool=gpu_pools(), reserve=reserves, nodes=st.integers(0, 500))
def test_all_accelerators_of_nodes_are_the_nodes(pool: NodePoolHandle, reserve: float, nodes: int) -> None:
    assert pool.accelerator is not None
    by_nodes = amounts(pool, "nodes", nodes, reserve)
    assert by_nodes == amounts(pool, "accelerators", nodes * pool.accelerator.count, reserve)
    found = {row["name"]: read(row["nominalQuota"]) for row in by_nodes}
    assert found["nvidia.com/gpu"] == nodes * pool.accelerator.count
    if pool.fabric is not None:
        assert found["vpc.amazonaws.com/efa"] == nodes * pool.fabric.count
    assert found[CPU] <= nodes * Fraction(str(pool.cpu))
    assert found[MEMORY] <= nodes * Fraction(str(pool.memory_gib)) * 2**30


@settings(max_examples=100, deadline=None)
@given(pool=gpu_pools(), reserve=reserves, amount=st.integers(0, 4000), data=st.data())
def test_nobody_lends_more_than_they_have_of_anything(
    pool: NodePoolHandle, reserve: float, amount: int, data: st.DataObject
) -> None:
    lent = data.draw(st.integers(0, amount))
    for row in amounts(pool, "accelerators", amount, reserve, lending_limit=lent):
        assert 0 <= read(row["lendingLimit"]) <= read(row["nominalQuota"])


@settings(max_examples=100, deadline=None)
@given(resource=st.sampled_from([CPU, MEMORY, "nvidia.com/gpu"]), amount=st.integers(0, 10**9))
def test_quantities_are_read_as_they_were_meant(resource: str, amount: int) -> None:
    base = {CPU: Fraction(1, 1000), MEMORY: Fraction(2**20)}.get(resource, Fraction(1))
    assert read(quantity(resource, amount)) == amount * base


def test_without_a_cohort_there_are_no_limits(pools: dict[str, NodePoolHandle]) -> None:
    quota = PoolQuota(pool="h100", nodes=2)
    rows = flavor_quota(quota, pools["h100"], resources=[CPU], reserve_percent=0, limits=False)
    assert rows == [{"name": CPU, "nominalQuota": "384"}]


def test_what_a_pool_lacks_is_nought_of_it(pools: dict[str, NodePoolHandle]) -> None:
    resources = covered([pools["cpu"], pools["h100"]])
    rows = flavor_quota(
        PoolQuota(pool="cpu", nodes=1), pools["cpu"], resources=resources, reserve_percent=0, limits=False
    )
    assert {row["name"]: row["nominalQuota"] for row in rows} == {
        "cpu": "16",
        "memory": "64Gi",
        "nvidia.com/gpu": "0",
        "vpc.amazonaws.com/efa": "0",
    }
    assert NodeShape.of(pools["l40s"], 0).devices == {"nvidia.com/gpu": 4}


@pytest.mark.parametrize(
    ("given_fields", "path", "part"),
    [
        ({}, "nodes", "neither of nodes and accelerators"),
        ({"nodes": 1, "accelerators": 8}, "nodes", "both of nodes and accelerators"),
        ({"nodes": 1, "lending_limit": 2}, "lending_limit", "2 is above the quota of 1 nodes"),
        ({"nodes": -1}, "nodes", "-1"),
    ],
)
def test_refusals(refused: Any, given_fields: dict[str, int], path: str, part: str) -> None:
    problems = refused(lambda: PoolQuota(pool="gpu", **given_fields))
    assert list(problems) == [path]
    assert part in problems[path]
