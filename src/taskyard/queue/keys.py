"""Limit keys seen from above: which there are in a queue, their limits, what runs and what is parked of each."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, union

from taskyard.core.db import AnyRow
from taskyard.queue.limit_tables import limit_key, parked
from taskyard.queue.limits import Counted, Limits, limits_of, running_of
from taskyard.queue.overview import Tally, bounded, tally
from taskyard.queue.tables import lease, queue

_QUEUE = bindparam("queue", type_=lease.c.queue.type)
_KEY = bindparam("key", type_=lease.c.limit_key.type)
_AFTER = bindparam("after", type_=lease.c.limit_key.type)
_known = union(
    select(limit_key.c.key.label("key")).where(limit_key.c.queue == _QUEUE, limit_key.c.key > _AFTER),
    select(lease.c.limit_key).where(lease.c.queue == _QUEUE, lease.c.limit_key > _AFTER),
).subquery()
_NAMES = select(_known.c.key).order_by(_known.c.key).limit(bindparam("room"))
_ROW = select(limit_key).where(limit_key.c.queue == _QUEUE, limit_key.c.key == _KEY)
_SETTINGS = select(queue).where(queue.c.name == _QUEUE)
_COUNTS = select(
    running_of(lease.c.queue == _QUEUE, lease.c.limit_key == _KEY).label("running"),
    bounded(select(parked.c.seq).where(parked.c.queue == _QUEUE, parked.c.limit_key == _KEY)).label("parked"),
)
_RUNNING = select(running_of(lease.c.queue == _QUEUE))


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as it is at one moment; version 0: nothing was set of it. `own` are the limits set of it alone."""

    key: str
    version: int
    paused_at: datetime | None
    limits: Limits
    own: Limits
    running: int
    parked: Tally
    rate_left: int | None
    rate_until: datetime | None


def page(connection: Connection, name: str, after: str, limit: int, now: datetime) -> list[KeyState]:
    """Keys after this one of which something is set, or of which something waits or runs."""
    found = connection.execute(_NAMES, {"queue": name, "after": after, "room": limit}).scalars().all()
    default = _default(connection, name)
    return [_state(connection, name, key, default, now) for key in found]


def one(connection: Connection, name: str, key: str, now: datetime) -> KeyState:
    """Any key: one that nobody has heard of has the limits that its queue has for each."""
    return _state(connection, name, key, _default(connection, name), now)


def whole(connection: Connection, name: str, now: datetime) -> KeyState:
    """The queue as a whole, in the same words."""
    settings = connection.execute(_SETTINGS, {"queue": name}).first()
    row = connection.execute(_ROW, {"queue": name, "key": ""}).first()
    limits = Limits() if settings is None else limits_of(settings)
    running = connection.execute(_RUNNING, {"queue": name}).scalar_one()
    return _told("", row, limits, limits, running, 0, now)


def _default(connection: Connection, name: str) -> Limits:
    settings = connection.execute(_SETTINGS, {"queue": name}).first()
    return Limits() if settings is None else limits_of(settings, "key_")


def _state(connection: Connection, name: str, key: str, default: Limits, now: datetime) -> KeyState:
    asked = {"queue": name, "key": key}
    row = connection.execute(_ROW, asked).first()
    counts = connection.execute(_COUNTS, asked).one()
    own = Limits() if row is None else limits_of(row)
    return _told(key, row, own, own.over(default), counts.running, counts.parked, now)


def _told(
    key: str, row: AnyRow | None, own: Limits, limits: Limits, running: int, waiting: int, now: datetime
) -> KeyState:
    window = Counted(limits, running, row.starts if row is not None else None, now).window
    return KeyState(
        key,
        row.version if row is not None else 0,
        row.paused_at if row is not None else None,
        limits,
        own,
        running,
        tally(waiting),
        window.left if window is not None else None,
        window.free_at() if window is not None and not window.left else None,
    )
