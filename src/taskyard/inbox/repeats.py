"""Requests that were sent again: which request has a key, decided by the primary key of `request_key`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, text

from taskyard.core.db import AnyRow
from taskyard.core.types import Instant


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that a request asks for, and for how long it counts."""

    source_id: str
    key: str
    request_id: str
    window_s: int


# The keys as they are held, or held anew where their time is over. The update makes RETURNING return each row.
_ON_CONFLICT = (
    ' ON CONFLICT (source_id, "key") DO UPDATE SET'
    " request_id = CASE WHEN request_key.until <= :now THEN excluded.request_id ELSE request_key.request_id END,"
    " until = CASE WHEN request_key.until <= :now THEN excluded.until ELSE request_key.until END"
    ' RETURNING source_id, "key" AS name, request_id'
)
_INTO = 'INSERT INTO request_key (source_id, "key", request_id, until)'
_HOLD_ONE = text(f"{_INTO} VALUES (:source_id, :name, :request_id, :until){_ON_CONFLICT}").bindparams(
    bindparam("until", type_=Instant), bindparam("now", type_=Instant)
)
_HOLD_ALL = text(  # PostgreSQL: one round trip for as many as there are
    f"{_INTO} SELECT * FROM unnest(CAST(:source_id AS uuid[]), CAST(:name AS varchar[]), CAST(:request_id AS uuid[]),"
    f" CAST(:until AS timestamptz[])){_ON_CONFLICT}"
)


def hold(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> dict[str, str]:
    """The id of the request that has the key of each, by the id of its own."""
    first = {(one.source_id, one.key): one for one in reversed(wanted)}
    # In one order everywhere, so that no two transactions wait for one another.
    ordered = sorted(first.values(), key=attrgetter("source_id", "key"))
    held = {(found.source_id, found.name): found.request_id for found in _held(connection, ordered, now)}
    return {one.request_id: held[one.source_id, one.key] for one in wanted}


def _held(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> list[AnyRow]:
    rows: list[dict[str, Any]] = [
        {
            "source_id": one.source_id,
            "name": one.key,
            "request_id": one.request_id,
            "until": now + timedelta(seconds=one.window_s),
        }
        for one in wanted
    ]
    if not rows:
        return []
    if connection.dialect.name == "sqlite":
        return [connection.execute(_HOLD_ONE, {**row, "now": now}).one() for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return list(connection.execute(_HOLD_ALL, {**columns, "now": now}))
