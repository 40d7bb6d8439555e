"""Replacements: in both orders, with what depends on the replaced, and the options that steer them."""

import pytest

pytestmark = pytest.mark.lifecycle


def pair(key, **more):
    extra = "".join(f", {name}={value!r}" for name, value in more.items())
    return f'a = Thing("a", key="{key}"{extra})\nb = Thing("b", value=a.serial.apply(str))'


def test_the_new_one_is_made_before_the_old_one_goes(stack, probe):
    stack.up(pair("1"))
    old = stack.resource("a")["id"]
    probe.forget_calls()
    outcome = stack.up(pair("2"))
    assert outcome.changes["replace"] == 1
    assert outcome.changes["update"] == 1
    order = [(call.op, call.name) for call in probe.calls if call.op in ("create", "update", "delete")]
    assert order == [("create", "a"), ("update", "b"), ("delete", "a")]
    assert old not in probe.things
    assert stack.resource("a")["id"] in probe.things
    assert len(probe.things) == 2


def test_a_generated_name_is_new_with_the_replacement(stack):
    stack.up(pair("1"))
    before = stack.resource("a")["inputs"]["name"]
    stack.up(pair("2"))
    assert stack.resource("a")["inputs"]["name"] != before


def test_delete_before_replace_when_the_provider_says_so(stack, probe):
    stack.up(pair("1", name="fixed", deleteFirst=True))
    probe.forget_calls()
    outcome = stack.up(pair("2", name="fixed", deleteFirst=True))
    assert outcome.changes["replace"] == 1
    order = [(call.op, call.name) for call in probe.calls if call.op in ("create", "update", "delete")]
    assert order == [("delete", "a"), ("create", "a"), ("update", "b")]
    assert len(probe.things) == 2


def test_the_option_overrules_the_provider(stack, probe):
    program = 'Thing("a", key="{}", name="fixed", opts=ResourceOptions(delete_before_replace=True))'
    stack.up(program.format(1))
    assert stack.up(program.format(2)).changes["replace"] == 1
    assert probe.of("delete") == ["a"]
    assert len(probe.things) == 1


CASCADE = """
a = Thing("a", key="{}", name="one", deleteFirst=True)
b = Thing("b", key=a.serial.apply(str))
c = Thing("c", key=b.serial.apply(str))
d = Thing("d", value=a.serial.apply(str))
"""


def test_what_must_be_replaced_with_it_is_deleted_before_it(stack, probe):
    stack.up(CASCADE.format(1))
    probe.forget_calls()
    outcome = stack.up(CASCADE.format(2))
    assert outcome.changes["replace"] == 3
    assert outcome.changes["update"] == 1
    deletes = probe.of("delete")
    assert deletes == ["c", "b", "a"]
    last_delete = max(call.ended for call in probe.calls if call.op == "delete")
    assert all(call.started >= last_delete for call in probe.calls if call.op == "create")
    assert len(probe.things) == 4
    assert not any(item.get("pendingReplacement") or item.get("delete") for item in stack.resources())


def test_what_was_deleted_with_it_and_left_the_program_stays_away(stack, probe):
    stack.up(CASCADE.format(1))
    program = "\n".join(CASCADE.format(2).strip().splitlines()[:2])
    stack.up(program)
    assert len(probe.things) == 2
    assert sum("Thing" in item["urn"] for item in stack.resources()) == 2


def test_a_replacement_that_failed_half_way_is_completed(stack, probe):
    stack.up(CASCADE.format(1))
    probe.fail[("create", "a")] = "no room"
    outcome = stack.run("up", CASCADE.format(2))
    assert not outcome.ok
    # the thing that was not to be replaced is the only one left
    assert len(probe.things) == 1
    probe.fail.clear()
    probe.forget_calls()
    stack.up(CASCADE.format(2))
    assert len(probe.things) == 4
    assert "a" not in probe.of("delete")
    assert not any(item.get("pendingReplacement") for item in stack.resources())
    assert stack.up(CASCADE.format(2)).changes["same"] == 4


def test_the_old_one_is_deleted_later_if_that_failed(stack, probe):
    stack.up(pair("1"))
    probe.fail[("delete", "a")] = "in use"
    assert not stack.run("up", pair("2")).ok
    assert len(probe.things) == 3
    probe.fail.clear()
    stack.up(pair("2"))
    assert len(probe.things) == 2
    assert not any(item.get("delete") for item in stack.resources())


def test_replace_on_changes(stack, probe):
    program = 'Thing("a", value="{}", opts=ResourceOptions(replace_on_changes=["value"]))'
    stack.up(program.format(1))
    assert stack.up(program.format(2)).changes["replace"] == 1
    assert len(probe.things) == 1


def test_ignore_changes(stack, probe):
    program = (
        'Thing("a", value="{}", extra={{"x": "{}", "y": "{}"}}, opts=ResourceOptions(ignore_changes=[{}]))'
    )
    stack.up(program.format(1, 1, 1, ""))
    unchanged = stack.up(program.format(2, 2, 1, '"value", "extra.x"'))
    assert unchanged.changes["same"] == 1
    changed = stack.up(program.format(2, 2, 2, '"value", "extra.x"'))
    assert changed.changes["update"] == 1
    thing = next(iter(probe.things.values()))
    assert thing["value"] == "1"
    assert thing["extra"] == {"x": "1", "y": "2"}


def test_a_resource_goes_with_the_one_it_is_deleted_with(stack, probe):
    program = 'a = Thing("a")\nThing("b", opts=ResourceOptions(deleted_with=a))'
    stack.up(program)
    stack.destroy(program)
    assert probe.of("delete") == ["a"]
    assert stack.resources() == []


def test_retain_on_delete_forgets_the_resource_and_leaves_it(stack, probe):
    stack.up('Thing("a", opts=ResourceOptions(retain_on_delete=True))')
    outcome = stack.up("")
    assert outcome.changes["delete"] == 1
    assert len(probe.things) == 1
    assert not any("Thing" in item["urn"] for item in stack.resources())


def test_replace_with(stack, probe):
    program = 'a = Thing("a", key="{}")\nThing("b", opts=ResourceOptions(replace_with=[a]))'
    stack.up(program.format(1))
    assert stack.up(program.format(2)).changes["replace"] == 2
    assert len(probe.things) == 2
