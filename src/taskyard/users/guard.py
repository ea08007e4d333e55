"""The guard against guessing passwords: failures are counted by the name that was given, whether or not it exists."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection, Delete, bindparam, delete, select, text, update

from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.core.errors import Limited
from taskyard.core.types import Instant
from taskyard.users.models import LoginGuard

FREE_FAILURES = 5  # the fifth locks
FORGOTTEN_AFTER = timedelta(minutes=15)
FIRST_LOCK_S = 60
LONGEST_LOCK_S = 3600
NAME_LENGTH = 254

_BEGIN = text(
    "INSERT INTO login_guard (name, failures, failed_at) VALUES (:name, 0, :at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant))


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of the failures under a name."""

    failures: int
    failed_at: datetime
    locked_until: datetime | None


def after_failure(before: Record | None, now: datetime) -> Record:
    """What to keep after one more failure: the fifth locks for a minute, each further one for twice as long, up to an
    hour. Failures are forgotten 15 min after the last of them, or after the lock that it brought."""
    failures = 1
    if before is not None and now - (before.locked_until or before.failed_at) < FORGOTTEN_AFTER:
        failures += before.failures
    if failures < FREE_FAILURES:
        return Record(failures, now, None)
    doublings = min(failures - FREE_FAILURES, 10)  # beyond the longest lock anyway; keeps the power small
    return Record(failures, now, now + timedelta(seconds=min(FIRST_LOCK_S * 2**doublings, LONGEST_LOCK_S)))


def admit(database: Database, login: str) -> None:
    """Let go on unless this name is locked.

    Raises:
        Limited: it is, for the seconds in `retry_after_s`.
    """
    with database.read.connect() as connection:
        record = _find(connection, name_of(login))
    left_s = (record.locked_until - clock.now()).total_seconds() if record and record.locked_until else 0
    if left_s > 0:
        raise Limited("Too many failed logins under this name. Wait before the next one.", retry_after_s=ceil(left_s))


def count_failure(database: Database, login: str) -> None:
    """Committed by itself: the request ends in an error, and the failure must stay."""
    name, now = name_of(login), clock.now()
    with transaction.own(database) as connection:
        connection.execute(_BEGIN, {"name": name, "at": now})  # so that there is a row to lock
        record = after_failure(_find(connection, name, lock=True), now)
        connection.execute(update(LoginGuard).where(LoginGuard.name == name).values(asdict(record)))


def clearing(login: str) -> Delete:
    """The statement that forgets the failures under a name: somebody has logged in."""
    return delete(LoginGuard).where(LoginGuard.name == name_of(login))


def name_of(login: str) -> str:
    return login.strip().casefold()[:NAME_LENGTH]


def _find(connection: Connection, name: str, *, lock: bool = False) -> Record | None:
    query = select(LoginGuard.failures, LoginGuard.failed_at, LoginGuard.locked_until).where(LoginGuard.name == name)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return Record(*row) if row is not None else None


def forget(connection: Connection, now: datetime) -> int:
    """Remove what no longer counts; returns how many names."""
    counts_until = now - FORGOTTEN_AFTER - timedelta(seconds=LONGEST_LOCK_S)
    return connection.execute(delete(LoginGuard).where(LoginGuard.failed_at < counts_until)).rowcount
