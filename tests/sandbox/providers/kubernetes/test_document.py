"""What the sandbox says that it knows of Kubernetes."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from bedplate.cli.types import types
from bedplate.sandbox.providers.kubernetes import definitions
from bedplate.sandbox.providers.kubernetes.document import with_section
from bedplate.sandbox.providers.kubernetes.kinds import built_in, default_version

PAGE = Path(__file__).parents[4] / "docs" / "sandbox-types.md"


def test_the_page_is_what_the_sandbox_knows() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_section(page, built_in(default_version())) == page


def test_types_tells_kinds_and_the_charts_that_bring_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert types(Namespace(json=True)) == 0  # type: ignore[arg-type]
    kinds = json.loads(capsys.readouterr().out)["kubernetes"]
    assert kinds["kubernetes:apps/v1:Deployment"] == "built in"
    assert kinds["kubernetes:core/v1:Namespace"] == "built in"
    assert kinds["kubernetes:kueue.x-k8s.io/v1beta1:ClusterQueue"] == "kueue"
    assert kinds["kubernetes:jobset.x-k8s.io/v1alpha2:JobSet"] == "jobset, kubeflow-trainer"
    assert kinds["kubernetes:nvidia.com/v1:ClusterPolicy"] == "gpu-operator (partial)"
    assert kinds["kubernetes:cluster.x-k8s.io/v1beta2:Cluster"] == "no chart"
    assert types(Namespace(json=False)) == 0  # type: ignore[arg-type]
    assert "kubernetes:apps/v1:Deployment" in capsys.readouterr().out


def test_the_guide_names_every_chart_that_brings_definitions() -> None:
    guide = (PAGE.parent / "guide" / "kubernetes.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4:2] for line in guide.splitlines() if line.startswith("|")]
    told = {(chart.strip(), how.strip()) for chart, how in rows}
    assert {(one.chart, one.place) for one in definitions.charts()} <= told
