"""What a bucket claim asks for, made on a real gateway by the client: it holds what it promises."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedplate.storage.bucket_plan import BucketPlan, policy_document
from bedplate.storage.ceph.bucket import CephBucketArgs, CephObjectUserArgs, claim_spec, user_spec
from bedplate.storage.ceph.object_store import CephObjectStoreHandle
from bedplate.storage.rgw_admin import Keys, RgwAdmin, RgwError, S3Endpoint
from bedplate.storage.s3_admin import S3Admin, provision, provision_user, s3_client

# Rook would read the same specs; the store's own name and endpoint are not in what a gateway is asked.
STORE = CephObjectStoreHandle.from_existing(
    name="objects", namespace="rook-ceph", bucket_class_name="buckets"
)
Client = Callable[[Keys], Any]


@pytest.fixture(scope="module")
def rgw(ceph: Any) -> RgwAdmin:
    keys = Keys("ADMINKEY", secrets.token_hex(20))
    ceph.run(
        "radosgw-admin",
        *("user", "create", "--uid=admin", "--display-name=admin", "--caps=users=*;buckets=*"),
        *(f"--access-key={keys.access_key}", f"--secret-key={keys.secret_key}"),
    )
    return RgwAdmin(S3Endpoint(url=ceph.url, keys=keys))


@pytest.fixture(scope="module")
def client(rgw: RgwAdmin) -> Client:
    return lambda keys: s3_client(dataclasses.replace(rgw.endpoint, keys=keys))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    code: str = caught.value.response["Error"]["Code"]
    return code


def make(rgw: RgwAdmin, bucket: str, plan: BucketPlan, owner: str | None = None) -> Keys:
    args = CephBucketArgs(store=STORE, namespace="team", bucket_name=bucket, owner=owner, plan=plan)
    config: Any = claim_spec(args, bucket)["additionalConfig"]
    return provision(rgw, bucket=bucket, config=config, user=f"{bucket}-owner")


def test_a_claimed_bucket_keeps_what_its_owner_writes(rgw: RgwAdmin, client: Client) -> None:
    s3 = client(make(rgw, "plain", BucketPlan()))
    body = secrets.token_bytes(100_000)
    s3.put_object(Bucket="plain", Key="a", Body=body)
    assert s3.get_object(Bucket="plain", Key="a")["Body"].read() == body


def test_a_claim_may_be_made_again(rgw: RgwAdmin, client: Client) -> None:
    first = make(rgw, "again", BucketPlan(max_objects=5))
    client(first).put_object(Bucket="again", Key="a", Body=b"kept")
    second = make(rgw, "again", BucketPlan(max_objects=6))
    assert second == first
    assert client(first).get_object(Bucket="again", Key="a")["Body"].read() == b"kept"
    assert rgw.bucket("again")["bucket_quota"]["max_objects"] == 6


def test_more_objects_than_the_quota_are_refused(rgw: RgwAdmin, client: Client) -> None:
    s3 = client(make(rgw, "counted", BucketPlan(max_objects=4)))
    for number in range(4):
        s3.put_object(Bucket="counted", Key=f"{number}", Body=b"x")
    assert refused(lambda: s3.put_object(Bucket="counted", Key="one-more", Body=b"x")) == "QuotaExceeded"
    s3.delete_object(Bucket="counted", Key="0")
    s3.put_object(Bucket="counted", Key="in-its-place", Body=b"x")


def test_more_bytes_than_the_quota_are_refused(rgw: RgwAdmin, client: Client) -> None:
    keys = make(rgw, "weighed", BucketPlan(max_size_gib=1))
    assert rgw.bucket("weighed")["bucket_quota"]["max_size"] == 2**30
    rgw.set_bucket_quota("weighed-owner", "weighed", max_bytes=2**20, max_objects=None)
    s3 = client(keys)
    s3.put_object(Bucket="weighed", Key="fits", Body=bytes(2**19))
    assert refused(lambda: s3.put_object(Bucket="weighed", Key="not", Body=bytes(2**20))) == "QuotaExceeded"


def test_a_users_quota_holds_over_all_its_buckets(rgw: RgwAdmin, client: Client) -> None:
    args = CephObjectUserArgs(store=STORE, display_name="Limited", max_buckets=2, max_objects=3)
    s3 = client(provision_user(rgw, user="limited", spec=user_spec(args, "limited")))
    s3.create_bucket(Bucket="limited-1")
    s3.create_bucket(Bucket="limited-2")
    assert refused(lambda: s3.create_bucket(Bucket="limited-3")) == "TooManyBuckets"
    s3.put_object(Bucket="limited-1", Key="a", Body=b"x")
    s3.put_object(Bucket="limited-1", Key="b", Body=b"x")
    s3.put_object(Bucket="limited-2", Key="c", Body=b"x")
    rgw.set_user_quota("limited", max_bytes=2**20, max_objects=None)
    assert refused(lambda: s3.put_object(Bucket="limited-1", Key="d", Body=bytes(2**21))) == "QuotaExceeded"
    args = CephObjectUserArgs(store=STORE, max_size_gib=1)
    provision_user(rgw, user="limited", spec=user_spec(args, "limited"))
    s3.put_object(Bucket="limited-1", Key="d", Body=bytes(2**21))
    assert rgw.user_quota("limited") == {"max_bytes": 2**30, "max_objects": None}


def test_readers_read_writers_write_and_others_do_neither(rgw: RgwAdmin, client: Client) -> None:
    people = {name: client(rgw.ensure_user(name, display_name=name)) for name in ("ada", "bob", "eve")}
    plan = BucketPlan(readers=("ada",), writers=("bob",))
    owner = client(make(rgw, "shared", plan))
    owner.put_object(Bucket="shared", Key="a", Body=b"data")
    for name in ("ada", "bob"):
        assert people[name].get_object(Bucket="shared", Key="a")["Body"].read() == b"data"
        assert people[name].list_objects_v2(Bucket="shared")["KeyCount"] == 1
    assert refused(lambda: people["ada"].put_object(Bucket="shared", Key="b", Body=b"x")) == "AccessDenied"
    people["bob"].put_object(Bucket="shared", Key="b", Body=b"x")
    assert refused(lambda: people["bob"].delete_object(Bucket="shared", Key="a")) == "AccessDenied"
    assert refused(lambda: people["eve"].get_object(Bucket="shared", Key="a")) == "AccessDenied"
    make(rgw, "shared", BucketPlan())
    assert refused(lambda: people["ada"].get_object(Bucket="shared", Key="a")) == "AccessDenied"


def test_the_gateway_keeps_the_lifecycle(rgw: RgwAdmin, client: Client) -> None:
    plan = BucketPlan(expirations=({"prefix": "scratch/", "days": 14},))
    s3 = client(make(rgw, "tidied", plan))
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket="tidied")["Rules"]}
    assert rules["expire-scratch/"]["Expiration"] == {"Days": 14}
    assert rules["abort-incomplete-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}


def test_versions_keep_what_is_overwritten(rgw: RgwAdmin, client: Client) -> None:
    keys = make(rgw, "versioned", BucketPlan())
    S3Admin(dataclasses.replace(rgw.endpoint, keys=keys)).set_versioning("versioned")
    s3 = client(keys)
    first = s3.put_object(Bucket="versioned", Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket="versioned", Key="a", Body=b"2")
    old = s3.get_object(Bucket="versioned", Key="a", VersionId=first)["Body"].read()
    assert old == b"1"


def test_a_bucket_belongs_to_the_owner_that_a_claim_names(rgw: RgwAdmin) -> None:
    args = CephObjectUserArgs(store=STORE, display_name="Team", capabilities={"usage": "read"})
    provision_user(rgw, user="team", spec=user_spec(args, "team"))
    make(rgw, "owned", BucketPlan(), owner="team")
    assert rgw.bucket("owned")["owner"] == "team"
    user = rgw.user("team")
    assert user is not None
    assert user["display_name"] == "Team"
    assert user["caps"] == [{"type": "usage", "perm": "read"}]


def test_capabilities_become_what_was_asked_last(rgw: RgwAdmin) -> None:
    rgw.ensure_user("operator", display_name="o", capabilities={"buckets": "read", "usage": "read"})
    rgw.ensure_user("operator", display_name="o", capabilities={"buckets": "*"})
    user = rgw.user("operator")
    assert user is not None
    assert user["caps"] == [{"type": "buckets", "perm": "*"}]


def test_a_user_without_capabilities_is_refused_by_the_admin_api(rgw: RgwAdmin) -> None:
    keys = rgw.ensure_user("nobody", display_name="Nobody")
    with pytest.raises(RgwError, match="AccessDenied") as caught:
        RgwAdmin(dataclasses.replace(rgw.endpoint, keys=keys)).user("admin")
    assert caught.value.status == 403
    rgw.remove_user("nobody")
    assert rgw.user("nobody") is None


def test_the_policy_is_the_one_of_the_claim(rgw: RgwAdmin, client: Client) -> None:
    rgw.ensure_user("ida", display_name="ida")
    plan = BucketPlan(readers=("ida",))
    s3 = client(make(rgw, "documented", plan))
    policy = json.loads(s3.get_bucket_policy(Bucket="documented")["Policy"])
    assert policy == policy_document(plan, "documented")
