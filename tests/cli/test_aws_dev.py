"""The whole path on a copy of this project: configuration, components, engine, provider, emulated cloud,
state.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

# conftest.py has the class; pytest does not let a test import it.
ProjectCopy = Any

pytestmark = pytest.mark.xdist_group("aws-dev")


def _existing(project: ProjectCopy) -> dict[str, int]:
    """How many of each thing boto3 finds; what an AWS account has by itself is not counted."""
    ec2, iam, s3, kms = (project.client(name) for name in ("ec2", "iam", "s3", "kms"))
    logs, sns, cloudwatch, eks = (project.client(name) for name in ("logs", "sns", "cloudwatch", "eks"))
    clusters = eks.list_clusters()["clusters"]
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    found: dict[str, list[Any]] = {
        "vpcs": [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "subnets": [net for net in ec2.describe_subnets()["Subnets"] if not net["DefaultForAz"]],
        "nat gateways": ec2.describe_nat_gateways()["NatGateways"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
        "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "flow logs": ec2.describe_flow_logs()["FlowLogs"],
        "launch templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "security groups": [
            one for one in ec2.describe_security_groups()["SecurityGroups"] if one["GroupName"] != "default"
        ],
        "roles": [role for role in iam.list_roles()["Roles"] if "/aws-service-role/" not in role["Path"]],
        "policies": iam.list_policies(Scope="Local")["Policies"],
        "buckets": s3.list_buckets()["Buckets"],
        "keys": [key for key in keys if key["KeyState"] != "PendingDeletion" and key["KeyManager"] != "AWS"],
        "log groups": logs.describe_log_groups()["logGroups"],
        "topics": sns.list_topics()["Topics"],
        "subscriptions": sns.list_subscriptions()["Subscriptions"],
        "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
        "clusters": clusters,
        "node groups": [
            group for name in clusters for group in eks.list_nodegroups(clusterName=name)["nodegroups"]
        ],
        "objects of Kubernetes": _objects(project),
    }
    return {name: len(things) for name, things in found.items() if things}


def _objects(project: ProjectCopy) -> list[str]:
    """Everything in the Kubernetes clusters, as the sandbox's file has it."""
    file = project.root / ".bedplate" / "sandbox.db"
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as opened:
        rows = opened.execute("SELECT kind, key FROM objects WHERE kind LIKE 'kubernetes%'").fetchall()
    return [f"{kind} {key}" for kind, key in rows]


def _up(project: ProjectCopy) -> dict[str, Any]:
    """Bring it up, or find it up; so each test here can run alone as well."""
    return _bare(project).summary


def _bare(project: ProjectCopy) -> Any:
    """`up` without the policy packs and the preview that comes with them: what is tested is the making."""
    return project.operate("up", "aws-dev", "--no-policies")


def _edit(project: ProjectCopy, change: Callable[[dict[str, Any]], None]) -> str:
    """Change the environment in its configuration file; returns the file's text from before."""
    before: str = project.config_file.read_text()
    document = yaml.safe_load(before)
    change(document["config"]["bedplate:environment"])
    project.config_file.write_text(yaml.safe_dump(document))
    return before


def test_up_creates_the_environment_and_says_which_engine_ran(project_copy: ProjectCopy) -> None:
    run = project_copy.operate("up")
    assert run.summary["engine"].split()[0] == project_copy.engine
    assert run.summary["resources"] >= 40
    assert run.summary["changes"]["create"] == run.summary["resources"]
    assert "Engine: " in run.stderr
    assert "Outputs:" in run.stderr
    assert set(run.summary) == {
        "engine",
        "operation",
        "environment",
        "changes",
        "resources",
        "duration_seconds",
    }


def test_a_second_up_changes_nothing(project_copy: ProjectCopy) -> None:
    before = _up(project_copy)
    again = project_copy.operate("up").summary
    assert again["changes"] == {
        "create": 0,
        "update": 0,
        "replace": 0,
        "delete": 0,
        "same": before["resources"],
    }


# What pods that go round the queues may have at most follows from the pools.
_BACKSTOPS = {f"aws-dev-queues-namespace-{team}-backstop": "update" for team in ("speech", "vision")}


def test_a_larger_maximum_updates_the_node_group_and_what_follows_from_it(
    project_copy: ProjectCopy,
) -> None:
    _up(project_copy)
    before = _edit(project_copy, lambda environment: environment["gpu_pools"]["l4"].update(max_size=6))
    preview = project_copy.run("preview", "aws-dev", "--engine", project_copy.engine, "--diff")
    assert "maxSize" in preview.stdout
    updated = _bare(project_copy)
    expected = {"aws-dev-gpu-l4-nodes": "update", **_BACKSTOPS}
    assert updated.summary["changes"]["update"] == len(expected)
    assert updated.summary["changes"]["same"] == updated.summary["resources"] - len(expected)
    assert updated.changed() == expected
    eks = project_copy.client("eks")
    groups = eks.list_nodegroups(clusterName="aws-dev-cluster")["nodegroups"]
    (l4,) = [name for name in groups if "gpu-l4" in name]
    group = eks.describe_nodegroup(clusterName="aws-dev-cluster", nodegroupName=l4)["nodegroup"]
    assert group["scalingConfig"]["maxSize"] == 6
    project_copy.config_file.write_text(before)
    assert _bare(project_copy).changed() == expected


