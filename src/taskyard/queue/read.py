"""Reading tasks: one, its attempts, and lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    any_,
    bindparam,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)

from taskyard.core.compiled import CompiledSelect
from taskyard.core.db import AnyRow, Database
from taskyard.core.gather import Gatherer, Pending
from taskyard.core.lists import among
from taskyard.queue.lifecycle import STATUS, Status, has_status
from taskyard.queue.policy import OnLost
from taskyard.queue.portions import portions
from taskyard.queue.tables import attempt, lease, task, task_tag

_COLUMNS = (
    task.c.id,
    task.c.owner_id,
    task.c.command,
    task.c.command_version,
    task.c.queue,
    task.c.lane,
    STATUS.label("status"),
    task.c.payload,
    task.c.tags,
    task.c.created_at,
    task.c.run_at,
    task.c.expires_at,
    task.c.timeout_s,
    task.c.max_attempts,
    task.c.max_crashes,
    task.c.backoff,
    task.c.retry_until,
    task.c.on_lost,
    task.c.unique_key,
    task.c.schedule,
    task.c.after,
    task.c.on_failure,
    task.c.group_id,
    task.c.limit_key,
    task.c.fairness_key,
    func.coalesce(lease.c.attempt, task.c.attempts).label("attempts"),
    task.c.failures,
    task.c.crashes,
    task.c.result,
    task.c.error,
    task.c.finished_at,
    lease.c.worker,
    lease.c.leased_at,
    lease.c.expires_at.label("lease_expires_at"),
    lease.c.cancel_at,
    lease.c.progress,
    lease.c.note,
)
_TASK = select(*_COLUMNS).join_from(task, lease, lease.c.task_id == task.c.id, isouter=True)
_ONE = _TASK.where(task.c.id == bindparam("task_id"))
_SOME = _TASK.where(task.c.id.in_(bindparam("ids", expanding=True)))
_CURRENT = CompiledSelect(_ONE)
_CURRENT_OF = CompiledSelect(_TASK.where(task.c.id == any_(bindparam("ids", type_=ARRAY(task.c.id.type)))))
MOST = 500  # tasks looked up at once
# Those that are over.
every_attempt = union_all(
    select(attempt),
    select(
        task.c.id,
        task.c.attempts,
        task.c.done_by,
        task.c.begun_at,
        task.c.finished_at,
        literal(Status.SUCCEEDED.value),
        null(),
        literal(""),
    ).where(task.c.done_by.is_not(None)),
).subquery("every_attempt")
_ATTEMPTS = (
    select(every_attempt)
    .where(every_attempt.c.task_id == bindparam("task_id"), every_attempt.c.number > bindparam("after"))
    .order_by(every_attempt.c.number)
    .limit(bindparam("some"))
)
_FEW = 10  # attempts read at a time, as each may have a long log
_SCHEMAS = select(task.c.id, task.c.command, task.c.command_version).where(
    among(task.c.id, "ids"), task.c.command_version.is_not(None)
)
_RETRIED = select(task.c.id).where(among(task.c.id, "ids"), task.c.on_lost == OnLost.RETRY.value)
_RUNNING = select(lease).where(lease.c.task_id == bindparam("task_id"))


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list holds; None lets everything through."""

    owner_id: str | None = None
    status: Status | None = None
    command: str | None = None
    queue: str | None = None
    tag: str | None = None
    fingerprint: str | None = None
    group_id: str | None = None
    schedule: str | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


def current(database: Database, task_id: str, now: datetime) -> Any:
    """A task as it is now, outside any transaction, or None. The hottest read: values are as the driver gives them.

    What concurrent requests ask of PostgreSQL is gathered, as a round trip costs more than a row.
    """
    if database.is_sqlite:
        return next(iter(_CURRENT.all(database, task_id=task_id, now=now)), None)
    gatherer = database.kept(current, lambda: Gatherer(partial(_look_up, database), MOST))
    return gatherer.submit(Pending(current, (task_id, now)))


def _look_up(database: Database, asked: list[Pending]) -> None:
    ids = list({pending.item[0] for pending in asked})
    rows = {row.id: row for row in _CURRENT_OF.all(database, ids=ids, now=max(p.item[1] for p in asked))}
    for pending in asked:
        pending.result = rows.get(pending.item[0])


