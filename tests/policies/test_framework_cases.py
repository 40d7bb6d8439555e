"""Every rule has an example that it passes and one that it refuses, in a test module of its cloud."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from bedplate_policies import RULES
from bedplate_policies.testing import Case, StackCase

HERE = Path(__file__).parent
# About options, a type as a whole, or a setting: inputs alone make no example, so each has a test of its own.
ELSEWHERE = {"gcp-iam-authoritative-policy", "gcp-kms-protect", "kubernetes-image-registry"}


def cases() -> list[Any]:
    """The cases of every module beside this one, as they are written there."""
    found: list[Any] = []
    for file in sorted(HERE.glob("*/test_*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_of_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # dataclasses look their module up.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        for value in vars(module).values():
            if isinstance(value, list):
                found += [one for one in value if hasattr(one, "rule_name") and hasattr(one, "bad")]
    return found


def test_every_rule_has_a_good_and_a_bad_example() -> None:
    found = cases()
    assert any(isinstance(one, Case) for one in found)
    assert any(isinstance(one, StackCase) for one in found)
    good = {one.rule_name for one in found if one.good}
    bad = {one.rule_name for one in found if one.bad}
    # The rules of the budget are held to figures, in test_budget.py.
    names = {rule.name for rule in RULES if rule.group != "budget"} - ELSEWHERE
    assert sorted(names - good) == []
    assert sorted(names - bad) == []
    assert sorted((good | bad) - names - ELSEWHERE) == []
