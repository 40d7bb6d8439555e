"""What is told of a node, and what is done about it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.gpu.kubernetes.facts import xids
from bedplate.gpu.kubernetes.health import NodeHealth, NodeHealthArgs
from bedplate.gpu.kubernetes.health_config import config_files, drained_xids
from bedplate.gpu.kubernetes.nvidia import NvidiaGpuOperator, NvidiaGpuOperatorArgs
from bedplate_policies.kubernetes import RULES
from bedplate_policies.rule import Rule
from bedplate_policies.testing import findings

LINE = "NVRM: Xid (PCI:0000:3b:00): {}, pid=1234, name=python, GPU has fallen off the bus."


def rules_of(file: str, **more: Any) -> list[dict[str, str]]:
    files = config_files(fatal=drained_xids(**more), gpus=True, links=True, clock=True)
    return json.loads(files[file])["rules"]


@given(
    number=st.integers(1, 200), device=st.from_regex(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}", fullmatch=True)
)
def test_a_line_of_the_driver_meets_the_rule_that_is_meant_for_it(number: int, device: str) -> None:
    line = f"NVRM: Xid (PCI:{device}): {number}, pid='<unknown>', name=<unknown>, Ch 00000008"
    hit = {rule["type"] for rule in rules_of("gpu.json") if re.search(rule["pattern"], line)}
    action = {one.number: one.action for one in xids()}.get(number)
    assert hit == {"drain": {"permanent"}, "watch": {"temporary"}}.get(action or "", set())


def test_an_xid_may_be_added_or_taken_out() -> None:
    fatal = rules_of("gpu.json", more=[150], ignored=[63])[0]["pattern"]
    assert re.search(fatal, LINE.format(150))
    assert not re.search(fatal, LINE.format(63))
    assert not re.search(fatal, LINE.format(6))


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("disk.json", "XFS (nvme1n1): Shutting down filesystem"),
        ("disk.json", "EXT4-fs (sda1): Remounting filesystem read-only"),
        ("disk.json", "nvme nvme0: Removing after probe failure status: -19"),
        ("kernel.json", "{1}[Hardware Error]: event severity: fatal"),
        ("kernel.json", "mlx5_core 0000:17:00.0: device's health compromised - reached miss count"),
    ],
)
def test_lines_of_the_kernel_are_known(file: str, line: str) -> None:
    assert any(re.search(rule["pattern"], line) for rule in rules_of(file))


def test_every_rule_names_a_condition_of_its_own_file() -> None:
    files = config_files(fatal=drained_xids(), gpus=True, links=True, clock=True)
    for name, text in files.items():
        if name.endswith(".json"):
            one = json.loads(text)
            kinds = {condition["type"] for condition in one["conditions"]}
            for rule in one["rules"]:
                assert rule["type"] == "temporary" or rule["condition"] in kinds
                if "path" in rule:
                    assert rule["path"].removeprefix("/config/") in files


def run(script: str, tmp_path: Path) -> tuple[int, str]:
    files = config_files(fatal=(79,), gpus=True, links=True, clock=True)
    text = files[script].replace("/sys/", f"{tmp_path}/sys/").replace("/host/", f"{tmp_path}/host/")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def port(tmp_path: Path, number: int, state: str, phys: str) -> None:
    where = tmp_path / f"sys/class/infiniband/mlx5_{number}/ports/1"
    where.mkdir(parents=True)
    (where / "state").write_text(f"{state}\n")
    (where / "phys_state").write_text(f"{phys}\n")


def test_a_port_that_is_down_is_named(tmp_path: Path) -> None:
    assert run("link.sh", tmp_path) == (0, "")
    port(tmp_path, 0, "4: ACTIVE", "5: LinkUp")
    port(tmp_path, 1, "1: DOWN", "3: Disabled")
    assert run("link.sh", tmp_path) == (0, "")
    port(tmp_path, 2, "1: DOWN", "2: Polling")
    code, text = run("link.sh", tmp_path)
    assert code == 1
    assert text.startswith("not active:")
    assert text.endswith("mlx5_2/ports/1")


def test_a_clock_is_in_step_or_unknown(tmp_path: Path) -> None:
    assert run("clock.sh", tmp_path) == (2, "")
    drift = tmp_path / "host/var/lib/chrony/drift"
    drift.parent.mkdir(parents=True)
    drift.write_text("1 2\n")
    assert run("clock.sh", tmp_path) == (0, "")
    subprocess.run(["touch", "-d", "4 hours ago", str(drift)], check=True)
    assert run("clock.sh", tmp_path) == (1, "chrony has not been in step for three hours")
    synced = tmp_path / "host/run/systemd/timesync/synchronized"
    synced.parent.mkdir(parents=True)
    synced.touch()
    assert run("clock.sh", tmp_path) == (0, "")


def whole(record, where, **more: Any) -> Any:
    def program() -> None:
        layer = NvidiaGpuOperator("gpus", NvidiaGpuOperatorArgs(cluster=where)).handle
        manager = pulumi.ComponentResource("test:index:CertManager", "cert-manager")
        NodeHealth("health", NodeHealthArgs(cluster=where, layer=layer, cert_manager=manager, **more))

    return record(program)


@pytest.mark.parametrize(
    ("platform", "more", "modules"),
    [
        ("onprem", {}, (True, True, False)),
        ("gke", {}, (True, True, False)),
        ("eks", {"platform_repair": False}, (True, True, False)),
        ("onprem", {"action": "quarantine"}, (True, False, False)),
        ("onprem", {"action": "repair"}, (True, True, True)),
    ],
)
def test_a_broken_gpu_has_the_nodes_pods_moved(
    record, cluster, platform: str, more: dict[str, Any], modules: tuple[bool, bool, bool]
) -> None:
    made = whole(record, cluster(platform=platform), **more)
    sentinel = made.one("Release", "health-sentinel")
    switches = sentinel.inputs["values"]["global"]
    names = ("faultQuarantine", "nodeDrainer", "faultRemediation")
    assert tuple(switches[name]["enabled"] for name in names) == modules
    assert switches["janitor"] == switches["faultRemediation"]
    assert sentinel.inputs["values"]["labeler"]["assumeDriverInstalled"] is (platform != "onprem")
    assert {"gpus-operator", "health-sentinel-namespace"} <= set(sentinel.depends_on)


@pytest.mark.parametrize(("platform", "more"), [("eks", {}), ("onprem", {"action": "watch"})])
def test_a_node_that_others_repair_is_only_watched(
    record, cluster, platform: str, more: dict[str, Any]
) -> None:
    made = whole(record, cluster(platform=platform), **more)
    assert made.one("DaemonSet")
    assert [one.name for one in made.of_type("Release")] == ["gpus-operator"]


def test_the_detector_runs_everywhere_with_the_files_it_needs(record, cluster, pool) -> None:
    made = record(lambda: NodeHealth("health", NodeHealthArgs(cluster=cluster(pool(fabric="infiniband")))))
    config = made.one("ConfigMap").inputs["data"]
    spec = made.one("DaemonSet").inputs["spec"]["template"]["spec"]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    named = {
        path.removeprefix("/config/")
        for word in spec["containers"][0]["command"]
        if "monitor=" in word
        for path in word.partition("=")[2].split(",")
    }
    assert (
        named
        == {name for name in config if name.endswith(".json")}
        == {
            "disk.json",
            "kernel.json",
            "gpu.json",
            "link.json",
            "clock.json",
        }
    )


def test_a_change_of_the_files_rolls_the_detector(record, cluster) -> None:
    def digest(**more: Any) -> str:
        made = record(lambda: NodeHealth("health", NodeHealthArgs(cluster=cluster(), **more)))
        template = made.one("DaemonSet").inputs["spec"]["template"]
        return template["metadata"]["annotations"]["bedplate/config"]

    assert digest() == digest()
    assert digest() != digest(ignored_xids=(63,))


@pytest.mark.parametrize(
    ("platform", "given", "path", "text"),
    [
        ("eks", {"action": "drain"}, "action", "EKS replaces such nodes itself"),
        ("gke", {"action": "repair"}, "action", "allowed: watch, quarantine, drain"),
        ("onprem", {"action": "drain"}, "layer", "give NvidiaGpuOperator's handle"),
        ("onprem", {"action": "drain"}, "cert_manager", "give cert-manager's release"),
        ("onprem", {"more_fatal_xids": (31,)}, "more_fatal_xids", "31 is raised by a faulty program"),
        ("onprem", {"more_fatal_xids": (150,), "ignored_xids": (150,)}, "ignored_xids", "150 are in"),
        ("onprem", {"ignored_xids": drained_xids()}, "ignored_xids", "nothing is left"),
        ("onprem", {"links": True}, "links", "no pool has InfiniBand or RoCE"),
        ("onprem", {"more_fatal_xids": (0,)}, "more_fatal_xids[0]", "0"),
    ],
)
def test_what_cannot_be_is_refused(
    cluster, refused, platform: str, given: dict[str, Any], path: str, text: str
) -> None:
    problems = refused(lambda: NodeHealthArgs(cluster=cluster(platform=platform), **given))
    assert text in problems[path]


def test_nothing_to_act_on_is_refused(cluster, pool, refused) -> None:
    problems = refused(lambda: NodeHealthArgs(cluster=cluster(pool("cpu", None)), action="drain"))
    assert "has no NVIDIA GPUs to act on" in problems["action"]


def test_the_policies_find_nothing_in_the_detector(record, cluster) -> None:
    made = record(lambda: NodeHealth("health", NodeHealthArgs(cluster=cluster())))
    found = [
        f"{one.name}: {rule.name}: {finding.message}"
        for one in made.made
        for rule in RULES
        # The publisher's documents print no digest of the image.
        if isinstance(rule, Rule) and one.type in rule.types and rule.name != "kubernetes-image-digest"
        for finding in findings(rule, one.type, one.inputs)
    ]
    assert found == []
