"""Guessing passwords is slow: names are locked, whether or not they exist."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from support.caller import Caller
from support.logins import log_in
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.users import guard
from taskyard.users.guard import Record
from taskyard.users.models import LoginGuard

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = 60


@pytest.mark.parametrize(
    ("gaps_s", "locks_s"),
    [
        ([0] * 4, [None] * 4),
        ([0] * 5, [None] * 4 + [60]),
        ([0, 10, 10, 10, 10], [None] * 4 + [60]),
        # Each failure after a lock has ended doubles it: 60 · 2^n, up to an hour.
        ([0] * 5 + [60, 120, 240, 480, 960, 1920, 3600], [None] * 4 + [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        # Forgotten 15 min after the last failure …
        ([0] * 4 + [15 * MINUTE, 0], [None] * 6),
        ([0] * 4 + [15 * MINUTE - 1], [None] * 4 + [60]),
        # … or after the end of the lock: 1 + 15 min after the fifth failure.
        ([0] * 5 + [16 * MINUTE], [None] * 4 + [60, None]),
        ([0] * 5 + [16 * MINUTE - 1], [None] * 4 + [60, 120]),
    ],
)
def test_locks_grow_with_failures(gaps_s: list[int], locks_s: list[int | None]) -> None:
    now, record, locks = NOON, None, []
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        record = guard.after_failure(record, now)
        locks.append((record.locked_until - now).total_seconds() if record.locked_until else None)
    assert locks == locks_s


def test_a_thousand_failures_lock_for_an_hour() -> None:
    record = guard.after_failure(Record(1000, NOON, NOON), NOON)
    assert record == Record(1001, NOON, NOON + timedelta(hours=1))


@pytest.mark.usefixtures("alice_has_password")
@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_the_fifth_failure_locks_a_name(app: Flask, time: FrozenClock, name: str) -> None:
    guess = Caller(app)
    assert [log_in(guess, name, "wrong").status_code for _ in range(5)] == [401] * 5
    time.advance(0.5)
    for locked in (log_in(guess, name, "wrong"), log_in(guess, name.upper(), "wrong"), log_in(guess, name)):
        assert locked.status_code == 429
        assert locked.headers["Retry-After"] == "60"
    assert log_in(guess, "bob", "wrong").status_code == 401


@pytest.mark.usefixtures("alice_has_password")
def test_a_lock_ends_and_a_success_clears_it(app: Flask, database: Database, time: FrozenClock) -> None:
    caller = Caller(app)
    for _ in range(5):
        log_in(caller, password="wrong")
    time.advance(60)
    assert log_in(caller).status_code == 200
    with database.read.connect() as connection:
        assert connection.execute(select(LoginGuard.name)).all() == []
    assert [log_in(caller, password="wrong").status_code for _ in range(4)] == [401] * 4
    assert log_in(caller).status_code == 200


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_burst_of_guesses_does_not_pass_the_lock(app: Flask, database: Database, name: str) -> None:
    together = threading.Barrier(12)

    def guess(number: int) -> int:
        together.wait()
        return log_in(Caller(app), name, f"wrong {number}").status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(guess, range(12))) == [401] * 5 + [429] * 7
    with database.read.connect() as connection:
        assert connection.execute(select(LoginGuard.name, LoginGuard.failures)).all() == [(name, 5)]


def test_failures_counted_by_two_processes_at_once_are_all_counted(database: Database) -> None:
    together = threading.Barrier(4)

    def fail(_: int) -> None:
        together.wait()
        guard.count_failure(database, "alice")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(4)))
    with database.read.connect() as connection:
        assert connection.execute(select(LoginGuard.failures)).scalar() == 4


def test_a_long_name_is_counted_too(app: Flask) -> None:
    name = "ß" * 254  # twice as long when case-folded
    assert [log_in(Caller(app), name, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