def test_a_wrong_configuration_is_refused_before_anything_is_made(project_copy: ProjectCopy) -> None:
    resources = _up(project_copy)["resources"]
    before = _edit(project_copy, lambda environment: environment["gpu_pools"]["l4"].update(max_size=-1))
    refused = project_copy.run("up", "aws-dev", "--engine", project_copy.engine, "--json")
    project_copy.config_file.write_text(before)
    assert refused.code == 1
    assert refused.summary["ok"] is False
    assert refused.summary["resources"] == resources
    assert refused.changed() == {}
    assert "gpu_pools.l4.max_size" in refused.stderr


def test_refresh_finds_no_drift(project_copy: ProjectCopy) -> None:
    _up(project_copy)
    changes = project_copy.operate("refresh").summary["changes"]
    assert (changes["create"], changes["update"], changes["replace"], changes["delete"]) == (0, 0, 0, 0)


def test_a_bucket_deleted_behind_its_back_is_seen_and_restored(project_copy: ProjectCopy) -> None:
    _up(project_copy)
    s3 = project_copy.client("s3")
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    victim = sorted(names)[0]
    s3.delete_bucket(Bucket=victim)
    refreshed = project_copy.operate("refresh")
    assert refreshed.summary["changes"]["delete"] >= 1
    restored = _bare(project_copy).summary["changes"]
    assert restored["create"] >= 1
    assert restored["delete"] == 0
    assert len(s3.list_buckets()["Buckets"]) == len(names)
    assert _bare(project_copy).summary["changes"]["create"] == 0


def test_outputs_come_from_the_state(project_copy: ProjectCopy) -> None:
    _up(project_copy)
    run = project_copy.run("outputs", "aws-dev", "--json")
    assert run.code == 0
    assert run.summary


def test_destroy_leaves_nothing_in_the_state_nor_in_the_cloud(project_copy: ProjectCopy) -> None:
    _up(project_copy)
    assert _existing(project_copy)["objects of Kubernetes"] >= 100
    gone = project_copy.operate("destroy")
    assert gone.summary["resources"] == 0
    assert _existing(project_copy) == {}
    _assert_order(gone)


def _assert_order(gone: Any) -> None:
    """Queues before what admits work, objects before their operators, and those before the nodes."""
    done = [line for line in gone.lines if line.get("phase") == "done"]
    at: dict[str, list[int]] = {}
    for index, line in enumerate(done):
        at.setdefault(line["type"].removeprefix("kubernetes:"), []).append(index)
    place = {line["name"]: index for index, line in enumerate(done) if ":index:" not in line["type"]}
    kueue = "kueue.x-k8s.io/v1beta2"
    assert max(at[f"{kueue}:LocalQueue"]) < min(at[f"{kueue}:ClusterQueue"])
    assert max(at[f"{kueue}:ClusterQueue"]) < min(at[f"{kueue}:ResourceFlavor"])
    assert max(at[f"{kueue}:ResourceFlavor"]) < place["aws-dev-queues-kueue"]
    for group, release in (
        ("monitoring.coreos.com/v1:PrometheusRule", "monitoring-stack"),
        ("monitoring.coreos.com/v1:PodMonitor", "monitoring-stack"),
        ("nfd.k8s-sigs.io/v1alpha1:NodeFeatureRule", "node-features-discovery"),
        ("trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime", "trainer-trainer"),
        ("gateway.networking.k8s.io/v1:GatewayClass", "gateway-chart"),
    ):
        assert max(at[group]) < place[f"aws-dev-{release}"], group
    in_cluster = max(
        index
        for kind, found in at.items()
        if "/" in kind.split(":")[0]
        for index in found
        if not kind.startswith("aws:")
    )
    assert in_cluster < place["aws-dev-kubernetes-provider"]
    assert place["aws-dev-kubernetes-provider"] < min(at["aws:eks/nodeGroup:NodeGroup"])


def test_up_killed_at_several_points_is_finished_by_the_next(project_copy: ProjectCopy) -> None:
    """Each time a little further; once the emulated cloud's own process is killed with it."""
    project_copy.operate("destroy")
    # The last is among what runs on the cluster.
    for round, steps in enumerate((1, 4, 8, 12, 150)):
        _kill_after(project_copy, "up", steps)
        if round == 2:
            _kill_server(project_copy)
    finished = _bare(project_copy).summary
    assert finished["resources"] >= 40
    after_kills = _existing(project_copy)
    assert _bare(project_copy).summary["changes"]["same"] == finished["resources"]
    _kill_after(project_copy, "destroy", 6)
    assert project_copy.operate("destroy").summary["resources"] == 0
    assert _existing(project_copy) == {}
    _bare(project_copy)
    assert _existing(project_copy) == after_kills, "an undisturbed `up` makes exactly as much"


def _kill_after(project: ProjectCopy, operation: str, steps: int) -> None:
    """kill -9 the command and all that it started once `steps` resources are under way."""
    bare = ("--no-policies",) if operation == "up" else ()
    process = subprocess.Popen(
        project.command(operation, "aws-dev", "--engine", project.engine, *bare),
        env=project.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    verb = "creating" if operation == "up" else "deleting"
    text = ""
    for line in process.stdout:
        text += line
        steps -= verb in line
        if steps <= 0:
            break
    time.sleep(0.05)
    assert steps <= 0, f"{operation} ended by itself:\n{text}"
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL


def _kill_server(project: ProjectCopy) -> None:
    from bedplate.sandbox.server import running

    info = running(project.root / ".bedplate")
    assert info is not None, "the sandbox outlives the command"
    os.kill(info.pid, signal.SIGKILL)
