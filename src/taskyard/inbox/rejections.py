"""Requests that were refused are kept, with the reason: a bounded number of bytes and requests per source.

Each is written in a transaction of its own, as what answers it is a 4xx. Somebody who floods a source must not fill the
disk nor keep it busy, so only so many a second are written at all; the others are answered just the same.
"""

from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, delete, func, literal_column, select

from taskyard.core import transaction
from taskyard.core.bulk import BulkInsert
from taskyard.core.db import database
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.inbox.bucket import Buckets
from taskyard.inbox.models import request
from taskyard.inbox.storing import Row

MOST = 1_000  # of a source
MOST_BYTES = 32 * 1024 * 1024  # of their bodies; the newest is kept in any case
BURST, PER_S = 100, 10.0  # so many at once, and then ten a second, by each web process

_FIELDS = tuple(Row.__dataclass_fields__)
_INSERT = BulkInsert(request, *_FIELDS)


def beyond(most: int, most_bytes: int) -> Select[Any]:
    """The ids of a source's rejected requests beyond the newest so many, and so many bytes."""
    newest_first = request.c.id.desc()
    of_source = (
        select(
            request.c.id,
            func.row_number().over(order_by=newest_first).label("place"),
            func.sum(request.c.size).over(order_by=newest_first).label("bytes"),
        )
        .where(request.c.source_id == bindparam("source_id"), request.c.verdict == literal_column("'rejected'"))
        .subquery()
    )
    too_many = of_source.c.place > most
    too_large = (of_source.c.bytes > most_bytes) & (of_source.c.place > 1)
    return select(of_source.c.id).where(too_many | too_large)


BEYOND = beyond(MOST, MOST_BYTES)


def keep(row: Row) -> None:
    """Keep a rejected request, unless too many come."""
    known = database().kept(Buckets, Buckets)
    if known.take(row.source_id, BURST, BURST / PER_S):
        return
    with transaction.own(database()) as connection:
        _INSERT.run(connection, [[getattr(row, name) for name in _FIELDS]])
        prune(connection, row.source_id)
        publish.publish_heard(connection, [_happened(row)], row.received_at)


def _happened(row: Row) -> Happened:
    data = {"request_id": row.id, "source": row.source, "reason": row.reason}
    return Happened(row.owner_id, "request.rejected", orjson.dumps(data).decode())


def prune(connection: Connection, source_id: str) -> None:
    """Remove the oldest of a source beyond what is kept. What another transaction is removing too is left to it."""
    ids = connection.execute(BEYOND, {"source_id": source_id}).scalars().all()
    if ids:
        free = select(request.c.id).where(request.c.id.in_(ids)).with_for_update(skip_locked=True)
        connection.execute(delete(request).where(request.c.id.in_(connection.execute(free).scalars().all())))
