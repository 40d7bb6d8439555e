"""A cluster's plain settings: what EKS would refuse is refused first."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.cluster.nodes import PoolSizes, RootVolumeArgs
from bedplate.cluster.settings import EksClusterSettings
from bedplate.cluster.versions import check_version, supported_versions
from bedplate.core import InputPropertiesError


def _cluster(**fields: Any) -> EksClusterSettings:
    given_fields: dict[str, Any] = {
        "version": "1.35",
        "bootstrap_cluster_creator_admin_permissions": True,
        **fields,
    }
    return EksClusterSettings.model_validate(given_fields)


def test_versions_are_newest_first_and_each_has_its_source() -> None:
    rows = list(supported_versions().values())
    assert [int(row.version.split(".")[1]) for row in rows] == sorted(
        (int(row.version.split(".")[1]) for row in rows), reverse=True
    )
    for row in rows:
        assert row.source.startswith("https://")
        assert row.standard_support_until < row.extended_support_until
        assert (row.support == "STANDARD") == (row.checked <= row.standard_support_until)
        assert row.checked <= row.extended_support_until


@pytest.mark.parametrize("wrong", ["1.99", "1.35.2", "v1.35", "latest", ""])
def test_another_version_is_refused_with_the_list(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: 1\.36, 1\.35"):
        check_version(wrong)


def test_a_version_in_extended_support_must_be_paid_for_knowingly() -> None:
    with pytest.raises(InputPropertiesError, match="set upgrade_policy to EXTENDED"):
        _cluster(version="1.33")
    assert _cluster(version="1.33", upgrade_policy="EXTENDED").version == "1.33"


@pytest.mark.parametrize(
    "cidr",
    ["10.0.0.0/11", "10.0.0.0/25", "100.64.0.0/16", "172.32.0.0/16", "10.0.0.1/16", "10.0.0.0", "fd00::/108"],
)
def test_service_ranges_that_eks_refuses(cidr: str) -> None:
    with pytest.raises(InputPropertiesError, match="service_ipv4_cidr"):
        _cluster(service_ipv4_cidr=cidr)


@given(prefix=st.integers(12, 24), offset=st.integers(0, 2**24 - 1))
@settings(max_examples=60, deadline=None)
def test_every_private_range_of_an_allowed_size_is_accepted(prefix: int, offset: int) -> None:
    block = ipaddress.IPv4Network((0x0A000000 + offset, prefix), strict=False)
    assert _cluster(service_ipv4_cidr=str(block)).service_ipv4_cidr == str(block)


@pytest.mark.parametrize("group", ["system:masters", "eks:admins", "", "aws:x"])
def test_groups_that_eks_keeps_for_itself_are_refused(group: str) -> None:
    entry = {"principal_arn": "arn:aws:iam::123456789012:role/r", "kubernetes_groups": [group]}
    with pytest.raises(InputPropertiesError, match="bind the rights to a group of your own"):
        _cluster(access={"someone": entry})


def test_an_access_entry_that_grants_nothing_is_refused() -> None:
    with pytest.raises(InputPropertiesError, match="grants nothing"):
        _cluster(access={"someone": {"principal_arn": "arn:aws:iam::123456789012:role/r"}})


def test_cluster_admin_is_not_for_namespaces() -> None:
    policy = {"policy": "AmazonEKSClusterAdminPolicy", "namespaces": ["a"]}
    entry = {"principal_arn": "arn:aws:iam::123456789012:role/r", "policies": [policy]}
    with pytest.raises(InputPropertiesError, match="use AmazonEKSAdminPolicy"):
        _cluster(access={"someone": entry})


@given(size=st.integers(-10, 70_000), iops=st.integers(-10, 90_000), throughput=st.integers(-10, 3_000))
@settings(max_examples=150, deadline=None)
def test_a_disk_is_accepted_exactly_where_ebs_would_make_it(size: int, iops: int, throughput: int) -> None:
    makeable = (
        20 <= size <= 65_536
        and 3_000 <= iops <= 80_000
        and 125 <= throughput <= 2_000
        and iops <= max(3_000, size * 500)
        and throughput * 4 <= iops
    )
    fields = {"size_gib": size, "iops": iops, "throughput_mibps": throughput}
    if makeable:
        assert RootVolumeArgs.model_validate(fields).iops == iops
    else:
        with pytest.raises(InputPropertiesError):
            RootVolumeArgs.model_validate(fields)


def test_the_fastest_disk_that_ebs_makes_is_accepted() -> None:
    assert RootVolumeArgs(size_gib=160, iops=80_000, throughput_mibps=2_000).throughput_mibps == 2_000


def test_a_disk_that_is_too_fast_is_told_what_would_do() -> None:
    with pytest.raises(InputPropertiesError) as refused:
        RootVolumeArgs(size_gib=20, iops=12_000, throughput_mibps=2_000)
    text = str(refused.value)
    assert "iops: 12000 is too much for size_gib 20" in text
    assert "raise size_gib to 24" in text
    with pytest.raises(InputPropertiesError, match="raise iops to 8000"):
        RootVolumeArgs(size_gib=100, iops=3_000, throughput_mibps=2_000)


@given(smallest=st.integers(-3, 20), largest=st.integers(-3, 20), desired=st.none() | st.integers(-3, 20))
@settings(max_examples=150, deadline=None)
def test_sizes_are_accepted_exactly_where_they_are_in_order(
    smallest: int, largest: int, desired: int | None
) -> None:
    ordered = (
        0 <= smallest <= largest and largest >= 1 and (desired is None or smallest <= desired <= largest)
    )
    fields = {"min_size": smallest, "max_size": largest, "desired_size": desired}
    if not ordered:
        with pytest.raises(InputPropertiesError):
            PoolSizes.model_validate(fields)
        return
    pool = PoolSizes.model_validate(fields)
    scaling = pool.scaling_config()
    assert scaling.desired_size == (smallest if desired is None else desired)
    assert pool.ignored_changes() == (["scalingConfig.desiredSize"] if desired is None else [])
