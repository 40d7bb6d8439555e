"""What cannot work is refused before anything is made, and says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bedplate.kubernetes.handles import Taint
from bedplate.queueing.kueue import KueueQueuesArgs
from bedplate.queueing.topology import QueueTopologyArgs

COHORT = [{"name": "all"}]
PLAIN: dict[str, Any] = {"fair_sharing": []}


def team(name: str = "vision", pool: str = "h100", nodes: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "quotas": [{"pool": pool, "nodes": nodes}], **more}


def quota(**fields: Any) -> dict[str, Any]:
    return {"name": "vision", "quotas": [{"pool": "h100", **fields}]}


CASES: list[tuple[str, dict[str, Any], str, tuple[str, ...]]] = [
    (
        "pools with and without topology in a queue",
        {
            "teams": [
                {"name": "vision", "quotas": [{"pool": "h100", "nodes": 1}, {"pool": "cpu", "nodes": 1}]}
            ],
            "topology_pools": ["h100"],
        },
        "teams[0].quotas",
        ("nodes of h100 are picked by topology and those of cpu are not", "add the pools to topology_pools"),
    ),
    (
        "more than the pool",
        {"teams": [team(nodes=3), team("speech", nodes=2)]},
        "teams",
        (
            "quota of 5 nodes of pool h100",
            "vision 3, speech 2",
            "at most 4",
            "oversubscription {'h100': 1.25}",
        ),
    ),
    (
        "a cohort's own quota counts",
        {"teams": [team(nodes=4)], "cohorts": [{"name": "all", "shared": [{"pool": "h100", "nodes": 1}]}]},
        "teams",
        ("all 1",),
    ),
    (
        "oversubscribed more than declared",
        {"teams": [team(nodes=6)], "oversubscription": {"h100": 1.25}},
        "teams",
        ("at most 5",),
    ),
    (
        "no such oversubscription",
        {"teams": [team()], "oversubscription": {"h100": 0.5}},
        "oversubscription.h100",
        ("0.5 is below 1",),
    ),
    (
        "unknown pool",
        {"teams": [team(pool="h200")]},
        "teams[0].quotas[0].pool",
        ("'h200' is no pool of train", "allowed: h100, l40s, cpu"),
    ),
    (
        "accelerators of a pool that has none",
        {"teams": [{"name": "vision", "quotas": [{"pool": "cpu", "accelerators": 1}]}]},
        "teams[0].quotas[0]",
        ("which has none", "give nodes"),
    ),
    (
        "half a node where topology counts nodes",
        {"teams": [quota(accelerators=12)], "topology_pools": ["h100"]},
        "teams[0].quotas[0]",
        ("no whole number of nodes", "multiples of 8", "give 8 or 16"),
    ),
    (
        "borrowing half a node",
        {
            "teams": [{**quota(accelerators=8, borrowing_limit=4), "cohort": "all"}],
            "cohorts": COHORT,
            "topology_pools": ["h100"],
        },
        "teams[0].quotas[0]",
        ("borrowing_limit 4",),
    ),
    (
        "borrowing without a cohort",
        {"teams": [quota(nodes=1, borrowing_limit=1)]},
        "teams[0].quotas[0].borrowing_limit",
        ("team vision has no cohort", "nobody to borrow from"),
    ),
    (
        "lending without a parent",
        {
            "teams": [team()],
            "cohorts": [{"name": "all", "shared": [{"pool": "h100", "nodes": 1, "lending_limit": 1}]}],
        },
        "cohorts[0].shared[0].lending_limit",
        ("the cohort has no parent",),
    ),
    (
        "lending more than there is",
        {"teams": [{**quota(nodes=1, lending_limit=2), "cohort": "all"}], "cohorts": COHORT},
        "teams[0].quotas[0].lending_limit",
        ("2 is above the quota of 1 nodes",),
    ),
    (
        "unknown cohort",
        {"teams": [team(cohort="al")], "cohorts": COHORT},
        "teams[0].cohort",
        ("allowed: all",),
    ),
    (
        "unknown parent",
        {"teams": [team()], "cohorts": [{"name": "all", "parent": "company"}]},
        "cohorts[0].parent",
        ("'company' is no cohort",),
    ),
    (
        "own parent",
        {"teams": [team()], "cohorts": [{"name": "all", "parent": "all"}]},
        "cohorts[0].parent",
        ("all is its own parent",),
    ),
    (
        "two default queues in a namespace",
        {"teams": [team(namespaces=["lab"]), team("speech", namespaces=["lab"])]},
        "teams",
        ("vision and speech each have a default queue in namespace 'lab'", "default_queue to false"),
    ),
    (
        "two settings of one namespace",
        {
            "teams": [
                team(namespaces=["lab"]),
                team("speech", namespaces=["lab"], default_queue=False, pod_security="baseline"),
            ]
        },
        "teams",
        ("differ in make_namespaces or pod_security",),
    ),
    (
        "Kueue's own namespace",
        {"teams": [team(namespaces=["kueue-system"])]},
        "teams",
        ("'kueue-system'", "must not wait for quota"),
    ),
    ("one team twice", {"teams": [team(), team()]}, "teams", ("'vision' is given 2 times",)),
    (
        "a pool twice",
        {"teams": [{"name": "vision", "quotas": [{"pool": "cpu", "nodes": 1}, {"pool": "cpu", "nodes": 2}]}]},
        "teams[0].quotas",
        ("pool cpu is given twice", "add them up"),
    ),
    ("no quota", {"teams": [{"name": "vision", "quotas": []}]}, "teams[0].quotas", ("allowed: 1 to 64",)),
    ("no team", {"teams": []}, "teams", ("none given",)),
    (
        "everybody",
        {"teams": [team(groups=["system:authenticated"])]},
        "teams[0].groups",
        ("may hold everybody",),
    ),
    (
        "weight without fair sharing",
        {"teams": [team(weight=2)], "controller": PLAIN},
        "teams[0].weight",
        ("no effect without fair sharing",),
    ),
    (
        "borrowing by eviction with fair sharing",
        {"teams": [team(preemption={"borrow_within_cohort": "LowerPriority"})]},
        "teams[0].preemption.borrow_within_cohort",
        ("with fair sharing, which decides that itself",),
    ),
    (
        "evicting to borrow and never to reclaim",
        {
            "teams": [
                team(preemption={"borrow_within_cohort": "LowerPriority", "reclaim_within_cohort": "Never"})
            ]
        },
        "teams[0].preemption.borrow_within_cohort",
        ("which Kueue refuses",),
    ),
    (
        "preference without trying",
        {"teams": [team(fungibility={"preference": "PreemptionOverBorrowing"})]},
        "teams[0].fungibility.preference",
        ("TryNextFlavor",),
    ),
    (
        "usage without measuring it",
        {"teams": [team(usage_based=True)]},
        "teams[0].usage_based",
        ("admission_fair_sharing",),
    ),
    (
        "unknown check",
        {"teams": [team(admission_checks=["nodes"])]},
        "teams[0].admission_checks",
        ("'nodes' is no admission check",),
    ),
    (
        "a check of other pools",
        {
            "teams": [team(admission_checks=["nodes"])],
            "admission_checks": [{"name": "nodes", "pools": ["l40s"]}],
        },
        "teams[0].admission_checks",
        ("of which vision has no quota",),
    ),
    (
        "MultiKueue",
        {"teams": [team()], "admission_checks": [{"name": "far", "controller": "multikueue"}]},
        "admission_checks[0].controller",
        ("multikueue hands work to other clusters", "allowed: provisioning-request"),
    ),
    (
        "strategies in the wrong order",
        {
            "teams": [team()],
            "controller": {"fair_sharing": ["LessThanInitialShare", "LessThanOrEqualToFinalShare"]},
        },
        "controller.fair_sharing",
        ("is no list that Kueue takes", "reorder"),
    ),
    (
        "memory uncounted",
        {"teams": [team()], "controller": {"exclude_resource_prefixes": ["memory"]}},
        "controller.exclude_resource_prefixes",
        ("would leave quota uncounted",),
    ),
    (
        "backoff that shrinks",
        {"teams": [team()], "controller": {"wait_for_pods_ready": {"backoff_max_seconds": 30}}},
        "controller.wait_for_pods_ready.backoff_max_seconds",
        ("30 is below backoff_base_seconds 60",),
    ),
]


@pytest.mark.parametrize(
    ("fields", "path", "parts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_refused(
    cluster: Any, refused: Any, fields: dict[str, Any], path: str, parts: tuple[str, ...]
) -> None:
    problems = refused(lambda: KueueQueuesArgs(cluster=cluster(), **fields))
    assert list(problems) == [path]
    for part in parts:
        assert part in problems[path]


def test_a_circle_of_cohorts_is_named_at_each_of_them(cluster: Any, refused: Any) -> None:
    cohorts = [{"name": "a", "parent": "b"}, {"name": "b", "parent": "c"}, {"name": "c", "parent": "a"}]
    problems = refused(lambda: KueueQueuesArgs(cluster=cluster(), teams=[team()], cohorts=cohorts))
    assert list(problems) == ["cohorts[0].parent", "cohorts[1].parent", "cohorts[2].parent"]
    assert "a -> b -> c -> a is a circle" in problems["cohorts[0].parent"]


def test_all_problems_come_at_once(cluster: Any, refused: Any) -> None:
    teams = [team(pool="h200"), team("speech", cohort="x"), team("audio", weight=2)]
    problems = refused(lambda: KueueQueuesArgs(cluster=cluster(), teams=teams, controller=PLAIN))
    assert set(problems) == {"teams[0].quotas[0].pool", "teams[1].cohort", "teams[2].weight"}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"labels": {}}, "has no labels"),
        ({"labels": {f"x/{number}": "y" for number in range(9)}}, "9 labels; allowed by Kueue: 8"),
        (
            {"taints": tuple(Taint(key=f"x/{number}", effect="NoSchedule") for number in range(9))},
            "9 taints; allowed by Kueue: 8",
        ),
    ],
)
def test_pools_that_make_no_flavor(
    cluster: Any, pools: Any, refused: Any, changes: dict[str, Any], part: str
) -> None:
    odd = cluster(pools=(replace(pools["h100"], **changes),))
    problems = refused(lambda: KueueQueuesArgs(cluster=odd, teams=[team()]))
    assert part in problems["cluster"]


def test_pools_that_cannot_be_told_apart(cluster: Any, pools: Any, refused: Any) -> None:
    shared = {"accelerator": "gpu"}
    odd = cluster(
        pools=(
            replace(pools["h100"], labels=shared),
            replace(pools["l40s"], labels={**shared, "model": "l40s"}),
        )
    )
    teams = [team(), team("speech", pool="l40s")]
    problems = refused(lambda: KueueQueuesArgs(cluster=odd, teams=teams))
    assert "the labels of pool h100 are also on pool l40s" in problems["cluster"]


def test_racks_have_no_layers_of_a_cloud(cluster: Any, refused: Any) -> None:
    odd = cluster(platform="onprem")
    problems = refused(lambda: KueueQueuesArgs(cluster=odd, teams=[team()], network_layers=True))
    assert "onprem writes no layers" in problems["network_layers"]


def test_declared_oversubscription_and_parts_of_nodes_without_topology_are_fine(cluster: Any) -> None:
    KueueQueuesArgs(cluster=cluster(), teams=[team(nodes=5)], oversubscription={"h100": 1.25})
    KueueQueuesArgs(
        cluster=cluster(),
        teams=[quota(accelerators=12)],
    )
    KueueQueuesArgs(cluster=cluster(), teams=[{"name": "x", "quotas": [{"pool": "l40s", "accelerators": 3}]}])


@pytest.mark.parametrize(
    ("levels", "part"),
    [
        (["kubernetes.io/hostname", "zone"], "is not the last one"),
        (["zone", "zone"], "stands there twice"),
    ],
)
def test_topologies(refused: Any, levels: list[str], part: str) -> None:
    problems = refused(lambda: QueueTopologyArgs(object_name="network", levels=levels))
    assert part in problems["levels"]
