"""What the components make passes the policy packs' rules, each that knows its kind."""

from __future__ import annotations

from typing import Any

import pytest

from bedplate.storage.bucket_plan import BucketPlan
from bedplate.storage.ceph.block import CephBlockStore, CephBlockStoreArgs
from bedplate.storage.ceph.bucket import CephBucket, CephBucketArgs, CephObjectUser, CephObjectUserArgs
from bedplate.storage.ceph.cluster import RookCephCluster, RookCephClusterArgs
from bedplate.storage.ceph.external import ExternalCephCluster, ExternalCephClusterArgs
from bedplate.storage.ceph.files import CephFileStore, CephFileStoreArgs
from bedplate.storage.ceph.object_store import CephObjectStore, CephObjectStoreArgs
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs
from bedplate_policies.kubernetes import RULES, rook, rook_data
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

VAULT = {"connection_details": {"KMS_PROVIDER": "vault", "VAULT_ADDR": "https://vault.example.com:8200"}}


@pytest.fixture
def everything(record, nodes) -> list[Any]:
    """All kinds of objects that the components make."""

    def program() -> None:
        RookOperator("rook", RookOperatorArgs())
        args = RookCephClusterArgs(nodes=nodes(6, racks=6), key_service=VAULT)
        cluster = RookCephCluster("ceph", args).handle
        CephBlockStore("disks", CephBlockStoreArgs(cluster=cluster, redundancy={"data_chunks": 4}))
        CephFileStore("files", CephFileStoreArgs(cluster=cluster))
        objects = CephObjectStoreArgs(cluster=cluster, certificate_secret_name="objects-tls")
        store = CephObjectStore("objects", objects).handle
        CephObjectUser("trainer", CephObjectUserArgs(store=store, max_size_gib=10))
        plan = BucketPlan(max_size_gib=1, readers=("trainer",))
        CephBucket("data", CephBucketArgs(store=store, namespace="team-a", plan=plan))
        external = ExternalCephCluster("far", ExternalCephClusterArgs()).handle
        CephObjectStore(
            "far-objects", CephObjectStoreArgs(cluster=external, external_hosts=("s3.example.com",))
        )

    return [one for one in record(program).made if one.type.startswith("kubernetes:")]


def refusals(made: list[Any], rules: tuple[Any, ...]) -> list[str]:
    return [
        f"{one.name}: {rule.name}: {found.message}"
        for one in made
        for rule in rules
        if isinstance(rule, Rule) and one.type in rule.types
        for found in findings(rule, one.type, one.inputs)
    ]


def test_no_rule_about_rook_is_broken(everything: list[Any]) -> None:
    # The pools of gateways that run elsewhere are made and kept there; the connection has none to check.
    own = [one for one in everything if one.name != "far-objects-store"]
    assert refusals(own, (*rook.RULES, *rook_data.RULES)) == []


def test_the_rules_would_see_what_is_wrong(everything: list[Any]) -> None:
    cluster = next(one for one in everything if one.name == "ceph-cluster")
    cluster.inputs["spec"]["network"]["connections"]["encryption"]["enabled"] = False
    cluster.inputs["spec"]["cleanupPolicy"]["confirmation"] = "yes-really-destroy-data"
    broken = " ".join(refusals([cluster], rook.RULES))
    assert "kubernetes-ceph-wire-encryption" in broken
    assert "kubernetes-ceph-cleanup" in broken


def test_no_other_rule_is_broken_either(everything: list[Any]) -> None:
    others = tuple(rule for rule in RULES if rule not in (*rook.RULES, *rook_data.RULES))
    assert refusals(everything, others) == []
