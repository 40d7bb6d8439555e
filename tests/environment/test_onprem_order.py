"""Who waits for whom on racks of your own, where a release waits until the volumes of its chart are there."""

import json
import runpy
from pathlib import Path

import pulumi
import pytest
import yaml

from bedplate.sandbox.fixture import SandboxFixture

pytestmark = pytest.mark.xdist_group("environment-onprem_order")
ROOT = Path(__file__).parents[2]


def test_prometheus_waits_for_cephs_class_where_grafanas_volume_is_of_it(sandbox: SandboxFixture) -> None:
    text = (ROOT / "stacks/config/Pulumi.onprem-dev.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)["config"]
    environment = config["bedplate:environment"]
    environment["ceph"]["cluster"]["prometheus"] = False
    environment["kubernetes"]["monitoring"]["stack"]["grafana"] = {"admin_secret_name": "grafana-admin"}
    values = {
        "bedplate:environment": json.dumps(environment),
        "bedplate:kubeconfig": config["bedplate:kubeconfig"],
    }

    def program() -> None:
        pulumi.runtime.set_all_config(values)
        runpy.run_path(str(ROOT / "stacks/__main__.py"), run_name="__main__")

    sandbox.up(program, values)
    made = sandbox.steps("create")
    assert made.index("onprem-dev-disks-class") < made.index("onprem-dev-monitoring-stack")
    assert made.index("onprem-dev-monitoring-stack") < made.index("onprem-dev-gpu-operator-operator")
