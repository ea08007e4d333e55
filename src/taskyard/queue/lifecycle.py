"""The status of a task: its machine, and the one expression that derives it.

Stored are the outcome and run_at; that a task runs is told by its lease. docs/lifecycle.md draws the machine.
"""

from enum import StrEnum

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, not_, or_

from taskyard.queue.tables import lease, task


class Status(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"


OUTCOMES = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.LOST})
DEAD = frozenset({Status.FAILED, Status.LOST})  # they went wrong, and nobody asked for it
RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.LOST})

LANES = {"high": 0, "normal": 1, "low": 2}
PRIORITIES = {lane: priority for priority, lane in LANES.items()}

# Not to be started yet: before its time, or before the tasks it waits for.
_LATER = or_(task.c.run_at > bindparam("now", type_=task.c.run_at.type), task.c.blocked.is_(True))
# Both need `task` outer-joined to `lease`, and the parameter `now`.
STATUS: ColumnElement[str] = case(
    (task.c.outcome.is_not(None), task.c.outcome),
    (lease.c.task_id.is_not(None), Status.RUNNING.value),
    (_LATER, Status.SCHEDULED.value),
    else_=Status.QUEUED.value,
)


def has_status(status: Status) -> ColumnElement[bool]:
    """The same as `STATUS == status`, written so that an index can serve it."""
    if status in OUTCOMES:
        return task.c.outcome == status.value
    leased = exists().where(lease.c.task_id == task.c.id).correlate(task)
    if status is Status.RUNNING:
        return and_(task.c.outcome.is_(None), leased)
    if status is Status.SCHEDULED:
        return and_(task.c.outcome.is_(None), not_(leased), _LATER)
    due = task.c.run_at <= bindparam("now", type_=task.c.run_at.type)
    return and_(task.c.outcome.is_(None), not_(leased), due, task.c.blocked.is_not(True))
