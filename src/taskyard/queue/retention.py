"""Removing what ended long ago, in slices."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from taskyard.queue.tables import task

SLICE = 500  # tasks a transaction, so that none holds locks for long

# By the index on (outcome, finished_at). Whoever is at one of these tasks just now (a retry, say) keeps it.
_OVER = (
    select(task.c.id)
    .where(
        task.c.outcome == bindparam("outcome"),
        task.c.finished_at < bindparam("before", type_=task.c.finished_at.type),
    )
    .order_by(task.c.finished_at)
    .limit(bindparam("room"))
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
    if ids:
        connection.execute(delete(task).where(task.c.id.in_(ids)))
    return len(ids)
