"""Which due times become a task after an absence, and how far a task is put off."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard.schedules import policy
from taskyard.schedules.policy import Missed
from taskyard.schedules.timetable import Timetable

DUE = datetime(2026, 11, 2, 12, 10, tzinfo=UTC)
EVERY_TEN_MINUTES = Timetable("*/10 * * * *")


@pytest.mark.parametrize(
    ("missed", "limit", "back_at", "expected"),
    [
        # At work: 12:10 comes due, and 12:20 has not.
        (Missed.SKIP, 10, "12:10:00", ["12:10"]),
        (Missed.ONCE, 10, "12:10:00", ["12:10"]),
        (Missed.ALL, 10, "12:10:00", ["12:10"]),
        # A minute late is on time, a second more is not.
        (Missed.SKIP, 10, "12:11:00", ["12:10"]),
        (Missed.SKIP, 10, "12:11:01", ["-12:10"]),
        # Down for an hour: 12:10, 12:20, 12:30, 12:40, 12:50, 13:00 have come due.
        (Missed.SKIP, 10, "13:05:00", ["-13:00"]),
        (Missed.SKIP, 10, "13:00:30", ["-12:50", "13:00"]),
        (Missed.ONCE, 10, "13:05:00", ["13:00"]),
        (Missed.ALL, 10, "13:05:00", ["12:10", "12:20", "12:30", "12:40", "12:50", "13:00"]),
        (Missed.ALL, 2, "13:05:00", ["12:50", "13:00"]),
        (Missed.ALL, 1, "13:05:00", ["13:00"]),
    ],
)
def test_what_becomes_of_missed_due_times(missed: Missed, limit: int, back_at: str, expected: list[str]) -> None:
    now = datetime.fromisoformat(f"2026-11-02T{back_at}Z")
    dealt = policy.dealt_with(EVERY_TEN_MINUTES, missed, limit, DUE, now)
    assert [("-" if one.reason else "") + f"{one.at:%H:%M}" for one in dealt] == expected


@pytest.mark.parametrize(
    ("back_at", "expected"),
    [
        ("12:11:00", ["12:10", "12:11"]),  # both at most a minute late
        ("12:12:30", ["-12:11", "12:12"]),
        ("13:05:10", ["-13:04", "13:05"]),
    ],
)
def test_what_is_missed_of_every_minute_is_told_too(back_at: str, expected: list[str]) -> None:
    now = datetime.fromisoformat(f"2026-11-02T{back_at}Z")
    dealt = policy.dealt_with(Timetable("* * * * *"), Missed.SKIP, 10, DUE, now)
    assert [("-" if one.reason else "") + f"{one.at:%H:%M}" for one in dealt] == expected


def test_jitter_is_the_same_for_all_and_differs_from_time_to_time() -> None:
    times = [DUE + timedelta(minutes=10 * number) for number in range(50)]
    offsets = [policy.run_at("a", at, 60) - at for at in times]
    assert offsets == [policy.run_at("a", at, 60) - at for at in times]
    assert offsets != [policy.run_at("b", at, 60) - at for at in times]
    assert all(timedelta(0) <= offset < timedelta(seconds=60) for offset in offsets)
    assert max(offsets) - min(offsets) > timedelta(seconds=30)


def test_without_jitter_a_task_runs_when_it_is_due() -> None:
    assert policy.run_at("a", DUE, 0) == DUE
