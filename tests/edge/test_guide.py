"""The guide's program makes what the guide says."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "edge.md"


def test_the_program_of_the_guide_runs(sandbox, cluster, store) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    code = compile(found[1], str(GUIDE), "exec")
    sandbox.up(lambda: exec(code, {"cluster": cluster(), "store": store()}))
    assert sandbox.outputs["commands"] == ["kubectl label node dd-1 node-role.kubernetes.io/edge="]
    assert set(sandbox.outputs["k3s_files"]) == {"dd-1.config.yaml", "dd-1.registries.yaml"}


def test_every_metric_of_the_guide_is_one_of_the_agents() -> None:
    text = GUIDE.read_text()
    section = text[text.index("Metrics, port 9464") : text.index("## What is refused")]
    agent = "".join(
        one.read_text() for one in (Path(__file__).parents[2] / "components/bedplate/edge/agent").glob("*.py")
    )
    base, names = "", []
    for name in re.findall(r"`(bedplate_\w+|_\w+)`", section):
        if name.startswith("bedplate_"):
            base = re.match(r"bedplate_edge_[a-z]+", name)[0]
        names.append(name if name.startswith("bedplate_") else base + name)
    assert len(names) > 15
    assert [name for name in names if f'"{name}"' not in agent] == []
