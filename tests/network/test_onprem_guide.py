"""The guide's program makes what the guide says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pulumi

GUIDE = Path(__file__).parents[2] / "docs" / "onprem.md"

KUBECONFIG = {
    "current-context": "a",
    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    "clusters": [
        {
            "name": "a",
            "cluster": {
                "server": "https://10.0.0.10:6443",
                "certificate-authority-data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
            },
        }
    ],
    "users": [{"name": "a", "user": {"token": "t"}}],
}


def test_the_program_of_the_guide_runs(record: Any) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None

    def program() -> None:
        pulumi.runtime.set_all_config({"project:kubeconfig": json.dumps(KUBECONFIG)})
        exec(compile(found[1], str(GUIDE), "exec"), {})

    made = record(program)
    releases = {one.inputs["name"]: one.inputs["values"] for one in made.of_type("Release")}
    assert set(releases) == {"cilium", "metallb", "network-operator"}
    assert releases["cilium"]["MTU"] == 9000
    assert len(made.of_type("NodePatch")) == 9
    assert len(made.of_type("SriovNetworkNodePolicy")) == 1


def test_the_guides_figures_are_the_codes() -> None:
    from bedplate.network.onprem_args import TUNNEL_OVERHEAD_BYTES, WIREGUARD_OVERHEAD_BYTES

    assert f"{9000 - TUNNEL_OVERHEAD_BYTES[4] - WIREGUARD_OVERHEAD_BYTES[4]} bytes" in GUIDE.read_text()
