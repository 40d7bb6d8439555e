"""No alert and no panel asks for a metric that nothing exports."""

from pathlib import Path

import pytest

import bedplate
from bedplate.gpu.kubernetes.facts import dcgm_metrics
from bedplate.monitoring.kubernetes.exporters import (
    EXPORTERS,
    metrics_of,
    needed_dcgm_fields,
    used_metrics,
)


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up == 0", {"up"}),
        ('sum by (job) (rate(a_total{code=~"5..",b="x_y"}[5m])) / c > 0', {"a_total", "c"}),
        ("x and on (node) y unless on (node) z", {"x", "y", "z"}),
        ("a / avg_over_time(bedplate:b:avg5m[1h] offset 10m) > 1e6", {"a"}),
        ('label_replace(count by (H) (g), "n", "$1", "H", "(.*)")', {"g"}),
        ("a * on (id) group_left (name) max by (id, name) (b)", {"a", "b"}),
        ("time() - a", {"a"}),
    ],
)
def test_metrics_are_found_in_expressions(expr: str, metrics: set[str]) -> None:
    assert metrics_of(expr) == metrics


def test_every_metric_comes_from_an_exporter_and_none_is_left_over() -> None:
    exported = [metric for exporter in EXPORTERS for metric in exporter.metrics]
    assert len(exported) == len(set(exported))
    assert used_metrics() == set(exported)


def test_all_but_one_exporter_are_installed() -> None:
    """What is not installed says why, and no other metric may join it unseen."""
    (missing,) = (one for one in EXPORTERS if one.installed_by is None)
    assert missing.name == "EFA exporter"
    assert missing.setting


def test_what_installs_an_exporter_is_a_component_of_ours() -> None:
    package = Path(bedplate.__file__).parent
    sources = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    for name in {one.installed_by for one in EXPORTERS} - {None}:
        assert f'"bedplate:index:{name}"' in sources, name


def test_dcgm_is_told_to_export_what_is_needed() -> None:
    listed = {line.split(",")[0] for line in dcgm_metrics(profiling=False).splitlines()}
    assert set(needed_dcgm_fields()) <= listed
    assert "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL" in needed_dcgm_fields()
