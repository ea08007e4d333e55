"""When a cron expression comes due. Local times and their offsets are written out, to be checked by eye."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskyard.schedules import timetable
from taskyard.schedules.timetable import Timetable, Unreadable

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
ST_JOHNS, LORD_HOWE, KOLKATA = "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"

# The clock goes on: in Berlin from 02:00+01 to 03:00+02, in New York from 02:00-05 to 03:00-04, in St John's from
# 02:00-03:30 to 03:00-02:30, on Lord Howe by half an hour from 02:00+10:30 to 02:30+11.
GAPS = [
    # A time of the day that is left out comes once, right after the gap, and at its hour again on the next day.
    (BERLIN, "30 2 * * *", "2026-03-29", ["29T03:00+02:00", "30T02:30+02:00"]),
    (NEW_YORK, "30 2 * * *", "2026-03-08", ["08T03:00-04:00", "09T02:30-04:00"]),
    (ST_JOHNS, "30 2 * * *", "2026-03-08", ["08T03:00-02:30", "09T02:30-02:30"]),
    (LORD_HOWE, "15 2 * * *", "2026-10-04", ["04T02:30+11:00", "05T02:15+11:00"]),
    (LORD_HOWE, "30 2 * * *", "2026-10-04", ["04T02:30+11:00", "05T02:30+11:00"]),
    # Several that are left out come once together, and together with one that comes then anyway.
    (BERLIN, "0,30 2 * * *", "2026-03-29", ["29T03:00+02:00", "30T02:00+02:00", "30T02:30+02:00"]),
    (BERLIN, "0 2,3 * * *", "2026-03-29", ["29T03:00+02:00", "30T02:00+02:00"]),
    # Where minute or hour begin with a star, the clock is followed: what it does not show does not come.
    (BERLIN, "30 * * * *", "2026-03-29", ["29T00:30+01:00", "29T01:30+01:00", "29T03:30+02:00", "29T04:30+02:00"]),
    (BERLIN, "0 */2 * * *", "2026-03-29", ["29T00:00+01:00", "29T04:00+02:00", "29T06:00+02:00"]),
    (NEW_YORK, "*/30 2 * * *", "2026-03-08", ["09T02:00-04:00", "09T02:30-04:00"]),
    (LORD_HOWE, "30 * * * *", "2026-10-04", ["04T00:30+10:30", "04T01:30+10:30", "04T02:30+11:00", "04T03:30+11:00"]),
    (KOLKATA, "30 2 * * *", "2026-03-29", ["29T02:30+05:30", "30T02:30+05:30"]),
]

# The clock is put back: in Berlin from 03:00+02 to 02:00+01, in New York from 02:00-04 to 01:00-05, in St John's from
# 02:00-02:30 to 01:00-03:30, on Lord Howe by half an hour from 02:00+11 to 01:30+10:30.
REPEATS = [
    # A time of the day that is shown twice comes once, the first time.
    (BERLIN, "30 2 * * *", "2026-10-25", ["25T02:30+02:00", "26T02:30+01:00"]),
    (NEW_YORK, "30 1 * * *", "2026-11-01", ["01T01:30-04:00", "02T01:30-05:00"]),
    (ST_JOHNS, "30 1 * * *", "2026-11-01", ["01T01:30-02:30", "02T01:30-03:30"]),
    (LORD_HOWE, "45 1 * * *", "2026-04-05", ["05T01:45+11:00", "06T01:45+10:30"]),
    # Where minute or hour begin with a star, the clock is followed: each hour that passes counts.
    (BERLIN, "30 * * * *", "2026-10-25", ["25T00:30+02:00", "25T01:30+02:00", "25T02:30+02:00", "25T02:30+01:00"]),
    (NEW_YORK, "*/30 1 * * *", "2026-11-01", ["01T01:00-04:00", "01T01:30-04:00", "01T01:00-05:00", "01T01:30-05:00"]),
    (LORD_HOWE, "30 * * * *", "2026-04-05", ["05T00:30+11:00", "05T01:30+11:00", "05T01:30+10:30", "05T02:30+10:30"]),
    (LORD_HOWE, "0 */2 * * *", "2026-04-05", ["05T00:00+11:00", "05T02:00+10:30", "05T04:00+10:30"]),
]


@pytest.mark.parametrize(("zone", "cron", "day", "expected"), GAPS + REPEATS)
def test_due_times_around_a_change_of_the_clock(zone: str, cron: str, day: str, expected: list[str]) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone))
    due = Timetable(cron, zone).coming(midnight - timedelta(microseconds=1), len(expected))
    told = [one.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes").removeprefix(day[:8]) for one in due]
    assert told == expected


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/20 * * * *", "15 1-3 * * *", "0 */2 * * *"])
@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, _, day, _ in GAPS + REPEATS])
def test_going_on_from_any_minute_tells_the_same_due_times(zone: str, day: str, cron: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = start + timedelta(hours=6)
    table = Timetable(cron, zone)
    whole = table.latest(start, end, 1000)
    assert whole == sorted(set(whole))
    for minutes in range(0, 360, 7):
        at = start + timedelta(minutes=minutes, seconds=0.5)
        assert table.latest(at, end, 1000) == [one for one in whole if one >= at]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("@hourly", ["2026-01-01T01:00"]),
        ("@daily", ["2026-01-02T00:00"]),
        ("@Midnight", ["2026-01-02T00:00"]),
        ("@weekly", ["2026-01-04T00:00"]),  # a Sunday
        ("@monthly", ["2026-02-01T00:00"]),
        ("@yearly", ["2027-01-01T00:00"]),
        ("0 9 * jan-mar mon", ["2026-01-05T09:00"]),
        ("0 0 L * *", ["2026-01-31T00:00", "2026-02-28T00:00"]),
        ("0 0 1 JUL/2 *", ["2026-07-01T00:00", "2026-09-01T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00"]),
        ("0 0 * * FRI#2", ["2026-01-09T00:00"]),
        ("0 0 13 * FRI", ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00"]),  # the day or the weekday
    ],
)
def test_expressions_with_names_and_shorthands(cron: str, expected: list[str]) -> None:
    due = Timetable(cron).coming(datetime(2026, 1, 1, tzinfo=UTC), len(expected))
    assert [one.isoformat(timespec="minutes").removesuffix("+00:00") for one in due] == expected


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("", "this has 0"),
        ("* * * *", "this has 4"),
        ("0 * * * * *", "this has 6"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("0 0 32 * *", "day of month"),
        ("0 0 30 2 *", "day of month"),
        ("0 0 * foo *", "month"),
        ("0 0 * * 8", "day of week"),
        ("5-1 * * * *", "minute"),
        ("*/90 * * * *", "minute has a step of 90, and there are 60"),
        ("0 1,5-9/25 * * *", "hour has a step of 25"),
        ("0 0 L/2 * *", "day of month has a step after L"),
        ("0 0 1,LW/3 * *", "day of month has a step after L"),
        ("@reboot", "no such name"),
        ("0 0 */14 * MON#2", "never comes due"),  # the 1st, 15th and 29th are never a second Monday
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(cron: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        timetable.check(cron)


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "../etc/passwd", "right/UTC", "localtime", "Europe"])
def test_only_iana_names_are_time_zones(name: str) -> None:
    with pytest.raises(Unreadable, match="no such time zone"):
        timetable.zone(name)


def test_a_long_absence_is_not_walked_through() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    due = Timetable("* * * * *", BERLIN).latest(datetime(1990, 1, 1, tzinfo=UTC), now, 3)
    assert due == [now - timedelta(minutes=minutes) for minutes in (2, 1, 0)]
