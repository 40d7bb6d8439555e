"""The smallest change that fits, held against trying everything."""

import datetime
import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.cost import Basis, Counts, Estimate, Line, Pool, UnitPrice, judge

DAY = datetime.date(2026, 11, 24)


def price(usd: Decimal) -> UnitPrice:
    return UnitPrice(usd, "thing-month", "month", "us-east-1", "a test", DAY)


def estimate(pools: list[tuple[int, int, int, int]], fixed: int = 0) -> Estimate:
    """Pools as (minimum, desired, maximum, dollars a month of one machine)."""
    made = [
        Pool(f"p{i}", "m", Counts.of(low, now, most), ("min_size", "desired_size", "max_size"))
        for i, (low, now, most, _) in enumerate(pools)
    ]
    lines = [
        Line("m", pool.name, pool.count, price(Decimal(unit)), pool=pool.name)
        for pool, (*_, unit) in zip(made, pools, strict=True)
    ]
    lines.append(Line("fixed", "fixed", Counts.always(1), price(Decimal(fixed))))
    return Estimate("e", "us-east-1", DAY, tuple(lines), pools=tuple(made))


def brute(pools: list[tuple[int, int, int, int]], overrun: Decimal, basis: Basis) -> tuple[int, int] | None:
    """Fewest pools and then fewest machines, by trying every combination of cuts."""
    ranges = []
    for low, now, most, _ in pools:
        size = {"minimum": low, "desired": now, "maximum": most}[basis]
        least = {"minimum": 0, "desired": low, "maximum": max(1, low, now)}[basis]
        ranges.append(range(size - least + 1))
    fitting = [
        (sum(cut > 0 for cut in cuts), sum(cuts))
        for cuts in itertools.product(*ranges)
        if sum(cut * unit for cut, (*_, unit) in zip(cuts, pools, strict=True)) >= overrun
    ]
    return min(fitting, default=None)


a_pool = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 4), st.integers(1, 60)).map(
    lambda p: (*sorted(p[:3]), p[3])
)


@settings(deadline=None, max_examples=300)
@given(
    pools=st.lists(a_pool, max_size=4),
    fixed=st.integers(0, 50),
    limit=st.integers(1, 400),
    basis=st.sampled_from(["minimum", "desired", "maximum"]),
)
def test_the_smallest_change_fits_and_none_is_smaller(
    pools: list[tuple[int, int, int, int]], fixed: int, limit: int, basis: Basis
) -> None:
    found = judge(estimate(pools, fixed), Decimal(limit), basis)
    if found.fits:
        assert found.change == ()
        assert found.overrun == 0
        return
    best = brute(pools, found.overrun, basis)
    if found.change is None:
        assert best is None
        assert found.floor > limit
        return
    assert best == (len(found.change), sum(cut.before - cut.after for cut in found.change))
    assert found.total - sum(cut.saves for cut in found.change) <= limit
    assert {cut.field for cut in found.change} == {
        {"minimum": "min_size", "desired": "desired_size", "maximum": "max_size"}[basis]
    }


def test_one_pool_is_changed_where_one_is_enough() -> None:
    found = judge(estimate([(0, 0, 4, 10), (0, 0, 8, 55)], fixed=5), Decimal(300))
    assert found.total == 485
    assert found.overrun == 185
    (cut,) = found.change or ()
    assert (cut.pool.name, cut.before, cut.after, cut.saves) == ("p1", 8, 4, 220)
    assert [line.group for line in found.drivers] == ["p1", "p0", "fixed"]


def test_many_pools_are_searched_in_time() -> None:
    pools = [(0, 0, 3, 10 + i) for i in range(60)]
    found = judge(estimate(pools), Decimal(3500))
    assert found.change
    assert found.total - sum(cut.saves for cut in found.change) <= 3500


@pytest.mark.parametrize(("total", "limit", "fits"), [(100, 100, True), (101, 100, False)])
def test_the_limit_itself_fits(total: int, limit: int, fits: bool) -> None:
    assert judge(estimate([], fixed=total), Decimal(limit)).fits is fits
