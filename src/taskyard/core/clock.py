"""What time it is: the database's time, so that all processes agree.

A process measures its own offset from the database once in a while (`synchronise`); tests give a clock in (`frozen`).
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


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    """This machine's clock, corrected by its measured offset from the database's."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


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


def keep_synchronised(engine: Engine, stop: threading.Event) -> None:
    """Measure the offset now and every minute, until `stop` is set; a thread of each long-lived process runs this."""
    while engine.dialect.name != "sqlite" and not stop.is_set():
        try:
            synchronise(engine)
        except SQLAlchemyError as error:
            log.warning("the clock could not be compared with the database's", error=str(error))
        stop.wait(EVERY_S)
