"""The controller of snapshots: what is refused, what is made, and its life with a class on Ceph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from bedplate.kubernetes.snapshots import SnapshotController, SnapshotControllerArgs, chart_values
from bedplate.sandbox.errors import SandboxError
from bedplate.sandbox.fixture import SandboxFixture
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate.storage.ceph.block import CephBlockStore, CephBlockStoreArgs
from bedplate.storage.ceph.files import CephFileStore, CephFileStoreArgs
from bedplate.storage.ceph.handles import CephClusterHandle
from bedplate.storage.ceph.operator import RookOperator, RookOperatorArgs

CLASS = GroupKind("snapshot.storage.k8s.io", "VolumeSnapshotClass")
DEFINITION = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
CEPH = CephClusterHandle.from_existing(domains=3)


@pytest.mark.parametrize(
    ("changes", "path", "parts"),
    [
        ({"namespace": "Snapshots"}, "namespace", ("'Snapshots'", "rename it")),
        ({"replicas": 0}, "replicas", ("0", "1")),
        ({"replicas": 6}, "replicas", ("6", "5")),
        ({"replica": 2}, "replica", ("replicas",)),
    ],
)
def test_what_cannot_run_is_refused(
    changes: dict[str, Any], path: str, parts: tuple[str, ...], refused: Callable[..., dict[str, str]]
) -> None:
    found = refused(lambda: SnapshotControllerArgs.model_validate(changes))
    assert list(found) == [path]
    assert all(part in found[path] for part in parts)


def test_its_pods_are_such_as_a_restricted_namespace_lets_in(record: Any) -> None:
    made = record(lambda: SnapshotController("snapshots", SnapshotControllerArgs()))
    labels = made.one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    values = made.one("Release").inputs["values"]["controller"]
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/ (from memory)
    assert values["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert values["securityContext"]["allowPrivilegeEscalation"] is False
    assert values["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["securityContext"]["runAsNonRoot"] is True


def test_the_definitions_and_all_snapshots_with_them_are_protected(record: Any) -> None:
    def protected(**changes: Any) -> bool:
        args = SnapshotControllerArgs.model_validate(changes)
        return bool(record(lambda: SnapshotController("snapshots", args)).one("Release").protect)

    assert protected()
    assert not protected(deletion_protection=False)


def test_one_replica_has_no_budget_that_would_hold_its_node() -> None:
    def budget(replicas: int) -> Any:
        values: Any = chart_values(SnapshotControllerArgs(replicas=replicas))
        return values["controller"]["pdb"]

    assert (budget(1), budget(2)) == ({}, {"maxUnavailable": 1})


@pytest.mark.parametrize("monitored", [False, True])
def test_nothing_comes_in_but_for_metrics(record: Any, monitored: bool) -> None:
    args = SnapshotControllerArgs(service_monitor=monitored)
    made = record(lambda: SnapshotController("snapshots", args))
    ports = [
        port["port"]
        for one in made.of_type("NetworkPolicy")
        for rule in one.inputs["spec"].get("ingress") or ()
        for port in rule.get("ports") or ()
    ]
    assert ports == ([8080] if monitored else [])


def program(*, ordered: bool = True, controller: bool = True, **changes: Any) -> Callable[[], None]:
    def run() -> None:
        provider = k8s.Provider("racks", cluster_identifier="racks")
        opts = pulumi.ResourceOptions(provider=provider)
        made: pulumi.Resource | None = None
        if controller:
            args = SnapshotControllerArgs.model_validate({"deletion_protection": False, **changes})
            made = SnapshotController("snapshots", args, opts).handle.release
        operator = RookOperator("rook", RookOperatorArgs(), opts)
        wiring = {
            "cluster": CEPH,
            "deletion_protection": False,
            "snapshot_controller": made if ordered else None,
        }
        after = pulumi.ResourceOptions(provider=provider, depends_on=[operator])
        CephBlockStore("disks", CephBlockStoreArgs.model_validate(wiring), after)
        CephFileStore("files", CephFileStoreArgs.model_validate(wiring), after)

    return run


def changed(result: Any) -> dict[str, int]:
    return {key: count for key, count in result.changes.items() if count and key != "same"}


@pytest.mark.xdist_group("kubernetes-snapshots")
def test_life(sandbox: SandboxFixture, mandatory: Callable[..., list[str]]) -> None:
    sandbox.up(program())
    racks = sandbox.cluster("racks")
    assert {one["metadata"]["name"] for one in racks.objects(CLASS, "")} == {"disks", "files"}
    made = [
        (one["type"], one["urn"].rsplit("::")[-1], one["inputs"])
        for one in sandbox.resources()
        if one["type"].startswith("kubernetes:")
    ]
    assert mandatory(made) == []

    assert changed(sandbox.up(program())) == {}
    sandbox.up(program(replicas=3))
    assert sandbox.steps("update") == ["snapshots-chart"]

    sandbox.destroy()
    order = sandbox.steps("delete")
    for name in ("disks-snapshots", "files-snapshots"):
        assert order.index(name) < order.index("snapshots-chart")
    assert sandbox.resources() == []
    left = [one["metadata"]["name"] for one in racks.objects(DEFINITION, "")]
    # Rook's chart leaves its own.
    assert [one for one in left if one.endswith("snapshot.storage.k8s.io")] == []
    assert "cephclusters.ceph.rook.io" in left


@pytest.mark.xdist_group("kubernetes-snapshots")
def test_classes_of_snapshots_need_their_definitions(sandbox: SandboxFixture) -> None:
    with pytest.raises(SandboxError, match="the chart snapshot-controller brings it"):
        sandbox.up(program(controller=False))
