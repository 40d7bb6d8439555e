"""The guide's program makes what the guide says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "gpu-layer.md"


def test_the_program_of_the_guide_runs(record, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: dict[str, Any] = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    text = GUIDE.read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    made = record(lambda: exec(compile(found[1], str(GUIDE), "exec"), {}))
    assert {one.name for one in made.of_type("Release")} == {"features-discovery", "gpus-operator"}
    assert made.of_type("DaemonSet")
    (line,) = exported["gpus"]
    assert f"It exports `{line}`" in text
