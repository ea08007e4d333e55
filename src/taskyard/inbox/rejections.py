"""Requests that were refused are kept, with the reason: a bounded number of bytes and requests per source.

Each is written in a transaction of its own, as what answers it is a 4xx. Somebody who floods a source must not fill the
disk nor keep it busy, so only so many a second are written at all; the others are answered just the same.
"""

from sqlalchemy import Connection, bindparam, delete, func, select

from taskyard.core import transaction
from taskyard.core.bulk import BulkInsert
from taskyard.core.db import database
from taskyard.inbox.bucket import Buckets
from taskyard.inbox.models import request
from taskyard.inbox.storing import Row

MOST = 1_000  # of a source
MOST_BYTES = 32 * 1024 * 1024  # of their bodies; the newest is kept in any case
BURST, PER_S = 100, 10.0  # so many at once, and then ten a second, by each web process

_FIELDS = tuple(Row.__dataclass_fields__)
_INSERT = BulkInsert(request, *_FIELDS)
_OF_SOURCE = (
    select(
        request.c.id,
        func.row_number().over(order_by=request.c.id.desc()).label("place"),
        func.sum(request.c.size).over(order_by=request.c.id.desc()).label("bytes"),
    )
    .where(request.c.source_id == bindparam("source_id"), request.c.verdict == "rejected")
    .subquery()
)
_BEYOND = select(_OF_SOURCE.c.id).where(
    (_OF_SOURCE.c.place > MOST) | ((_OF_SOURCE.c.bytes > MOST_BYTES) & (_OF_SOURCE.c.place > 1))
)


def keep(row: Row) -> None:
    """Keep a rejected request, unless too many come."""
    known = database().kept(Buckets, Buckets)
    if known.take(row.source_id, BURST, BURST / PER_S):
        return
    with transaction.own(database()) as connection:
        _INSERT.run(connection, [[getattr(row, name) for name in _FIELDS]])
        prune(connection, row.source_id)


def prune(connection: Connection, source_id: str) -> None:
    """Remove the oldest of a source beyond what is kept. What another transaction is removing too is left to it."""
    beyond = connection.execute(_BEYOND, {"source_id": source_id}).scalars().all()
    if beyond:
        free = select(request.c.id).where(request.c.id.in_(beyond)).with_for_update(skip_locked=True)
        ids = connection.execute(free).scalars().all()
        connection.execute(delete(request).where(request.c.id.in_(ids)))
