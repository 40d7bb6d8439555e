"""Block, file and object storage on a cluster: what they make, and which layouts they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.core import ArgsError
from bedplate.kubernetes.cert_manager import CertManager, CertManagerArgs, CertManagerHandle
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.storage.bucket_plan import BucketPlan
from bedplate.storage.ceph.block import CephBlockStore, CephBlockStoreArgs
from bedplate.storage.ceph.bucket import CephBucket, CephBucketArgs, CephObjectUser, CephObjectUserArgs
from bedplate.storage.ceph.files import CephFileStore, CephFileStoreArgs
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.object_store import CephObjectStore, CephObjectStoreArgs, CephObjectStoreHandle
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs
from bedplate.storage.ceph.pools import ErasureCoded, Replicated
from bedplate.storage.hdfs import core_site_of

SIX = CephClusterHandle.from_existing(failure_domain="rack", domains=6)
THREE = CephClusterHandle.from_existing(domains=3)
CERTIFICATES = CertManagerHandle(
    namespace="cert-manager",
    issuers=("internal", "public"),
    release=cast(pulumi.Resource, None),
    issuer_kinds={"internal": "ca", "public": "acme"},
)
STORE = CephObjectStoreHandle.from_existing(
    name="objects", namespace="rook-ceph", bucket_class_name="objects-buckets"
)


def test_volumes_outlive_their_claims_and_the_pool_is_protected(record) -> None:
    made = record(lambda: CephBlockStore("disks", CephBlockStoreArgs(cluster=THREE)))
    pool, storage = made.one("CephBlockPool"), made.one("StorageClass").inputs
    assert pool.protect
    assert pool.inputs["spec"]["replicated"]["size"] == 3
    assert storage["reclaimPolicy"] == "Retain"
    assert storage["parameters"]["pool"] == pool.inputs["metadata"]["name"]
    assert storage["parameters"]["clusterID"] == "rook-ceph"
    assert storage["provisioner"] == "rook-ceph.rbd.csi.ceph.com"
    assert "encrypted" not in storage["parameters"]


def test_snapshots_outlive_their_objects(record) -> None:
    snapshots = record(lambda: CephBlockStore("disks", CephBlockStoreArgs(cluster=THREE))).one(
        "VolumeSnapshotClass"
    )
    assert snapshots.inputs["deletionPolicy"] == "Retain"
    assert snapshots.inputs["driver"] == "rook-ceph.rbd.csi.ceph.com"
    assert snapshots.type == "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass"


def test_erasure_coded_disks_keep_what_cannot_be_coded_in_copies(record) -> None:
    args = CephBlockStoreArgs(cluster=SIX, redundancy=ErasureCoded(data_chunks=4, coding_chunks=2))
    made = record(lambda: CephBlockStore("disks", args))
    assert made.one("CephBlockPool", "disks-pool").inputs["spec"]["replicated"]["size"] == 3
    assert made.one("CephBlockPool", "disks-data").inputs["spec"]["erasureCoded"]["dataChunks"] == 4
    parameters = made.one("StorageClass").inputs["parameters"]
    assert (parameters["pool"], parameters["dataPool"]) == ("disks", "disks-data")


def test_a_key_service_encrypts_each_volume(record) -> None:
    cluster = CephClusterHandle.from_existing(domains=3, kms_id="vault")
    made = record(lambda: CephBlockStore("disks", CephBlockStoreArgs(cluster=cluster)))
    parameters = made.one("StorageClass").inputs["parameters"]
    assert (parameters["encrypted"], parameters["encryptionKMSID"]) == ("true", "vault")


def test_checkpoints_are_copied_and_data_sets_coded_where_there_are_racks_enough(record) -> None:
    made = record(lambda: CephFileStore("files", CephFileStoreArgs(cluster=SIX)))
    spec = made.one("CephFilesystem").inputs["spec"]
    pools = {pool["name"]: pool for pool in spec["dataPools"]}
    assert spec["dataPools"][0]["name"] == "checkpoints"
    assert pools["checkpoints"]["replicated"]["size"] == 3
    assert pools["datasets"]["erasureCoded"] == {"dataChunks": 2, "codingChunks": 2}
    assert spec["preserveFilesystemOnDelete"] is True
    assert spec["metadataServer"]["activeStandby"] is True
    classes = {one.inputs["metadata"]["name"]: one.inputs for one in made.of_type("StorageClass")}
    assert classes["files-datasets"]["parameters"]["pool"] == "files-datasets"
    assert classes["files-checkpoints"]["reclaimPolicy"] == "Retain"
    assert made.one("CephFilesystemSubVolumeGroup").inputs["metadata"]["name"] == "files-csi"


def test_three_hosts_get_three_copies_of_everything(record) -> None:
    made = record(lambda: CephFileStore("files", CephFileStoreArgs(cluster=THREE)))
    pools = made.one("CephFilesystem").inputs["spec"]["dataPools"]
    assert [pool["replicated"]["size"] for pool in pools] == [3, 3]


def test_a_file_system_of_coded_pools_gets_a_copied_one_in_front(record) -> None:
    coded = {"redundancy": ErasureCoded(data_chunks=2, coding_chunks=2)}
    args = CephFileStoreArgs(cluster=SIX, pools={"data": coded})
    pools = record(lambda: CephFileStore("files", args)).one("CephFilesystem").inputs["spec"]["dataPools"]
    assert [pool["name"] for pool in pools] == ["default", "data"]
    assert pools[0]["replicated"]["size"] == 3
    with pytest.raises(ArgsError, match="rename it"):
        CephFileStoreArgs(cluster=SIX, pools={"default": coded})


@pytest.mark.parametrize(
    ("kind", "values", "path"),
    [
        (CephBlockStoreArgs, {"redundancy": ErasureCoded(data_chunks=4)}, "redundancy"),
        (CephBlockStoreArgs, {"redundancy": Replicated(size=4)}, "redundancy"),
        (
            CephFileStoreArgs,
            {"pools": {"data": {"redundancy": ErasureCoded(data_chunks=2)}}},
            "pools.data.redundancy",
        ),
        (
            CephObjectStoreArgs,
            {"redundancy": ErasureCoded(data_chunks=8, coding_chunks=3), "certificate_secret_name": "tls"},
            "redundancy",
        ),
        (CephObjectStoreArgs, {"certificate_secret_name": "tls", "instances": 1}, "instances"),
        (CephObjectStoreArgs, {"external_hosts": ["s3.lan"], "redundancy": Replicated()}, "redundancy"),
    ],
)
def test_what_three_hosts_cannot_hold_is_refused_before_anything_is_made(
    kind: type, values: dict, path: str
) -> None:
    with pytest.raises(ArgsError) as caught:
        kind(cluster=THREE, **values)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_gateways_speak_tls_only_and_there_are_two(record) -> None:
    args = CephObjectStoreArgs(cluster=SIX, certificate_secret_name="objects-tls")
    made = record(lambda: CephObjectStore("objects", args))
    store, buckets = made.one("CephObjectStore", "objects-store"), made.one("StorageClass").inputs
    gateway = store.inputs["spec"]["gateway"]
    assert store.protect
    assert store.inputs["spec"]["preservePoolsOnDelete"] is True
    assert (gateway["securePort"], gateway["sslCertificateRef"]) == (443, "objects-tls")
    assert "port" not in gateway
    assert gateway["instances"] == 2
    assert buckets["reclaimPolicy"] == "Retain"
    assert buckets["provisioner"] == "rook-ceph.ceph.rook.io/bucket"


@pytest.mark.parametrize(
    ("values", "path", "parts"),
    [
        ({}, "certificate_secret_name", ("TLS only", "kubernetes.io/tls", "or an issuer")),
        (
            {"issuer": "internal", "certificate_secret_name": "tls"},
            "issuer",
            ("'internal'", "'tls'", "one of the two", "remove one"),
        ),
        (
            {"issuer": "internal", "external_hosts": ["s3.lan"]},
            "issuer",
            ("external_hosts", "certificates of their own", "remove it"),
        ),
        ({"issuer": "other", "cert_manager": CERTIFICATES}, "issuer", ("'other'", "internal, public")),
        ({"issuer": "public", "cert_manager": CERTIFICATES}, "issuer", ("public directory", "'internal'")),
        (
            {"certificate_secret_name": "tls", "certificate_days": 90},
            "certificate_days",
            ("90", "no issuer", "remove it"),
        ),
        ({"issuer": "internal", "certificate_days": 7}, "certificate_days", ("7", "30")),
        ({"issuer": "Internal"}, "issuer", ("'Internal'", "rename it")),
    ],
)
def test_a_store_that_runs_here_has_one_certificate(
    values: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ArgsError) as caught:
        CephObjectStoreArgs.model_validate({"cluster": SIX, **values})
    (problem,) = caught.value.problems
    assert problem.path == path
    assert all(part in problem.reason for part in parts), problem.reason


@pytest.mark.parametrize("dns_name", [None, "s3.example.com"])
def test_an_issuer_signs_what_clients_call_the_gateways(record, dns_name: str | None) -> None:
    args = CephObjectStoreArgs(cluster=SIX, issuer="internal", dns_name=dns_name)
    made = record(lambda: CephObjectStore("objects", args))
    spec = made.one("Certificate").inputs["spec"]
    assert spec["dnsNames"] == [
        "rook-ceph-rgw-objects.rook-ceph.svc",
        *([] if dns_name is None else [dns_name]),
    ]
    assert made.one("Certificate").inputs["metadata"]["namespace"] == "rook-ceph"
    store = made.one("CephObjectStore", "objects-store")
    assert store.inputs["spec"]["gateway"]["sslCertificateRef"] == spec["secretName"] == "objects-tls"
    assert "objects-certificate" in store.depends_on
    assert (spec["duration"], spec["renewBefore"]) == ("8760h", "2920h")


@pytest.mark.xdist_group("storage-ceph-stores")
def test_a_store_with_an_issuer_lives_and_goes(sandbox: SandboxFixture) -> None:
    def program(days: int = 365) -> Callable[[], None]:
        def run() -> None:
            provider = k8s.Provider("racks", cluster_identifier="racks")
            opts = pulumi.ResourceOptions(provider=provider)
            issuers = {"internal": {"kind": "ca", "secret_name": "internal-ca"}}
            certs = CertManager("certs", CertManagerArgs.model_validate({"issuers": issuers}), opts)
            rook = RookOperator("rook", RookOperatorArgs(), opts)
            args = CephObjectStoreArgs(
                cluster=THREE,
                issuer="internal",
                cert_manager=certs.handle,
                certificate_days=days,
                deletion_protection=False,
            )
            CephObjectStore("objects", args, pulumi.ResourceOptions(provider=provider, depends_on=[rook]))

        return run

    sandbox.up(program())
    assert {key for key, count in sandbox.up(program()).changes.items() if count} == {"same"}
    sandbox.up(program(days=90))
    assert sandbox.steps("update") == ["objects-certificate"]
    sandbox.destroy()
    order = sandbox.steps("delete")
    assert order.index("objects-store") < order.index("objects-certificate") < order.index("certs-chart")
    assert sandbox.resources() == []
    certificates = GroupKind("cert-manager.io", "Certificate")
    assert sandbox.cluster("racks").objects(certificates, "rook-ceph") == []


def test_classes_of_snapshots_wait_for_their_definitions(record) -> None:
    def program() -> None:
        controller = k8s.core.v1.Namespace("controller")
        wiring = {"cluster": THREE, "snapshot_controller": controller}
        CephBlockStore("disks", CephBlockStoreArgs.model_validate(wiring))
        CephFileStore("files", CephFileStoreArgs.model_validate(wiring))

    made = record(program).of_type("VolumeSnapshotClass")
    assert [one.name for one in made if "controller" in one.depends_on] == [
        "disks-snapshots",
        "files-snapshots",
    ]


def test_gateways_that_run_elsewhere_are_only_named(record) -> None:
    args = CephObjectStoreArgs(cluster=THREE, external_hosts=("s3.example.com",), port=8443)
    seen: list[str] = []

    def program() -> None:
        CephObjectStore("objects", args).endpoint.apply(seen.append)

    spec = record(program).one("CephObjectStore", "objects-store").inputs["spec"]
    assert spec == {"gateway": {"securePort": 8443, "externalRgwEndpoints": [{"hostname": "s3.example.com"}]}}
    assert seen == ["https://s3.example.com:8443"]


def test_a_store_without_tls_has_no_handle() -> None:
    with pytest.raises(ValueError, match="is not https"):
        CephObjectStoreHandle.from_existing(name="objects", namespace="x", endpoint="http://s3.example.com")


def test_a_user_has_quotas_and_no_rights_by_default(record) -> None:
    args = CephObjectUserArgs(store=STORE, user="trainer", max_size_gib=500, max_objects=10**6)
    spec = record(lambda: CephObjectUser("trainer", args)).one("CephObjectStoreUser").inputs["spec"]
    assert spec == {
        "store": "objects",
        "displayName": "trainer",
        "quotas": {"maxBuckets": 100, "maxSize": "500Gi", "maxObjects": 1000000},
    }


def test_a_users_rights_are_those_that_rook_knows() -> None:
    args = CephObjectUserArgs(store=STORE, capabilities={"usage": "read"})
    assert args.capabilities == {"usage": "read"}
    with pytest.raises(ArgsError, match="capabilities"):
        CephObjectUserArgs(store=STORE, capabilities={"everything": "*"})


def test_a_bucket_is_claimed_with_quota_lifecycle_and_policy(record) -> None:
    plan = BucketPlan(
        max_size_gib=40,
        max_objects=1000,
        expirations=({"prefix": "tmp/", "days": 3},),
        readers=("ada",),
        writers=("bob",),
    )
    args = CephBucketArgs(store=STORE, namespace="team-a", bucket_name="data", owner="team", plan=plan)
    claim = record(lambda: CephBucket("claim", args)).one("ObjectBucketClaim")
    assert claim.protect
    assert claim.inputs["metadata"]["namespace"] == "team-a"
    assert claim.inputs["spec"]["bucketName"] == "data"
    config = claim.inputs["spec"]["additionalConfig"]
    assert (config["bucketMaxSize"], config["bucketMaxObjects"]) == ("40Gi", "1000")
    assert config["bucketOwner"] == "team"
    ids = [rule["ID"] for rule in json.loads(config["bucketLifecycle"])["Rules"]]
    assert ids == sorted(ids)
    assert "expire-tmp/" in ids
    assert {one["Sid"] for one in json.loads(config["bucketPolicy"])["Statement"]} == {
        "List",
        "Read",
        "Write",
    }


def test_the_policy_lets_readers_read_and_writers_write(record, decide) -> None:
    plan = BucketPlan(readers=("ada",), writers=("bob",))
    args = CephBucketArgs(store=STORE, namespace="team-a", bucket_name="data", plan=plan)
    config = record(lambda: CephBucket("claim", args)).one("ObjectBucketClaim").inputs["spec"]
    policy = json.loads(config["additionalConfig"]["bucketPolicy"])
    ada, bob, eve = (f"arn:aws:iam:::user/{name}" for name in ("ada", "bob", "eve"))
    key = "arn:aws:s3:::data/x"
    assert decide(policy, "s3:GetObject", key, principal=ada) == "allow"
    assert decide(policy, "s3:PutObject", key, principal=ada) == "none"
    assert decide(policy, "s3:PutObject", key, principal=bob) == "allow"
    assert decide(policy, "s3:DeleteObject", key, principal=bob) == "none"
    assert decide(policy, "s3:GetObject", key, principal=eve) == "none"


def test_the_handle_is_that_of_s3_with_the_key_by_reference(record) -> None:
    seen: dict = {}

    def program() -> None:
        handle = CephBucket("data", CephBucketArgs(store=STORE, namespace="team-a")).handle
        handle.uri.apply(lambda value: seen.update(uri=value))
        handle.endpoint.apply(lambda value: seen.update(endpoint=value))
        handle.credentials.secret_name.apply(lambda value: seen.update(secret=value))
        core_site_of(handle).apply(lambda value: seen.update(xml=value))
        seen.update(protocol=handle.protocol, path_style=handle.path_style)

    record(program)
    assert seen["uri"] == "s3://data"
    assert seen["endpoint"] == "https://rook-ceph-rgw-objects.rook-ceph.svc"
    assert (seen["protocol"], seen["path_style"], seen["secret"]) == ("s3", True, "data")
    assert "<name>fs.s3a.bucket.data.path.style.access</name>" in seen["xml"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"bucket_name": "Data"}, "bucket_name"),
        ({"owner": "ada", "plan": {"readers": ["ada"]}}, "plan.readers"),
        ({"plan": {"readers": ["a/../b"]}}, "plan.readers[0]"),
        ({"plan": {"readers": ["ada"], "writers": ["ada"]}}, "plan.readers"),
        ({"plan": {"max_size_gib": 0}}, "plan.max_size_gib"),
        ({"plan": {"expirations": [{"prefix": "", "days": 1}]}}, "plan.expirations[0].prefix"),
    ],
)
def test_a_claim_that_would_go_wrong_is_refused(values: dict, path: str) -> None:
    with pytest.raises(ArgsError) as caught:
        CephBucketArgs(store=STORE, namespace="team-a", **values)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_the_operator_takes_the_fields_that_claims_use(record) -> None:
    args = RookOperatorArgs(bucket_policies=True)
    made = record(lambda: RookOperator("rook", args))
    release = made.one("Release", "rook-operator").inputs
    fields = set(release["values"]["obcAllowAdditionalConfigFields"].split(","))
    plan = BucketPlan(max_size_gib=1, max_objects=1, readers=("ada",))
    claim = CephBucketArgs(store=STORE, namespace="a", bucket_name="data", owner="team", plan=plan)
    bucket = record(lambda: CephBucket("data", claim)).one("ObjectBucketClaim")
    assert set(bucket.inputs["spec"]["additionalConfig"]) <= fields
    assert release["version"].startswith("v1.")
    closed = record(lambda: RookOperator("rook", RookOperatorArgs())).one("Release", "rook-operator").inputs
    assert "bucketPolicy" not in closed["values"]["obcAllowAdditionalConfigFields"]
