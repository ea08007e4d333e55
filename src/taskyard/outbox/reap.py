"""What a dead dispatcher held comes back when its lease has ended, and is sent again with the same id."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from taskyard.core.types import Instant
from taskyard.outbox import gates
from taskyard.outbox.tables import Kind, Status, delivery, gate, stands_at

SLICE = 500  # deliveries a transaction

_COUNT_GATE = (
    update(gate).where(gate.c.endpoint_id == bindparam("id")).values(in_flight=gate.c.in_flight - bindparam("count"))
)
_OVERDUE = (
    select(delivery.c.id, delivery.c.endpoint_id, delivery.c.lane, delivery.c.fence)
    .where(stands_at(Status.SENDING), delivery.c.leased_until <= bindparam("now", type_=Instant))
    .order_by(delivery.c.leased_until)
    .limit(SLICE)
)
_GIVE_BACK = (
    update(delivery)
    .where(
        delivery.c.id.in_(bindparam("ids", expanding=True)),
        stands_at(Status.SENDING),
        delivery.c.leased_until <= bindparam("now", type_=Instant),
    )
    .values(
        status=Status.WAITING.value,
        lane=Kind.RETRY.value,
        due_at=bindparam("now", type_=Instant),
        fence=None,
        leased_until=None,
    )
    .returning(delivery.c.id)
)


def reap(connection: Connection, now: datetime) -> int:
    """Give back deliveries whose dispatcher has died: they are sent again, with the same id. Returns how many."""
    overdue = connection.execute(_OVERDUE, {"now": now}).all()
    if not overdue:
        return 0
    gates.lock(connection, {row.endpoint_id for row in overdue})
    given = set(connection.execute(_GIVE_BACK, {"ids": [row.id for row in overdue], "now": now}).scalars())
    back = [row for row in overdue if row.id in given]
    if back:
        per_gate = Counter(row.endpoint_id for row in back)
        gates.land(connection, ((row.endpoint_id, row.lane) for row in back))
        connection.execute(_COUNT_GATE, [{"id": id_, "count": count} for id_, count in sorted(per_gate.items())])
        held = gates.lock(connection, per_gate)
        gates.refresh(connection, {id_: row.hold_until for id_, row in held.items()})
    return len(back)
