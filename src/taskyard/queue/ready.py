"""Putting tasks where a claim finds them: at once into `ready`, later by way of `scheduled`."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from taskyard.core import clock
from taskyard.core.bulk import BulkInsert
from taskyard.queue import gates, shares
from taskyard.queue.chain_tables import blocked
from taskyard.queue.gates import Rules
from taskyard.queue.limit_tables import parked
from taskyard.queue.tables import ready, scheduled

_KEYS = ("limit_key", "fairness_key")
INSERT_READY = BulkInsert(ready, "task_id", "queue", "lane", "pass", "seq", "attempts", *_KEYS)
_INSERT_SCHEDULED = BulkInsert(scheduled, "task_id", "run_at", "queue", "lane", "attempts", *_KEYS)
# In the order in which a task moves on, so that one that moves meanwhile is still met; a parked one comes back.
_WAY = (blocked, scheduled, ready, parked, ready)
WAITING = (blocked, ready, parked, scheduled)  # where a task stands that waits

_WATCHED = "queues that got something"
_GATHERED = "tasks that are to be put"
_lock = threading.Lock()
_last_seq = 0


def next_seqs(now: datetime, count: int) -> range:
    """Places in the line: the microsecond, made to grow within this process. Ties between processes do no harm."""
    global _last_seq
    with _lock:
        first = max(_last_seq + 1, clock.micros(now))
        _last_seq = first + count - 1
    return range(first, first + count)


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Place:
    """Where an open task waits."""

    task_id: str
    queue: str
    lane: int
    run_at: datetime
    attempts: int
    limit_key: str | None = None
    fairness_key: str | None = None


def put(connection: Connection, places: list[Place], now: datetime, rules: Rules | None = None) -> None:
    """Let these tasks wait for a worker, or for their time. Shares are locked here: do it last in a transaction."""
    gathered = connection.info.get(_GATHERED)
    if gathered is not None:
        gathered.update({p.task_id: p for p in places})
        return
    due = [p for p in places if p.run_at <= now]
    if due:
        line(connection, due, now, rules)
    if len(due) < len(places):
        later = [p for p in places if p.run_at > now]
        _INSERT_SCHEDULED.run(
            connection,
            [(p.task_id, p.run_at, p.queue, p.lane, p.attempts, p.limit_key, p.fairness_key) for p in later],
        )


def line(connection: Connection, places: list[Place], now: datetime, rules: Rules | None = None) -> None:
    """Put these tasks into the line, each behind those that came before it or by the share of its key."""
    passes = _passes(connection, places, now, rules or gates.rules(connection))
    rows = [
        (p.task_id, p.queue, p.lane, pass_, seq, p.attempts, p.limit_key, p.fairness_key)
        for p, pass_, seq in zip(places, passes, next_seqs(now, len(places)), strict=True)
    ]
    INSERT_READY.run(connection, rows)
    note(connection, (p.queue for p in places))


def _passes(connection: Connection, places: list[Place], now: datetime, rules: Rules) -> list[int]:
    fair = rules.weights
    if new := {p.queue for p in places if p.fairness_key is not None} - fair.keys():
        for queue in sorted(new):
            shares.be_fair(connection, queue, now)
        fair = fair | {queue: {} for queue in new}
    if not fair:
        return [0] * len(places)
    charged = [index for index, p in enumerate(places) if p.queue in fair]
    wanted = [((places[i].queue, places[i].lane), places[i].fairness_key or "") for i in charged]
    passes = [0] * len(places)
    for index, pass_ in zip(charged, shares.charge(connection, wanted, fair), strict=True):
        passes[index] = pass_
    return passes


@contextmanager
def gathered(connection: Connection, now: datetime, rules: Rules | None = None) -> Iterator[None]:
    """Put what is put within the block all at once at its end: shares are locked last, and in one order.

    Within another one it is put at the end of that; a block that fails has put nothing, as it is for a savepoint, too.
    """
    info = connection.info
    if _GATHERED in info:
        known = dict(info[_GATHERED])
        try:
            yield
        except BaseException:
            info[_GATHERED].clear()
            info[_GATHERED].update(known)
            raise
        return
    waiting: dict[str, Place] = {}
    info[_GATHERED] = waiting
    try:
        yield
    finally:
        del info[_GATHERED]
    put(connection, list(waiting.values()), now, rules)


@contextmanager
def watched(connection: Connection) -> Iterator[set[str]]:
    """The queues into which tasks are put on this connection within the block, for whoever is to be told."""
    queues: set[str] = set()
    info = connection.info  # it cannot be asked for once the database has hung up
    info[_WATCHED] = queues
    try:
        yield queues
    finally:
        del info[_WATCHED]


def note(connection: Connection, queues: Iterable[str]) -> None:
    """Tasks of these queues have become ready on this connection."""
    if (found := connection.info.get(_WATCHED)) is not None:
        found.update(queues)


def take(connection: Connection, task_id: str) -> bool:
    """Take a waiting task out of the line. False: it is not waiting (any more).

    Whoever deletes the row owns the next step; a claim that holds it makes us wait and then find nothing.
    """
    if connection.info.get(_GATHERED, {}).pop(task_id, None) is not None:
        return True
    return any(connection.execute(delete(table).where(table.c.task_id == task_id)).rowcount for table in _WAY)


def hold(connection: Connection, task_id: str) -> bool:
    """Keep a waiting task where it is until the commit: claims pass it over. False: it is not waiting (any more)."""
    if task_id in connection.info.get(_GATHERED, {}):
        return True
    return any(
        connection.execute(select(table.c.task_id).where(table.c.task_id == task_id).with_for_update()).first()
        for table in _WAY
    )
