"""What counts as a change, what replaces, and what a refresh makes of the inputs."""

from dataclasses import replace

import pytest

from bedplate.sandbox.providers.difference import against_state, changes, refreshed_inputs
from bedplate.sandbox.providers.wire import UNKNOWN, Secret

BASE = {"name": "data-1234567", "sizeGib": 1}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, {}),
        ({"sizeGib": 1}, {"sizeGib": 1.0}, {}),
        ({"encrypted": True}, {"encrypted": 1}, {"encrypted": ("update", False)}),
        ({"ratio": 1}, {"ratio": 2}, {"ratio": ("update", False)}),
        ({}, {"ratio": 2}, {"ratio": ("add", False)}),
        ({"ratio": 2}, {}, {"ratio": ("delete", False)}),
        ({"network": "a"}, {"network": "b"}, {"network": ("update", True)}),
        ({"network": "a"}, {"network": UNKNOWN}, {"network": ("update", True)}),
        ({"ratio": 1}, {"ratio": UNKNOWN}, {"ratio": ("update", False)}),
        ({"password": "x"}, {"password": Secret("x")}, {}),
        ({"password": Secret("x")}, {"password": Secret("y")}, {"password": ("update", False)}),
        (
            {"tags": {"a": "1"}},
            {"tags": {"a": "2", "b.c": "3"}},
            {"tags.a": ("update", False), 'tags["b.c"]': ("add", False)},
        ),
        ({"tags": {"a": "1"}}, {"tags": {"a": UNKNOWN}}, {"tags.a": ("update", False)}),
        ({"hosts": ["a", "b"]}, {"hosts": ["b", "a"]}, {}),
        (
            {"hosts": ["a", "b"]},
            {"hosts": ["b", "c"]},
            {"hosts[0]": ("delete", False), "hosts[1]": ("add", False)},
        ),
        ({"hosts": ["a"]}, {"hosts": ["a", "a"]}, {"hosts": ("update", False)}),
        (
            {"rules": [{"port": 1, "cidrs": ["x", "y"]}]},
            {"rules": [{"port": 2, "cidrs": ["y", "x"]}]},
            {"rules[0].port": ("update", False)},
        ),
        ({"rules": [{"port": 1}]}, {"rules": [{"port": 1}, {"port": 2}]}, {"rules[1]": ("add", False)}),
        ({"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}, {}),
        ({"policy": '{"a": 1}'}, {"policy": '{"a": 2}'}, {"policy": ("update", False)}),
        ({"policy": "text"}, {"policy": "other"}, {"policy": ("update", False)}),
    ],
)
def test_changes(toy, old, new, expected):
    assert toy.paths(BASE | old, BASE | new) == expected


@pytest.mark.parametrize(
    ("old", "new", "state", "expected"),
    [
        ({}, {"ratio": 2}, {"ratio": 2}, []),
        ({}, {"ratio": 2}, {"ratio": 3}, ["ratio"]),
        ({}, {"encrypted": False}, {}, []),
        ({}, {"encrypted": True}, {}, ["encrypted"]),
        ({}, {"encrypted": True}, {"encrypted": 1}, ["encrypted"]),
        ({"ratio": 2}, {}, {"ratio": 2}, ["ratio"]),
        ({"network": "a"}, {}, {"network": "a"}, []),
        ({"network": "a"}, {"network": "b"}, {"network": "a"}, ["network"]),
    ],
)
def test_changes_are_held_against_what_the_resource_has(toy, old, new, state, expected):
    handler = toy.provider.cloud.registry.handlers["toy:store/disk:Disk"]
    schema = replace(
        toy.provider.cloud.schema.resource("toy:store/disk:Disk"), computed=frozenset({"network"})
    )
    found = against_state(handler, schema, changes(handler, old, new), state, new)
    assert [change.path for change in found] == expected


def test_ignored_changes_are_none(toy):
    old, new = BASE | {"tags": {"a": "1"}, "ratio": 1}, BASE | {"tags": {"a": "2"}, "ratio": 2}
    assert toy.paths(old, new, ignored=["tags"]) == {"ratio": ("update", False)}
    assert toy.paths(old, new, ignored=["tags.a", "ratio"]) == {}
    assert set(toy.paths(old, new, ignored=["tag"])) == {"tags.a", "ratio"}


def test_automatic_name_makes_the_new_one_first(toy):
    assert not toy.diff(BASE | {"network": "a"}, BASE | {"network": "b"}).delete_before_replace


def test_chosen_name_that_stays_deletes_the_old_one_first(toy):
    old, new = {"name": "mine", "network": "a"}, {"name": "mine", "network": "b"}
    assert toy.diff(old, new).delete_before_replace
    assert not toy.diff(old, new | {"name": "other"}).delete_before_replace


def test_type_may_demand_deletion_first(toy):
    token = "toy:store/slot:Slot"
    found = toy.diff({"index": 1}, {"index": 2}, token=token)
    assert found.delete_before_replace
    assert found.replaces == ["index"]


@pytest.mark.parametrize(
    ("old", "outputs", "expected"),
    [
        ({"hosts": ["b", "a"]}, {"hosts": ["a", "b"]}, {"hosts": ["b", "a"]}),
        ({"hosts": ["b", "a"]}, {"hosts": ["a", "c"]}, {"hosts": ["a", "c"]}),
        ({"policy": '{"a": 1}'}, {"policy": '{"a":1}'}, {"policy": '{"a": 1}'}),
        ({"policy": '{"a": 1}'}, {"policy": '{"a":2}'}, {"policy": '{"a":2}'}),
        ({"sizeGib": 1}, {"sizeGib": 2, "arn": "x", "ratio": 3}, {"sizeGib": 2}),
        ({"tags": {"a": "1"}}, {"tags": {"a": "1", "by-hand": "x"}}, {"tags": {"a": "1", "by-hand": "x"}}),
        ({"rules": [{"port": 1}]}, {"rules": [{"port": 1, "cidrs": []}]}, {"rules": [{"port": 1}]}),
        ({"rules": [{"port": 1}]}, {"rules": [{"port": 2, "cidrs": []}]}, {"rules": [{"port": 2}]}),
        ({"rules": [{"port": 1}]}, {"rules": []}, {"rules": []}),
        ({"password": "x"}, {}, {"password": "x"}),
    ],
)
def test_refresh_describes_what_is_there(toy, old, outputs, expected):
    token = "toy:store/disk:Disk"
    handler, schema = toy.cloud.registry.handlers[token], toy.cloud.schema.resource(token)
    assert refreshed_inputs(handler, schema, old, outputs) == expected
