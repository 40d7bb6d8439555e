"""The plant comes up, stays as it is, changes only what must change, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bedplate.edge.agent.fetch import Store
from bedplate.edge.agent.rollout import Plan
from bedplate.edge.agent.updater import settings_from
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind
from bedplate_policies.judge import Judge
from bedplate_policies.kubernetes import RULES
from bedplate_policies.stack import Stack
from bedplate_policies.testing import make_resource

RELEASE = {"version": "v1", "key": "defects/v1.onnx", "sha256": "a" * 64, "size_bytes": 10**9}


def objects(sandbox, group: str, kind: str, namespace: str | None = "edge") -> dict[str, dict[str, Any]]:
    found = sandbox.cluster().objects(GroupKind(group, kind), namespace)
    return {one["metadata"]["name"]: one for one in found}


def test_up_update_and_destroy(sandbox, plant) -> None:
    sandbox.up(plant())
    again = sandbox.up(plant())
    assert {op for op, count in again.changes.items() if count} == {"same"}

    deployments = objects(sandbox, "apps", "Deployment")
    assert set(deployments) == {
        *(f"doors-dd-{number}" for number in (1, 2)),
        "hoods-gz-1",
        *(f"defects-updater-{host}" for host in ("dd-1", "dd-2", "gz-1")),
        "defects-coordinator",
        *(f"cache-{host}" for host in ("dd-1", "dd-2", "gz-1")),
        "cache-dresden-nvcr-io",
        "metrics-dresden",
        "metrics-graz",
    }
    pod = deployments["defects-updater-gz-1"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": "gz-1"}
    lost = [one for one in pod["tolerations"] if one["key"].startswith("node.kubernetes.io/")]
    assert len(lost) == 2
    assert not any("tolerationSeconds" in one for one in lost)  # For ever.
    config = objects(sandbox, "", "ConfigMap")["defects-gz-1"]["data"]["config.json"]
    service = objects(sandbox, "", "Service")["hoods"]["spec"]
    settings = json.loads(config)["settings"]
    assert settings["health_url"] == f"http://{service['clusterIP']}:8000/health/ready"
    assert service["internalTrafficPolicy"] == "Local"
    # The agent takes what it is given.
    read = settings_from(settings, Store(**json.loads(config)["store"]))
    assert (read.site, read.keep, read.limits.reserve_bytes) == ("graz", 2, 1 << 30)
    assert read.store.url("s3://models/a") == "https://rgw.example.com/models/a"

    # The coordinator has come far; another release must not set it back, nor touch servers.
    sandbox.up(plant(release={**RELEASE, "version": "v2", "sha256": "b" * 64}))
    changed = {*sandbox.steps("update"), *sandbox.steps("replace"), *sandbox.steps("create-replacement")}
    assert changed == {"defects-plan"}
    assert (
        Plan.parse(objects(sandbox, "", "ConfigMap")["defects-plan"]["data"]["plan.json"]).model == "defects"
    )
    plan = json.loads(objects(sandbox, "", "ConfigMap")["defects-plan"]["data"]["plan.json"])
    assert plan["release"]["uri"] == "s3://models/defects/v1.onnx"
    assert [wave["sites"] for wave in plan["waves"]] == [["dresden"], ["graz"]]
    assert [wave["nodes"] for wave in plan["waves"]] == [2, 1]

    sandbox.destroy()
    assert sandbox.resources() == []
    assert objects(sandbox, "", "PersistentVolume", None) == {}
    assert objects(sandbox, "apps", "Deployment") == {}


def test_a_setting_of_the_updaters_restarts_them_and_nothing_else(sandbox, plant) -> None:
    sandbox.up(plant())
    sandbox.up(plant(probation_seconds=900))
    assert set(sandbox.steps("update")) == {f"defects-updater-{host}" for host in ("dd-1", "dd-2", "gz-1")}


def test_no_policy_finds_anything_that_is_mandatory(sandbox, plant) -> None:
    sandbox.up(plant())
    judge = Judge(RULES)
    judge.preview = False
    made = [
        make_resource(one["type"], one["inputs"], name=one["urn"].rsplit("::")[-1])
        for one in sandbox.resources()
        if one["type"].startswith("kubernetes:")
    ]
    verdicts = [verdict for one in made for verdict in judge.resource(one)]
    verdicts += judge.stack(Stack(made, "edge-factory", {}))
    assert [f"{one.rule.name} {one.urn}: {one.message}" for one in verdicts if one.level == "mandatory"] == []
    # The namespace's own policy is what keeps the rule about closed namespaces quiet.
    opened = [one for one in made if not one.urn.endswith("::plants-closed")]
    broken = {one.rule.name for one in judge.stack(Stack(opened, "edge-factory", {}))}
    assert "kubernetes-namespace-default-deny" in broken


def test_a_secret_in_another_namespace_is_refused(sandbox, plant, store) -> None:
    from bedplate.sandbox.errors import SandboxError

    def program() -> None:
        plant(store=store("storage"))()

    with pytest.raises(SandboxError, match="is a secret of namespace 'storage'"):
        sandbox.up(program)
