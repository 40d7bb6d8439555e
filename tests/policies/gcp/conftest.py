"""Runs the CASES of a module, one test per rule: what it passes, what it refuses and what it leaves open.

`passed`, `refused` and `opened` are findings by the name of an example: of one that is right, of one that
is wrong, and of the wrong one when nobody knows yet what it says where it is wrong. `mangled` is what comes
of examples in which something has a shape that no provider takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bedplate_policies import RULES
from bedplate_policies.rule import Finding, Rule
from bedplate_policies.testing import UNKNOWN, Case, findings
from bedplate_policies.value import parse_path

Outcomes = dict[str, list[Finding]]
_BY_NAME = {rule.name: rule for rule in RULES}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, run in (
        ("passed", _passed),
        ("refused", _refused),
        ("opened", _opened),
        ("mangled", _mangled),
    ):
        if fixture in metafunc.fixturenames:
            cases = metafunc.module.CASES
            metafunc.parametrize(
                fixture,
                [_later(run, case, metafunc.module) for case in cases],
                ids=[case.rule_name for case in cases],
            )


def _later(run: Callable[[Rule, Case, Any], Outcomes], case: Case, module: Any) -> Callable[[], Outcomes]:
    rule = _BY_NAME[case.rule_name]
    assert isinstance(rule, Rule)
    return lambda: run(rule, case, module)


def _passed(rule: Rule, case: Case, module: Any) -> Outcomes:
    return {
        f"{type} {number}": findings(rule, type, inputs) for number, (type, inputs) in enumerate(case.good)
    }


def _refused(rule: Rule, case: Case, module: Any) -> Outcomes:
    return {
        f"{type} {number}": findings(rule, type, inputs) for number, (type, inputs) in enumerate(case.bad)
    }


def _opened(rule: Rule, case: Case, module: Any) -> Outcomes:
    found = {}
    for number, (type, inputs) in enumerate(case.bad):
        for place in {parse_path(one.path)[0] for one in findings(rule, type, inputs) if one.path}:
            # A key that is made in the same update is a key: its name alone may be unknown.
            if (rule.name, place) not in getattr(module, "GIVEN", ()):
                open_inputs = {**inputs, str(place): UNKNOWN}
                found[f"{type} {number} {place}"] = findings(rule, type, open_inputs)
    return found


def _mangled(rule: Rule, case: Case, module: Any) -> Outcomes:
    return {
        f"{type} {number}": findings(rule, type, broken)
        for type, inputs in (*case.good[:3], *case.bad[:3])
        for number, broken in enumerate(_broken(inputs))
    }


def _broken(value: Any, top: bool = True) -> Iterator[Any]:
    """The value with each part of it in turn replaced by something of another shape."""
    if not top:
        yield from (None, 3, "x", True, [], {}, [None], [3], ["x"], {"a": 1}, [UNKNOWN])
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: other} for other in _broken(part, False))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in _broken(part, False))
