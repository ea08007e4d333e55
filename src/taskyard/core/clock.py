"""What time it is: the database's time, so that all processes agree.

A process measures it once in a while (`Timekeeper`) and counts on from there; tests give a clock in (`frozen`).
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger("taskyard.clock")
EVERY_S = 60.0
AGAIN_S = 1.0  # after a measure that failed
LOOK_S = 0.1
STEP_LOOK_S = 1.0  # how often it is looked whether somebody has set this machine's clock,
STEP_S = 0.5  # which it is where it goes on by so much more or less than the machine's uptime
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the first goes on while the machine sleeps


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    """The database's time, counted on by this machine's uptime from when it was measured; before, and on SQLite, this
    machine's clock.

    A clock may be set while work is under way, uptime may not: what it was set on by would count as time gone by,
    and leases that are held would be over.
    """

    def __init__(self) -> None:
        self._booted: float | None = (
            None  # when this machine was started, by the database's clock, in seconds since 1970
        )

    def now(self) -> datetime:
        seconds = time.time() if self._booted is None else self._booted + uptime()
        return datetime.fromtimestamp(seconds, UTC)

    def measured(self, at: datetime, uptime_s: float) -> None:
        """So late it was by the database's clock at that moment of this machine's uptime."""
        self._booted = at.timestamp() - uptime_s

    def ahead(self) -> timedelta:
        """How far the database is ahead of this machine's clock."""
        return self.now() - datetime.fromtimestamp(time.time(), UTC)


def uptime() -> float:
    """Seconds since this machine was started."""
    return time.clock_gettime(_UPTIME)


class FrozenClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


system = SystemClock()
_clock: Clock = system


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _clock.now()


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return int(at.timestamp() * 1_000_000)


@contextmanager
def frozen(at: datetime | None = None) -> Iterator[FrozenClock]:
    """Stop the clock for a test; `advance` the one that is yielded."""
    global _clock
    before, held = _clock, FrozenClock(at or now())
    _clock = held
    try:
        yield held
    finally:
        _clock = before


def synchronise(engine: Engine) -> None:
    """Measure how late it is by the database's clock; a SQLite file is on this machine."""
    if engine.dialect.name == "sqlite":
        return
    with engine.connect() as connection:
        before = uptime()
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        system.measured(theirs, (before + uptime()) / 2)


class Timekeeper:
    """Measures at the start, every minute, and where somebody has set this machine's clock, as is done after it stood
    still. A thread of each long-lived process does its `run`.

    Until `measured` is set this machine's clock is all there is to go by: what acts on the time waits for it.
    """

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._stop = stop
        self.measured = threading.Event()

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                synchronise(self._engine)
            except SQLAlchemyError as error:
                log.warning("the clock could not be compared with the database's", error=str(error))
                self._stop.wait(AGAIN_S)
            else:
                self.measured.set()
                self._rest()

    def _rest(self) -> None:
        """Wait until it is time to measure again."""
        until, apart = uptime() + EVERY_S, time.time() - uptime()
        while uptime() < until and abs(time.time() - uptime() - apart) < STEP_S:
            if self._stop.wait(STEP_LOOK_S):
                return

    def wait(self) -> bool:
        """Wait for the first measure; False: the process is to stop instead."""
        while not self._stop.is_set():
            if self.measured.wait(LOOK_S):
                return True
        return False
