"""Claiming deliveries: ready lanes first, then a few deliveries of each, so that nobody walks through a backlog.

What is claimed is leased: a dispatcher that dies gives it back when the lease ends (see reap.py).
"""

import math
import random
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, text, update

from taskyard.core.bulk import alike
from taskyard.core.db import AnyRow
from taskyard.core.types import Id, Instant
from taskyard.outbox import gates
from taskyard.outbox.claimed import ENDPOINTS, Claimed, whole
from taskyard.outbox.tables import Kind, Status, delivery, gate, lane, stands_at

LANES = 100  # that one claim picks, of each kind
LEASE_MARGIN_S = 30  # beyond the time-out: to wait for a slot and to settle
LOOK_AGAIN = timedelta(seconds=1)  # at a lane that is full; settling makes it due sooner
SHARES = {Kind.FIRST: 70, Kind.RETRY: 25, Kind.REPLAY: 5}  # percent of the slots


_READY = (
    select(lane.c.endpoint_id, lane.c.kind, lane.c.in_flight.label("lane_in_flight"), gate)
    .join(gate, gate.c.endpoint_id == lane.c.endpoint_id)
    .where(lane.c.kind == bindparam("of_kind"), lane.c.next_due <= bindparam("now", type_=lane.c.next_due.type))
    .order_by(lane.c.next_due)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True, of=gate)
)


def _heads(limit: Any) -> Select[Any]:
    return (
        select(delivery.c.id)
        .where(
            delivery.c.endpoint_id == bindparam("endpoint_id"),
            delivery.c.lane == bindparam("of_kind"),
            stands_at(Status.WAITING),
            delivery.c.due_at <= bindparam("now", type_=Instant),
        )
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(limit)
    )


_HEAD = _heads(bindparam("room"))
_HEADS_AT_ONCE = text(
    """
    SELECT head.id FROM unnest(CAST(:ids AS uuid[]), CAST(:rooms AS int[])) AS wanted (endpoint_id, room)
    CROSS JOIN LATERAL (
        SELECT delivery.id FROM delivery
        WHERE delivery.endpoint_id = wanted.endpoint_id AND delivery.lane = :of_kind AND delivery.status = 'waiting'
        AND delivery.due_at <= :now
        ORDER BY delivery.due_at, delivery.id LIMIT wanted.room
    ) AS head
    """
).columns(id=Id)
_LEASE = (
    update(delivery)
    .where(delivery.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        status=Status.SENDING.value,
        fence=bindparam("by"),
        leased_until=bindparam("until", type_=Instant),
        tries=delivery.c.tries + 1,
    )
    .returning(
        delivery.c.id,
        delivery.c.event_id,
        delivery.c.endpoint_id,
        delivery.c.tries,
        delivery.c.charged,
        delivery.c.deadline_at,
        delivery.c.order_key,
    )
)
_COUNT_LANE = (
    update(lane)
    .where(lane.c.endpoint_id.in_(bindparam("ids", expanding=True)), lane.c.kind == bindparam("of_kind"))
    .values(in_flight=lane.c.in_flight + bindparam("count"))
)
_COUNT_GATE = (
    update(gate)
    .where(gate.c.endpoint_id.in_(bindparam("ids", expanding=True)))
    .values(
        in_flight=gate.c.in_flight + bindparam("count"),
        tokens=bindparam("left"),
        refilled_at=bindparam("at", type_=Instant),
    )
)


