"""Removing what ended long ago, in slices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, exists, select

from taskyard.queue import read
from taskyard.queue.tables import attempt, task, unique_key

SLICE = 500  # tasks a transaction, so that none holds locks for long
CHARS = 10_000_000  # of their payloads and results, as SQLite takes its time to free what is large

# By the index on (outcome, finished_at). A window of a key is held by its task, which has to stay for it.
_OVER = (
    select(task.c.id)
    .where(
        task.c.outcome == bindparam("outcome"),
        task.c.finished_at < bindparam("before", type_=task.c.finished_at.type),
        ~exists().where(
            unique_key.c.task_id == task.c.id, unique_key.c.until > bindparam("now", type_=unique_key.c.until.type)
        ),
    )
    .order_by(task.c.finished_at)
    .limit(bindparam("room"))
)
# The keys before the tasks, as a retry does. Whoever is at one of either just now keeps it.
_KEYS = select(unique_key.c.task_id).where(unique_key.c.task_id.in_(bindparam("ids", expanding=True)))
_FREE_KEYS = _KEYS.with_for_update(skip_locked=True)
_FREE = (
    select(task.c.id)
    .where(
        task.c.id.in_(bindparam("ids", expanding=True)),
        task.c.finished_at < bindparam("before", type_=task.c.finished_at.type),
    )
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Over:
    """Tasks whose time is over; none of them ended later than `before`."""

    ids: list[str]
    before: datetime


def find(connection: Connection, keep_s: Mapping[str, int], now: datetime) -> Over | None:
    """The next tasks that ended so many seconds ago, by their outcome; 0 keeps them for ever. At most 500 at a time."""
    ids: list[str] = []
    chars = 0
    kept = {outcome: now - timedelta(seconds=seconds) for outcome, seconds in keep_s.items() if seconds}
    for outcome, before in kept.items():
        over = {"outcome": outcome, "before": before, "now": now, "room": SLICE - len(ids)}
        for row in connection.execute(_OVER.add_columns(read.size(connection).label("size")), over):
            chars += row.size
            ids.append(row.id)
            if chars > CHARS:
                return Over(ids, max(kept.values()))
    return Over(ids, max(kept.values())) if ids else None


def remove_ended(connection: Connection, over: Over) -> int:
    """Remove these tasks with their attempts, but for those that have gone on meanwhile; returns how many."""
    free = _free(connection, over)
    if free:
        connection.execute(delete(attempt).where(attempt.c.task_id.in_(free)))
        connection.execute(delete(task).where(task.c.id.in_(free)))
    return len(free)


def _free(connection: Connection, over: Over) -> list[str]:
    """Those that nobody holds, nor their keys; they are locked then."""
    free_keys = set(connection.execute(_FREE_KEYS, {"ids": over.ids}).scalars())
    held_keys = set(connection.execute(_KEYS, {"ids": over.ids}).scalars()) - free_keys
    wanted = [one for one in over.ids if one not in held_keys]
    return list(connection.execute(_FREE, {"ids": wanted, "before": over.before}).scalars())
