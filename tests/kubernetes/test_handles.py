"""Handles of clusters and pools, and the list of everything that is pinned."""

import re
from typing import cast

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.catalog import UnknownArtifactError, artifacts, chart, image
from bedplate.kubernetes.handles import KubernetesHandle, NodePoolHandle, Taint


def test_a_taint_is_tolerated_as_it_is() -> None:
    assert Taint(key="nvidia.com/gpu", effect="NoSchedule").toleration() == {
        "key": "nvidia.com/gpu",
        "operator": "Exists",
        "effect": "NoSchedule",
    }
    assert Taint(key="edge", value="line-1", effect="NoExecute").toleration() == {
        "key": "edge",
        "operator": "Equal",
        "value": "line-1",
        "effect": "NoExecute",
    }


def test_an_unknown_pool_is_refused_with_those_that_there_are() -> None:
    pool = NodePoolHandle(name="h100", labels={"bedplate/pool": "h100"}, max_nodes=2, cpu=8, memory_gib=64)
    cluster = KubernetesHandle(
        name="racks",
        platform="onprem",
        version="1.36",
        provider=cast(pulumi.ProviderResource, None),
        pools=(pool,),
    )
    assert cluster.pool("h100") is pool
    assert cluster.gpu_pools == ()
    with pytest.raises(ValueError, match="'h200' is not a pool of racks; allowed: h100; correct the name"):
        cluster.pool("h200")


def test_everything_is_pinned_exactly_once_with_its_source() -> None:
    seen = set()
    for one in artifacts():
        assert (one.kind, one.name) not in seen
        seen.add((one.kind, one.name))
        assert re.fullmatch(
            r"(https|oci)://\S+[^/]" if one.kind == "chart" else r"[a-z0-9.-]+(/\S+)+", one.repository
        )
        assert one.version not in ("", "latest", "main", "master")
        assert not re.search(r"[\^~*<>=]|\.x\b", one.version)
        assert re.fullmatch(r"(sha256:[0-9a-f]{64})?", one.digest)
        assert one.source


@given(st.text(max_size=20))
def test_what_is_not_pinned_is_refused_by_name(name: str) -> None:
    known = {one.name for one in artifacts()}
    if name not in known:
        for find in (chart, image):
            with pytest.raises(UnknownArtifactError):
                find(name)


def test_a_mistyped_chart_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownArtifactError, match="did you mean rook-ceph"):
        chart("rook-cehp")
    assert image("ceph").reference.startswith("quay.io/ceph/ceph:v")
