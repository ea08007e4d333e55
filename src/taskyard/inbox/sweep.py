"""The dispatcher's duty: what was received long ago is forgotten, in slices, by any number of dispatchers at once."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from taskyard.core.types import Instant
from taskyard.inbox.models import request, request_key

SLICE = 200  # requests a transaction; each may be some megabytes
KEY_SLICE = 1_000

_OLD = (
    select(request.c.id)
    .where(request.c.received_at < bindparam("before", type_=Instant))
    .order_by(request.c.received_at)
    .limit(SLICE)
    .with_for_update(skip_locked=True)
)
_OVER = (
    select(request_key.c.source_id, request_key.c.key)
    .where(request_key.c.until <= bindparam("now", type_=Instant))
    .limit(KEY_SLICE)
    .with_for_update(skip_locked=True)
)


def remove_old(connection: Connection, keep_s: int, now: datetime) -> int:
    """Remove requests so many seconds after they came; 0 keeps them for ever. Returns how many."""
    if not keep_s:
        return 0
    ids = connection.execute(_OLD, {"before": now - timedelta(seconds=keep_s)}).scalars().all()
    if ids:
        connection.execute(delete(request).where(request.c.id.in_(ids)))
    return len(ids)


def forget_keys(connection: Connection, now: datetime) -> int:
    """Forget keys whose time is over; returns how many."""
    over = [tuple(row) for row in connection.execute(_OVER, {"now": now})]
    if over:
        key = tuple_(request_key.c.source_id, request_key.c.key)
        connection.execute(delete(request_key).where(key.in_(over), request_key.c.until <= now))
    return len(over)
