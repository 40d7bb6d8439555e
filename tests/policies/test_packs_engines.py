"""This repository's packs through the command, on every engine that is here: the same findings each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKS = [str(REPOSITORY / "policies" / name) for name in ("encryption", "guardrails")]
BUDGET = str(REPOSITORY / "policies" / "budget")
PROGRAM = """
import json
import pulumi_aws as aws

aws.ebs.Volume("disk", availability_zone="us-east-1a", size=10, encrypted=False)
topic = aws.sns.Topic("topic", name="topic")
aws.sns.TopicPolicy("policy", arn=topic.arn, policy=topic.arn.apply(lambda arn: json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": arn}],
})))
"""


@dataclass
class Project:
    root: Path
    engine: str

    def run(self, *arguments: str) -> tuple[int, list[dict[str, object]]]:
        tools = str(Path(sys.executable).parent)
        command = [
            sys.executable,
            "-m",
            "bedplate.cli",
            "sandbox",
            *arguments,
            "--root",
            str(self.root),
            "--json",
        ]
        done = subprocess.run(
            command,
            env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.stdout, done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def findings(self, operation: str, *more: str) -> tuple[int, dict[tuple[str, str], str]]:
        """The exit code, and the level of each finding by rule and resource."""
        code, lines = self.run(operation, "dev", "--engine", self.engine, *more)
        return code, {
            (str(line["rule"]), str(line["urn"]).rsplit("::", 1)[-1]): str(line["level"])
            for line in lines
            if line.get("event") == "policy"
        }


@pytest.fixture(scope="module", params=["offline", *(["pulumi"] if shutil.which("pulumi") else [])])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("packs")
    (root / "Pulumi.yaml").write_text("name: packs\nruntime: python\n")
    (root / "__main__.py").write_text(PROGRAM)
    (root / "Pulumi.dev.yaml").write_text("config: {aws:region: us-east-1}\n")
    project = Project(root, request.param)
    yield project
    project.run("stop")


def packs(*more: str) -> list[str]:
    return [*(part for pack in PACKS for part in ("--policy-pack", pack)), *more]


def test_a_preview_tells_what_is_wrong_and_what_is_open(project: Project) -> None:
    code, found = project.findings("preview", *packs())
    assert code == 1
    assert found["aws-ebs-volume-encrypted", "disk"] == "mandatory"
    assert found["aws-sns-policy-not-public", "policy"] == "advisory"


def test_what_fails_as_a_whole_is_stopped_before_anything_is_made(project: Project) -> None:
    code, lines = project.run("up", "dev", "--engine", project.engine, "--policy-pack", BUDGET)
    assert code == 1
    assert [line["rule"] for line in lines if line.get("level") == "mandatory"] == ["stack-monthly-budget"]
    assert [line for line in lines if line.get("event") == "resource"] == []
    assert not any(lines[-1]["changes"].values())  # type: ignore[attr-defined]
    assert "stack-monthly-budget" in str(lines[-1]["errors"])


def test_an_update_stops_before_what_is_refused_is_made(project: Project, tmp_path: Path) -> None:
    configs: list[str] = []
    for pack, config in (
        ("encryption", {"all": "advisory"}),
        ("guardrails", {"all": "advisory", "aws-sns-policy-not-public": {"enforcementLevel": "mandatory"}}),
    ):
        file = tmp_path / f"{pack}.json"
        file.write_text(json.dumps(config))
        configs += ["--policy-pack-config", str(file)]
    code, found = project.findings("up", *packs(*configs))
    assert code == 1
    # Now that the topic is made, its policy is known.
    assert found["aws-sns-policy-not-public", "policy"] == "mandatory"
    assert [name for (name, _), level in found.items() if level == "mandatory"] == [
        "aws-sns-policy-not-public"
    ]
    assert "topic" in _made(project)
    assert "policy" not in _made(project)


def test_a_malformed_configuration_stops_both_engines(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "encryption.json"
    file.write_text(json.dumps({"no-such-rule": "mandatory"}))
    code, found = project.findings("preview", *packs("--policy-pack-config", str(file)))
    assert code == 1
    assert found == {}


def test_without_policies_nothing_is_found(project: Project) -> None:
    assert project.findings("preview", "--no-policies") == (0, {})


def _made(project: Project) -> list[str]:
    state = json.loads((project.root / ".bedplate/state/.pulumi/stacks/packs/dev.json").read_text())
    return [one["urn"].rsplit("::", 1)[-1] for one in state["checkpoint"]["latest"].get("resources", [])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy-pack", "nowhere"], "no PulumiPolicy.yaml in it"),
        (["--no-policies", "--policy-pack", PACKS[0]], "--no-policies goes with no --policy-pack"),
        (["--policy-pack", PACKS[0], "--policy-pack-config", "nowhere"], "no such file"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: packs\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    command = [sys.executable, "-m", "bedplate.cli", "sandbox", "preview", "dev", "--root", str(tmp_path)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
