"""Queues seen from above: which there are, what is set of them, how much waits. No look at a queue is unbounded."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Integer,
    Label,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    union,
    union_all,
)

from taskyard.core.db import AnyRow
from taskyard.queue.chain_tables import blocked
from taskyard.queue.lifecycle import LANES, PRIORITIES
from taskyard.queue.limit_tables import parked
from taskyard.queue.limits import COLUMNS, Limits, limits_of
from taskyard.queue.tables import lease, queue, ready, scheduled

MOST = 10_000  # rows are told up to so many
_NAME = bindparam("name", type_=ready.c.queue.type)
_AFTER = bindparam("after", type_=ready.c.queue.type)
_ROOM = bindparam("room", type_=Integer)
_OLDEST_OF = (*(f"in_{priority}" for priority in LANES), "shared", "aside")


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of rows; `capped`: there may be more."""

    count: int
    capped: bool


def tally(found: int) -> Tally:
    return Tally(min(found, MOST), found > MOST)


def bounded(rows: Select[Any] | CompoundSelect[Any]) -> ScalarSelect[int]:
    """How many rows there are, MOST + 1 at most."""
    few = rows.limit(MOST + 1).subquery()
    return select(func.coalesce(func.sum(literal(1)), 0)).select_from(few).scalar_subquery()


def _names_in(table: Table) -> Select[Any]:
    """The queues in a table after `after`, one jump through its index for each."""
    first = select(func.min(table.c.queue).label("name")).where(table.c.queue > _AFTER)
    found = first.cte(f"{table.name}_queue", recursive=True)
    following = select(func.min(table.c.queue)).where(table.c.queue > found.c.name).scalar_subquery()
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    some = select(found.c.name).where(found.c.name.is_not(None)).limit(_ROOM).subquery()
    return select(some.c.name)


def _names() -> CTE:
    found = union(
        _names_in(ready),
        _names_in(scheduled),
        _names_in(blocked),
        select(queue.c.name).where(queue.c.name > _AFTER),
        _names_in(lease),
        _names_in(parked),
    ).subquery()
    return select(found.c.name).order_by(found.c.name).limit(_ROOM).cte("names")


def _oldest(name: ColumnElement[str]) -> list[Label[int]]:
    """When the oldest of each kind came into line, in microseconds since 1970: a look into an index each."""
    unshared = ready.c["pass"] == literal_column("0")
    in_lanes = (
        select(func.min(ready.c.seq)).where(ready.c.queue == name, ready.c.lane == lane, unshared)
        for lane in PRIORITIES
    )
    shared = select(func.min(ready.c.seq)).where(ready.c.queue == name, ready.c["pass"] > literal_column("0"))
    aside = select(func.min(parked.c.seq)).where(parked.c.queue == name)
    kinds = zip(_OLDEST_OF, (*in_lanes, shared, aside), strict=True)
    return [query.scalar_subquery().label(kind) for kind, query in kinds]


def _states(names: FromClause) -> Select[Any]:
    return (
        select(
            names.c.name,
            queue.c.paused_at,
            queue.c.closed_at,
            func.coalesce(queue.c.version, 0).label("version"),
            *(queue.c[prefix + name] for prefix in ("", "key_") for name in COLUMNS),
            queue.c.weights,
            *_oldest(names.c.name),
        )
        .join_from(names, queue, queue.c.name == names.c.name, isouter=True)
        .order_by(names.c.name)
    )


_PAGE = _states(_names())
_ONE = _states(select(_NAME.label("name")).cte("names"))
_DEPTHS = select(
    *(
        bounded(select(ready.c.seq).where(ready.c.queue == _NAME, ready.c.lane == lane)).label(priority)
        for priority, lane in LANES.items()
    ),
    bounded(
        union_all(
            select(scheduled.c.task_id).where(scheduled.c.queue == _NAME),
            select(blocked.c.task_id).where(blocked.c.queue == _NAME),
        )
    ).label("scheduled"),
    bounded(select(parked.c.seq).where(parked.c.queue == _NAME)).label("parked"),
    bounded(select(lease.c.queue).where(lease.c.queue == _NAME)).label("running"),
)


@dataclass(frozen=True, slots=True)
class QueueState:
    """What is set of a queue (version 0: nothing yet), and since when the oldest that is ready or parked waits."""

    name: str
    paused_at: datetime | None
    closed_at: datetime | None
    version: int
    oldest_ready_at: datetime | None
    in_line: bool  # a worker that asks may get something: not all of it is parked
    limits: Limits
    key_limits: Limits
    weights: dict[str, int]


@dataclass(frozen=True, slots=True)
class Depths:
    depth: dict[str, Tally]  # what waits for a worker, by priority
    scheduled: Tally
    parked: Tally
    running: Tally


def page(connection: Connection, after: str, limit: int) -> list[QueueState]:
    """Queues after this name of which something is set, or in which something waits or runs."""
    return [_state(row) for row in connection.execute(_PAGE, {"after": after, "room": limit})]


def one(connection: Connection, name: str) -> QueueState:
    """Any queue: one that nobody has heard of is empty and open."""
    return _state(connection.execute(_ONE, {"name": name}).one())


def depths(connection: Connection, name: str) -> Depths:
    row = connection.execute(_DEPTHS, {"name": name}).one()
    by_priority = {priority: tally(getattr(row, priority)) for priority in LANES}
    return Depths(by_priority, tally(row.scheduled), tally(row.parked), tally(row.running))


def _state(row: AnyRow) -> QueueState:
    seqs = {kind: seq for kind in _OLDEST_OF if (seq := getattr(row, kind)) is not None}
    oldest = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=min(seqs.values())) if seqs else None
    waits = (oldest, bool(seqs.keys() - {"aside"}))
    limits = (limits_of(row), limits_of(row, "key_"))
    return QueueState(row.name, row.paused_at, row.closed_at, row.version, *waits, *limits, row.weights or {})
