"""What is over: deliveries past their deadline, and rows that have been kept for as long as was asked. In slices."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, not_, select, true, tuple_, update

from taskyard.core.db import AnyRow
from taskyard.events.tables import event, pending_event
from taskyard.outbox import gates
from taskyard.outbox.models import Endpoint
from taskyard.outbox.order import unblock
from taskyard.outbox.tables import Status, delivery, delivery_attempt, stands_at

SLICE = 500
OVERDUE = "deadline"


def end_overdue(connection: Connection, now: datetime) -> int:
    """End deliveries whose deadline is past; returns how many.

    They have failed, or are held where their endpoint is paused or disabled: it was not asked.
    """
    late = (stands_at(Status.WAITING, Status.BLOCKED), delivery.c.deadline_at <= now)
    found = select(delivery.c.id, delivery.c.endpoint_id, delivery.c.status).where(*late)
    rows = connection.execute(found.order_by(delivery.c.deadline_at).limit(SLICE)).all()
    if not rows:
        return 0
    held = gates.lock(connection, {row.endpoint_id for row in rows})
    shut = select(Endpoint.id).where(Endpoint.paused_at.is_not(None) | Endpoint.disabled_at.is_not(None))
    ids = [row.id for row in rows]
    ended: list[AnyRow] = []
    for status, where in ((Status.HELD, delivery.c.endpoint_id.in_(shut)), (Status.FAILED, true())):
        ended += connection.execute(
            update(delivery)
            .where(delivery.c.id.in_(ids), *late, where)
            .values(status=status.value, finished_at=now, error=OVERDUE)
            .returning(delivery.c.id, delivery.c.endpoint_id, delivery.c.order_key)
        ).all()
    heads = {row.id for row in rows if row.status == Status.WAITING}  # what is blocked has an open one before it
    unblock(connection, {(row.endpoint_id, row.order_key) for row in ended if row.id in heads})
    gates.refresh(connection, {id_: row.hold_until for id_, row in held.items()})
    return len(ended)


def forget_deliveries(connection: Connection, keep_s: int, now: datetime) -> int:
    """Remove deliveries, with their tries, so long after they ended; 0 keeps them for ever."""
    if not keep_s:
        return 0
    before = now - timedelta(seconds=keep_s)
    old = select(delivery.c.id).where(delivery.c.finished_at < before).order_by(delivery.c.finished_at).limit(SLICE)
    ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
    return connection.execute(delete(delivery).where(delivery.c.id.in_(ids))).rowcount if ids else 0


def forget_attempts(connection: Connection, keep_s: int, now: datetime) -> int:
    """Remove tries so long after they began, whatever became of their delivery; 0 keeps them as long as that."""
    if not keep_s:
        return 0
    key = tuple_(delivery_attempt.c.delivery_id, delivery_attempt.c.number)
    before = now - timedelta(seconds=keep_s)
    old = select(delivery_attempt.c.delivery_id, delivery_attempt.c.number)
    old = old.where(delivery_attempt.c.started_at < before).limit(SLICE)
    return connection.execute(delete(delivery_attempt).where(key.in_(old))).rowcount


def forget_events(connection: Connection, keep_s: int, now: datetime) -> int:
    """Remove events so long after they happened, once no delivery of theirs is left; 0 keeps them for ever."""
    if not keep_s:
        return 0
    before = now - timedelta(seconds=keep_s)
    old = (
        select(event.c.id)
        .where(
            event.c.created_at < before,
            not_(exists().where(delivery.c.event_id == event.c.id)),
            not_(exists().where(pending_event.c.event_id == event.c.id)),
        )
        .order_by(event.c.created_at)
        .limit(SLICE)
    )
    ids = list(connection.execute(old).scalars())
    return connection.execute(delete(event).where(event.c.id.in_(ids))).rowcount if ids else 0


def forget_endpoints(connection: Connection) -> int:
    """Remove deleted endpoints: a slice of the deliveries of one, and at last itself."""
    gone = connection.execute(select(Endpoint.id).where(Endpoint.deleted_at.is_not(None)).limit(1)).scalar()
    if gone is None or not gates.lock(connection, [gone]):
        return 0
    ids = list(connection.execute(select(delivery.c.id).where(delivery.c.endpoint_id == gone).limit(SLICE)).scalars())
    if ids:
        return connection.execute(delete(delivery).where(delivery.c.id.in_(ids))).rowcount
    return connection.execute(delete(Endpoint).where(Endpoint.id == gone)).rowcount
