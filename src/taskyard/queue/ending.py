"""Ending tasks that no worker has: cancelled, expired, replaced. Their place in the line has been taken already."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from taskyard.queue import chains
from taskyard.queue.lifecycle import Status
from taskyard.queue.tables import task
from taskyard.queue.telling import HEARD, tell

# Locked in one order, as whoever submits a task that is to wait for several of these does it, too.
_LOCK = (
    select(task.c.id)
    .where(task.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(task.c.id)
    .with_for_update(key_share=True)
)
_END = (
    update(task)
    .where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.outcome.is_(None))
    .values(outcome=bindparam("ended_as"), finished_at=bindparam("at"))
    .returning(task.c.id, task.c.followed, HEARD)
)


def end(connection: Connection, ids: list[str], outcome: Status, now: datetime) -> None:
    """End these open tasks, and tell those that wait for them or listen."""
    if len(ids) > 1:
        connection.execute(_LOCK, {"ids": ids})
    ended = connection.execute(_END, {"ids": ids, "ended_as": outcome.value, "at": now}).all()
    tell(connection, [row.id for row in ended if row.heard], now)
    chains.follow(connection, {row.id: outcome for row in ended if row.followed}, now)
