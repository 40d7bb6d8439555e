"""Property values and paths."""

import pytest

from bedplate.sandbox.engine.paths import contains, look_up, parse_path, reset
from bedplate.sandbox.engine.values import (
    OUTPUT,
    SIGNATURE,
    UNKNOWN,
    from_struct,
    is_secret,
    lower_outputs,
    mask,
    reveal,
    same,
    secret,
    to_struct,
)


@pytest.mark.parametrize(
    "value",
    [
        {"a": None, "b": True, "c": 1, "d": 1.5, "e": "x", "f": [], "g": {}, "h": [{"i": [1, "2"]}]},
        {"s": secret({"deep": [1]}), "u": UNKNOWN},
        {"large": 2**52, "negative": -3},
    ],
)
def test_values_survive_the_wire(value):
    back = from_struct(to_struct(value))
    assert same(back, value)
    assert list(back) == sorted(value)


def test_a_bool_is_no_number():
    assert not same(True, 1)
    assert not same([0], [False])
    assert same(1, 1.0)


def test_secrets_and_unknowns_are_masked():
    assert mask({"a": secret("x"), "b": [UNKNOWN], "c": 1}) == {"a": "[secret]", "b": ["[unknown]"], "c": 1}
    assert reveal({"a": secret([secret("x")])}) == {"a": ["x"]}


def test_output_values_become_what_they_hold():
    found = set()
    value = {SIGNATURE: OUTPUT, "value": "x", "secret": True, "dependencies": ["urn:a"]}
    lowered = lower_outputs({"k": [value, {SIGNATURE: OUTPUT, "dependencies": ["urn:b"]}]}, found)
    assert is_secret(lowered["k"][0])
    assert lowered["k"][1] == UNKNOWN
    assert found == {"urn:a", "urn:b"}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('["a.b"].c', ("a.b", "c")),
        ("rules[*].port", ("rules", "*", "port")),
        ('tags["x y"]', ("tags", "x y")),
    ],
)
def test_paths_are_read(text, steps):
    assert parse_path(text) == steps


def test_an_unreadable_path_says_where():
    with pytest.raises(ValueError, match="character 1"):
        parse_path("a[")


def test_a_pattern_contains_what_is_below_it():
    assert contains(("rules", "*"), ("rules", 3, "port"))
    assert not contains(("rules", 1), ("rules",))


def test_reset_sets_back_adds_and_removes():
    old = {"a": 1, "tags": {"x": "1"}, "list": [{"p": 1}, {"p": 2}]}
    new = {"a": 2, "tags": {"x": "2", "y": "3"}, "list": [{"p": 3}, {"p": 4}], "added": 1}
    for path in ("a", "tags.y", "tags.x", "list[*].p", "added"):
        assert reset(old, new, parse_path(path))
    assert new == old
    assert not reset({"a": [1]}, {"a": [1, 2]}, parse_path("a[1]"))


def test_a_secret_on_the_way_stays_one():
    assert is_secret(look_up({"a": secret({"b": 1})}, ("a", "b")))
