"""Due times around changes of the clock, against a walk through every minute that knows nothing of cron's shortcuts."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from taskyard.schedules.timetable import Timetable

CHANGES = [  # by an hour, by half of one, by two; at midnight; a day that never was
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Antarctica/Troll", "2026-03-29"),
    ("Antarctica/Troll", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("Asia/Beirut", "2026-03-29"),
    ("America/Havana", "2026-11-01"),
    ("Pacific/Apia", "2011-12-30"),
]
EACH = 6
MINUTE = timedelta(minutes=1)
Field = tuple[str, set[int]]


def field(drawn: random.Random, most: int) -> Field:
    kind, value = drawn.random(), drawn.randrange(most)
    if kind < 0.3:
        return "*", set(range(most))
    if kind < 0.5:
        step = drawn.choice([2, 3, 5, 10])
        return f"*/{step}", set(range(0, most, step))
    if kind < 0.8:
        return str(value), {value}
    last = drawn.randrange(value, most)
    return f"{value}-{last}", set(range(value, last + 1))


def followed(zone: ZoneInfo, start: datetime, end: datetime, fits: Callable[[datetime], bool]) -> list[datetime]:
    """Each minute at which the clock on the wall shows such a time."""
    minutes = (start + MINUTE * number for number in range(1, (end - start) // MINUTE + 1))
    return [at for at in minutes if fits(at.astimezone(zone))]


def met_once(zone: ZoneInfo, start: datetime, end: datetime, fits: Callable[[datetime], bool]) -> list[datetime]:
    """Each such time of a calendar without gaps once: the first time it is shown, or right after the gap it lies in."""
    wall = start.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    found = set()
    while wall <= end.replace(tzinfo=None) + timedelta(days=1):
        if fits(wall):
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            if at.astimezone(zone).replace(tzinfo=None) != wall:
                at = wall.replace(tzinfo=UTC) - timedelta(hours=30)
                before = at.astimezone(zone).utcoffset()
                while at.astimezone(zone).utcoffset() == before:
                    at += MINUTE
            found.add(at)
        wall += MINUTE
    return sorted(at for at in found if start < at <= end)


@pytest.mark.parametrize(("name", "day"), [change for change in CHANGES if not change[0].startswith("Pacific")])
def test_a_day_that_comes_once_a_year_is_met_as_any_other(name: str, day: str) -> None:
    zone, when = ZoneInfo(name), datetime.fromisoformat(day)
    start = datetime(when.year - 1, when.month, when.day, tzinfo=UTC) + timedelta(days=3)
    end = datetime(when.year, when.month, when.day, tzinfo=UTC) + timedelta(days=3)
    coming = Timetable(f"*/30 * {when.day} {when.month} *", name).after(start)
    near = end - timedelta(days=6)
    expected = followed(
        zone, near, end, lambda at: at.minute in {0, 30} and (at.month, at.day) == (when.month, when.day)
    )
    assert list(takewhile(lambda at: at <= end, coming)) == expected


@pytest.mark.parametrize(("name", "day"), CHANGES)
def test_due_times_are_those_of_a_walk_through_every_minute(name: str, day: str) -> None:
    drawn, zone = random.Random(f"{name} {day}"), ZoneInfo(name)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    end = start + timedelta(days=2, hours=12)
    for _ in range(EACH):
        early = drawn.randrange(4)  # most clocks are changed then
        (minute, minutes), (hour, hours) = field(drawn, 60), drawn.choice([field(drawn, 24), (str(early), {early})])
        walk = followed if "*" in minute[0] + hour[0] else met_once
        expected = walk(zone, start, end, lambda at, hs=hours, ms=minutes: at.hour in hs and at.minute in ms)  # type: ignore[misc]
        cron = f"{minute} {hour} * * *"
        assert list(takewhile(lambda at: at <= end, Timetable(cron, name).after(start))) == expected, cron
