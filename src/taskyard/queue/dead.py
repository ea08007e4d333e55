"""Dead tasks (failed, lost) by what they died of: one group per fingerprint of their error."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, select, true

from taskyard.core.db import AnyRow
from taskyard.queue.tables import task

COUNTED = 10_000  # of a group, its newest; whether there are more is told, how many is not
WALK = 500  # fingerprints at a time
COST = 10_000  # what a page may cost: a fingerprint 1, and EACH that is counted
EACH = 20


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


def groups(
    connection: Connection, wanted: DeadFilter, *, limit: int, after: str | None = None
) -> tuple[list[Group], str | None]:
    """Groups in the order of their fingerprints, going on after `after`, and the fingerprint after which to go on.

    They may be fewer than `limit` where there are more, as a look has its bounds; None besides: these are the last.
    """
    owned = task.c.owner_id == wanted.owner_id if wanted.owner_id is not None else true()
    found: list[Group] = []
    last, left = after or "", COST
    while names := connection.execute(_names(last, owned)).all():
        for name in names:
            if len(found) == limit or left <= 0:
                return found, last
            last = name.fingerprint
            left -= 1
            if wanted.command in {None, name.command}:
                left -= EACH
                group = _group(connection, last, owned, wanted)
                found += [group] if group is not None else []
    return found, None


def _names(last: str, owned: ColumnElement[bool]) -> Select[Any]:
    """The fingerprints after this one with their command, by jumps through the index, however many tasks have one."""
    first = select(func.min(task.c.fingerprint).label("fingerprint")).where(task.c.fingerprint > last, owned)
    some = first.cte("some", recursive=True)
    following = select(func.min(task.c.fingerprint)).where(task.c.fingerprint > some.c.fingerprint, owned)
    some = some.union_all(select(following.scalar_subquery()).where(some.c.fingerprint.is_not(None)))
    few = select(some.c.fingerprint).where(some.c.fingerprint.is_not(None)).limit(WALK).subquery()
    its = select(task.c.command).where(task.c.fingerprint == few.c.fingerprint, owned).limit(1)
    return select(few.c.fingerprint, its.scalar_subquery().label("command"))


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
