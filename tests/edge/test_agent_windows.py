"""Maintenance windows, in the plant's own time."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.edge.agent.windows import DAYS, Window, is_open


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("window", "moment", "open_"),
    [
        # 2026-11-25 is a Wednesday.
        (Window(("wed",), "08:00", "12:00"), "2026-11-25T08:00", True),
        (Window(("wed",), "08:00", "12:00"), "2026-11-25T12:00", False),
        (Window(("tue",), "08:00", "12:00"), "2026-11-25T09:00", False),
        (Window(("tue",), "22:00", "04:00"), "2026-11-25T03:59", True),
        (Window(("tue",), "22:00", "04:00"), "2026-11-25T04:00", False),
        (Window(("tue",), "22:00", "04:00"), "2026-11-24T03:00", False),
        (Window(("sun",), "22:00", "04:00"), "2026-11-23T01:00", True),
        # Summer time: 22:00 in Berlin is 20:00 UTC in July, and 21:00 in November.
        (Window(("wed",), "22:00", "23:00", "Europe/Berlin"), "2026-07-01T20:30", True),
        (Window(("wed",), "22:00", "23:00", "Europe/Berlin"), "2026-11-25T20:30", False),
        (Window(("wed",), "22:00", "23:00", "Europe/Berlin"), "2026-11-25T21:30", True),
    ],
)
def test_a_window_is_open_in_its_own_time(window: Window, moment: str, open_: bool) -> None:
    assert window.contains(at(moment)) is open_


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_without_windows_it_is_always_open_and_complements_meet(moment: datetime.datetime) -> None:
    assert is_open((), moment)
    day, night = Window(DAYS, "06:00", "22:00"), Window(DAYS, "22:00", "06:00")
    assert day.contains(moment) != night.contains(moment)
    assert is_open((day, night), moment)
