"""Order: of the deliveries of one key only the first waits, the others are blocked until it has ended."""

from sqlalchemy import Connection, bindparam, select, update

from taskyard.outbox.tables import Status, delivery

_NEXT_OF_KEY = (
    select(delivery.c.id)
    .where(
        delivery.c.endpoint_id == bindparam("endpoint_id"),
        delivery.c.order_key == bindparam("key"),
        delivery.c.status == Status.BLOCKED.value,
        delivery.c.finished_at.is_(None),
    )
    .order_by(delivery.c.event_id)
    .limit(1)
)
_UNBLOCK = (
    update(delivery)
    .where(delivery.c.id.in_(bindparam("ids", expanding=True)), delivery.c.status == Status.BLOCKED.value)
    .values(status=Status.WAITING.value)
)


def unblock(connection: Connection, keys: set[tuple[str, str | None]]) -> None:
    """Let the next delivery of each key go, now that the one before it has ended."""
    ids = [
        found
        for endpoint_id, key in sorted((endpoint_id, key) for endpoint_id, key in keys if key is not None)
        for found in connection.execute(_NEXT_OF_KEY, {"endpoint_id": endpoint_id, "key": key}).scalars()
    ]
    if ids:
        connection.execute(_UNBLOCK, {"ids": ids})
