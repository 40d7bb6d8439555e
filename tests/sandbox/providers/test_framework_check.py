"""What a check refuses, what it fills in, and that no message repeats a secret."""

import pytest

from bedplate.sandbox.providers.provider import Refused
from bedplate.sandbox.providers.wire import UNKNOWN, Secret


@pytest.mark.parametrize(
    ("inputs", "path", "reason"),
    [
        ({}, "sizeGib", "missing: this property is required; give it a whole number"),
        ({"sizeGib": "10"}, "sizeGib", '"10" (a string) was given; give a whole number'),
        ({"sizeGib": 1.5}, "sizeGib", "1.5 (a number) was given; give a whole number"),
        ({"sizeGib": True}, "sizeGib", "true (a boolean) was given; give a whole number"),
        (
            {"sizeGib": 1, "encrypted": "yes"},
            "encrypted",
            '"yes" (a string) was given; give a boolean (true or false)',
        ),
        ({"sizeGib": 1, "ratio": "x"}, "ratio", '"x" (a string) was given; give a number'),
        ({"sizeGib": 1, "name": 5}, "name", "5 (a number) was given; give a string"),
        ({"sizeGib": 1, "hosts": "a"}, "hosts", "a string was given; give a list of string values"),
        ({"sizeGib": 1, "hosts": ["a", 2]}, "hosts[1]", "2 (a number) was given; give a string"),
        ({"sizeGib": 1, "tags": ["a"]}, "tags", "a list was given; give a map of string values"),
        ({"sizeGib": 1, "tags": {"a.b": 1}}, 'tags["a.b"]', "1 (a number) was given; give a string"),
        ({"sizeGib": 1, "rules": [{}]}, "rules[0].port", "missing"),
        ({"sizeGib": 1, "rules": [{"port": 1, "cidr": "x"}]}, "rules[0].cidr", "did you mean cidrs?"),
        (
            {"sizeGib": 1, "rules": {"port": 1}},
            "rules",
            "an object was given; give a list of object with port, cidrs",
        ),
        ({"sizeGb": 1, "sizeGib": 1}, "sizeGb", "unknown property; did you mean sizeGib?"),
        ({"size_gib": 1, "sizeGib": 1}, "size_gib", "did you mean sizeGib?"),
        ({"sizeGib": 1, "zzz": 1}, "zzz", "known are encrypted, hosts"),
        ({"sizeGib": 0}, "sizeGib", "0 is too small; give at least 1"),
        ({"sizeGib": 1, "name": Secret(5)}, "name", "a secret was given; give a string"),
        ({"sizeGib": 1, "hosts": Secret(["a", 5])}, "hosts[1]", "a secret was given; give a string"),
    ],
)
def test_wrong_inputs_are_refused_by_path(toy, inputs, path, reason):
    problems = toy.problems(inputs)
    assert list(problems) == [path]
    assert reason in problems[path]


def test_all_problems_come_at_once(toy):
    assert set(toy.problems({"sizeGb": 1, "tags": 1})) == {"sizeGb", "tags", "sizeGib"}


def test_unknown_values_are_of_any_type(toy):
    inputs = {"sizeGib": UNKNOWN, "tags": {"a": UNKNOWN}, "rules": UNKNOWN, "hosts": [UNKNOWN]}
    assert toy.check(inputs)[1] == []


def test_null_is_as_if_not_given(toy):
    inputs, problems = toy.check({"sizeGib": 1, "ratio": None, "rules": [{"port": 1, "cidrs": None}]})
    assert problems == []
    assert "ratio" not in inputs
    assert inputs["rules"] == [{"port": 1}]


def test_defaults_are_filled_in(toy):
    assert toy.check({"sizeGib": 1})[0]["encrypted"] is True
    assert toy.check({"sizeGib": 1, "encrypted": False})[0]["encrypted"] is False


def test_unknown_type_is_named_with_where_to_look(toy):
    with pytest.raises(
        Refused, match=r"toy:store/tape:Tape: the sandbox does not know.*docs/sandbox-types.md"
    ):
        toy.check({}, token="toy:store/tape:Tape")


def test_automatic_name_has_pulumis_form_and_stays(toy):
    first, _ = toy.check({"sizeGib": 1})
    assert first["name"].startswith("data-")
    assert len(first["name"]) == len("data-") + 7
    assert toy.check({"sizeGib": 2}, old=first)[0]["name"] == first["name"]
    assert toy.check({"sizeGib": 1})[0]["name"] != first["name"]


def test_automatic_name_after_a_chosen_one_is_new(toy):
    assert toy.check({"sizeGib": 1}, old={"name": "chosen", "sizeGib": 1})[0]["name"].startswith("data-")


def test_automatic_name_keeps_to_the_types_limit(toy):
    name = toy.check({"sizeGib": 1}, name="x" * 60)[0]["name"]
    assert len(name) == 30


def test_a_document_may_be_given_as_an_object(toy):
    assert toy.check({"sizeGib": 1, "policy": {"a": [1]}})[0]["policy"] == '{"a":[1]}'


def test_references_must_exist(toy):
    with pytest.raises(Refused, match=r"'data': NoSuchNetwork: network: the network 'net-9' does not exist"):
        toy.up({"sizeGib": 1, "network": "net-9"})
    rules = [{"port": 1}, {"port": 2, "cidrs": ["net-8"]}]
    with pytest.raises(Refused, match=r"rules\[1\].cidrs\[0\]: the network 'net-8'"):
        toy.up({"sizeGib": 1, "network": "net-1", "rules": rules})
    assert toy.disks() == {}


def test_a_refusal_does_not_repeat_a_secret(toy):
    with pytest.raises(Refused) as caught:
        toy.up({"sizeGib": 2000, "password": Secret("hunter2")})
    assert "hunter2" not in str(caught.value)
    assert "QuotaExceeded: no room for data-" in str(caught.value)


def test_provider_configuration_is_checked(toy):
    assert toy.provider.check_config({"regoin": "here"})[1] == [
        ("regoin", "unknown property; did you mean region?")
    ]
    assert toy.provider.check_config({"region": "nowhere"})[1] == [("region", "'nowhere' is no region")]
    assert toy.provider.check_config({"region": UNKNOWN})[1] == []


def test_each_connection_has_its_own_configuration(toy):
    toy.provider.configure("other", {"region": "there"})
    assert toy.provider.invoke("peer", "f", {})["region"] == "here"
    assert toy.provider.invoke("other", "f", {})["region"] == "there"
    assert toy.provider.invoke("a new connection", "f", {})["region"] == "there"
