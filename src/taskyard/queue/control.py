"""What people do to a task: cancel it, change it before it starts, run it again, delete it.

Each takes the row that decides (the place in the line, the lease, the outcome) by compare-and-set; where another was
faster the answer is False and nothing has changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from taskyard.queue import policy, unique
from taskyard.queue.chain_tables import blocked, followup
from taskyard.queue.ending import end
from taskyard.queue.lifecycle import OUTCOMES, RETRYABLE, Status
from taskyard.queue.ready import Place, hold, put, take
from taskyard.queue.tables import attempt, lease, task, task_tag, unique_key

# A task that is given back or whose lease runs out between two of our looks is found at the next.
LOOKS = 5

_ASK_TO_STOP = (
    update(lease)
    .where(lease.c.task_id == bindparam("id"))
    .values(cancel_at=func.coalesce(lease.c.cancel_at, bindparam("at", type_=lease.c.cancel_at.type)))
)
_OPEN = select(task.c.id).where(task.c.id == bindparam("id"), task.c.outcome.is_(None))
_LOCK_KEY = select(unique_key.c.key).where(unique_key.c.task_id == bindparam("id")).with_for_update()
_FOLLOWUP = select(followup.c.task_id).where(followup.c.task_id == bindparam("id"))
_PLACE = select(
    task.c.queue, task.c.lane, task.c.run_at, task.c.attempts, task.c.limit_key, task.c.fairness_key
)  # in the order of Place
_LEASED = select(lease.c.task_id).where(lease.c.task_id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Change:
    """New values for a task that has not started; None leaves one as it is. `payload` is JSON text."""

    lane: int | None = None
    queue: str | None = None
    run_at: datetime | None = None
    payload: str | None = None
    command_version: int | None = None
    tags: list[str] | None = None


def cancel(connection: Connection, task_id: str, now: datetime) -> Status | None:
    """Cancel an open task: at once where it waits, at its worker's next heartbeat where it runs.

    Returns what it is now: cancelled, or running (its worker will be told); None where it has ended already.
    """
    for _ in range(LOOKS):
        if take(connection, task_id):
            end(connection, [task_id], Status.CANCELLED, now)
            return Status.CANCELLED
        if connection.execute(_ASK_TO_STOP, {"id": task_id, "at": now}).rowcount:
            return Status.RUNNING
        if connection.execute(_OPEN, {"id": task_id}).first() is None:
            return None
    return None


def change(connection: Connection, task_id: str, new: Change, now: datetime) -> bool:
    """Change a task that has not started. It keeps its place, unless its queue, priority or time is a new one."""
    moves = any(part is not None for part in (new.lane, new.queue, new.run_at))
    waits = _hold_blocked(connection, task_id, new.queue)
    if not waits and not _catch(connection, task_id, take if moves else hold):
        return False
    values: dict[str, Any] = {
        name: value
        for name, value in (
            ("lane", new.lane),
            ("queue", new.queue),
            ("run_at", new.run_at),
            ("payload", new.payload),
            ("command_version", new.command_version),
            ("tags", new.tags),
        )
        if value is not None
    }
    if values:
        connection.execute(update(task).where(task.c.id == task_id).values(**values))
    if new.tags is not None:
        connection.execute(delete(task_tag).where(task_tag.c.task_id == task_id))
        if new.tags:
            connection.execute(insert(task_tag), [{"tag": tag, "task_id": task_id} for tag in new.tags])
    if moves:
        if new.run_at is not None:
            fresh = (task.c.failures == 0, task.c.crashes == 0)  # between two attempts the time runs on
            _retry_until(connection, task_id, max(new.run_at, now), *fresh)
        if not waits:
            _put_back(connection, task_id, now)
    return True


def _hold_blocked(connection: Connection, task_id: str, queue: str | None) -> bool:
    """Whether it waits for others: then nothing lets it go before the commit."""
    values = {"queue": queue} if queue is not None else {"left": blocked.c.left}
    return bool(connection.execute(update(blocked).where(blocked.c.task_id == task_id).values(**values)).rowcount)


def _catch(connection: Connection, task_id: str, way: Callable[[Connection, str], bool]) -> bool:
    for _ in range(LOOKS):
        if way(connection, task_id):
            return True
        waits = connection.execute(_OPEN, {"id": task_id}).first() is not None
        if not waits or connection.execute(_LEASED, {"id": task_id}).first() is not None:
            return False
    return False


def is_told_of(connection: Connection, task_id: str) -> bool:
    """Whether those that waited for it are still being told how it ended."""
    return connection.execute(_FOLLOWUP, {"id": task_id}).first() is not None


def retry(connection: Connection, task_id: str, now: datetime) -> bool:
    """Open a task that ended without success again, with fresh counts, to run now; not where its key is taken.

    It waits for no other task any more. While those that waited for it have not all been told how it ended, it cannot
    be opened: one that came to wait for it then could not be told from them.
    """
    if is_told_of(connection, task_id):
        return False
    if unique.take_back(connection, task_id, now) is not None:
        return False
    reopened = connection.execute(
        update(task)
        .where(task.c.id == task_id, task.c.outcome.in_([status.value for status in RETRYABLE]))
        .values(
            outcome=None,
            finished_at=None,
            error=None,
            fingerprint=None,
            expires_at=None,
            failures=0,
            crashes=0,
            run_at=now,
            blocked=None,
        )
    )
    if not reopened.rowcount:
        return False
    _retry_until(connection, task_id, now)
    _put_back(connection, task_id, now)
    return True


def _retry_until(connection: Connection, task_id: str, run_at: datetime, *which: ColumnElement[bool]) -> None:
    """Count the time for retries from a new moment on, if it is one of these."""
    of = (task.c.id == task_id, *which)
    until = policy.retry_until(connection.execute(select(task.c.backoff).where(*of)).scalar(), run_at)
    if until is not None:
        connection.execute(update(task).where(*of).values(retry_until=until))


def remove(connection: Connection, task_id: str) -> bool:
    """Delete a task that has ended, with its attempts and its key."""
    connection.execute(_LOCK_KEY, {"id": task_id})  # before the task, as a retry does
    ended = delete(task).where(task.c.id == task_id, task.c.outcome.in_([status.value for status in OUTCOMES]))
    if not connection.execute(ended).rowcount:
        return False
    connection.execute(delete(attempt).where(attempt.c.task_id == task_id))
    return True


def _put_back(connection: Connection, task_id: str, now: datetime) -> None:
    row = connection.execute(_PLACE.where(task.c.id == task_id)).one()
    put(connection, [Place(task_id, *row)], now)
