"""Runs the examples of a module: each of a rule's examples on every type that the rule looks at.

A module names its RULES and its EXAMPLES (a rule's name -> inputs that it passes, inputs that it refuses).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from bedplate_policies.rule import Finding, Rule, StackRule
from bedplate_policies.testing import findings, stack_findings

Outcome = Callable[[], list[Finding]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module
    for fixture, side in (("passed", 0), ("refused", 1)):
        if fixture not in metafunc.fixturenames:
            continue
        outcomes = [
            *_of_rules(module.RULES, getattr(module, "EXAMPLES", {}), side),
            *_of_stacks(module.RULES, getattr(module, "STACKS", {}), side),
        ]
        metafunc.parametrize(
            fixture, [outcome for _, outcome in outcomes], ids=[name for name, _ in outcomes]
        )


def _of_rules(
    rules: Iterable[object], examples: Mapping[str, Sequence[Any]], side: int
) -> Iterable[tuple[str, Outcome]]:
    for rule in rules:
        if isinstance(rule, Rule):
            for number, inputs in enumerate(examples[rule.name][side]):
                for kind in rule.types:
                    name = f"{rule.name}-{kind.rsplit(':', 1)[1]}-{number}"
                    yield name, partial(findings, rule, kind, inputs)


def _of_stacks(
    rules: Iterable[object], stacks: Mapping[str, Sequence[Any]], side: int
) -> Iterable[tuple[str, Outcome]]:
    for rule in rules:
        if isinstance(rule, StackRule):
            for number, resources in enumerate(stacks[rule.name][side]):
                yield f"{rule.name}-{number}", partial(stack_findings, rule, resources)
