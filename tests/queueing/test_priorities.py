"""Classes of priority for pods and for queued work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.queueing.priorities import TrainingPriorities, TrainingPrioritiesArgs
from bedplate.sandbox.fixture import SandboxFixture


def _program(cluster: KubernetesHandle, **changes: Any) -> None:
    teams = [{"name": "vision", "quotas": [{"pool": "h100", "nodes": 2}]}]
    settings = KueueQueuesArgs(cluster=cluster, teams=teams, deletion_protection=False)
    queues = KueueQueues("queues", settings, cluster.options())
    args = TrainingPrioritiesArgs(queues=queues.handle, **changes)
    priorities = TrainingPriorities("priorities", args, cluster.options())
    pulumi.export("names", priorities.names)


def test_pods_and_work_have_the_same_classes(record: Any, real: Callable[..., KubernetesHandle]) -> None:
    made = record(lambda: _program(real()))
    pods = {one.inputs["metadata"]["name"]: one.inputs for one in made.of_type("PriorityClass")}
    work = {
        one.inputs["metadata"]["name"]: one.inputs["value"] for one in made.of_type("WorkloadPriorityClass")
    }
    assert work == {name: one["value"] for name, one in pods.items()}
    assert work["batch"] < work["interactive"] < work["production-inference"]
    evicting = {name for name, one in pods.items() if one["preemptionPolicy"] == "PreemptLowerPriority"}
    assert evicting == {"production-inference"}


def test_without_kueue_there_are_classes_for_pods_only(
    record: Any, real: Callable[..., KubernetesHandle]
) -> None:
    def program() -> None:
        TrainingPriorities("priorities", TrainingPrioritiesArgs(), real().options())

    made = record(program)
    assert len(made.of_type("PriorityClass")) == 3
    assert made.of_type("WorkloadPriorityClass") == []


@pytest.mark.parametrize(
    ("given", "path", "part"),
    [
        ([{"name": "x", "value": 1_000_000_001}], "priorities[0].value", "1000000000"),
        ([{"name": "system-x", "value": 1}], "priorities[0].name", "begins with system-"),
        ([{"name": "x", "value": 1}, {"name": "x", "value": 2}], "priorities", "'x' is given twice"),
        (
            [{"name": "x", "value": 1, "default": True}, {"name": "y", "value": 2, "default": True}],
            "priorities",
            "x and y are each the default",
        ),
    ],
)
def test_refusals(refused: Any, given: Any, path: str, part: str) -> None:
    problems = refused(lambda: TrainingPrioritiesArgs(priorities=given))
    assert list(problems) == [path]
    assert part in problems[path]


def test_life(sandbox: SandboxFixture, real: Callable[..., KubernetesHandle]) -> None:
    sandbox.up(lambda: _program(real()))
    assert sandbox.outputs["names"] == ["batch", "interactive", "production-inference"]
    sandbox.destroy()
    gone = sandbox.steps("delete")
    assert gone.index("priorities-batch-work") < gone.index("queues-kueue")
