"""Emptying a queue: what waits in it is cancelled, a slice at a time."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from taskyard.queue.ending import end
from taskyard.queue.lifecycle import Status
from taskyard.queue.ready import WAITING

SLICE = 500  # tasks a transaction, so that none holds locks for long


def cancel_waiting(connection: Connection, name: str, now: datetime) -> list[str]:
    """Cancel up to SLICE tasks that wait in this queue, those for their time or for others included. Returns their ids.

    Whoever deletes the place in the line owns the task: one that a worker is just taking is passed over.
    """
    taken: list[str] = []
    for table in WAITING:
        if len(taken) < SLICE:
            waiting = select(table.c.task_id).where(table.c.queue == name).limit(SLICE - len(taken))
            ids = list(connection.execute(waiting.with_for_update(skip_locked=True)).scalars())
            if ids:
                gone = delete(table).where(table.c.task_id.in_(ids)).returning(table.c.task_id)
                taken += connection.execute(gone).scalars()
    if taken:
        end(connection, taken, Status.CANCELLED, now)
    return taken
