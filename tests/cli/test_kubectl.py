"""`bedplate sandbox kubectl get`: read from the sandbox's file, with or without a daemon."""

import json
from pathlib import Path

import pytest
import yaml

from bedplate.cli import main
from bedplate.sandbox.providers.kubernetes.cluster import Cluster
from bedplate.sandbox.providers.kubernetes.kinds import GroupKind, built_in
from bedplate.sandbox.server.database import Database
from bedplate.sandbox.server.objects import SqliteObjectStore


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    home = tmp_path / ".bedplate"
    home.mkdir()
    monkeypatch.delenv("BEDPLATE_HOME", raising=False)
    database = Database(home / "sandbox.db")
    cluster = Cluster(SqliteObjectStore(database), "sandbox", built_in("1.36"))
    for namespace, name in (("default", "web"), ("shop", "api")):
        metadata = {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-24T12:00:00Z"}
        value = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
        cluster.put(GroupKind("apps", "Deployment"), namespace, name, value)
    database.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", ["deploy", "deployments", "Deployment", "deployments.apps"])
def test_a_kind_by_any_of_its_names(project: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["sandbox", "kubectl", "get", kind, "-o", "name"]) == 0
    assert capsys.readouterr().out == "deployment/web\ndeployment/api\n"


def test_one_namespace_as_a_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "kubectl", "get", "deploy", "-n", "shop"]) == 0
    assert capsys.readouterr().out.split() == [
        "NAMESPACE", "NAME", "CREATED", "shop", "api", "2026-11-24T12:00:00Z",
    ]  # fmt: skip


def test_one_object_as_json_and_yaml(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "kubectl", "get", "deploy", "web", "-o", "json"]) == 0
    as_json = json.loads(capsys.readouterr().out)
    assert as_json["metadata"]["name"] == "web"
    assert main(["sandbox", "kubectl", "get", "deploy", "web", "-o", "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["kind"] == as_json["kind"]


def test_what_every_cluster_has(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "kubectl", "get", "ns", "-o", "name"]) == 0
    assert "namespace/kube-system" in capsys.readouterr().out


def test_nothing_found_is_a_failure_that_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "kubectl", "get", "pods"]) == 1
    assert "No pods" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"), [(["gadgets"], "no kind"), (["pods", "--cluster", "x"], "no such cluster")]
)
def test_what_there_is_not(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["sandbox", "kubectl", "get", *arguments]) == 2
    assert message in capsys.readouterr().err
