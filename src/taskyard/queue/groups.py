"""Groups: tasks that were submitted together, with one that runs after all of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, not_, select

from taskyard.core.db import AnyRow
from taskyard.queue.chain_tables import task_group
from taskyard.queue.lifecycle import STATUS
from taskyard.queue.tables import lease, task

SLICE = 500  # groups a transaction
YOUNG = timedelta(hours=1)  # not looked at yet

_GROUP = select(task_group).where(task_group.c.id == bindparam("id"))
_MEMBERS = (
    select(task.c.id, STATUS.label("status"))
    .join_from(task, lease, lease.c.task_id == task.c.id, isouter=True)
    .where(task.c.group_id == bindparam("id"))
).subquery()
_COUNTS = (
    select(_MEMBERS.c.status, func.sum(1)).where(_MEMBERS.c.id != bindparam("completion")).group_by(_MEMBERS.c.status)
)
_COMPLETION = select(_MEMBERS.c.status).where(_MEMBERS.c.id == bindparam("completion"))
_OPEN = (
    select(task.c.id)
    .where(
        task.c.group_id == bindparam("id"),
        task.c.outcome.is_(None),
        task.c.id > bindparam("above", type_=task.c.id.type),
    )
    .order_by(task.c.id)
    .limit(bindparam("room"))
)
_EMPTY = (
    select(task_group.c.id)
    .where(
        task_group.c.created_at < bindparam("before", type_=task_group.c.created_at.type),
        not_(exists().where(task.c.group_id == task_group.c.id)),
    )
    .order_by(task_group.c.created_at)
    .limit(SLICE)
)


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    owner_id: str
    completion_id: str
    completion_status: str | None
    tasks: dict[str, int]  # by status, without the completion
    created_at: datetime


def add(connection: Connection, group_id: str, owner_id: str, completion_id: str, now: datetime) -> None:
    row = {"id": group_id, "owner_id": owner_id, "completion_id": completion_id, "created_at": now}
    connection.execute(insert(task_group), row)


def find(connection: Connection, group_id: str) -> AnyRow | None:
    return connection.execute(_GROUP, {"id": group_id}).first()


def counted(connection: Connection, row: AnyRow, now: datetime) -> Group:
    """A group with its tasks by status: 1,001 at most, as they all came at once."""
    of = {"id": row.id, "completion": row.completion_id, "now": now}
    counts = {status: int(count) for status, count in connection.execute(_COUNTS, of)}
    status = connection.execute(_COMPLETION, of).scalar()
    return Group(row.id, row.owner_id, row.completion_id, status, counts, row.created_at)


def open_tasks(connection: Connection, group_id: str, above: str, limit: int) -> list[str]:
    """The ids of those that have not ended, from the oldest on."""
    return list(connection.execute(_OPEN, {"id": group_id, "above": above, "room": limit}).scalars())


def forget(connection: Connection, now: datetime) -> int:
    """Forget groups of whose tasks none is left; returns how many."""
    ids = list(connection.execute(_EMPTY, {"before": now - YOUNG}).scalars())
    return connection.execute(delete(task_group).where(task_group.c.id.in_(ids))).rowcount if ids else 0
