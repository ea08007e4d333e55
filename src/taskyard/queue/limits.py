"""What the limits of a queue and of its keys let start: judged in a transaction that has the queue's row locked.

The row of the key "" in `limit_key` is that lock: claims on a limited queue come one after another, and all that is
counted here was committed before. docs/decisions/0009-limits.md says why nothing counts what runs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)

from taskyard.core.db import AnyRow
from taskyard.core.types import Instant, Json
from taskyard.queue.limit_tables import limit_key
from taskyard.queue.tables import lease, queue
from taskyard.queue.window import Rate, Slots, Window

MOST_RUNNING = 10_000  # that a limit may be: what runs is counted up to it
COLUMNS = ("max_running", "rate_count", "rate_per_s")
# Parked tasks come back when one of their key ends. That one may have ended unseen, between being counted and the
# parking: so a key that is full is looked at again all the same, and a queue, where nothing comes back, much sooner.
KEY_AGAIN = timedelta(seconds=2)
QUEUE_AGAIN = timedelta(seconds=0.25)
LONGEST = timedelta(hours=2)  # than the window of any rate
SLICE = 500

_LOCK = (
    select(limit_key.c.queue, limit_key.c.starts, limit_key.c.wake_at)
    .where(limit_key.c.queue.in_(bindparam("queues", expanding=True)), limit_key.c.key == "")
    .order_by(limit_key.c.queue)
    .with_for_update()
)
_LOCK_FREE = _LOCK.with_for_update(skip_locked=True)
_SETTINGS = select(queue).where(queue.c.name.in_(bindparam("queues", expanding=True)))


def running_of(*which: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many leases these are, MOST_RUNNING at most."""
    few = select(lease.c.task_id).where(*which).limit(MOST_RUNNING).subquery()
    return select(func.coalesce(func.sum(literal(1)), 0)).select_from(few).scalar_subquery()


_RUNNING = select(running_of(lease.c.queue == bindparam("queue")))
_RUNNING_KEYS = (
    select(lease.c.limit_key, func.sum(literal(1)).label("running"))
    .where(lease.c.queue == bindparam("queue"), lease.c.limit_key.in_(bindparam("keys", expanding=True)))
    .group_by(lease.c.limit_key)
)
_KEYS = select(limit_key).where(
    limit_key.c.queue == bindparam("queue"), limit_key.c.key.in_(bindparam("keys", expanding=True))
)
_KEEP = text(
    "INSERT INTO limit_key (queue, key, version, created_at, updated_at, starts, used_at, wake_at)"
    " VALUES (:queue, :key, 0, :now, :now, :starts, :now, :wake_at)"
    " ON CONFLICT (queue, key) DO UPDATE SET starts = excluded.starts, used_at = excluded.used_at,"
    # Of a key that is kept for its starts alone, whoever else has asked for a look is not overruled.
    " wake_at = CASE WHEN excluded.key = '' THEN excluded.wake_at"
    " ELSE coalesce(excluded.wake_at, limit_key.wake_at) END"
).bindparams(bindparam("starts", type_=Json), bindparam("now", type_=Instant), bindparam("wake_at", type_=Instant))


@dataclass(frozen=True, slots=True)
class Limits:
    """What is set of a queue or a key; None: no such limit."""

    max_running: int | None = None
    rate: Rate | None = None

    def over(self, other: "Limits") -> "Limits":
        """These, and where there are none those."""
        most = self.max_running if self.max_running is not None else other.max_running
        return Limits(most, self.rate or other.rate)


def limits_of(row: AnyRow, prefix: str = "") -> Limits:
    """The limits in a row of `limit_key` or `queue`; the prefix `key_` names a queue's limits for each key."""
    most, count, per_s = (getattr(row, prefix + name) for name in COLUMNS)
    return Limits(most, Rate(count, per_s) if count is not None else None)


class Counted:
    """A queue or a key: its limits, what runs of it, and its latest starts."""

    def __init__(
        self, limits: Limits, running: int, starts: Slots | None, now: datetime, *, paused: bool = False
    ) -> None:
        self.limits = limits
        self.running = running
        self.paused = paused
        self.window = Window(limits.rate, starts, now) if limits.rate is not None else None
        self.started = False
        self.parked = False

    @property
    def room(self) -> int | None:
        """How many may start now; None: any number."""
        rooms = [0] if self.paused else []
        if self.limits.max_running is not None:
            rooms.append(max(0, self.limits.max_running - self.running))
        if self.window is not None:
            rooms.append(self.window.left)
        return min(rooms, default=None)

    def start(self) -> None:
        self.running += 1
        self.started = True
        if self.window is not None:
            self.window.add()

    def again_at(self, now: datetime, soon: timedelta) -> datetime | None:
        """When it is worth looking again at what is over the limit; None: not before somebody resumes it."""
        if self.paused:
            return None
        if self.window is not None and not self.window.left:
            return self.window.free_at()
        return now + soon

    @property
    def starts(self) -> Slots | None:
        return None if self.window is None else self.window.slots


