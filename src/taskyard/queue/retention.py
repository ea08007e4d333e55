"""Removing what ended long ago, in slices."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from taskyard.queue.tables import attempt, task, unique_key

SLICE = 500  # tasks a transaction, so that none holds locks for long

# By the index on (outcome, finished_at).
_OVER = (
    select(task.c.id)
    .where(
        task.c.outcome == bindparam("outcome"),
        task.c.finished_at < bindparam("before", type_=task.c.finished_at.type),
    )
    .order_by(task.c.finished_at)
    .limit(bindparam("room"))
)
# The keys before the tasks, as a retry does. Whoever is at one of either just now keeps it.
_KEYS = select(unique_key.c.task_id).where(unique_key.c.task_id.in_(bindparam("ids", expanding=True)))
_FREE_KEYS = _KEYS.with_for_update(skip_locked=True)
_FREE = (
    select(task.c.id)
    .where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.outcome.is_not(None))
    .with_for_update(skip_locked=True)
)


def remove_ended(connection: Connection, keep_s: Mapping[str, int], now: datetime) -> int:
    """Remove tasks, with their attempts, so many seconds after they ended, by their outcome; 0 keeps them for ever.

    Returns how many; at most 500 at a time.
    """
    ids: list[str] = []
    for outcome, seconds in keep_s.items():
        if seconds and len(ids) < SLICE:
            over = {"outcome": outcome, "before": now - timedelta(seconds=seconds), "room": SLICE - len(ids)}
            ids += connection.execute(_OVER, over).scalars()
    free = _free(connection, ids) if ids else []
    if free:
        connection.execute(delete(attempt).where(attempt.c.task_id.in_(free)))
        connection.execute(delete(task).where(task.c.id.in_(free)))
    return len(free)


def _free(connection: Connection, ids: list[str]) -> list[str]:
    """Those that nobody holds, nor their keys; they are locked then."""
    free_keys = set(connection.execute(_FREE_KEYS, {"ids": ids}).scalars())
    held_keys = set(connection.execute(_KEYS, {"ids": ids}).scalars()) - free_keys
    return list(connection.execute(_FREE, {"ids": [one for one in ids if one not in held_keys]}).scalars())
