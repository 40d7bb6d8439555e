"""Where subnets go: for any network, they fit, do not overlap, and stay where they are as zones are added."""

from ipaddress import IPv4Network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bedplate.network.subnets import overlapping, parse_block, plan_subnets, usable_addresses


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network:
    prefix = draw(st.integers(16, 24))
    blocks = (1 << (prefix - 8)) - 1
    return IPv4Network(((10 << 24) + (draw(st.integers(0, blocks)) << (32 - prefix)), prefix))


@given(network=networks(), zones=st.integers(1, 6), public=st.booleans())
def test_calculated_subnets_fit_and_do_not_overlap(network: IPv4Network, zones: int, public: bool) -> None:
    try:
        plan = plan_subnets(network, zones, public=public)
    except ValueError:
        # Only the smallest networks have no room: six zones of two subnets, each at least a /28.
        assert network.prefixlen >= 24
        assert public
        return
    blocks = [*plan.private, *plan.public]
    assert len(plan.private) == zones
    assert len(plan.public) == (zones if public else 0)
    assert overlapping(blocks) is None
    assert all(block.subnet_of(network) and 16 <= block.prefixlen <= 28 for block in blocks)
    assert len({block.prefixlen for block in plan.private}) == 1
    # Machines and pods get most of the network.
    assert sum(block.num_addresses for block in plan.private) * 2 >= network.num_addresses


@given(data=st.data(), network=networks(), zones=st.integers(1, 3))
def test_with_given_sizes_another_zone_moves_no_subnet(
    data: st.DataObject, network: IPv4Network, zones: int
) -> None:
    # At most an eighth of the network each, so that two subnets in four zones fit.
    sizes = st.integers(network.prefixlen + 3, 28)
    private, public = data.draw(sizes), data.draw(sizes)

    def plan(count: int):
        return plan_subnets(network, count, private_prefix_length=private, public_prefix_length=public)

    before, after = plan(zones), plan(zones + 1)
    assert after.private[:zones] == before.private
    assert after.public[:zones] == before.public
    assert overlapping([*after.private, *after.public]) is None


@given(network=networks(), zones=st.integers(1, 6), public=st.integers(20, 28))
def test_private_subnets_take_what_given_public_ones_leave(
    network: IPv4Network, zones: int, public: int
) -> None:
    assume(zones * (2 ** (32 - public) + 16) <= network.num_addresses)
    plan = plan_subnets(network, zones, public_prefix_length=public)
    assert overlapping([*plan.private, *plan.public]) is None
    # One size larger would not have fitted.
    larger = zones * (plan.private[0].num_addresses * 2 + 2 ** (32 - public))
    assert larger > network.num_addresses or plan.private[0].prefixlen in (16, network.prefixlen)


def test_a_usual_network_is_cut_as_documented() -> None:
    plan = plan_subnets(IPv4Network("10.20.0.0/16"), 3)
    assert [str(block) for block in plan.private] == ["10.20.0.0/18", "10.20.64.0/18", "10.20.128.0/18"]
    assert [str(block) for block in plan.public] == ["10.20.252.0/22", "10.20.248.0/22", "10.20.244.0/22"]
    assert usable_addresses(plan.private[0]) == 16379


def test_what_does_not_fit_says_what_would() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/20 has 4096 addresses.* take 6240.*at least /19"):
        plan_subnets(IPv4Network("10.0.0.0/20"), 3, private_prefix_length=21, public_prefix_length=27)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.0", "write for example 10.0.0.0/16"),
        ("10.0.0.1/16", "write 10.0.0.0/16"),
        ("10.0.0.0/33", "not an IPv4 range"),
        ("fd00::/8", "not an IPv4 range"),
        ("ten", "not an IPv4 range"),
        ("10.0.0.0/255.255.0.0", "write 10.0.0.0/16"),
    ],
)
def test_a_range_that_is_none_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_block(text)


def test_overlap_is_found_between_any_two_ranges() -> None:
    blocks = [IPv4Network(block) for block in ("10.0.0.0/16", "10.0.1.0/24", "10.0.128.0/17")]
    assert overlapping(blocks) == (blocks[0], blocks[1])
    assert overlapping(blocks[1:]) is None
