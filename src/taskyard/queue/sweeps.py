"""The background duties of the queue, each in slices, each safe to run many times over at once (SKIP LOCKED)."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, Table, bindparam, delete, select, text

from taskyard.core.types import Instant
from taskyard.queue import policy
from taskyard.queue.ending import end
from taskyard.queue.lifecycle import Status
from taskyard.queue.ready import WAITING, Place, line
from taskyard.queue.recording import Ended, read_tasks, record, run_of
from taskyard.queue.tables import lease, scheduled

EVER = datetime.min.replace(tzinfo=UTC)
SLICE = 500  # rows a transaction, so that none holds locks for long

LOST = orjson.dumps(
    {"type": "lost", "message": "The worker's lease expired; the outcome of this attempt is unknown."}
).decode()


def _overdue(table: Table, column: str) -> Select[Any]:
    due = table.c[column]
    return (
        select(table.c.task_id)
        .where(due <= bindparam("now", type_=due.type), due > bindparam("since", type_=due.type))
        .order_by(due)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )


_DUE = _overdue(scheduled, "run_at")
_EXPIRED_LEASES = _overdue(lease, "expires_at")


def _take(connection: Connection, table: Table, overdue: Select[Any], now: datetime, since: datetime) -> list[Any]:
    ids = list(connection.execute(overdue, {"now": now, "since": since}).scalars())
    if not ids:
        return []
    return list(connection.execute(delete(table).where(table.c.task_id.in_(ids)).returning(table)))


def promote(connection: Connection, now: datetime, since: datetime = EVER) -> list[str]:
    """Let scheduled tasks whose time has come, after `since`, wait for a worker. Returns the queue of each."""
    due = _take(connection, scheduled, _DUE, now, since)
    if due:
        due.sort(key=lambda row: row.run_at)
        places = [Place(r.task_id, r.queue, r.lane, r.run_at, r.attempts, r.limit_key, r.fairness_key) for r in due]
        line(connection, places, now)
    return [row.queue for row in due]


def reap(connection: Connection, now: datetime, since: datetime = EVER) -> list[str]:
    """End attempts whose lease has run out, after `since`; their command's `on_lost` says what then.

    Returns the queue of each.
    """
    leases = _take(connection, lease, _EXPIRED_LEASES, now, since)
    tasks = read_tasks(connection, [row.task_id for row in leases])
    ended = [
        Ended(
            row,
            tasks[row.task_id],
            Status.LOST,
            policy.after_loss(run_of(row, tasks[row.task_id]), now),
            error=LOST,
            crashed=True,
        )
        for row in leases
        if row.task_id in tasks
    ]
    record(connection, ended, now)
    return [row.queue for row in leases]


_EXPIRED = """
    SELECT task.id FROM task {by}
    WHERE task.outcome IS NULL AND task.expires_at <= :now
    AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.task_id = task.id)
    ORDER BY task.expires_at LIMIT :most
"""
# By its own index: both planners would rather sort what is open, and read all of that every second.
_WAITING_TOO_LONG = {
    name: text(_EXPIRED.format(by=by)).bindparams(bindparam("now", type_=Instant))
    for name, by in (("sqlite", "INDEXED BY ix_task_expires_at"), ("postgresql", ""))
}
_NO_SORT = text("SET LOCAL enable_sort = off")


def expire(connection: Connection, now: datetime) -> list[str]:
    """End tasks that no worker has started by their `expires_at`. Returns their ids.

    Only a task whose place in the line could be taken has expired: one that is running runs on.
    """
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(_NO_SORT)
    overdue = list(connection.execute(_WAITING_TOO_LONG[name], {"now": now, "most": SLICE}).scalars())
    if not overdue:
        return []
    taken: list[str] = []
    for table in WAITING:
        waiting = select(table.c.task_id).where(table.c.task_id.in_(overdue)).with_for_update(skip_locked=True)
        ids = list(connection.execute(waiting).scalars())
        if ids:
            taken += connection.execute(
                delete(table).where(table.c.task_id.in_(ids)).returning(table.c.task_id)
            ).scalars()
    if taken:
        end(connection, taken, Status.EXPIRED, now)
    return taken
