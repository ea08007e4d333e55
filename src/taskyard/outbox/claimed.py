"""What is claimed, with all that it takes to send it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from taskyard.core.db import AnyRow
from taskyard.core.types import Instant
from taskyard.events.tables import event
from taskyard.outbox.fanout import shown
from taskyard.outbox.models import Endpoint, EndpointSecret
from taskyard.outbox.policy import SCHEDULE_S
from taskyard.outbox.tables import Kind


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to be sent, with all that it takes."""

    id: str
    fence: str
    kind: Kind
    event: dict[str, Any]
    endpoint: AnyRow
    secrets: Sequence[AnyRow]
    tries: int
    charged: int
    deadline_at: datetime
    probe: bool
    order_key: str | None

    @property
    def delays_s(self) -> Sequence[float]:
        return self.endpoint.retry_delays_s or SCHEDULE_S


ENDPOINTS = select(
    Endpoint.id,
    Endpoint.owner_id,
    Endpoint.url,
    Endpoint.allow,
    Endpoint.headers,
    Endpoint.timeout_s,
    Endpoint.concurrency,
    Endpoint.rate_per_s,
    Endpoint.retry_delays_s,
    Endpoint.paused_at,
    Endpoint.disabled_at,
    Endpoint.deleted_at,
).where(Endpoint.id.in_(bindparam("ids", expanding=True)))
_SECRETS = (
    select(EndpointSecret.id, EndpointSecret.endpoint_id, EndpointSecret.kind, EndpointSecret.value)
    .where(
        EndpointSecret.endpoint_id.in_(bindparam("ids", expanding=True)),
        EndpointSecret.expires_at.is_(None) | (EndpointSecret.expires_at > bindparam("now", type_=Instant)),
    )
    .order_by(EndpointSecret.created_at.desc(), EndpointSecret.id.desc())
)
_EVENTS = select(event).where(event.c.id.in_(bindparam("ids", expanding=True)))


def whole(
    connection: Connection,
    kind: Kind,
    leased: list[tuple[AnyRow, str]],
    lanes: Mapping[str, AnyRow],
    endpoints: Mapping[str, AnyRow],
    now: datetime,
) -> list[Claimed]:
    if not leased:
        return []
    events = {row.id: shown(row) for row in connection.execute(_EVENTS, {"ids": list({r.event_id for r, _ in leased})})}
    signing: dict[str, list[AnyRow]] = {}
    for secret in connection.execute(_SECRETS, {"ids": list({r.endpoint_id for r, _ in leased}), "now": now}):
        signing.setdefault(secret.endpoint_id, []).append(secret)
    return [
        Claimed(
            row.id,
            fence,
            kind,
            events[row.event_id],
            endpoints[row.endpoint_id],
            signing.get(row.endpoint_id, []),
            row.tries,
            row.charged,
            row.deadline_at,
            lanes[row.endpoint_id].opened_at is not None,
            row.order_key,
        )
        for row, fence in leased
    ]
