"""When a cron expression comes due in a time zone, clock changes included (docs/schedules.md has the tables)."""

import functools
import re
import zoneinfo
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile

from cronsim import CronSim, CronSimError

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NOT_ZONES = {"localtime", "Factory"}  # files beside the zones of IANA; what they say depends on the machine
SIZES = {"minute": 60, "hour": 24, "day of month": 31, "month": 12, "day of week": 7}
FIELDS = ", ".join(SIZES)
FIRST_SPAN = timedelta(hours=1)
NEAR = timedelta(hours=4)  # further than any clock is ever put back
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)


class Unreadable(ValueError):
    """This cron expression or time zone cannot be used; the message is a sentence for whoever wrote it."""


@functools.cache
def zones() -> frozenset[str]:
    """The names of all time zones (IANA)."""
    return frozenset(zoneinfo.available_timezones() - NOT_ZONES)


def zone(name: str) -> tzinfo:
    """Raises:
    Unreadable: there is no such time zone.
    """
    if name == "UTC":
        return UTC
    if name not in zones():
        raise Unreadable("There is no such time zone. Give a name of the IANA database, such as Europe/Berlin.")
    return zoneinfo.ZoneInfo(name)


class Timetable:
    """The due times of a cron expression, in UTC.

    Raises:
        Unreadable: the expression is no cron expression or never comes due, or there is no such time zone.
    """

    def __init__(self, cron: str, time_zone: str = "UTC") -> None:
        self._zone = zone(time_zone)
        self._cron = _five_fields(cron)
        try:
            CronSim(self._cron, datetime(2000, 1, 1))  # noqa: DTZ001  # only read
        except CronSimError as error:
            part = str(error).removeprefix("Bad ").replace("-", " ")
            raise Unreadable(f"Its {part} cannot be read, or never comes. The fields are: {FIELDS}.") from error

    def after(self, at: datetime) -> Iterator[datetime]:
        """Due times later than this moment, first to last; endless, unless none comes for 50 years.

        Where hour or minute begin with a star, the clock on the wall is followed as it goes. Other times of the day are
        met once: what the clock leaves out right after the gap, what it shows twice the first time (Debian's rule).
        """
        if self._zone is not UTC and any(field.startswith("*") for field in self._cron.split()[:2]):
            return self._on_the_wall(at.astimezone(UTC))
        local = at.astimezone(self._zone)
        # Begun within the second turn of a repeated hour, cronsim would tell of the first one again.
        return (due for one in CronSim(self._cron, local) if (due := one.astimezone(UTC)) > at)

    def _on_the_wall(self, at: datetime) -> Iterator[datetime]:
        """Each stretch between two changes of the clock is walked without a zone: cronsim's own way through a change
        passes over times where the clock moves by half an hour."""
        offset = self._offset(at)
        while (wall := next(CronSim(self._cron, (at + offset).replace(tzinfo=None)), None)) is not None:
            due = wall.replace(tzinfo=UTC) - offset
            # Near at first: what a clock put back shows again lies behind on the wall. And near at last: of two changes
            # in between the second may be such a one.
            looks = (min(due, at + NEAR), max(at + _SECOND, due - NEAR), due)
            ends = [end for end in looks if self._offset(end) != offset]
            if not ends:
                yield due
                at = due
            else:
                change = self._change(at, ends[0], offset)
                at, offset = change - _SECOND, self._offset(change)

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self._zone).utcoffset() or timedelta(0)

    def _change(self, before: datetime, after: datetime, offset: timedelta) -> datetime:
        """The first moment with another offset than before, to the second."""
        low, high = before.replace(microsecond=0), after.replace(microsecond=0) + _SECOND
        while high - low > _SECOND:
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return high

    def next(self, at: datetime) -> datetime | None:
        """The first due time later than this moment, or None where there is none for 50 years."""
        return next(self.after(at), None)

    def coming(self, at: datetime, count: int) -> list[datetime]:
        """The next so many due times."""
        return list(islice(self.after(at), count))

    def latest(self, since: datetime, until: datetime, most: int) -> list[datetime]:
        """The latest due times from `since` to `until` (both included), so many at most, first to last.

        Looks back in growing spans: what was missed in a year of every minute is not walked through.
        """
        span = FIRST_SPAN
        while True:
            start = max(since, until - span)
            due = takewhile(lambda one: one <= until, self.after(start - _TICK))
            found = deque(due, maxlen=most)
            if start == since or len(found) == most:
                return list(found)
            span *= 4


def check(cron: str, time_zone: str = "UTC") -> None:
    """Raises:
    Unreadable: as Timetable does, or the expression never comes due, or has a step that is not taken.
    """
    if Timetable(cron, time_zone).next(datetime.now(UTC)) is None:
        raise Unreadable("It never comes due.")
    for field, (name, size) in zip(_five_fields(cron).split(), SIZES.items(), strict=True):
        if re.search(r"(^|,)LW?/", field.upper()):
            raise Unreadable(f"Its {name} has a step after L, which is a single day.")
        for step in re.findall(r"/(\d+)", field):
            if int(step) > size:  # every cron takes */90 for 0, which is every hour and not every 90 minutes
                raise Unreadable(f"Its {name} has a step of {step}, and there are {size} in all: give a shorter one.")


def _five_fields(cron: str) -> str:
    text = cron.strip()
    if text.startswith("@"):
        named = NAMED.get(text.lower())
        if named is None:
            raise Unreadable(f"There is no such name. Give one of {', '.join(NAMED)}, or five fields: {FIELDS}.")
        return named
    fields = text.split()
    if len(fields) != 5:
        raise Unreadable(f"Give five fields ({FIELDS}), or one of {', '.join(NAMED)}; this has {len(fields)}.")
    return " ".join(fields)
