"""AWS's device plugin: where it runs, and where it cannot."""

from typing import Any

import pytest

from bedplate.core.errors import ArgsError
from bedplate.gpu.kubernetes.efa import EfaDevicePluginArgs, plugin_values


def test_it_runs_where_nodes_got_their_interfaces_past_their_taints(pool: Any, cluster: Any) -> None:
    args = EfaDevicePluginArgs(
        cluster=cluster(pool(fabric="efa"), pool("l4", "L4"), platform="eks"),
        image_repository="602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-efa-k8s-device-plugin",
    )
    values = plugin_values(args)
    assert [one.name for one in args.pools] == ["h100"]
    assert values["supportedInstanceLabels"] == {
        "keys": ["vpc.amazonaws.com/efa.present"],
        "values": ["true"],
    }
    assert values["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]
    assert values["image"] == {"repository": args.image_repository}


@pytest.mark.parametrize(
    ("platform", "fabric", "words"),
    [("onprem", "efa", "is on onprem; allowed: eks"), ("eks", None, "has no pool with EFA")],
)
def test_it_is_refused_where_nothing_has_efa(
    pool: Any, cluster: Any, platform: str, fabric: str | None, words: str
) -> None:
    with pytest.raises(ArgsError, match=words):
        EfaDevicePluginArgs(cluster=cluster(pool(fabric=fabric), platform=platform))
