"""GPUs by claims."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core.errors import ArgsError
from bedplate.gpu.kubernetes.claims import GpuClaimArgs, GpuResourceClaims, GpuResourceClaimsArgs
from bedplate.gpu.kubernetes.claims_args import driver_values
from bedplate.gpu.kubernetes.handles import GpuLayerHandle
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs

CLAIM = {"name": "one", "namespace": "team-a"}
DOMAIN = {"name": "job", "namespace": "team-a", "claim_template": "job-channel"}


def test_a_claim_says_what_gpu_it_wants(record, cluster) -> None:
    claims = (
        {**CLAIM, "name": "all", "model": "H100-SXM5-80GB", "count": 8},
        {**CLAIM, "name": "more", "min_memory_gib": 40},
        {**CLAIM, "name": "slice", "mig_slice": "1g.10gb", "count": 2},
    )
    made = record(lambda: GpuResourceClaims("dra", GpuResourceClaimsArgs(cluster=cluster(), claims=claims)))
    (of_model,) = made.of_type("DeviceClass")
    assert of_model.inputs["metadata"]["name"] == "h100-sxm5-80gb"
    assert of_model.inputs["spec"]["selectors"] == [
        {
            "cel": {
                "expression": "device.driver == 'gpu.nvidia.com' && "
                "device.attributes['gpu.nvidia.com'].type == 'gpu' && "
                "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'"
            }
        }
    ]
    asked = [
        one.inputs["spec"]["spec"]["devices"]["requests"][0]["exactly"]
        for one in sorted(made.of_type("ResourceClaimTemplate"), key=lambda one: one.name)
    ]
    assert [(one["deviceClassName"], one["count"]) for one in asked] == [
        ("h100-sxm5-80gb", 8),
        ("gpu.nvidia.com", 1),
        ("mig.nvidia.com", 2),
    ]
    assert "selectors" not in asked[0] or asked[0]["selectors"] == []
    assert asked[1]["selectors"][0]["cel"]["expression"] == (
        "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0"
    )
    assert asked[2]["selectors"][0]["cel"]["expression"] == (
        "device.attributes['gpu.nvidia.com'].profile == '1g.10gb'"
    )
    for one in (of_model, *made.of_type("ResourceClaimTemplate")):
        assert one.depends_on == ("dra-driver",)


def test_a_domain_of_many_nodes_needs_no_gpus_by_claim(record, cluster, pool) -> None:
    where = cluster(pool("nvl72", "GB200", count=4, memory=186))

    def program() -> None:
        layer = NvidiaGpuOperator("gpus", NvidiaGpuOperatorArgs(cluster=where)).handle
        GpuResourceClaims(
            "dra", GpuResourceClaimsArgs(cluster=where, layer=layer, gpus=False, compute_domains=(DOMAIN,))
        )

    made = record(program)
    domain = made.one("ComputeDomain")
    assert domain.inputs["spec"] == {
        "numNodes": 0,
        "channel": {"resourceClaimTemplate": {"name": "job-channel"}},
    }
    values = made.one("Release", "dra-driver").inputs["values"]
    assert values["resources"] == {"gpus": {"enabled": False}, "computeDomains": {"enabled": True}}
    assert values["nvidiaDriverRoot"] == "/run/nvidia/driver"
    assert made.of_type("DeviceClass") == []
    assert "gpus-operator" in made.one("Release", "dra-driver").depends_on


@pytest.mark.parametrize(
    ("platform", "root"), [("eks", "/"), ("gke", "/home/kubernetes/bin/nvidia"), ("onprem", "/")]
)
def test_the_driver_is_found_where_the_image_has_it(cluster, platform: str, root: str) -> None:
    args = GpuResourceClaimsArgs(cluster=cluster(platform=platform))
    assert driver_values(args)["nvidiaDriverRoot"] == root


def _layer(device_plugin: bool) -> GpuLayerHandle:
    return GpuLayerHandle(
        vendor="nvidia",
        namespace="gpu-operator",
        release=None,  # type: ignore[arg-type]
        resources=(),
        device_plugin=device_plugin,
    )


@pytest.mark.parametrize(
    ("version", "model", "more", "path", "text"),
    [
        ("1.33", "H100-SXM5-80GB", {}, "cluster", "1.33 does not serve resource.k8s.io/v1; allowed: 1.34"),
        ("1.36", None, {}, "cluster", "no pool with NVIDIA GPUs"),
        ("1.36", "H100-SXM5-80GB", {"layer": _layer(True)}, "gpus", "a GPU could be given twice"),
        ("1.36", "H100-SXM5-80GB", {"gpus": False}, "gpus", "false without compute_domains"),
        ("1.36", "H100-SXM5-80GB", {"compute_domains": (DOMAIN,)}, "compute_domains", "allowed: GB200"),
        (
            "1.36",
            "GB200",
            {"gpus": False, "compute_domains": (DOMAIN,), "claims": (CLAIM,)},
            "claims",
            "gpus is false",
        ),
        (
            "1.36",
            "L4",
            {"claims": ({**CLAIM, "mig_slice": "1g.10gb"},)},
            "claims[0].mig_slice",
            "have no MIG",
        ),
        (
            "1.36",
            "H100-SXM5-80GB",
            {"claims": ({**CLAIM, "mig_slice": "1g.5gb"},)},
            "claims[0].mig_slice",
            "allowed: 1g.10gb",
        ),
        ("1.36", "L4", {"claims": ({**CLAIM, "model": "H100-SXM5-80GB"},)}, "claims[0].model", "allowed: L4"),
        (
            "1.36",
            "H100-SXM5-80GB",
            {"claims": ({**CLAIM, "min_memory_gib": 81},)},
            "claims[0].min_memory_gib",
            "up to 80",
        ),
        ("1.36", "H100-SXM5-80GB", {"claims": ({**CLAIM, "count": 9},)}, "claims[0].count", "up to 8"),
        ("1.36", "H100-SXM5-80GB", {"claims": (CLAIM, CLAIM)}, "claims[1].name", "each name once"),
    ],
)
def test_what_cannot_be_is_refused(
    cluster, pool, refused, version: str, model: str | None, more: dict[str, Any], path: str, text: str
) -> None:
    where = cluster(pool("p", model), version=version)
    problems = refused(lambda: GpuResourceClaimsArgs(cluster=where, **more))
    assert text in problems[path]


@given(minor=st.integers(20, 60))
def test_the_version_is_compared_as_numbers(cluster, minor: int) -> None:
    try:
        GpuResourceClaimsArgs(cluster=cluster(version=f"1.{minor}"))
    except ArgsError:
        assert minor < 34
    else:
        assert minor >= 34


@given(
    memory=st.none() | st.integers(1, 1024),
    mig=st.none() | st.sampled_from(["1g.10gb", "3g.40gb"]),
    count=st.integers(1, 32),
)
def test_a_claim_that_is_accepted_can_be_met(cluster, memory, mig, count) -> None:
    claim = GpuClaimArgs(**CLAIM, min_memory_gib=memory, mig_slice=mig, count=count)
    try:
        GpuResourceClaimsArgs(cluster=cluster(), claims=(claim,))
    except ArgsError:
        return
    assert memory is None or memory <= (80 if mig is None else int(mig.split(".")[1][:-2]))
    assert mig is not None or count <= 8
