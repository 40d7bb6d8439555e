"""docs/environment.md: its example is accepted and it names every field."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from bedplate import environment
from bedplate.cluster.access import AccessEntryArgs, AccessPolicyArgs, EndpointArgs
from bedplate.cluster.nodes import RootVolumeArgs
from bedplate.cluster.settings import AddonArgs, EksClusterSettings, SystemPoolArgs
from bedplate.environment import layer_models, models, onprem_models
from bedplate.gpu.spec import GpuPoolSettings, TargetedReservationArgs
from bedplate.monitoring.aws_args import MonthlyBudget, Subscription

TEXT = (Path(__file__).parents[2] / "docs/environment.md").read_text(encoding="utf-8")


def test_the_shortest_environment_is_accepted_as_it_is_printed() -> None:
    block = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    config: dict[str, Any] = yaml.safe_load(block[1])["config"]
    assert environment.load(config["bedplate:environment"], config["aws:region"]).name == "tiny"


def test_the_shortest_environment_on_your_own_racks_is_accepted_as_it_is_printed() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    config: dict[str, Any] = yaml.safe_load(blocks[-1])["config"]
    assert environment.load(config["bedplate:environment"]).name == "lab"


@pytest.mark.parametrize(
    "model",
    [
        models.AwsEnvironment,
        models.NetworkSettings,
        models.KeySettings,
        models.ObjectStoreSettings,
        models.AlarmSettings,
        models.WorkloadArgs,
        EksClusterSettings,
        EndpointArgs,
        AccessEntryArgs,
        AccessPolicyArgs,
        AddonArgs,
        SystemPoolArgs,
        GpuPoolSettings,
        TargetedReservationArgs,
        RootVolumeArgs,
        Subscription,
        MonthlyBudget,
        onprem_models.OnPremEnvironment,
        onprem_models.NetworkPart,
        onprem_models.CephPart,
        onprem_models.MachineCosts,
        layer_models.KubernetesLayerSettings,
    ],
    ids=lambda model: model.__name__,
)
def test_every_field_is_described(model: type[BaseModel]) -> None:
    documented = set(re.findall(r"`([a-z_0-9]+)[:` ]", TEXT))
    assert set(model.model_fields) <= documented
