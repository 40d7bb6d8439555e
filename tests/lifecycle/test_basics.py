"""Create, keep, update, delete, preview, outputs, refresh: what every stack goes through."""

import pytest

pytestmark = pytest.mark.lifecycle

CHAIN = """
a = Thing("a", value="1")
b = Thing("b", value=a.echo)
c = Thing("c", value=b.echo)
pulumi.export("last", c.echo)
"""


def test_up_creates_then_changes_nothing(stack, probe):
    first = stack.up(CHAIN)
    assert first.changes == {"create": 3, "update": 0, "replace": 0, "delete": 0, "same": 0}
    assert first.outputs == {"last": "1"}
    assert len(probe.things) == 3
    probe.forget_calls()
    second = stack.up(CHAIN)
    assert second.changes == {"create": 0, "update": 0, "replace": 0, "delete": 0, "same": 3}
    assert probe.count("create", "update", "delete") == 0


def test_a_change_reaches_what_depends_on_it(stack, probe):
    stack.up(CHAIN)
    changed = stack.up(CHAIN.replace('"1"', '"2"'))
    assert changed.changes["update"] == 3
    assert changed.outputs == {"last": "2"}
    assert {thing["value"] for thing in probe.things.values()} == {"2"}


def test_what_the_program_no_longer_has_is_deleted_in_dependency_order(stack, probe):
    stack.up(CHAIN)
    outcome = stack.up('a = Thing("a", value="1")')
    assert outcome.changes["delete"] == 2
    assert probe.of("delete") == ["c", "b"]
    assert outcome.outputs == {}


def test_destroy_leaves_nothing(stack, probe):
    stack.up(CHAIN)
    outcome = stack.destroy()
    assert outcome.changes["delete"] == 3
    assert probe.of("delete") == ["c", "b", "a"]
    assert probe.things == {}
    assert stack.resources() == []


def test_preview_touches_nothing_and_tells_the_same(stack, probe):
    planned = stack.preview(CHAIN)
    assert planned.changes["create"] == 3
    assert probe.things == {}
    stack.up(CHAIN)
    before = stack.text()
    probe.forget_calls()
    planned = stack.preview('a = Thing("a", key="k", value="1")\nThing("d", value=a.serial.apply(str))')
    assert planned.changes == {
        "create": 1,
        "update": 0,
        "replace": 1,
        "delete": planned.changes["delete"],
        "same": 0,
    }
    assert probe.count("create", "update", "delete") == 0
    assert stack.text() == before


def test_refresh_takes_over_what_changed_and_forgets_what_is_gone(stack, probe):
    stack.up(CHAIN)
    assert stack.refresh(CHAIN).changes["update"] == 0
    names = {stack.resource(name)["id"]: name for name in "abc"}
    ids = {name: id for id, name in names.items()}
    probe.things[ids["a"]]["value"] = "changed by hand"
    del probe.things[ids["c"]]
    drift = stack.refresh(CHAIN)
    assert (drift.changes["update"], drift.changes["delete"]) == (1, 1)
    assert stack.resource("a")["outputs"]["value"] == "changed by hand"
    assert not any(item["urn"].endswith("::c") for item in stack.resources())
    restored = stack.up(CHAIN)
    assert (restored.changes["update"], restored.changes["create"]) == (1, 1)
    assert probe.things[ids["a"]]["value"] == "1"
    assert stack.refresh(CHAIN).changes["update"] == 0


def test_a_refresh_that_finds_a_dependency_gone_keeps_the_state_usable(stack, probe):
    stack.up(CHAIN)
    del probe.things[stack.resource("a")["id"]]
    assert stack.refresh(CHAIN).changes["delete"] == 1
    again = stack.up(CHAIN)
    assert (again.changes["create"], again.changes["same"]) == (1, 2)


def test_independent_resources_are_made_at_the_same_time(stack, probe):
    probe.delay["create"] = 0.4
    stack.up("for i in range(8):\n    Thing(f't{i}')")
    creates = [call for call in probe.calls if call.op == "create"]
    assert max(call.started for call in creates) < min(call.ended for call in creates)


