"""The arithmetic of copies and chunks, against what it means disk by disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core.errors import Problems
from bedplate.storage.ceph.alarms import takeover_ratio
from bedplate.storage.ceph.pools import (
    ErasureCoded,
    Redundancy,
    Replicated,
    check_fits,
    heals,
    pieces,
    pool_spec,
    recommended,
    survives,
    usable_fraction,
    usable_gib,
)

redundancies = st.one_of(
    st.integers(3, 6).map(lambda size: Replicated(size=size)),
    st.builds(
        lambda data, coding: ErasureCoded(data_chunks=data, coding_chunks=coding),
        st.integers(2, 8),
        st.integers(2, 4),
    ),
)
sizes = st.lists(st.integers(1, 1000), min_size=3, max_size=14)


def reasons(redundancy: Redundancy, domains: int | None) -> list[str]:
    problems = Problems()
    check_fits(problems, "redundancy", redundancy, domains, "rack")
    return [problem.reason for problem in problems]


@given(redundancies, st.integers(1, 14))
def test_what_fits_has_room_for_every_piece_and_what_does_not_is_refused(
    redundancy: Redundancy, domains: int
) -> None:
    assert bool(reasons(redundancy, domains)) == (pieces(redundancy) > domains)
    assert (usable_gib([10.0] * domains, redundancy) > 0) == (pieces(redundancy) <= domains)


@given(redundancies)
def test_a_cluster_of_unknown_layout_is_not_checked(redundancy: Redundancy) -> None:
    assert reasons(redundancy, None) == []


@given(redundancies, st.integers(3, 14), st.integers(1, 100))
def test_equal_domains_are_used_to_the_fraction(redundancy: Redundancy, domains: int, size: int) -> None:
    if pieces(redundancy) <= domains:
        usable = usable_gib([float(size)] * domains, redundancy)
        assert usable == pytest.approx(domains * size * usable_fraction(redundancy))


@given(redundancies, sizes)
def test_no_more_is_usable_than_can_be_laid_out_piece_by_piece(
    redundancy: Redundancy, raw: list[int]
) -> None:
    usable = usable_gib(raw, redundancy)
    count = pieces(redundancy)
    piece = usable / (1 if isinstance(redundancy, Replicated) else redundancy.data_chunks)
    # No domain holds two pieces of one object: of `piece` GiB of pieces, it can take no more than that.
    room = sum(min(size, piece) for size in raw)
    assert room >= count * piece * (1 - 1e-9)
    if usable:
        larger = piece * 1.01
        assert sum(min(size, larger) for size in raw) < count * larger


@given(redundancies, sizes, st.integers(1, 500))
def test_more_disk_never_holds_less(redundancy: Redundancy, raw: list[int], more: int) -> None:
    before = usable_gib(raw, redundancy)
    assert usable_gib([*raw, more], redundancy) >= before - 1e-6
    assert usable_gib([raw[0] + more, *raw[1:]], redundancy) >= before - 1e-6


@given(st.integers(3, 40))
def test_what_is_recommended_fits_survives_two_losses_and_coding_heals(domains: int) -> None:
    redundancy = recommended(domains)
    assert reasons(redundancy, domains) == []
    assert survives(redundancy) >= 2
    if isinstance(redundancy, ErasureCoded):
        assert heals(redundancy, domains)
        assert usable_fraction(redundancy) > usable_fraction(Replicated())


def test_the_refusal_says_what_would_fit() -> None:
    assert reasons(ErasureCoded(data_chunks=8, coding_chunks=3), 6) == [
        "8+3 chunks need 11 failure domains of kind rack, and the cluster has 6; use at most 4+2, or a "
        "smaller failure domain"
    ]
    assert "add a rack" in reasons(Replicated(), 2)[0]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Replicated, {"size": 2}),
        (ErasureCoded, {"data_chunks": 4, "coding_chunks": 1}),
        (ErasureCoded, {"data_chunks": 1, "coding_chunks": 2}),
    ],
)
def test_too_few_copies_are_refused(kind: type, values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 problem"):
        kind(**values)


def test_a_pool_says_what_rook_reads() -> None:
    assert pool_spec(Replicated(size=3), "rack", "nvme") == {
        "failureDomain": "rack",
        "deviceClass": "nvme",
        "replicated": {"size": 3, "requireSafeReplicaSize": True},
    }
    assert pool_spec(ErasureCoded(data_chunks=4), "host") == {
        "failureDomain": "host",
        "erasureCoded": {"dataChunks": 4, "codingChunks": 2},
    }


@given(st.integers(2, 50), st.floats(0.5, 0.95))
def test_below_the_early_alarm_the_others_can_take_over_a_lost_domain(domains: int, near: float) -> None:
    used = takeover_ratio(domains, near) * domains
    assert used / (domains - 1) <= near * (1 + 1e-9)
