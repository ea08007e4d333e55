"""What time it is: the database's time, so that all processes agree.

A process measures its own offset from the database once in a while (`Timekeeper`); tests give a clock in (`frozen`).
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


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    """This machine's clock, corrected by its measured offset from the database's."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC) + self.offset


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
    """Measure how far this machine's clock is from the database's; a SQLite file is on this machine."""
    if engine.dialect.name == "sqlite":
        return
    with engine.connect() as connection:
        before = time.time()
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        middle = datetime.fromtimestamp((before + time.time()) / 2, UTC)
    system.offset = theirs - middle


class Timekeeper:
    """Measures the offset at the start and every minute; a thread of each long-lived process does its `run`.

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
                self._stop.wait(EVERY_S)

    def wait(self) -> bool:
        """Wait for the first measure; False: the process is to stop instead."""
        while not self._stop.is_set():
            if self.measured.wait(LOOK_S):
                return True
        return False
