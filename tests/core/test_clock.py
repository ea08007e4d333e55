"""The database's time, whatever becomes of this machine's clock meanwhile."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from support.signals import until
from taskyard.core import clock
from taskyard.core.db import Database

NEAR = timedelta(seconds=1)


class WallClock:
    """This machine's clock, which can be set."""

    def __init__(self) -> None:
        self.right, self.off_s = time.time, 0.0

    def __call__(self) -> float:
        return self.right() + self.off_s


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    made = WallClock()
    monkeypatch.setattr(time, "time", made)
    return made


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[clock.SystemClock]:
    """One that has measured nothing."""
    made = clock.SystemClock()
    monkeypatch.setattr(clock, "system", made)
    return made


def off(system: clock.SystemClock, wall: WallClock) -> timedelta:
    return abs(system.now() - datetime.fromtimestamp(wall.right(), UTC))


def test_until_it_is_measured_this_machines_clock_is_all_there_is(system: clock.SystemClock, wall: WallClock) -> None:
    wall.off_s = 300
    assert off(system, wall) > NEAR
    assert abs(system.ahead()) < NEAR


def test_once_measured_it_is_the_databases_and_no_step_of_this_machines_moves_it(
    system: clock.SystemClock, wall: WallClock, database: Database
) -> None:
    wall.off_s = 300
    clock.synchronise(database.read)
    if database.is_sqlite:
        assert off(system, wall) > NEAR, "the file has no clock of its own"
        return
    assert off(system, wall) < NEAR
    assert abs(system.ahead() + timedelta(seconds=300)) < NEAR
    wall.off_s = -3600
    assert off(system, wall) < NEAR


def test_where_a_clock_is_set_it_is_measured_anew_at_once(
    system: clock.SystemClock, wall: WallClock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "STEP_LOOK_S", 0.01)
    measures: list[float] = []
    synchronise = clock.synchronise
    monkeypatch.setattr(clock, "synchronise", lambda engine: (synchronise(engine), measures.append(wall.off_s)))
    stop = threading.Event()
    thread = threading.Thread(target=clock.Timekeeper(database.read, stop).run)
    thread.start()
    try:
        until(lambda: measures == [0])
        wall.off_s = 300
        until(lambda: len(measures) > 1)
        assert measures == [0, 300]
    finally:
        stop.set()
        thread.join()
