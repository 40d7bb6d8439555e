"""What the components make with their defaults passes the rules of the policy packs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bedplate.kubernetes.handles import KubernetesHandle
from bedplate.queueing.jobset import JobSetController, JobSetControllerArgs
from bedplate.queueing.kueue import KueueQueues, KueueQueuesArgs
from bedplate.queueing.priorities import TrainingPriorities, TrainingPrioritiesArgs
from bedplate.queueing.trainer import KubeflowTrainer, KubeflowTrainerArgs
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

JOB_SET = "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet"


@pytest.fixture
def everything(record: Any, real: Callable[..., KubernetesHandle]) -> list[Any]:
    """All kinds of objects that the components make."""

    def program() -> None:
        cluster = real()
        options = cluster.options()
        args = KueueQueuesArgs(
            cluster=cluster,
            teams=[
                {
                    "name": "vision",
                    "cohort": "all",
                    "quotas": [{"pool": "h100", "nodes": 2}, {"pool": "cpu", "nodes": 1}],
                    "groups": ["vision-engineers"],
                    "admission_checks": ["nodes"],
                }
            ],
            cohorts=[{"name": "all"}],
            admission_checks=[{"name": "nodes"}],
        )
        queues = KueueQueues("queues", args, options).handle
        TrainingPriorities("priorities", TrainingPrioritiesArgs(queues=queues), options)
        jobset = JobSetController("jobset", JobSetControllerArgs(), options).handle
        trainer = KubeflowTrainerArgs(
            cluster=cluster, jobset=jobset, queues=queues, runtimes=[{"pool": "l40s"}]
        )
        KubeflowTrainer("trainer", trainer, options)

    return [one for one in record(program).made if one.type.startswith("kubernetes:")]


def _whole(value: Any) -> Any:
    """Numbers as they are: the mocks hand every number on as a float."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def refusals(type_: str, inputs: Any) -> list[str]:
    return [
        f"{rule.name}: {found.message}"
        for rule in RULES
        if isinstance(rule, Rule) and type_ in rule.types and rule.enforcement == "mandatory"
        for found in findings(rule, type_, inputs)
    ]


def test_nothing_mandatory_is_broken(everything: list[Any]) -> None:
    assert {
        one.name: refusals(one.type, _whole(one.inputs))
        for one in everything
        if refusals(one.type, _whole(one.inputs))
    } == {}


def test_every_namespace_lets_in_nothing_by_default(everything: list[Any]) -> None:
    namespaces = {one.inputs["metadata"]["name"] for one in everything if one.type.endswith(":Namespace")}
    closed = {
        one.inputs["metadata"]["namespace"]
        for one in everything
        if one.type.endswith(":NetworkPolicy") and not one.inputs["spec"].get("ingress")
    }
    assert namespaces == closed == {"kueue-system", "vision", "jobset-system", "kubeflow-system"}


def test_the_pods_of_a_runtime_are_as_good_as_those_of_a_job_set(everything: list[Any]) -> None:
    (runtime,) = [one for one in everything if one.type.endswith(":ClusterTrainingRuntime")]
    job_set = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "training", "namespace": "vision"},
        "spec": _whole(runtime.inputs["spec"]["template"]["spec"]),
    }
    assert refusals(JOB_SET, job_set) == []
    container = job_set["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    assert any("kubernetes-pod-privilege-escalation" in one for one in refusals(JOB_SET, job_set))
