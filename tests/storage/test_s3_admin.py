"""The claim and the client say the same; what needs a gateway is tested on a real one (`make test-ceph`)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.storage.bucket_plan import BucketPlan, claim_config, size_in_bytes
from bedplate.storage.rgw_admin import Keys, RgwAdmin, S3Endpoint
from bedplate.storage.s3_admin import provision


def admin() -> RgwAdmin:
    return RgwAdmin(S3Endpoint(url="http://127.0.0.1:1", keys=Keys("access", "very-secret")))


@given(st.integers(1, 10**6))
def test_a_quota_is_the_same_in_a_claim_and_in_a_call(gib: int) -> None:
    config = claim_config(BucketPlan(max_size_gib=gib), "data", None)
    assert size_in_bytes(config["bucketMaxSize"]) == gib * 2**30


@pytest.mark.parametrize(("text", "bytes"), [("4096", 4096), ("2G", 2 * 10**9), ("2Gi", 2**31), ("1K", 1000)])
def test_sizes_of_claims_are_read_as_kubernetes_reads_them(text: str, bytes: int) -> None:
    assert size_in_bytes(text) == bytes


@pytest.mark.parametrize("text", ["", "Gi", "1.5Gi", "-1", "4 Gi", "4GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size_in_bytes(text)


def test_a_field_that_no_claim_has_is_refused_before_any_call() -> None:
    with pytest.raises(ValueError, match="'bucketMaxsize' is no field of a claim"):
        provision(admin(), bucket="data", config={"bucketMaxsize": "1Gi"})


def test_a_key_is_not_shown() -> None:
    assert "very-secret" not in repr(admin().endpoint)


def test_values_of_a_claim_are_strings() -> None:
    plan = BucketPlan(max_size_gib=1, max_objects=2, readers=("ada",))
    config: dict[str, Any] = claim_config(plan, "data", "team")
    assert {type(value) for value in config.values()} == {str}
