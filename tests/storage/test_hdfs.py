"""core-site.xml over an object store: what Hadoop reads, and that no secret is in it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.core import ArgsError
from bedplate.storage.handles import ObjectStoreHandle
from bedplate.storage.hdfs import AbfsStore, GcsStore, S3aStore, core_site, core_site_of, to_xml, uri

CEPH = S3aStore(bucket="data", region="us-east-1", endpoint="https://s3.lan", path_style=True)
AZURE = AbfsStore(account="acct", container="data", client_id="app", tenant_id="org")


def read(xml: str) -> dict[str, str]:
    root = ElementTree.fromstring(xml)
    return {one.findtext("name", ""): one.findtext("value", "") for one in root.iter("property")}


def test_a_bucket_of_a_store_of_ones_own_has_settings_of_its_own() -> None:
    properties = core_site([CEPH])
    assert properties["fs.s3a.bucket.data.endpoint"] == "https://s3.lan"
    assert properties["fs.s3a.bucket.data.path.style.access"] == "true"
    assert properties["fs.s3a.bucket.data.connection.ssl.enabled"] == "true"
    assert properties["fs.s3a.bucket.data.aws.credentials.provider"].endswith(
        "EnvironmentVariableCredentialsProvider"
    )
    assert "fs.defaultFS" not in properties


def test_on_aws_the_pods_identity_is_used() -> None:
    properties = core_site([S3aStore(bucket="data", region="eu-west-1")])
    assert "WebIdentityToken" in properties["fs.s3a.bucket.data.aws.credentials.provider"]
    assert "fs.s3a.bucket.data.endpoint" not in properties


def test_keys_are_in_a_credential_file_that_is_named() -> None:
    path = "jceks://hdfs@namenode/user/trainer/s3.jceks"
    properties = core_site([CEPH.model_copy(update={"credential_provider": path})])
    assert properties["fs.s3a.bucket.data.security.credential.provider.path"] == path
    assert not [name for name in properties if name.endswith((".secret.key", ".access.key"))]


def test_azure_and_google_use_identities() -> None:
    properties = core_site([AZURE, GcsStore(bucket="data", project="ml")])
    host = "acct.dfs.core.windows.net"
    assert properties[f"fs.azure.account.auth.type.{host}"] == "OAuth"
    assert properties[f"fs.azure.account.oauth.provider.type.{host}"].endswith(
        "WorkloadIdentityTokenProvider"
    )
    assert properties["fs.gs.auth.type"] == "APPLICATION_DEFAULT"
    assert properties["fs.gs.project.id"] == "ml"


def test_the_default_may_be_moved_off_hdfs() -> None:
    assert core_site([CEPH, AZURE], default=AZURE, keep_hdfs=False)["fs.defaultFS"] == (
        "abfss://data@acct.dfs.core.windows.net"
    )
    assert [uri(CEPH), uri(GcsStore(bucket="data"))] == ["s3a://data", "gs://data"]


@pytest.mark.parametrize(
    ("stores", "options", "reason"),
    [
        ([CEPH], {"default": CEPH}, "keep_hdfs"),
        ([CEPH], {"default": AZURE, "keep_hdfs": False}, "not among the stores"),
        ([CEPH, CEPH.model_copy(update={"region": "eu-west-1"})], {}, "endpoint.region"),
    ],
)
def test_settings_against_each_other_are_refused(stores: list, options: dict, reason: str) -> None:
    with pytest.raises(ArgsError, match=reason):
        core_site(stores, **options)


@pytest.mark.parametrize(
    ("kind", "values", "path"),
    [
        (S3aStore, {"bucket": "data", "region": "r", "endpoint": "http://s3.lan"}, "endpoint"),
        (S3aStore, {"bucket": "Data", "region": "r"}, "bucket"),
        (S3aStore, {"bucket": "data", "region": "r", "credential_provider": "/x"}, "credential_provider"),
        (AbfsStore, {"account": "acct", "container": "data", "tenant_id": "org"}, "client_id"),
        (AbfsStore, {"account": "Acct", "container": "data", "auth": "managed-identity"}, "account"),
        (GcsStore, {"bucket": "-x-"}, "bucket"),
    ],
)
def test_what_a_connector_would_refuse_is_refused_here(kind: type, values: dict, path: str) -> None:
    with pytest.raises(ArgsError) as caught:
        kind(**values)
    assert [problem.path for problem in caught.value.problems] == [path]


@given(st.dictionaries(st.text("abc.<&>\"'", min_size=1), st.text("xyz <&>\"']/:", max_size=20)))
def test_the_file_says_what_the_properties_say(properties: dict[str, str]) -> None:
    assert read(to_xml(properties)) == properties


def test_any_stores_handle_becomes_a_file(record) -> None:
    seen: list[dict[str, str]] = []

    def program() -> None:
        for endpoint in (None, "https://s3.lan"):
            handle = ObjectStoreHandle.from_existing(
                name="data", region="us-east-1", endpoint=endpoint, path_style=endpoint is not None
            )
            core_site_of(handle).apply(lambda xml: seen.append(read(xml)))

    record(program)
    assert {properties.get("fs.s3a.bucket.data.endpoint") for properties in seen} == {None, "https://s3.lan"}
