"""Putting tasks where a claim finds them: at once into `ready`, later by way of `scheduled`."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from taskyard.core import clock
from taskyard.core.bulk import BulkInsert
from taskyard.queue.chain_tables import blocked
from taskyard.queue.tables import ready, scheduled

_INSERT_READY = BulkInsert(ready, "task_id", "queue", "lane", "seq", "attempts")
_INSERT_SCHEDULED = BulkInsert(scheduled, "task_id", "run_at", "queue", "lane", "attempts")
# In the order in which a task moves on, so that one that moves meanwhile is still met.
_WAY = (blocked, scheduled, ready)

_WATCHED = "queues that got something"
_lock = threading.Lock()
_last_seq = 0


def next_seq(now: datetime) -> int:
    """A place in the line: the microsecond, made to grow within this process. Ties between processes do no harm."""
    global _last_seq
    with _lock:
        _last_seq = max(_last_seq + 1, clock.micros(now))
        return _last_seq


@dataclass(frozen=True, slots=True)
class Place:
    """Where an open task waits."""

    task_id: str
    queue: str
    lane: int
    run_at: datetime
    attempts: int


def put(connection: Connection, places: list[Place], now: datetime) -> None:
    """Let these tasks wait for a worker, or for their time."""
    due = [p for p in places if p.run_at <= now]
    if due:
        _INSERT_READY.run(connection, [(p.task_id, p.queue, p.lane, next_seq(now), p.attempts) for p in due])
        note(connection, (p.queue for p in due))
    if len(due) < len(places):
        later = [p for p in places if p.run_at > now]
        _INSERT_SCHEDULED.run(connection, [(p.task_id, p.run_at, p.queue, p.lane, p.attempts) for p in later])


@contextmanager
def watched(connection: Connection) -> Iterator[set[str]]:
    """The queues into which tasks are put on this connection within the block, for whoever is to be told."""
    queues: set[str] = set()
    info = connection.info  # it cannot be asked for once the database has hung up
    info[_WATCHED] = queues
    try:
        yield queues
    finally:
        del info[_WATCHED]


def note(connection: Connection, queues: Iterable[str]) -> None:
    """Tasks of these queues have become ready on this connection."""
    if (found := connection.info.get(_WATCHED)) is not None:
        found.update(queues)


def take(connection: Connection, task_id: str) -> bool:
    """Take a waiting task out of the line. False: it is not waiting (any more).

    Whoever deletes the row owns the next step; a claim that holds it makes us wait and then find nothing.
    """
    return any(connection.execute(delete(table).where(table.c.task_id == task_id)).rowcount for table in _WAY)


def hold(connection: Connection, task_id: str) -> bool:
    """Keep a waiting task where it is until the commit: claims pass it over. False: it is not waiting (any more)."""
    return any(
        connection.execute(select(table.c.task_id).where(table.c.task_id == task_id).with_for_update()).first()
        for table in _WAY
    )
