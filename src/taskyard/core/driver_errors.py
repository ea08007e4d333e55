"""What goes wrong with the database: errors of a driver's own connection told as SQLAlchemy tells them, and which of
all errors mean that it is away, full or overloaded, which passes.
"""

import sqlite3
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from taskyard.core.errors import Unavailable

COLLIDED = frozenset({"40001", "40P01"})  # PostgreSQL's codes: it ended one of two transactions in each other's way
READ_ONLY = "25006"  # PostgreSQL's code for a write on a standby, as after a failover
DISK_FULL = "53100"
UNPREPARED = frozenset({"26000", "42P05"})  # PostgreSQL's codes: no such prepared statement, or it is there already


def collided(error: Exception) -> bool:
    """Whether the database ended this transaction for another's sake: nothing of it stands, and it may be run again."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in COLLIDED


def unprepared(error: BaseException | None) -> bool:
    """Whether a pooler gave a statement to a connection that has not prepared it (`error` is the driver's own)."""
    return getattr(error, "sqlstate", None) in UNPREPARED


def passes(error: Exception) -> bool:
    """Whether the same might go well in a moment, and nobody but the database is to blame."""
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError | Unavailable):
        return True
    driver = getattr(error, "orig", None)
    return unprepared(driver) or getattr(driver, "sqlstate", None) == READ_ONLY


def reason(error: Exception) -> str:
    """What ails a database whose error passes, in a sentence."""
    driver = getattr(error, "orig", None)
    state, code = getattr(driver, "sqlstate", None), getattr(driver, "sqlite_errorcode", 0) & 0xFF
    if state == DISK_FULL or code == sqlite3.SQLITE_FULL:
        return "The database cannot be written now: its disk is full."
    if state == READ_ONLY or code == sqlite3.SQLITE_READONLY:
        return "The database cannot be written now: it is read-only."
    if state in COLLIDED:
        return "Others were at the same tasks at this moment, time and again."
    return "The database cannot be reached now."


def told(error: Exception, sql: str, dialect: Dialect, connection: Any) -> Exception:
    """The error to raise instead; one that is not the driver's stays as it is."""
    driver: Any = dialect.loaded_dbapi
    if not isinstance(error, driver.Error):
        return error
    lost = dialect.is_disconnect(error, connection, None) or unprepared(error)
    known: Exception = DBAPIError.instance(
        sql, None, error, driver.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    return known
