"""Create, read, update and delete; and what remains when one of them is cut off."""

import pytest

from bedplate.sandbox.providers.provider import Refused
from bedplate.sandbox.providers.wire import UNKNOWN, Secret


def test_preview_tells_what_is_known(toy):
    inputs, _ = toy.check({"sizeGib": 1, "network": UNKNOWN, "password": Secret("x")})
    id, outputs = toy.provider.create("peer", toy.urn(), inputs, True)
    assert id == ""
    assert outputs["sizeGib"] == 1
    assert outputs["region"] == "here"
    assert outputs["arn"] is UNKNOWN
    assert outputs["network"] is UNKNOWN
    assert outputs["password"] == Secret("x")
    assert toy.app.seen == []


def test_secret_input_is_a_secret_output(toy):
    _, id, outputs = toy.up({"sizeGib": 1, "hosts": ["a", Secret("b")], "tags": Secret({"k": "v"})})
    assert outputs["hosts"] == Secret(["a", "b"])
    assert outputs["tagsAll"] == Secret({"k": "v"})
    assert outputs["arn"] == f"arn:here:{id}"


def test_secrets_stay_secret_through_a_refresh(toy):
    inputs, id, outputs = toy.up({"sizeGib": 1, "tags": {"k": Secret("v")}})
    now, seen = toy.provider.read("peer", toy.urn(), id, inputs, outputs)
    assert now["tags"] == Secret({"k": "v"})
    assert seen["tags"] == Secret({"k": "v"})


def test_read_of_something_gone_finds_nothing(toy):
    inputs, id, outputs = toy.up({"sizeGib": 1})
    toy.cloud.store.delete("disk", id)
    assert toy.provider.read("peer", toy.urn(), id, inputs, outputs) is None


def test_import_makes_inputs_of_what_is_there(toy):
    _, id, _ = toy.up({"sizeGib": 7, "encrypted": False, "hosts": []})
    inputs, outputs = toy.provider.read("peer", toy.urn("imported"), id, {}, {})
    assert inputs["sizeGib"] == 7
    assert not {"arn", "region", "tagsAll", "hosts"} & set(inputs)
    assert outputs["arn"] == f"arn:here:{id}"


def test_an_output_that_the_type_lacks_is_our_mistake(toy):
    urn = toy.urn(token="toy:store/slot:Slot")
    with pytest.raises(AssertionError, match="surprise"):
        toy.provider.create("peer", urn, {"index": 1}, False)


def test_failed_create_is_taken_back(toy):
    toy.up({"sizeGib": 1}, name="other")
    before = list(toy.app.seen)
    with pytest.raises(Refused):
        toy.up({"sizeGib": 2000})
    assert toy.app.seen == before
    assert len(toy.disks()) == 1
    assert toy.database.rows("SELECT count(*) FROM running") == [(0,)]


def test_failed_update_changes_nothing(toy):
    inputs, id, outputs = toy.up({"sizeGib": 1})
    before = list(toy.app.seen)
    with pytest.raises(Refused, match="QuotaExceeded"):
        toy.provider.update("peer", toy.urn(), id, inputs, outputs, inputs | {"sizeGib": 2000}, False)
    assert toy.disks()[id]["sizeGib"] == 1
    assert toy.app.seen == before
    assert toy.warnings == []


def test_killed_during_a_create_and_started_again(toy, make_toy):
    class Killed(BaseException):
        pass

    other = toy.up({"sizeGib": 1}, name="other")[1]
    inputs, _ = toy.check({"sizeGib": 2})
    # A kill leaves no time for an undo.
    toy.journal.undo = lambda operation: None
    real = toy.cloud.store.put

    def put(kind, key, value):
        real(kind, key, value)
        raise Killed

    toy.cloud.store.put = put
    with pytest.raises(Killed):
        toy.provider.create("peer", toy.urn(), inputs, False)
    assert len(toy.disks()) == 2

    again = make_toy(toy.database)
    assert again.journal.drop_unfinished() == [toy.urn()]
    again.journal.replay()
    assert list(again.disks()) == [other]
    # The name of the create that was cut off is free, and the next create makes the one disk that is wanted.
    _, id, _ = again.up({"sizeGib": 2})
    assert set(again.disks()) == {other, id}
    assert again.warnings == []


def test_lost_answer_survives_a_restart(toy, make_toy):
    inputs, id, outputs = toy.up({"sizeGib": 1})
    again = make_toy(toy.database)
    assert again.up({"sizeGib": 1}) == (inputs, id, outputs)
    assert len(again.disks()) == 1


def test_other_inputs_remove_what_nobody_knew_of(toy):
    _, first, _ = toy.up({"sizeGib": 1})
    _, second, _ = toy.up({"sizeGib": 2})
    assert list(toy.disks()) == [second] != [first]


def test_lost_answer_of_something_gone_since_is_not_given(toy):
    _, first, _ = toy.up({"sizeGib": 1})
    toy.cloud.store.delete("disk", first)
    assert toy.up({"sizeGib": 1})[1] != first


@pytest.mark.parametrize("call", ["diff", "read", "update", "delete"])
def test_naming_the_id_acknowledges(toy, call):
    inputs, id, outputs = toy.up({"sizeGib": 1})
    urn, provider = toy.urn(), toy.provider
    if call == "diff":
        provider.diff("peer", urn, id, inputs, outputs, inputs, ())
    elif call == "read":
        provider.read("peer", urn, id, inputs, outputs)
    elif call == "update":
        provider.update("peer", urn, id, inputs, outputs, inputs, False)
    else:
        provider.delete("peer", urn, id, outputs)
    assert toy.up({"sizeGib": 1})[1] != id


def test_replay_that_differs_is_told(toy, make_toy):
    toy.up({"sizeGib": 1})
    again = make_toy(toy.database)
    again.app.fail = True
    again.journal.replay()
    assert len(again.warnings) == 2
    assert "was answered differently when it was replayed: status 200 before, 500 now" in again.warnings[-1]


def test_history_is_forgotten_when_nothing_is_left(toy):
    _, id, outputs = toy.up({"sizeGib": 1})
    assert toy.journal.compact() is False
    toy.provider.delete("peer", toy.urn(), id, outputs)
    assert toy.journal.compact() is True
    assert toy.database.rows("SELECT count(*) FROM journal") == [(0,)]


def test_call_from_outside_keeps_the_history(toy):
    toy.cloud.post("/by-hand")
    assert toy.journal.compact() is False


def test_a_mistake_of_ours_is_no_refusal(toy):
    inputs, _ = toy.check({"sizeGib": 1})
    toy.cloud.store.put = None
    with pytest.raises(TypeError):
        toy.provider.create("peer", toy.urn(), inputs, False)
    assert len(toy.app.seen) == 0 or toy.app.seen[-1][1] == "/"


def test_preview_of_a_change_does_not_know_what_the_change_moves(toy, monkeypatch):
    handler, _ = toy.provider._type(toy.urn())
    monkeypatch.setattr(type(handler), "moved_by_update", frozenset({"arn"}))
    inputs, id, outputs = toy.up({"sizeGib": 1})
    grown = {**inputs, "sizeGib": 2}
    assert toy.provider.update("peer", toy.urn(), id, inputs, outputs, grown, True)["arn"] is UNKNOWN
    tagged = {**inputs, "tags": {"k": "v"}}
    after = toy.provider.update("peer", toy.urn(), id, inputs, outputs, tagged, True)
    assert after["arn"] == outputs["arn"]
