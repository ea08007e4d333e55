"""Answers kept under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), so that a repeat gets the first.

The row is written in the transaction of the deed itself: both stand or neither does. Its primary key decides between
two that run at once; on PostgreSQL the second waits for the first there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Index, Integer, String, Table, Text, bindparam, delete, select, type_coerce
from sqlalchemy.exc import IntegrityError

from taskyard.core import clock
from taskyard.core.bulk import BulkInsert
from taskyard.core.compiled import CompiledSelect
from taskyard.core.conflicts import violated
from taskyard.core.db import Base, Database
from taskyard.core.errors import Fault, Invalid
from taskyard.core.types import Id, Instant, Json

idempotency = Table(
    "idempotency",
    Base.metadata,
    Column("owner_id", Id, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)

_FIND = select(
    idempotency.c.fingerprint,
    idempotency.c.status,
    type_coerce(idempotency.c.headers, Text).label("headers"),  # as it stands there
    idempotency.c.body,
).where(idempotency.c.owner_id == bindparam("owner"), idempotency.c.key == bindparam("name"))
_COMMITTED = CompiledSelect(_FIND)
KEEP = BulkInsert(idempotency, *idempotency.c.keys())


@dataclass(frozen=True, slots=True)
class Once:
    """One call that must have its effect once: who calls, the key, and what was sent (hashed)."""

    owner_id: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Repeated(Exception):
    """The same key was used by a call that has committed in the meantime."""


def find(database: Database, once: Once) -> Answer | None:
    """The answer kept for this call, if any.

    Raises:
        Invalid: the key was used for another request.
    """
    rows = _COMMITTED.all(database, owner=once.owner_id, name=once.key)
    return _answer(rows[0], once) if rows else None


def find_within(connection: Connection, once: Once) -> Answer | None:
    """The same, as a transaction sees it."""
    row = connection.execute(_FIND, {"owner": once.owner_id, "name": once.key}).first()
    return None if row is None else _answer(row, once)


def _answer(row: Any, once: Once) -> Answer:
    if row.fingerprint != once.fingerprint:
        raise Invalid([Fault("This key was used for a different request; use a new one.", header="Idempotency-Key")])
    return Answer(row.status, orjson.loads(row.headers), row.body.encode())


def keep(connection: Connection, once: Once, answer: Answer) -> None:
    """Store the answer with the deed.

    Raises:
        Repeated: the deed was done by another call with the same key; roll this one back and `find` its answer.
    """
    with telling_repeats():
        KEEP.run(connection, [row(once, answer)])


def row(once: Once, answer: Answer) -> tuple[Any, ...]:
    """Of KEEP."""
    kept = (answer.status, answer.headers, answer.body.decode(), clock.now())
    return (once.owner_id, once.key, once.fingerprint, *kept)


@contextmanager
def telling_repeats() -> Iterator[None]:
    """Around statements that KEEP an answer.

    Raises:
        Repeated: there is one already.
    """
    try:
        yield
    except IntegrityError as error:
        if violated(error) == "pk_idempotency":
            raise Repeated from error
        raise


def forget(connection: Connection, before: datetime) -> int:
    """Remove the answers kept before this moment; returns how many."""
    return connection.execute(delete(idempotency).where(idempotency.c.created_at < before)).rowcount
