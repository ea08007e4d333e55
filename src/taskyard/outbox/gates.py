"""Gates and lanes: the lock on an endpoint's deliveries, and when each of its lanes is next due.

Whoever changes deliveries locks their gates first, sorted by endpoint (or takes those that nobody holds), and works out
the lanes last.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, union_all, update

from taskyard.core.bulk import alike
from taskyard.core.db import AnyRow
from taskyard.outbox.models import Endpoint
from taskyard.outbox.tables import Kind, Status, delivery, gate, lane, stands_at

_LOCK = (
    select(gate).where(gate.c.endpoint_id.in_(bindparam("ids", expanding=True))).order_by(gate.c.endpoint_id)
).with_for_update()
# The earliest by the index on (endpoint, lane, due). A disabled or paused endpoint has no lane that is due.
_EARLIEST = (
    select(func.min(delivery.c.due_at))
    .where(
        delivery.c.endpoint_id == lane.c.endpoint_id,
        delivery.c.lane == lane.c.kind,
        stands_at(Status.WAITING),
        select(Endpoint.id)
        .where(
            Endpoint.id == lane.c.endpoint_id,
            Endpoint.paused_at.is_(None),
            Endpoint.disabled_at.is_(None),
            Endpoint.deleted_at.is_(None),
        )
        .exists(),
    )
    .correlate(lane)
    .scalar_subquery()
)
_REFRESH = update(lane).where(lane.c.endpoint_id.in_(bindparam("ids", expanding=True))).values(next_due=_EARLIEST)
_PUT_OFF = (
    update(lane)
    .where(lane.c.endpoint_id == bindparam("id"), lane.c.next_due < bindparam("until", type_=lane.c.next_due.type))
    .values(next_due=bindparam("until", type_=lane.c.next_due.type))
)
_PUT_OFF_ONE = _PUT_OFF.where(lane.c.kind == bindparam("of_kind"))
# The first of each kind by the index, however many lanes there are.
_NEXT = union_all(
    *(
        select(
            literal_column(str(kind.value)).label("kind"),
            select(func.min(lane.c.next_due))
            .where(lane.c.kind == literal_column(str(kind.value)), lane.c.next_due.is_not(None))
            .scalar_subquery()
            .label("at"),
        )
        for kind in Kind
    )
)

_LAND = (
    update(lane)
    .where(lane.c.endpoint_id.in_(bindparam("ids", expanding=True)), lane.c.kind == bindparam("of_kind"))
    .values(in_flight=lane.c.in_flight - bindparam("count"))
)


def make(connection: Connection, endpoint_id: str, now: datetime) -> None:
    """The gate and the lanes of a new endpoint."""
    connection.execute(insert(gate), {"endpoint_id": endpoint_id, "refilled_at": now})
    connection.execute(insert(lane), [{"endpoint_id": endpoint_id, "kind": kind.value} for kind in Kind])


def due(connection: Connection) -> dict[Kind, datetime]:
    """When the first lane of each kind is due, where one is; asked before a transaction for writing is opened."""
    return {Kind(row.kind): row.at for row in connection.execute(_NEXT) if row.at is not None}


def lock(connection: Connection, endpoint_ids: Iterable[str]) -> dict[str, AnyRow]:
    """Lock these gates, waiting for whoever holds one."""
    return {row.endpoint_id: row for row in connection.execute(_LOCK, {"ids": sorted(set(endpoint_ids))})}


def refresh(connection: Connection, held: Mapping[str, datetime | None]) -> None:
    """Work out when the lanes of these locked gates are next due, not before the moment given where there is one."""
    if not held:
        return
    connection.execute(_REFRESH, {"ids": sorted(held)})
    put_off = [{"id": endpoint_id, "until": until} for endpoint_id, until in held.items() if until is not None]
    if put_off:
        connection.execute(_PUT_OFF, put_off)


def put_off(connection: Connection, lanes: list[dict[str, Any]]) -> None:
    """Look at these lanes no sooner than then: each with `id`, `of_kind` and `until`."""
    if lanes:
        connection.execute(_PUT_OFF_ONE, lanes)


def land(connection: Connection, ended: Iterable[tuple[str, int]]) -> None:
    """Note that these are in flight no more: of each its endpoint and the lane it went by."""
    counts = Counter(ended)
    for (kind, count), ids in alike((id_, (kind, count)) for (id_, kind), count in counts.items()).items():
        connection.execute(_LAND, {"ids": ids, "of_kind": int(kind), "count": count})
