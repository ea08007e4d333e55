"""What SQLite's connections are told, and how a writer waits for the file's one lock."""

import random
import sqlite3
import time

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from taskyard.core.errors import Unavailable

BUSY_RETRY_S = 10.0  # how long a writer queues behind other processes before it gives up with 503
BUSY_PAUSE_S = 0.002


def teach(write: Engine, read: Engine) -> None:
    """Set both engines' connections up as they are made."""
    event.listen(write, "connect", _write_connect)
    event.listen(read, "connect", _read_connect)
    event.listen(write, "begin", _begin_immediate)


def _write_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours to say
    _turn_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    """It takes the whole file for a moment, which another process that has just made it may have."""
    give_up_at = time.monotonic() + BUSY_RETRY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not _says_busy(error) or time.monotonic() > give_up_at:
                raise
        time.sleep(BUSY_PAUSE_S)


def _read_connect(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in ("query_only=ON", "cache_size=-32768", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock now: busy_timeout does not cover a read snapshot that wants to write, and never yields.

    Raises:
        Unavailable: another process held the lock for too long.
    """
    give_up_at = time.monotonic() + BUSY_RETRY_S
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if not _says_busy(error.orig):
                raise
            if time.monotonic() > give_up_at:
                raise Unavailable("The database is busy. Try again in a moment.", retry_after_s=1) from error
        time.sleep(BUSY_PAUSE_S * (0.5 + random.random()))


def _says_busy(error: BaseException | None) -> bool:
    """Whether this error of the driver's means that another has the lock."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
