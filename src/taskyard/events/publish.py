"""Publishing: an event is a row in the transaction of what happened, so both stand or neither does."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, bindparam, exists, select

from taskyard.core import transaction
from taskyard.core.bulk import BulkInsert
from taskyard.core.ids import new_id
from taskyard.events import patterns
from taskyard.events.tables import EVERYONE, event, pending_event, subscription

TOPIC = "events"  # of the notice that there is something to fan out
_EVENTS = BulkInsert(event, "id", "owner_id", "type", "key", "data", "created_at")
_PENDING = BulkInsert(pending_event, "event_id")
_SUBSCRIBED = (
    select(subscription.c.owner_id, subscription.c.type)
    .where(
        subscription.c.owner_id.in_(bindparam("owners", expanding=True)),
        subscription.c.type.in_(bindparam("types", expanding=True)),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to an owner; `data` is JSON text."""

    owner_id: str
    type: str
    data: str
    key: str | None = None


def heard(owner: Column[str]) -> ColumnElement[bool]:
    """Whether anybody hears events of the owner in this column: a sub-select for a statement that runs anyway, so that
    what happens costs no round trip where nobody listens."""
    return exists().where(subscription.c.owner_id.in_([owner, EVERYONE]))


def publish(connection: Connection, happened: list[Happened], now: datetime) -> list[str]:
    """Store these events, to be fanned out. Returns their ids."""
    if not happened:
        return []
    rows = [(new_id(), one.owner_id, one.type, one.key, one.data, now) for one in happened]
    _EVENTS.run(connection, rows)
    _PENDING.run(connection, [(row[0],) for row in rows])
    transaction.tell(connection, TOPIC)
    return [row[0] for row in rows]


def publish_heard(connection: Connection, happened: list[Happened], now: datetime) -> list[str]:
    """Store those of these events that somebody has subscribed to. Returns their ids."""
    if not happened:
        return []
    found = _subscribed(connection, happened)
    return publish(connection, [one for one in happened if not found.isdisjoint(_asked(one))], now)


def _subscribed(connection: Connection, happened: list[Happened]) -> set[tuple[str, str]]:
    owners = {one.owner_id for one in happened} | {EVERYONE}
    types = {pattern for one in happened for pattern in patterns.of_type(one.type)}
    rows = connection.execute(_SUBSCRIBED, {"owners": sorted(owners), "types": sorted(types)})
    return {(row.owner_id, row.type) for row in rows}


def _asked(one: Happened) -> set[tuple[str, str]]:
    """The subscriptions any of which hears this event."""
    return {(owner, pattern) for owner in (one.owner_id, EVERYONE) for pattern in patterns.of_type(one.type)}
