"""Deliveries as people see them: listed, read with every try, sent again."""

from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow, db
from taskyard.core.errors import Conflict, NotFound
from taskyard.core.types import Instant
from taskyard.events.tables import event
from taskyard.outbox import gates, policy, service
from taskyard.outbox.models import Endpoint
from taskyard.outbox.tables import OPEN, Kind, Status, delivery, delivery_attempt
from taskyard.users.actor import Actor

_SHOWN = (
    delivery.c.id,
    delivery.c.event_id,
    delivery.c.endpoint_id,
    delivery.c.status,
    delivery.c.lane,
    delivery.c.due_at,
    delivery.c.tries,
    delivery.c.error,
    delivery.c.created_at,
    delivery.c.deadline_at,
    delivery.c.finished_at,
    event.c.type.label("event_type"),
)
AGAIN = (
    update(delivery)
    .where(
        delivery.c.id.in_(bindparam("ids", expanding=True)),
        delivery.c.status.not_in([status.value for status in OPEN]),
    )
    .values(
        status=Status.WAITING.value,
        lane=bindparam("new_lane"),
        due_at=bindparam("at", type_=Instant),
        deadline_at=bindparam("until", type_=Instant),
        charged=0,
        error=None,
        finished_at=None,
        order_key=None,  # what came after it may have been delivered long ago
    )
    .returning(delivery.c.id)
)


def page(actor: Actor, endpoint_id: str, query: dict[str, Any], before: str | None) -> list[dict[str, Any]]:
    """An endpoint's deliveries, newest first, one more than `limit`. `query` is a loaded DeliveryQuery."""
    endpoint = service.get(actor, endpoint_id)
    wanted = _select().where(delivery.c.endpoint_id == endpoint.id).order_by(delivery.c.id.desc())
    if query.get("status"):
        wanted = wanted.where(delivery.c.status == query["status"])
    if query.get("event_type"):
        wanted = wanted.where(event.c.type == query["event_type"])
    if before is not None:
        wanted = wanted.where(delivery.c.id < before)
    return [_shown(row) for row in db.session.execute(wanted.limit(query["limit"] + 1))]


def _select() -> Select[Any]:
    return select(*_SHOWN).join(event, event.c.id == delivery.c.event_id)


def _shown(row: AnyRow) -> dict[str, Any]:
    return {**row._mapping, "lane": Kind(row.lane).name.lower()}


def get(actor: Actor, delivery_id: str) -> dict[str, Any]:
    """A delivery with each of its tries.

    Raises:
        NotFound: there is no such delivery, or its endpoint is not the actor's.
    """
    seen = service.seen_by(actor).with_only_columns(Endpoint.id)
    wanted = _select().where(delivery.c.id == delivery_id, delivery.c.endpoint_id.in_(seen))
    row = db.session.execute(wanted).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    tries = select(delivery_attempt).where(delivery_attempt.c.delivery_id == delivery_id)
    attempts = db.session.execute(tries.order_by(delivery_attempt.c.number)).all()
    return {**_shown(row), "attempts": attempts}


def resend(actor: Actor, delivery_id: str) -> dict[str, Any]:
    """Send a delivery that has ended once more, with the same webhook-id and the whole schedule before it.

    Raises:
        NotFound: as `get`.
        Conflict: it has not ended, or its endpoint takes nothing.
    """
    found = get(actor, delivery_id)
    endpoint = service.get(actor, found["endpoint_id"], lock=True)
    service.require_open(endpoint)
    if not again(db.session.connection(), endpoint, [delivery_id], Kind.RETRY):
        raise Conflict("The delivery has not ended yet: it will be sent by itself.")
    return get(actor, delivery_id)


def again(connection: Connection, endpoint: Endpoint | AnyRow, ids: list[str], kind: Kind) -> list[str]:
    """Open these deliveries again, where they have ended; the ids of those that were. The gate is locked already."""
    now = clock.now()
    until = policy.deadline(endpoint.retry_delays_s or policy.SCHEDULE_S, now)
    opened = connection.execute(AGAIN, {"ids": ids, "new_lane": kind.value, "at": now, "until": until})
    found = list(opened.scalars())
    held = gates.lock(connection, [endpoint.id])
    gates.refresh(connection, {id_: row.hold_until for id_, row in held.items()})
    return found
