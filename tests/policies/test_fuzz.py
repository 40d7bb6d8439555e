"""Whatever stands in a resource: no rule raises, and no text of it reaches a message."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate_policies import RULES
from bedplate_policies.judge import Judge, Verdict
from bedplate_policies.pods import expand_read
from bedplate_policies.resource import Resource
from bedplate_policies.rule import Config, Rule
from bedplate_policies.stack import Stack
from bedplate_policies.testing import UNKNOWN, Secret, make_resource
from bedplate_policies.value import Step, parse_path

# What a secret may look like to a rule that reads texts: plain, a document, an address, a key, a number.
MARK = "s3cr3tmark"
SECRETS = (
    MARK,
    f"{MARK}/0.0.0.0/0",
    f"*{MARK}",
    f"arn:aws:iam::aws:policy/{MARK}",
    f"http://{MARK}@example.com",
    f"AKIA{MARK}",
    f"password={MARK}",
    json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": MARK, "Resource": "*"}]}),
    json.dumps([{"name": MARK, "image": MARK, "privileged": True, "environment": [{"name": MARK}]}]),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=6),
    st.just(UNKNOWN),
    st.sampled_from(
        ("", "*", "true", "0.0.0.0/0", "::/0", "{}", "[]", "null", '{"Statement": 1}', "-1", "all", "1.30")
    ),
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("name", "value", "a.b", "id", "")), inner, max_size=3),
    ),
    max_leaves=6,
)
BY_TYPE: dict[str, list[Rule]] = {}
PATHS: dict[str, list[tuple[Step, ...]]] = {}
for _rule in RULES:
    for _type in _rule.types:
        PATHS.setdefault(_type, []).extend(parse_path(expand_read(read, _type)) for read in _rule.reads)
        if isinstance(_rule, Rule):
            BY_TYPE.setdefault(_type, []).append(_rule)
TYPES = sorted(PATHS)


def put(properties: Any, steps: tuple[Step, ...], value: Any) -> None:
    """The value at a path, with whatever is missing on the way."""
    # Each place has a value of its own: what is put in later would else change it elsewhere.
    here, value = properties, copy.deepcopy(value)
    for step, after in zip(steps, (*steps[1:], "leaf"), strict=True):
        empty: Any = [] if after is None or isinstance(after, int) else {}
        if step is None or isinstance(step, int):
            if not isinstance(here, list):
                return
            if not here:
                here.append(empty)
            if after == "leaf":
                here[0] = value
            else:
                here = here[0]
        elif not isinstance(here, dict):
            return
        elif after == "leaf":
            here[step] = value
        else:
            here = here.setdefault(step, empty)


def judged(resources: list[Resource], preview: bool) -> list[Verdict]:
    judge = Judge(RULES)
    judge.preview = preview
    found = [verdict for one in resources for verdict in judge.resource(one)]
    return found + judge.stack(Stack(resources, "dev", {}))


def properties_of(type: str, chance: random.Random, value: Callable[[], Any]) -> dict[str, Any]:
    """Properties in the shape that the rules of a type read, some of them cut off on the way."""
    properties: dict[str, Any] = {}
    for steps in PATHS[type]:
        put(properties, steps[: chance.randint(1, len(steps))] if chance.random() < 0.3 else steps, value())
    return properties


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(values=st.lists(VALUES, min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_no_rule_raises_whatever_it_is_shown(values: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    resources = [
        make_resource(type, properties_of(type, chance, lambda: chance.choice(values)), type)
        for type in TYPES
    ]
    failed = [one.message for one in judged(resources, seed % 2 == 0) if "rule itself failed" in one.message]
    assert not failed


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "in the wrong place"])
@pytest.mark.parametrize("secret", SECRETS, ids=lambda text: text[:18])
def test_no_secret_reaches_a_message(secret: str, marked: bool) -> None:
    value: Any = Secret(secret) if marked else secret
    resources = [
        make_resource(type, properties_of(type, random.Random(seed), lambda: value), f"{seed}")
        for type in TYPES
        for seed in range(2)
    ]
    assert sum(MARK in text for one in resources for text in leaves(one.properties)) > 500
    told = [one.message for one in judged(resources, False) if MARK in one.message]
    assert not told


def test_every_rule_is_asked_and_says_something() -> None:
    """Otherwise the tests above would prove little."""
    resources = {
        type: [
            make_resource(type, properties_of(type, random.Random(1), partial(str, value)), "one")
            for value in ("", "*", "0.0.0.0/0", "false", "true", "0")
        ]
        + [make_resource(type, {}), make_resource(type, properties_of(type, random.Random(1), bool))]
        for type in BY_TYPE
    }
    silent = [
        rule.name
        for rule in {rule.name: rule for rules in BY_TYPE.values() for rule in rules}.values()
        if not any(
            list(rule.check(one, Config(dict(rule.defaults()))))
            for type in rule.types
            for one in resources[type]
        )
    ]
    assert len(silent) < len(RULES) // 2, silent
