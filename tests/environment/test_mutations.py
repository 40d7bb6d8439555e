"""Any change of aws-dev, however odd, is accepted or refused in the words of ConfigError; nothing else."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate import environment
from bedplate.core import ConfigError

REMOVED = object()
ODD: tuple[Any, ...] = (
    *(None, True, False, "", " ", "0", "yes", "x", "~", "é\u202e", "a\nb", "a" * 300, "${x}", "%s {}"),
    *(0, -1, 1, 2**63, 10**30, 1.5, -0.0, float("nan"), float("inf")),
    *([], {}, [None], [[]], [{}], {"a": None}, {1: 2}, {"": {}}, {"a b": "c"}, {"kind": ["x"]}, ["a", "a"]),
    *("0.0.0.0/0", "::/0", "10.0.0.0/8", "10.20.0.0/16", "1.2.3.4", ["us-west-2a", "us-west-2b"]),
    *("arn:aws:iam::1:role/x", "arn:aws-cn:iam::123456789012:role/x", "aws:x", "p5.48xlarge", "g5g.xlarge"),
    REMOVED,
)


def _places(value: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*place, key))


def _mutate(data: dict[str, Any], place: tuple[Any, ...], value: object) -> None:
    inner: Any = data
    for key in place[:-1]:
        if not isinstance(inner, dict | list) or (isinstance(inner, dict) and key not in inner):
            return
        if isinstance(inner, list) and not (isinstance(key, int) and key < len(inner)):
            return
        inner = inner[key]
    last = place[-1]
    if isinstance(inner, dict) or (isinstance(inner, list) and isinstance(last, int) and last < len(inner)):
        if value is not REMOVED:
            inner[last] = copy.deepcopy(value)
        elif isinstance(inner, list) or last in inner:
            del inner[last]


def _refusal(data: dict[str, Any]) -> ConfigError | None:
    try:
        environment.load(data, "us-east-1")
    except ConfigError as refused:
        return refused
    return None


def _accept_or_explain(data: dict[str, Any]) -> None:
    refused = _refusal(data)
    if refused is None:
        return
    assert refused.problems
    for problem in refused.problems:
        assert problem.path.startswith("bedplate:environment.")
        assert ";" in problem.reason, problem
        for inside in ("pydantic", "Traceback", " object at 0x", "<class"):
            assert inside not in problem.reason, problem


def test_one_odd_value_anywhere_is_accepted_or_explained(aws_dev: dict[str, Any]) -> None:
    for place in _places(aws_dev):
        for value in ODD[:: 3 if len(place) > 1 else 1]:
            data = copy.deepcopy(aws_dev)
            _mutate(data, place, value)
            _accept_or_explain(data)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_odd_values_at_once_are_accepted_or_explained(aws_dev: dict[str, Any], data: Any) -> None:
    places = list(_places(aws_dev))
    changes = st.lists(
        st.tuples(st.sampled_from(places), st.sampled_from(ODD) | st.text(max_size=8)), min_size=2, max_size=6
    )
    changed = copy.deepcopy(aws_dev)
    for place, value in data.draw(changes):
        _mutate(changed, place, value)
    _accept_or_explain(changed)


@pytest.mark.parametrize("key", ["a.b", "a[0]", "[", "[x].y", "é", " ", ""])
@pytest.mark.parametrize("section", ["gpu_pools", "buckets", "workloads", "tags"])
def test_a_name_that_looks_like_a_path_is_refused_by_name(
    aws_dev: dict[str, Any], section: str, key: str
) -> None:
    aws_dev[section] = {key: {}}
    with pytest.raises(ConfigError, match=section):
        environment.load(aws_dev, "us-east-1")
