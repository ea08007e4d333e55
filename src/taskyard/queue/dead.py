"""Dead tasks (failed, lost) by what they died of: one group per fingerprint of their error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, select, true

from taskyard.core.db import AnyRow
from taskyard.queue.tables import task

COUNTED = 10_000  # of a group, its newest; whether there are more is told, how many is not


@dataclass(frozen=True, slots=True)
class DeadFilter:
    """Which dead tasks are grouped; None lets everything through."""

    owner_id: str | None = None
    command: str | None = None
    queue: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that died of the same. `newest` has the id, command, queue and error of the newest of them."""

    fingerprint: str
    count: int
    capped: bool
    first_at: datetime
    last_at: datetime
    newest: AnyRow


def groups(connection: Connection, wanted: DeadFilter, *, limit: int, after: str | None = None) -> list[Group]:
    """Groups in the order of their fingerprints, going on after `after`."""
    return list(islice(_groups(connection, wanted, after or ""), limit))


def _groups(connection: Connection, wanted: DeadFilter, last: str) -> Iterator[Group]:
    """From one fingerprint to the next by the index, however many tasks have it."""
    owned = task.c.owner_id == wanted.owner_id if wanted.owner_id is not None else true()
    while True:
        following = select(task.c.fingerprint).where(task.c.fingerprint > last, owned)
        found = connection.execute(following.order_by(task.c.fingerprint).limit(1)).scalar()
        if found is None:
            return
        last = found
        group = _group(connection, last, owned, wanted)
        if group is not None:
            yield group


def _group(connection: Connection, fingerprint: str, owned: ColumnElement[bool], wanted: DeadFilter) -> Group | None:
    here = (
        select(task.c.id, task.c.command, task.c.queue, task.c.error)
        .where(task.c.fingerprint == fingerprint, owned)
        .order_by(task.c.id.desc())
    )
    row = connection.execute(_summary(here, wanted)).one()
    if not row.matching:  # nothing, or all of them gone meanwhile
        return None
    newest = connection.execute(here.where(_matches(task.c, wanted)).limit(1)).first()
    if newest is None:
        return None
    return Group(fingerprint, min(row.matching, COUNTED), row.seen > COUNTED, row.first_at, row.last_at, newest)


def _summary(here: Select[Any], wanted: DeadFilter) -> Select[*tuple[Any, ...]]:
    one = here.with_only_columns(task.c.command, task.c.queue, task.c.finished_at).limit(COUNTED + 1).subquery()
    matches = _matches(one.c, wanted)
    return select(
        func.sum(literal(1)).label("seen"),
        func.sum(case((matches, 1), else_=0)).label("matching"),
        func.min(case((matches, one.c.finished_at))).label("first_at"),
        func.max(case((matches, one.c.finished_at))).label("last_at"),
    ).select_from(one)


def _matches(columns: Any, wanted: DeadFilter) -> ColumnElement[bool]:
    tests: list[ColumnElement[bool]] = [true()]
    if wanted.command is not None:
        tests.append(columns.command == wanted.command)
    if wanted.queue is not None:
        tests.append(columns.queue == wanted.queue)
    if wanted.since is not None:
        tests.append(columns.finished_at >= wanted.since)
    return and_(*tests)