def one(connection: Connection, task_id: str, now: datetime) -> AnyRow | None:
    return connection.execute(_ONE, {"task_id": task_id, "now": now}).first()


def some(connection: Connection, ids: list[str], now: datetime) -> dict[str, AnyRow]:
    """Tasks by their ids."""
    return {row.id: row for portion in portions(ids) for row in connection.execute(_SOME, {"ids": portion, "now": now})}


def attempts(connection: Connection, task_id: str, after: int = 0) -> Iterator[AnyRow]:
    """The attempts that are over, first to last, after the one with this number."""
    while True:
        few = connection.execute(_ATTEMPTS, {"task_id": task_id, "after": after, "some": _FEW}).all()
        yield from few
        if len(few) < _FEW:
            return
        after = few[-1].number


def running(connection: Connection, task_id: str) -> AnyRow | None:
    """The lease of the attempt under way."""
    return connection.execute(_RUNNING, {"task_id": task_id}).first()


def schemas_of(connection: Connection, ids: list[str]) -> dict[str, tuple[str, int]]:
    """The command and the version of its schemas that each of these tasks was checked against, where it was."""
    rows = connection.execute(_SCHEMAS, {"ids": ids}) if ids else ()
    return {row.id: (row.command, row.command_version) for row in rows}


def retried_when_lost(connection: Connection, ids: list[str]) -> set[str]:
    """Those of these tasks that are tried again where it is not known whether they were done."""
    return {str(one) for one in connection.execute(_RETRIED, {"ids": ids}).scalars()}


def newest(
    connection: Connection, wanted: Filter, now: datetime, *, limit: int, before_id: str | None = None
) -> list[AnyRow]:
    """Tasks from the newest to the oldest (an id tells its age), going on below `before_id`."""
    query = _narrowed(_TASK, wanted, before_id).order_by(task.c.id.desc())
    return list(connection.execute(query.limit(limit), {"now": now}))


def oldest(
    connection: Connection, wanted: Filter, now: datetime, *, limit: int, after_id: str, before_id: str
) -> Iterator[AnyRow]:
    """`id` and `size` of tasks from the oldest to the newest, between these two."""
    query = select(task.c.id, size(connection).label("size")).where(task.c.id > after_id)
    query = _narrowed(query, wanted, before_id).order_by(task.c.id).limit(limit)
    return iter(connection.execute(query, {"now": now}))


def size(connection: Connection) -> ColumnElement[int]:
    """How much the payload and the result of a task are. SQLite reads what is large whole for it: go row by row."""
    of = func.length if connection.dialect.name == "sqlite" else func.octet_length
    return of(task.c.payload) + func.coalesce(of(task.c.result), 0)


def still(connection: Connection, wanted: Filter, ids: list[str], now: datetime) -> set[str]:
    """Those of these tasks that are wanted now."""
    query = _narrowed(select(task.c.id).where(among(task.c.id, "ids")), wanted, None)
    return set(connection.execute(query, {"ids": ids, "now": now}).scalars())


def states(connection: Connection, wanted: Filter, now: datetime, *, limit: int) -> list[AnyRow]:
    """`id`, `outcome` and whether it is `leased`, of the newest tasks that are wanted."""
    leased = exists().where(lease.c.task_id == task.c.id).correlate(task).label("leased")
    query = _narrowed(select(task.c.id, task.c.outcome, leased), wanted, None).order_by(task.c.id.desc())
    return list(connection.execute(query.limit(limit), {"now": now}))


def _narrowed(query: Select[Any], wanted: Filter, before_id: str | None) -> Select[Any]:
    for column, value in (
        (task.c.owner_id, wanted.owner_id),
        (task.c.command, wanted.command),
        (task.c.queue, wanted.queue),
        (task.c.fingerprint, wanted.fingerprint),
        (task.c.group_id, wanted.group_id),
        (task.c.schedule, wanted.schedule),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.status is not None:
        query = query.where(has_status(wanted.status))
    if wanted.tag is not None:
        query = query.join(task_tag, task_tag.c.task_id == task.c.id).where(task_tag.c.tag == wanted.tag)
    if wanted.created_from is not None:
        query = query.where(task.c.created_at >= wanted.created_from)
    if wanted.created_until is not None:
        query = query.where(task.c.created_at < wanted.created_until)
    if before_id is not None:
        query = query.where(task.c.id < before_id)
    return query
