"""The roll of workers: who asked for which queues, and when; what a claim itself does not write down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from taskyard.core.db import AnyRow
from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json, instant_from_text, instant_to_text
from taskyard.queue.tables import lease, task, worker

LATELY = timedelta(minutes=10)  # who asked within it is shown
ASKING = timedelta(minutes=1)  # who asked within it counts as asking still
KEPT = timedelta(days=1)
SLICE = 500
MOST_ASKED = 1000  # workers looked at to tell who asked for a queue: those seen last, and all who may ask still
MOST_LEASES = 1000  # shown on a page of workers, each having its part
LEAST_LEASES = 5

_SIGN = text(
    "INSERT INTO worker (holder_id, name, id, queues, seen_at) VALUES (:holder, :name, :id, :queues, :at)"
    " ON CONFLICT (holder_id, name) DO UPDATE SET queues = excluded.queues, seen_at = excluded.seen_at"
).bindparams(
    bindparam("holder", type_=Id),
    bindparam("id", type_=Id),
    bindparam("queues", type_=Json),
    bindparam("at", type_=Instant),
)
_KNOWN = (
    select(worker.c.queues, worker.c.seen_at)
    .where(worker.c.holder_id == bindparam("holder"), worker.c.name == bindparam("name"))
    .with_for_update()
)
_WORKING = select(lease.c.holder_id, lease.c.worker)
_DRAINED = select(worker.c.holder_id, worker.c.name).where(worker.c.drain_at.is_not(None))
_HELD = select(
    lease.c.task_id,
    lease.c.holder_id,
    lease.c.worker,
    lease.c.queue,
    lease.c.leased_at,
    lease.c.beat_at,
    lease.c.expires_at,
    lease.c.progress,
    lease.c.note,
    task.c.command,
).join_from(lease, task, task.c.id == lease.c.task_id)
_ASKED = select(worker.c.queues, worker.c.seen_at).order_by(worker.c.seen_at.desc())


@dataclass(frozen=True, slots=True)
class Filter:
    """`holder_id`: whose workers, None for all; `after`: (name, id) of the last one of the page before."""

    holder_id: str | None
    after: tuple[str, str] | None
    limit: int


def sign(connection: Connection, holder_id: str, name: str, queues: Mapping[str, datetime], now: datetime) -> None:
    """Note when it asked for each of these; what other processes have heard lately of that name stays."""
    who = {"holder": holder_id, "name": name}
    row = connection.execute(_KNOWN, who).first()
    known = {queue: at for queue, at in _asked(row).items() if now - at < ASKING} if row else {}
    for queue, at in queues.items():
        known[queue] = max(at, known.get(queue, at))
    told = {queue: instant_to_text(at) for queue, at in known.items()}
    connection.execute(_SIGN, {**who, "id": new_id(), "queues": told, "at": now})


def _asked(row: AnyRow) -> dict[str, datetime]:
    """When a worker asked for each queue; versions before kept the names alone."""
    if isinstance(row.queues, list):
        return dict.fromkeys(row.queues, row.seen_at)
    return {queue: instant_from_text(at) for queue, at in row.queues.items()}


def drained(connection: Connection) -> list[tuple[str, str]]:
    """Holder and name of those that get nothing."""
    return [(row.holder_id, row.name) for row in connection.execute(_DRAINED)]


def asks(seen_at: datetime | None, now: datetime) -> bool:
    """Whether who asked then counts as asking still."""
    return seen_at is not None and now - seen_at <= ASKING


def asked(
    connection: Connection, now: datetime, *which: ColumnElement[bool], draining: bool = False
) -> dict[str, datetime]:
    """When a worker that may get something (or one that is `draining`) last asked for each queue: any, or of these."""
    query = _ASKED.where(worker.c.drain_at.is_not(None) if draining else worker.c.drain_at.is_(None), *which)
    rows = connection.execute(query.limit(MOST_ASKED)).all()
    if len(rows) == MOST_ASKED and asks(rows[-1].seen_at, now):
        rows = connection.execute(query.where(worker.c.seen_at >= now - ASKING)).all()
    found: dict[str, datetime] = {}
    for row in rows:
        for name, at in _asked(row).items():
            found[name] = max(at, found.get(name, at))
    return found


def page(connection: Connection, wanted: Filter, now: datetime) -> list[AnyRow]:
    """Workers by name who asked lately or hold a lease."""
    working = tuple_(worker.c.holder_id, worker.c.name).in_(_WORKING)
    query = _of(wanted.holder_id).where(or_(worker.c.seen_at > now - LATELY, working))
    if wanted.after is not None:
        name, worker_id = wanted.after
        last = tuple_(literal(name, worker.c.name.type), literal(worker_id, worker.c.id.type))
        query = query.where(tuple_(worker.c.name, worker.c.id) > last)
    return list(connection.execute(query.order_by(worker.c.name, worker.c.id).limit(wanted.limit)))


def one(connection: Connection, holder_id: str | None, worker_id: str) -> AnyRow | None:
    return connection.execute(_of(holder_id).where(worker.c.id == worker_id)).first()


def _of(holder_id: str | None) -> Select[Any]:
    query: Select[Any] = select(worker)
    return query if holder_id is None else query.where(worker.c.holder_id == holder_id)


def drain(connection: Connection, worker_id: str, at: datetime | None) -> None:
    """Give a worker nothing more from now on, or (None) what it asks for again."""
    connection.execute(update(worker).where(worker.c.id == worker_id).values(drain_at=at))


def leases_of(connection: Connection, workers: list[AnyRow]) -> tuple[list[AnyRow], int]:
    """What these workers run, each one's oldest leases first; and how many of one are enough.

    Of whom more is given runs more than that.
    """
    if not workers:
        return [], 0
    enough = max(LEAST_LEASES, MOST_LEASES // len(workers))
    pairs = [(row.holder_id, row.name) for row in workers]
    turn = func.row_number().over(
        partition_by=(lease.c.holder_id, lease.c.worker), order_by=(lease.c.leased_at, lease.c.task_id)
    )
    theirs = select(lease.c.task_id, turn.label("turn")).where(tuple_(lease.c.holder_id, lease.c.worker).in_(pairs))
    some = theirs.subquery()
    held = _HELD.join(some, some.c.task_id == lease.c.task_id).where(some.c.turn <= enough + 1)
    return list(connection.execute(held.order_by(lease.c.leased_at, lease.c.task_id))), enough


def forget(connection: Connection, now: datetime) -> int:
    """Remove workers of whom nothing was heard for long and who hold nothing; returns how many."""
    old = select(worker.c.id).where(
        worker.c.seen_at < now - KEPT, tuple_(worker.c.holder_id, worker.c.name).not_in(_WORKING)
    )
    gone = delete(worker).where(worker.c.id.in_(old.order_by(worker.c.seen_at).limit(SLICE)))
    return connection.execute(gone).rowcount