def test_no_more_work_at_once_than_asked_for(stack, probe):
    probe.delay["create"] = 0.1
    stack.up("for i in range(6):\n    Thing(f't{i}')", parallel=2)
    creates = sorted(
        [(call.started, 1) for call in probe.calls if call.op == "create"]
        + [(call.ended, -1) for call in probe.calls if call.op == "create"]
    )
    running = most = 0
    for _, step in creates:
        running += step
        most = max(most, running)
    assert most <= 2


def test_independent_resources_are_deleted_at_the_same_time(stack, probe):
    stack.up("a = Thing('a', value='1')\nfor i in range(6):\n    Thing(f't{i}', value=a.echo)")
    probe.delay["delete"] = 0.4
    stack.destroy()
    leaves = [call for call in probe.calls if call.op == "delete" and call.name != "a"]
    last = next(call for call in probe.calls if call.op == "delete" and call.name == "a")
    assert max(call.started for call in leaves) < min(call.ended for call in leaves)
    assert last.started >= max(call.ended for call in leaves)


def test_a_refused_input_is_told_and_nothing_is_made(stack, probe):
    outcome = stack.run("up", 'Thing("a", colour="blue")')
    assert not outcome.ok
    assert "colour" in outcome.text
    assert "is no property of a thing" in outcome.text
    assert probe.things == {}


def test_a_failure_lets_the_rest_finish_and_deletes_nothing(stack, probe):
    stack.up('Thing("old")')
    probe.fail[("create", "bad")] = "the cloud is full"
    probe.delay["create"] = 0.3
    outcome = stack.run("up", 'Thing("good")\nbad = Thing("bad")\nThing("after", value=bad.echo)')
    assert not outcome.ok
    assert "the cloud is full" in outcome.text
    names = {item["urn"].rsplit("::", 1)[-1] for item in stack.resources()}
    assert {"old", "good"} <= names
    assert "bad" not in names
    assert "after" not in names
    assert len(probe.things) == 2
    del probe.fail[("create", "bad")]
    fixed = stack.up('Thing("good")\nbad = Thing("bad")\nThing("after", value=bad.echo)')
    assert fixed.changes == {"create": 2, "update": 0, "replace": 0, "delete": 1, "same": 1}


def test_a_failing_program_deletes_nothing(stack, probe):
    stack.up(CHAIN)
    outcome = stack.run("up", "raise ValueError('no such colour')")
    assert not outcome.ok
    assert "no such colour" in outcome.text
    assert len(probe.things) == 3


def test_two_resources_of_one_name_are_refused(stack):
    outcome = stack.run("up", 'Thing("a")\nThing("a")')
    assert not outcome.ok
    assert "Duplicate resource URN" in outcome.text


def test_a_failed_deletion_is_tried_again_by_the_next_run(stack, probe):
    stack.up(CHAIN)
    probe.fail[("delete", "b")] = "still in use"
    outcome = stack.run("destroy", CHAIN)
    assert not outcome.ok
    assert "still in use" in outcome.text
    assert [item["urn"].rsplit("::", 1)[-1] for item in stack.resources() if "Thing" in item["urn"]] == [
        "a",
        "b",
    ]
    probe.fail.clear()
    stack.destroy()
    assert probe.things == {}


def test_the_state_lists_what_a_resource_depends_on_before_it(stack):
    stack.up(CHAIN + '\ng = Group("g")\nThing("child", opts=ResourceOptions(parent=g, depends_on=[c]))')
    seen = set()
    for item in stack.resources():
        needs = [
            item.get("parent"),
            *item.get("dependencies", []),
            (item.get("provider") or "").rpartition("::")[0],
        ]
        assert set(filter(None, needs)) <= seen
        seen.add(item["urn"])
    child = stack.resource("child")
    assert child["urn"].endswith("test:index:Group$probe:index:Thing::child")
    assert child["dependencies"] == [stack.resource("c")["urn"]]
    assert stack.resource("b")["propertyDependencies"] == {"value": [stack.resource("a")["urn"]]}
