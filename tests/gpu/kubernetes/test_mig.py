"""Which layouts of a GPU can be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.gpu.kubernetes.facts import dcgm_metrics, mig_layouts, mig_slices, nvidia_gpus, xids
from bedplate.gpu.kubernetes.mig import check_instances, layout, resource_name
from bedplate.monitoring.kubernetes.dashboards import DASHBOARDS
from bedplate.monitoring.kubernetes.gpu import gpu_group
from bedplate.monitoring.kubernetes.panels import render
from bedplate.monitoring.kubernetes.thresholds import GpuThresholds

ABLE = sorted(model for model, gpu in nvidia_gpus().items() if gpu.mig_family)


@pytest.mark.parametrize("model", ABLE)
def test_every_layout_of_the_vendor_is_one_that_can_be(model: str) -> None:
    family = nvidia_gpus()[model].mig_family
    assert family is not None
    assert mig_layouts(family)
    for profile in mig_layouts(family):
        check_instances(model, layout(model, profile))


@given(
    model=st.sampled_from(ABLE),
    data=st.data(),
)
def test_what_is_accepted_fits_the_gpu(model: str, data: st.DataObject) -> None:
    slices = mig_slices(nvidia_gpus()[model].mig_family or "")
    instances = data.draw(st.dictionaries(st.sampled_from(sorted(slices)), st.integers(1, 7), min_size=1))
    try:
        check_instances(model, instances)
    except ValueError as error:
        assert any(name in str(error) for name in instances)  # noqa: PT017
        return
    whole = max(slices.values(), key=lambda one: one.memory_slices)
    assert sum(slices[name].compute_slices * count for name, count in instances.items()) <= 7
    assert sum(slices[name].memory_slices * count for name, count in instances.items()) <= whole.memory_slices


@given(model=st.sampled_from(ABLE), data=st.data())
def test_a_part_of_what_fits_fits(model: str, data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from(sorted(mig_layouts(nvidia_gpus()[model].mig_family or ""))))
    whole = layout(model, profile)
    part = {name: data.draw(st.integers(0, count)) for name, count in whole.items()}
    check_instances(model, {name: count for name, count in part.items() if count})


@pytest.mark.parametrize(
    ("model", "instances", "text"),
    [
        ("H100-SXM5-80GB", {"1g.10gb": 8}, "8 instances 1g.10gb; a H100-SXM5-80GB holds at most 7"),
        ("H100-SXM5-80GB", {"4g.40gb": 1, "3g.40gb": 1, "1g.10gb": 1}, "take 8 compute slices"),
        ("H100-SXM5-80GB", {"3g.40gb": 2, "1g.10gb": 1}, "cannot be placed on the 8 memory slices"),
        ("H100-SXM5-80GB", {"1g.5gb": 1}, "'1g.5gb' is not a MIG slice of H100-SXM5-80GB; allowed: 1g.10gb"),
        ("A100-SXM4-40GB", {"7g.80gb": 1}, "'7g.80gb' is not a MIG slice of A100-SXM4-40GB"),
        ("L4", {"1g.10gb": 1}, "L4 has no MIG; allowed: A100-SXM4-40GB"),
        ("T4", {"1g.10gb": 1}, "T4 has no MIG"),
        ("H101", {"1g.10gb": 1}, "what 'H101' can be cut into is not known"),
    ],
)
def test_what_cannot_be_is_refused(model: str, instances: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        check_instances(model, instances)


def test_the_same_profile_is_another_layout_on_a_smaller_gpu() -> None:
    assert layout("H100-80GB", "all-1g.10gb") == {"1g.10gb": 7}
    assert layout("A100-40GB", "all-1g.10gb") == {"1g.10gb": 4}
    assert resource_name("1g.10gb+me") == "nvidia.com/mig-1g.10gb.me"


def test_every_counter_that_alerts_and_dashboards_read_is_exported() -> None:
    read = re.compile(r"DCGM_FI_[A-Z0-9_]+")
    asked = {name for alert in gpu_group(GpuThresholds()).alerts for name in read.findall(alert.expr)}
    asked |= {name for one in gpu_group(GpuThresholds()).recordings for name in read.findall(one.expr)}
    for dashboard in DASHBOARDS:
        asked |= set(read.findall(str(render(dashboard))))
    assert len(asked) > 10
    exported = {line.split(",")[0] for line in dcgm_metrics(profiling=False).splitlines()}
    assert asked <= exported
    for line in dcgm_metrics().splitlines():
        assert re.fullmatch(r"DCGM_FI_[A-Z0-9_]+, (gauge|counter|label), [^,]+\.", line)


def test_alerts_and_node_health_agree_about_xids() -> None:
    drained = {one.number for one in xids() if one.action == "drain"}
    application = {one.number for one in xids() if one.action == "application"}
    assert set(GpuThresholds().fatal_xids) <= drained
    assert set(GpuThresholds().application_xids) <= application
