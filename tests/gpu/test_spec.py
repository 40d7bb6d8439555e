"""A pool's plain settings: impossible combinations are refused, possible ones derived."""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.catalog import aws_machines
from bedplate.core import InputPropertiesError
from bedplate.gpu.labels import label_key, label_value
from bedplate.gpu.spec import GpuPoolSettings

NVIDIA = sorted(m.name for m in aws_machines() if m.accelerator and m.accelerator.vendor == "nvidia")


def _pool(**fields: Any) -> GpuPoolSettings:
    return GpuPoolSettings.model_validate({"machine": "p5.48xlarge", "max_size": 1, **fields})


@pytest.mark.parametrize("machine", NVIDIA)
def test_efa_follows_the_machine_unless_told_otherwise(machine: str) -> None:
    pool = _pool(machine=machine)
    assert pool.uses_efa == (pool.spec().fabric is not None)
    assert _pool(machine=machine, efa=False).uses_efa is False
    if pool.spec().fabric is None:
        with pytest.raises(InputPropertiesError, match="has no EFA interface"):
            _pool(machine=machine, efa=True)
    else:
        assert _pool(machine=machine, efa=True).uses_efa is True


def test_a_reservation_keeps_a_pool_in_one_zone_even_without_efa() -> None:
    reserved = {"kind": "targeted-reservation", "capacity_reservation_id": "cr-0123456789abcdef0"}
    with pytest.raises(InputPropertiesError, match="cr-0123456789abcdef0 is in one zone"):
        _pool(efa=False, reservation=reserved, zones=["us-east-1a", "us-east-1b"])
    assert _pool(efa=False, reservation=reserved, zones=["us-east-1a"]).zones == ("us-east-1a",)


@pytest.mark.parametrize("kind", ["spot", "capacity-block"])
def test_reservations_of_later_versions_are_refused_clearly(kind: str) -> None:
    with pytest.raises(InputPropertiesError) as refused:
        _pool(reservation={"kind": kind})
    assert f"kind '{kind}' is not supported in this version" in str(refused.value)
    assert "allowed: on-demand, targeted-reservation" in str(refused.value)


def test_a_reservation_with_a_typo_is_told_what_there_is() -> None:
    with pytest.raises(InputPropertiesError, match="on-demand"):
        _pool(reservation={"kind": "ondemand"})


def test_the_gpu_taint_is_there_unless_it_is_not_wanted() -> None:
    assert [taint.key for taint in _pool().all_taints()] == ["nvidia.com/gpu"]
    assert _pool(gpu_taint=False).all_taints() == ()
    with pytest.raises(InputPropertiesError, match="same key and effect"):
        _pool(taints=[{"key": "nvidia.com/gpu", "value": "other"}])


@pytest.mark.parametrize("hops", [0, 65])
def test_the_metadata_service_answers_between_1_and_64_hops_away(hops: int) -> None:
    with pytest.raises(InputPropertiesError, match="metadata_hop_limit"):
        _pool(metadata_hop_limit=hops)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/x",
        "a b",
        "-a",
        "a/b/c",
        "a" * 64,
        "UPPER.example.com/x",
        "kubernetes.io/x",
        "x.k8s.io/y",
        "eks.amazonaws.com/z",
    ],
)
def test_label_keys_that_no_node_can_have_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        label_key(key)


@pytest.mark.parametrize(
    "key", ["a", "nvidia.com/gpu", "node.kubernetes.io/purpose", "bedplate/pool", "A.b_c-9"]
)
def test_other_label_keys_are_taken(key: str) -> None:
    assert label_key(key) == key


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_. /ä", max_size=70))
@settings(max_examples=200, deadline=None)
def test_label_values_are_taken_exactly_where_kubernetes_takes_them(value: str) -> None:
    edge = string.ascii_letters + string.digits
    fits = value == "" or (
        len(value) <= 63
        and value[0] in edge
        and value[-1] in edge
        and all(letter in edge + "-_." for letter in value)
    )
    if fits:
        assert label_value(value) == value
    else:
        with pytest.raises(ValueError, match="not a Kubernetes label value"):
            label_value(value)
