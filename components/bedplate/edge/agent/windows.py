"""Times of the week in which a model may be swapped."""

import datetime
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Window:
    """From `start` to `end` (HH:MM) on the days that it starts on; past midnight where end is not later."""

    days: tuple[str, ...]
    start: str
    end: str
    timezone: str = "UTC"

    def contains(self, moment: datetime.datetime) -> bool:
        local = moment.astimezone(zoneinfo.ZoneInfo(self.timezone))
        now, start, end = f"{local:%H:%M}", self.start, self.end
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if start < end:
            return today in self.days and start <= now < end
        return (today in self.days and now >= start) or (yesterday in self.days and now < end)


def is_open(windows: Iterable[Window], moment: datetime.datetime) -> bool:
    """Whether one of them is open; without any, always."""
    listed = list(windows)
    return not listed or any(one.contains(moment) for one in listed)
