"""The guide's program makes what the guide says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[2] / "docs" / "queueing.md"


def test_the_program_of_the_guide_runs(record: Any) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    made = record(lambda: exec(compile(found[1], str(GUIDE), "exec"), {}))
    kinds = {one.type.rsplit(":", 1)[-1] for one in made.made if one.type.startswith("kubernetes:")}
    assert kinds >= {
        "ClusterQueue",
        "LocalQueue",
        "Topology",
        "ClusterTrainingRuntime",
        "WorkloadPriorityClass",
    }
    charts = {one.inputs["name"] for one in made.of_type("Release")}
    assert charts == {"kueue", "jobset", "kubeflow-trainer"}
