"""Fan-out: an event that is pending becomes a delivery for each endpoint that hears it.

One dispatcher at a time does it: events of one key reach an endpoint's line in the order in which they were published.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, exists, or_, select, text, update

from taskyard.core import transaction
from taskyard.core.bulk import BulkInsert
from taskyard.core.db import AnyRow
from taskyard.core.ids import new_id
from taskyard.core.types import instant_to_text
from taskyard.events.tables import event, pending_event
from taskyard.outbox import filters, gates, policy
from taskyard.outbox.models import Endpoint
from taskyard.outbox.tables import Kind, Status, delivery, lane
from taskyard.users.models import Role, User

SLICE = 500  # events a transaction
TOPIC = "deliveries"  # of the notice that some are due
ENDPOINTS_OWN = "endpoint."  # what happens to an endpoint is not told to that endpoint

_ALONE = text("SELECT pg_try_advisory_xact_lock(7305808869232650)")  # "events" in hexadecimal, more or less
_PENDING = (
    select(pending_event.c.event_id).order_by(pending_event.c.event_id).limit(SLICE).with_for_update(skip_locked=True)
)
_IS_PENDING = select(pending_event.c.event_id).limit(1)
_EVENTS = select(event).where(event.c.id.in_(bindparam("ids", expanding=True))).order_by(event.c.id)
_DONE = delete(pending_event).where(pending_event.c.event_id.in_(bindparam("ids", expanding=True)))
# Of those that hear every owner, only while their own owner still moderates.
_ENDPOINTS = (
    select(
        Endpoint.id,
        Endpoint.owner_id,
        Endpoint.every_owner,
        Endpoint.event_types,
        Endpoint.filter,
        Endpoint.ordering,
        Endpoint.retry_delays_s,
        Endpoint.paused_at,
    )
    .where(
        Endpoint.deleted_at.is_(None),
        Endpoint.disabled_at.is_(None),
        or_(
            Endpoint.owner_id.in_(bindparam("owners", expanding=True)) & Endpoint.every_owner.is_(False),
            Endpoint.every_owner.is_(True)
            & exists().where(User.id == Endpoint.owner_id, User.role.in_([Role.MODERATOR.value, Role.ADMIN.value])),
        ),
    )
    .order_by(Endpoint.id)
)
_INSERT = BulkInsert(
    delivery,
    "id",
    "event_id",
    "endpoint_id",
    "status",
    "lane",
    "due_at",
    "order_key",
    "created_at",
    "deadline_at",
    new_only=True,  # a replay may have been faster
)
_OPEN_KEYS = (
    select(delivery.c.endpoint_id, delivery.c.order_key)
    .where(
        delivery.c.endpoint_id.in_(bindparam("endpoints", expanding=True)),
        delivery.c.order_key.in_(bindparam("keys", expanding=True)),
        delivery.c.finished_at.is_(None),
    )
    .distinct()
)
_WAKE = (
    update(lane)
    .where(
        lane.c.endpoint_id.in_(bindparam("ids", expanding=True)),
        lane.c.kind == bindparam("of_kind"),
        or_(lane.c.next_due.is_(None), lane.c.next_due > bindparam("now", type_=lane.c.next_due.type)),
    )
    .values(next_due=bindparam("now", type_=lane.c.next_due.type))
)


class New(NamedTuple):
    """A delivery to be."""

    event_id: str
    endpoint: AnyRow | Endpoint
    order_key: str | None


def shown(row: AnyRow) -> dict[str, Any]:
    """An event as it is sent, and as filters see it."""
    return {
        "id": row.id,
        "type": row.type,
        "timestamp": instant_to_text(row.created_at),
        "key": row.key,
        "data": orjson.loads(row.data),
    }


def is_pending(connection: Connection) -> bool:
    """Whether there is something to do; asked before a transaction for writing is opened."""
    return connection.execute(_IS_PENDING).first() is not None


def fan_out(connection: Connection, now: datetime) -> int:
    """Make the deliveries of the events that have waited longest; returns how many events there were."""
    if connection.dialect.name == "postgresql" and not connection.execute(_ALONE).scalar_one():
        return 0
    ids = list(connection.execute(_PENDING).scalars())
    if not ids:
        return 0
    events = connection.execute(_EVENTS, {"ids": ids}).all()
    endpoints = connection.execute(_ENDPOINTS, {"owners": sorted({row.owner_id for row in events})}).all()
    add(connection, list(_new(events, endpoints)), Kind.FIRST, now)
    connection.execute(_DONE, {"ids": ids})
    return len(ids)


def _new(events: Iterable[AnyRow], endpoints: Sequence[AnyRow]) -> Iterable[New]:
    by_type: dict[tuple[str, str], list[AnyRow]] = {}  # a slice has many events of few types
    for row in events:
        about = row.owner_id, row.type
        if about not in by_type:
            by_type[about] = [one for one in endpoints if _asks(one, *about)]
        sent = shown(row) if by_type[about] else {}
        for endpoint in by_type[about]:
            if filters.passes(endpoint.filter, sent) and not _about(endpoint.id, sent):
                yield New(row.id, endpoint, order_key(endpoint, row))


def _asks(endpoint: AnyRow, owner_id: str, type_: str) -> bool:
    return (endpoint.every_owner or endpoint.owner_id == owner_id) and filters.asks(endpoint.event_types, type_)


def _about(endpoint_id: str, sent: dict[str, Any]) -> bool:
    return sent["type"].startswith(ENDPOINTS_OWN) and bool(sent["data"].get("endpoint_id") == endpoint_id)


def order_key(endpoint: AnyRow | Endpoint, row: AnyRow) -> str | None:
    """What an endpoint keeps in order with what: events of one key, or all of them, or none."""
    if endpoint.ordering == "key":
        key: str | None = row.key
        return key
    return "" if endpoint.ordering == "strict" else None


def add(connection: Connection, new: list[New], kind: Kind, now: datetime) -> list[str]:
    """Store deliveries, due now; their ids. Their endpoints' gates are locked here."""
    if not new:
        return []
    held = gates.lock(connection, {one.endpoint.id for one in new})
    taken = _open_keys(connection, new)
    rows = []
    for one in new:
        place = (one.endpoint.id, one.order_key)
        blocked = one.order_key is not None and place in taken
        taken.add(place)
        status = Status.BLOCKED if blocked else Status.WAITING
        deadline_at = policy.deadline(one.endpoint.retry_delays_s or policy.SCHEDULE_S, now)
        about = (new_id(), one.event_id, one.endpoint.id, status.value, kind.value, now, one.order_key)
        if one.endpoint.id in held:  # else it was deleted in the meantime
            rows.append((*about, now, deadline_at))
    _INSERT.run(connection, rows)
    paused = {one.endpoint.id for one in new if one.endpoint.paused_at is not None}
    _wake(connection, {id_: gate for id_, gate in held.items() if id_ not in paused}, kind, now)
    return [row[0] for row in rows]


def _wake(connection: Connection, held: dict[str, AnyRow], kind: Kind, now: datetime) -> None:
    """The lanes of these gates are due now, or once their gate opens again."""
    shut = {gate.endpoint_id: gate.hold_until for gate in held.values() if gate.hold_until and gate.hold_until > now}
    if open_ := sorted(held.keys() - shut.keys()):
        transaction.tell(connection, TOPIC)
        connection.execute(_WAKE, {"ids": open_, "of_kind": kind.value, "now": now})
    gates.refresh(connection, shut)


def _open_keys(connection: Connection, new: list[New]) -> set[tuple[str, str | None]]:
    keyed = [one for one in new if one.order_key is not None]
    if not keyed:
        return set()
    asked = {"endpoints": sorted({one.endpoint.id for one in keyed}), "keys": sorted({str(o.order_key) for o in keyed})}
    return {(row.endpoint_id, row.order_key) for row in connection.execute(_OPEN_KEYS, asked)}
