"""Putting tasks where a claim finds them: at once into `ready`, later by way of `scheduled`."""

import threading
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert

from taskyard.core import clock
from taskyard.queue.tables import ready, scheduled

_INSERT_READY = insert(ready)
_INSERT_SCHEDULED = insert(scheduled)

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
    later = [p for p in places if p.run_at > now]
    if due:
        connection.execute(
            _INSERT_READY,
            [
                {"task_id": p.task_id, "queue": p.queue, "lane": p.lane, "seq": next_seq(now), "attempts": p.attempts}
                for p in due
            ],
        )
    if later:
        connection.execute(
            _INSERT_SCHEDULED,
            [
                {"task_id": p.task_id, "run_at": p.run_at, "queue": p.queue, "lane": p.lane, "attempts": p.attempts}
                for p in later
            ],
        )


def take(connection: Connection, task_id: str) -> bool:
    """Take a waiting task out of the line. False: it is not waiting (any more).

    Whoever deletes the row owns the next step; a claim that holds it makes us wait and then find nothing.
    """
    for table in (ready, scheduled):
        if connection.execute(delete(table).where(table.c.task_id == task_id)).rowcount:
            return True
    return False
