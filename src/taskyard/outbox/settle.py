"""Settling deliveries: what came of each try, in batches. The fence decides: what a dispatcher no longer holds, it does
not change."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_, update

from taskyard.core.bulk import BulkInsert, alike
from taskyard.core.db import AnyRow
from taskyard.core.types import Instant
from taskyard.outbox import alerts, breaker, gates, order, policy
from taskyard.outbox.breaker import Health
from taskyard.outbox.claimed import Claimed
from taskyard.outbox.models import Endpoint
from taskyard.outbox.policy import Answer, Class, Decision, Next, Standing
from taskyard.outbox.tables import Kind, Status, delivery, delivery_attempt, gate

GONE = "It answered 410 Gone."
GIVEN_UP = "It failed for five days."
_STATUS = {
    Next.DELIVERED: Status.DELIVERED,
    Next.RETRY: Status.WAITING,
    Next.FAILED: Status.FAILED,
    Next.HELD: Status.HELD,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that is over. `phases` are milliseconds by name, `headers` and `body` those of the answer."""

    claimed: Claimed
    started_at: datetime
    answer: Answer
    phases: dict[str, float]
    headers: Sequence[tuple[str, str]] = ()
    body: str = ""
    signed_with: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    tried: Tried
    found: Class
    decision: Decision


class Moved(NamedTuple):
    """What a delivery gets, by the names in _MOVE_ON."""

    new_status: str
    new_lane: int
    at: datetime
    charge: int
    class_: str | None
    end: datetime | None


_HELD = (
    select(delivery.c.id)
    .where(tuple_(delivery.c.id, delivery.c.fence).in_(bindparam("held", expanding=True)))
    .with_for_update()
)
_MOVE_ON = (
    update(delivery)
    .where(delivery.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        status=bindparam("new_status"),
        lane=bindparam("new_lane"),
        due_at=bindparam("at", type_=Instant),
        charged=delivery.c.charged + bindparam("charge"),
        error=bindparam("class_"),
        finished_at=bindparam("end", type_=Instant),
        fence=None,
        leased_until=None,
    )
)
_ATTEMPTS = BulkInsert(delivery_attempt, *(column.name for column in delivery_attempt.columns))
_FARES = (
    update(gate)
    .where(gate.c.endpoint_id.in_(bindparam("ids", expanding=True)))
    .values(
        in_flight=gate.c.in_flight - bindparam("count"),
        **{name: bindparam(f"new_{name}", type_=gate.c[name].type) for name in Health.__dataclass_fields__},
    )
)
_DISABLE = (
    update(Endpoint)
    .where(Endpoint.id == bindparam("of"), Endpoint.disabled_at.is_(None))
    .values(
        disabled_at=bindparam("at", type_=Instant), disabled_reason=bindparam("why"), updated_at=Endpoint.updated_at
    )
    .returning(Endpoint.owner_id, Endpoint.url)
)


def settle(connection: Connection, tried: list[Tried], now: datetime) -> int:
    """Write down these tries and move their deliveries on; how many were still held."""
    locked = gates.lock(connection, {one.claimed.endpoint.id for one in tried})
    held = set(
        connection.execute(_HELD, {"held": sorted((one.claimed.id, one.claimed.fence) for one in tried)}).scalars()
    )
    judged = [_judge(one, now) for one in tried if one.claimed.id in held]
    if not judged:
        return 0
    for moved, ids in alike((one.tried.claimed.id, _moved(one, now)) for one in judged).items():
        connection.execute(_MOVE_ON, {"ids": ids, **moved._asdict()})
    _ATTEMPTS.run(connection, [_attempt(one) for one in judged])
    order.unblock(connection, {_key(one) for one in judged if one.decision.next is not Next.RETRY})
    holds = _fare(connection, judged, locked, now)
    gates.refresh(connection, holds)
    return len(judged)


def _judge(tried: Tried, now: datetime) -> Judged:
    claimed = tried.claimed
    standing = Standing(claimed.charged, claimed.deadline_at, claimed.delays_s)
    decision = policy.decide(standing, tried.answer, now, random.uniform(-1, 1), probe=claimed.probe)
    return Judged(tried, policy.classify(tried.answer), decision)


def _moved(one: Judged, now: datetime) -> Moved:
    retried = one.decision.next is Next.RETRY
    failed = one.decision.next is not Next.DELIVERED
    kind = one.tried.claimed.kind
    return Moved(
        _STATUS[one.decision.next].value,
        (Kind.RETRY if retried and kind is Kind.FIRST else kind).value,
        one.decision.at or now,
        int(one.decision.charged),
        _class(one.tried.answer) if failed else None,
        None if retried else now,
    )


def _class(answer: Answer) -> str:
    return answer.error or f"http_{answer.status}"


def _attempt(one: Judged) -> Sequence[Any]:
    tried = one.tried
    return (
        tried.claimed.id,
        tried.claimed.tries,
        tried.started_at,
        tried.answer.status,
        tried.answer.error,
        int(one.decision.charged),
        tried.phases,
        [list(pair) for pair in tried.headers],
        tried.body,
        list(tried.signed_with),
    )


def _key(one: Judged) -> tuple[str, str | None]:
    return one.tried.claimed.endpoint.id, one.tried.claimed.order_key


def _fare(
    connection: Connection, judged: list[Judged], locked: dict[str, AnyRow], now: datetime
) -> dict[str, datetime | None]:
    """Note how each endpoint fares now; until when it is held, where it is."""
    by_endpoint: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_endpoint[one.tried.claimed.endpoint.id].append(one)
    holds: dict[str, datetime | None] = {}
    fares: list[tuple[str, tuple[int, Health]]] = []
    for endpoint_id, members in sorted(by_endpoint.items()):
        health = _health(locked[endpoint_id])
        for one in members:
            health = breaker.after(
                health,
                one.found,
                now,
                probe=one.tried.claimed.probe,
                error=_class(one.tried.answer),
                pause_s=one.decision.pause_s,
            )
        fares.append((endpoint_id, (len(members), health)))
        holds[endpoint_id] = health.hold_until if health.hold_until and health.hold_until > now else None
        blocked = next((one for one in members if one.found is Class.BLOCKED), None)
        if blocked is not None and locked[endpoint_id].last_error not in policy.BLOCKED:  # else it has been told
            alerts.blocked(connection, blocked.tried.claimed, blocked.tried.answer.error, now)
        if any(one.decision.disable for one in members):
            disable(connection, endpoint_id, GONE, now)
        elif health.given_up(now) and health.failures:
            disable(connection, endpoint_id, GIVEN_UP, now)
    for (count, health), ids in alike(fares).items():
        values = {f"new_{name}": value for name, value in asdict(health).items()}
        connection.execute(_FARES, {"ids": ids, "count": count, **values})
    gates.land(connection, ((one.tried.claimed.endpoint.id, one.tried.claimed.kind) for one in judged))
    return holds


def _health(row: AnyRow) -> Health:
    return Health(**{name: getattr(row, name) for name in Health.__dataclass_fields__})


def disable(connection: Connection, endpoint_id: str, why: str, now: datetime) -> None:
    """Stop sending to an endpoint, and tell its owner; what waits stays where it is."""
    row = connection.execute(_DISABLE, {"of": endpoint_id, "at": now, "why": why}).first()
    if row is not None:
        alerts.disabled(connection, endpoint_id, row.owner_id, row.url, why, now)