def rooms(slots: int, busy: Mapping[Kind, int]) -> dict[Kind, int]:
    """How many deliveries of each kind may be claimed: each has its share of the slots, one at the least."""
    return {kind: max(max(slots * share // 100, 1) - busy.get(kind, 0), 0) for kind, share in SHARES.items()}


def lane_room(kind: Kind, concurrency: int, lane_in_flight: int) -> int:
    """How many more of a lane one endpoint takes, by the lane's own share: first tries may use all of it."""
    most = concurrency if kind is Kind.FIRST else max(concurrency * SHARES[kind] // 100, 1)
    return most - lane_in_flight


def tokens(gate_row: AnyRow, rate_per_s: float | None, now: datetime) -> float:
    """Requests that the rate allows now: a second's worth at most, and never less than one can be saved up."""
    if rate_per_s is None:
        return math.inf
    grown = gate_row.tokens + (now - gate_row.refilled_at).total_seconds() * rate_per_s
    return float(min(max(grown, 0), max(rate_per_s, 1)))


def claim(connection: Connection, room: Mapping[Kind, int], now: datetime) -> list[Claimed]:
    """Lease what is due, so much of each kind at most."""
    found: list[Claimed] = []
    kinds = [kind for kind in SHARES if room.get(kind, 0) > 0]
    # By chance and their shares: where an endpoint has one slot, no lane of it waits for ever.
    for kind in sorted(kinds, key=lambda kind: random.random() ** (1 / SHARES[kind]), reverse=True):
        found += _claim(connection, kind, room[kind], now)
    return found


def _claim(connection: Connection, kind: Kind, room: int, now: datetime) -> list[Claimed]:
    lanes = connection.execute(_READY, {"of_kind": kind.value, "now": now, "room": min(room, LANES)}).all()
    if not lanes:
        return []
    ids = [row.endpoint_id for row in lanes]
    endpoints = {row.id: row for row in connection.execute(ENDPOINTS, {"ids": ids})}
    wanted: dict[str, int] = {}
    held = {row.endpoint_id: row.hold_until if row.hold_until and row.hold_until > now else None for row in lanes}
    allowed = {row.endpoint_id: tokens(row, endpoints[row.endpoint_id].rate_per_s, now) for row in lanes}
    each = max(room // len(lanes), 1)
    for row in lanes:
        of = endpoints[row.endpoint_id]
        if held[row.endpoint_id] is None and of.paused_at is of.disabled_at is of.deleted_at is None:
            free = min(of.concurrency, row.cap or of.concurrency) - row.in_flight
            wanted[row.endpoint_id] = int(
                min(each, free, lane_room(kind, of.concurrency, row.lane_in_flight), allowed[row.endpoint_id])
            )
    leased = _lease(connection, kind, {id_: count for id_, count in wanted.items() if count > 0}, endpoints, now)
    by_endpoint = _count(connection, kind, leased, allowed, now)
    gates.refresh(connection, held)
    full = [id_ for id_ in wanted if by_endpoint.get(id_, 0) >= wanted[id_] and wanted[id_] < each]
    gates.put_off(connection, [{"id": id_, "of_kind": kind.value, "until": now + LOOK_AGAIN} for id_ in full])
    return whole(connection, kind, leased, {row.endpoint_id: row for row in lanes}, endpoints, now)


def _lease(
    connection: Connection, kind: Kind, wanted: Mapping[str, int], endpoints: Mapping[str, AnyRow], now: datetime
) -> list[tuple[AnyRow, str]]:
    if not wanted:
        return []
    if connection.dialect.name == "postgresql":
        asked = {"ids": list(wanted), "rooms": list(wanted.values()), "of_kind": kind.value, "now": now}
        ids = list(connection.execute(_HEADS_AT_ONCE, asked).scalars())
    else:
        ids = [
            id_
            for endpoint_id, count in wanted.items()
            for id_ in connection.execute(
                _HEAD, {"endpoint_id": endpoint_id, "of_kind": kind.value, "now": now, "room": count}
            ).scalars()
        ]
    if not ids:
        return []
    fence = secrets.token_hex(16)
    longest_s = max(endpoints[id_].timeout_s for id_ in wanted) + LEASE_MARGIN_S
    until = now + timedelta(seconds=longest_s)
    rows = connection.execute(_LEASE, {"ids": ids, "by": fence, "until": until})
    return [(row, fence) for row in rows]


def _count(
    connection: Connection,
    kind: Kind,
    leased: list[tuple[AnyRow, str]],
    allowed: Mapping[str, float],
    now: datetime,
) -> dict[str, int]:
    """Note what is in flight now, and what the rates have left; how many of each endpoint."""
    counts = Counter(row.endpoint_id for row, _ in leased)
    for count, ids in alike(counts.items()).items():
        connection.execute(_COUNT_LANE, {"ids": ids, "of_kind": kind.value, "count": count})
    for (count, left), ids in alike((id_, (count, allowed[id_] - count)) for id_, count in counts.items()).items():
        tokens_left = 0 if math.isinf(left) else left
        connection.execute(_COUNT_GATE, {"ids": ids, "count": count, "left": tokens_left, "at": now})
    return counts