class Book:
    """A limited queue within one transaction."""

    def __init__(self, connection: Connection, row: AnyRow, settings: AnyRow, now: datetime) -> None:
        self.queue: str = settings.name
        self.weights: dict[str, int] = settings.weights or {}
        self._connection, self._now = connection, now
        limits = limits_of(settings)
        running = 0
        if limits.max_running is not None:
            running = connection.execute(_RUNNING, {"queue": self.queue}).scalar_one()
        self.whole = Counted(limits, running, row.starts, now)
        self._default = limits_of(settings, "key_")
        self._was_full = row.wake_at is not None
        self._keys: dict[str, Counted] = {}

    def read(self, keys: Iterable[str]) -> None:
        """Read what is known of these keys, before they are asked for."""
        new = sorted(set(keys) - self._keys.keys())
        if not new:
            return
        asked = {"queue": self.queue, "keys": new}
        rows = {row.key: row for row in self._connection.execute(_KEYS, asked)}
        limits = {key: limits_of(rows[key]).over(self._default) if key in rows else self._default for key in new}
        running: dict[str, int] = {}
        if any(one.max_running is not None for one in limits.values()):
            running = {row.limit_key: row.running for row in self._connection.execute(_RUNNING_KEYS, asked)}
        for key in new:
            row = rows.get(key)
            starts, paused = (row.starts, row.paused_at is not None) if row is not None else (None, False)
            self._keys[key] = Counted(limits[key], running.get(key, 0), starts, self._now, paused=paused)

    def key(self, name: str) -> Counted:
        return self._keys[name]

    def start(self, name: str | None) -> datetime:
        """One of this key starts; the moment as which that counts."""
        counted = [self.whole] if name is None else [self.whole, self._keys[name]]
        for one in counted:
            one.start()
        return max([self._now, *(one.window.at for one in counted if one.window is not None)])

    def keep(self) -> None:
        """Write down what has started and when to look again."""
        rows = []
        for key, one in sorted(self._keys.items()):
            if one.parked or (one.started and one.window is not None):
                rows.append((key, one.starts, one.again_at(self._now, KEY_AGAIN) if one.parked else None))
        full = self.whole.room == 0
        if full or self._was_full or (self.whole.started and self.whole.window is not None):
            rows.append(("", self.whole.starts, self.whole.again_at(self._now, QUEUE_AGAIN) if full else None))
        if rows:
            self._connection.execute(
                _KEEP,
                [
                    {"queue": self.queue, "key": key, "starts": starts, "wake_at": wake_at, "now": self._now}
                    for key, starts, wake_at in sorted(rows, key=lambda row: row[0])
                ],
            )


def open_books(connection: Connection, queues: Iterable[str], now: datetime, *, wait: bool = True) -> dict[str, Book]:
    """Lock these limited queues, in one order; without `wait` only those that nobody else has."""
    names = {"queues": sorted(queues)}
    if not names["queues"]:
        return {}
    rows = connection.execute(_LOCK if wait else _LOCK_FREE, names).all()
    settings = {row.name: row for row in connection.execute(_SETTINGS, names)}
    return {row.queue: Book(connection, row, settings[row.queue], now) for row in rows if row.queue in settings}


def wake(connection: Connection, name: str, now: datetime, key: str | None = None) -> None:
    """Have what is parked of a queue, or of one key, looked at now."""
    which = update(limit_key).where(limit_key.c.queue == name)
    which = which.where(limit_key.c.wake_at.is_not(None)) if key is None else which.where(limit_key.c.key == key)
    connection.execute(which.values(wake_at=now))


def forget(connection: Connection, now: datetime) -> int:
    """Remove keys of which nothing is set, counted or parked; returns how many."""
    idle = (
        select(limit_key.c.queue, limit_key.c.key)
        .where(limit_key.c.key != "", limit_key.c.wake_at.is_(None), limit_key.c.paused_at.is_(None))
        .where(*(limit_key.c[name].is_(None) for name in COLUMNS))
        .where(func.coalesce(limit_key.c.used_at, limit_key.c.updated_at) < now - LONGEST)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    names = [tuple(row) for row in connection.execute(idle)]
    if names:
        connection.execute(delete(limit_key).where(tuple_(limit_key.c.queue, limit_key.c.key).in_(names)))
    return len(names)
