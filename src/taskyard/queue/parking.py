"""Tasks over the limit of their key: out of the line into `parked`, and back when there is room."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from taskyard.core.db import AnyRow
from taskyard.queue import parked_shares, shares
from taskyard.queue.lanes import SHARE
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.limit_tables import limit_key, parked
from taskyard.queue.limits import KEY_AGAIN, Counted, Limits, limits_of, running_of
from taskyard.queue.ready import note
from taskyard.queue.tables import lease, queue, ready

SLICE = 500
COLUMNS = [column.name for column in parked.columns]

_FIRST = (
    select(parked.c.task_id)
    .where(
        parked.c.queue == bindparam("queue"),
        parked.c.limit_key == bindparam("key"),
        parked.c.lane >= bindparam("lane"),
    )
    .order_by(parked.c.lane, parked.c["pass"], parked.c.seq)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
# The same for many keys, where a round trip costs more than a row.
_FIRST_OF_EACH = text(
    """
    SELECT first.task_id
    FROM unnest(
        CAST(:queues AS text[]), CAST(:keys AS text[]), CAST(:lanes AS smallint[]), CAST(:rooms AS integer[])
    ) AS freed (queue, key, lane, room)
    CROSS JOIN LATERAL (
        SELECT parked.task_id FROM parked
        WHERE parked.queue = freed.queue AND parked.limit_key = freed.key AND parked.lane >= freed.lane
        ORDER BY parked.lane, parked.pass, parked.seq LIMIT freed.room
        FOR UPDATE SKIP LOCKED
    ) AS first
    """
)
_ANY = (
    select(parked.c.task_id)
    .where(parked.c.queue == bindparam("queue"), parked.c.limit_key == bindparam("key"))
    .limit(1)
)
_RUNNING = select(running_of(lease.c.queue == bindparam("queue"), lease.c.limit_key == bindparam("key")))
_DUE = (
    select(limit_key)
    .where(limit_key.c.wake_at <= bindparam("now", type_=limit_key.c.wake_at.type))
    .order_by(limit_key.c.wake_at)
    .limit(SLICE)
    .with_for_update(skip_locked=True)
)
_LOOK_AGAIN = (
    update(limit_key)
    .where(limit_key.c.queue == bindparam("name"), limit_key.c.key == bindparam("which"))
    .values(wake_at=bindparam("at"))
)


def park(connection: Connection, rows: list[AnyRow], weights: Mapping[str, int]) -> None:
    """Keep these rows of one line of `ready`, which have been deleted there; `weights` are those of its queue."""
    passes = parked_shares.passes(connection, rows, weights)
    values = [
        {name: row._mapping[name] for name in COLUMNS} | {"pass": pass_}
        for row, pass_ in zip(rows, passes, strict=True)
    ]
    connection.execute(insert(parked), values)


def freed(connection: Connection, ended: list[AnyRow]) -> None:
    """Let as many parked tasks back into the line as leases of their key have ended."""
    ends = Counter((row.queue, row.limit_key) for row in ended if row.limit_key is not None)
    if ends:
        come_back(connection, ends)


def come_back(connection: Connection, rooms: dict[tuple[str, str], int]) -> int:
    """Let up to so many parked tasks of each queue and key back into the line; returns how many came.

    And the first of each lower priority besides, as many as its share, as it is the claim that sees to it that none
    starves.
    """
    ids = _first(connection, rooms)
    if not ids:
        return 0
    rows = connection.execute(delete(parked).where(parked.c.task_id.in_(ids)).returning(parked)).all()
    floors = {place: shares.floor(connection, place) for place in sorted({(row.queue, row.lane) for row in rows})}
    connection.execute(insert(ready), [_place(row, floors[row.queue, row.lane]) for row in rows])
    note(connection, (row.queue for row in rows))
    return len(rows)


def _first(connection: Connection, rooms: dict[tuple[str, str], int]) -> list[str]:
    asked = [
        {"queue": name, "key": key, "lane": lane, "room": room if lane == min(PRIORITIES) else ceil(room * SHARE)}
        for (name, key), room in rooms.items()
        for lane in PRIORITIES
    ]
    if connection.dialect.name == "postgresql":
        values = {f"{name}s": [one[name] for one in asked] for name in ("queue", "key", "lane", "room")}
        return list(dict.fromkeys(str(task_id) for task_id in connection.execute(_FIRST_OF_EACH, values).scalars()))
    return list(dict.fromkeys(one for each in asked for one in connection.execute(_FIRST, each).scalars()))


def _place(row: AnyRow, floor: int) -> dict[str, Any]:
    """As it stood in line; not before the head, as whoever comes next would begin at that place too."""
    place = {name: row._mapping[name] for name in COLUMNS}
    return place | {"pass": max(row._mapping["pass"], floor)}


def release(connection: Connection, now: datetime) -> int:
    """Let parked tasks back whose key has room by now, and tell of queues that may have some.

    Returns how many tasks; at most SLICE keys and tasks at a time. How much room there is, is judged without the
    queue's lock: the claim has the last word.
    """
    due = connection.execute(_DUE, {"now": now}).all()
    if not due:
        return 0
    settings = connection.execute(select(queue).where(queue.c.name.in_({one.queue for one in due})))
    defaults = {row.name: limits_of(row, "key_") for row in settings}
    back = 0
    for row in due:
        if row.key == "":
            note(connection, [row.queue])
            wake_at = None
        else:
            came, wake_at = _release(connection, row, limits_of(row).over(defaults.get(row.queue, Limits())), now)
            back += came
        connection.execute(_LOOK_AGAIN, {"name": row.queue, "which": row.key, "at": wake_at})
        if back >= SLICE:
            break
    return back


def _release(connection: Connection, row: AnyRow, limit: Limits, now: datetime) -> tuple[int, datetime | None]:
    """How many came back of a key, and when to look again: None where nothing is parked or the key is paused."""
    asked = {"queue": row.queue, "key": row.key}
    running = 0 if limit.max_running is None else connection.execute(_RUNNING, asked).scalar_one()
    key = Counted(limit, running, row.starts, now, paused=row.paused_at is not None)
    room = SLICE if key.room is None else min(key.room, SLICE)
    came = come_back(connection, {(row.queue, row.key): room}) if room else 0
    if connection.execute(_ANY, asked).first() is None:
        return came, None
    for _ in range(min(came, room)):  # as if those had started already
        key.start()
    return came, now if key.room is None else key.again_at(now, KEY_AGAIN)
