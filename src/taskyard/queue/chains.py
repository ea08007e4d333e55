"""Telling the tasks that wait for others how those ended.

It is done in the transaction that ends the task, for as many as stay within bounds and are free. Nobody waits for the
row of a task that another transaction holds: what was passed over, or is one step further down a chain that falls,
stands in `followup` from the same commit on, and the dispatcher goes on with it. So no two can wait for one another,
however chains cross, and the length of a chain is no length of a transaction.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from taskyard.core.db import AnyRow
from taskyard.queue import policy
from taskyard.queue.chain_tables import blocked, dependency, followup
from taskyard.queue.lifecycle import Status
from taskyard.queue.ready import Place, put
from taskyard.queue.tables import task
from taskyard.queue.telling import HEARD, tell

TOLD = 500  # waiting tasks that are told in one step
STEPS = 40  # down a chain in one transaction of the dispatcher
SLICE = 100  # ended tasks that it goes on with at once

_WAITING = (
    select(dependency.c.task_id, dependency.c.on_id)
    .where(dependency.c.on_id.in_(bindparam("ended", expanding=True)))
    .order_by(dependency.c.task_id)
    .limit(TOLD + 1)
)
_HOLD = (
    select(blocked.c.task_id, blocked.c.left)
    .where(blocked.c.task_id.in_(bindparam("ids", expanding=True)))
    .order_by(blocked.c.task_id)
    .with_for_update(skip_locked=True)
)
_TASKS = select(
    task.c.id,
    task.c.queue,
    task.c.lane,
    task.c.run_at,
    task.c.attempts,
    task.c.on_failure,
    task.c.backoff,
    task.c.limit_key,
    task.c.fairness_key,
    HEARD,
).where(task.c.id.in_(bindparam("ids", expanding=True)))
# Those that were counted and no others: what was not told yet is told later.
_MET = delete(dependency).where(
    tuple_(dependency.c.on_id, dependency.c.task_id).in_(bindparam("pairs", expanding=True))
)
_COUNT = update(blocked).where(blocked.c.task_id == bindparam("of")).values(left=bindparam("now_left"))
_UNBLOCK = delete(blocked).where(blocked.c.task_id.in_(bindparam("ids", expanding=True)))
_FREE = (
    update(task)
    .where(task.c.id == bindparam("of"))
    .values(blocked=None, run_at=bindparam("due"), retry_until=bindparam("until"))
)
_CANCEL = (
    update(task)
    .where(task.c.id == bindparam("of"))
    .values(outcome=Status.CANCELLED.value, finished_at=bindparam("at"), error=bindparam("why"))
)
_FOLLOWED = select(task.c.id).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.followed)
_UNTOLD = select(dependency.c.on_id).distinct().where(dependency.c.on_id.in_(bindparam("ended", expanding=True)))
_NEXT = select(followup).order_by(followup.c.task_id).limit(SLICE).with_for_update(skip_locked=True)
_DONE = delete(followup).where(followup.c.task_id.in_(bindparam("ids", expanding=True)))
_LATER = insert(followup)


@dataclass(slots=True)
class _Told:
    """What telling came to. `ready` are the queues in which tasks wait for a worker now."""

    ready: list[str] = field(default_factory=list)
    cancelled: dict[str, Status] = field(default_factory=dict)  # those that others wait for in their turn
    untold: dict[str, Status] = field(default_factory=dict)  # ended ones to go on with
    count: int = 0


def follow(connection: Connection, ended: Mapping[str, Status], now: datetime) -> list[str]:
    """Tell those that wait for these tasks, which have just ended; the queues where some wait for a worker now."""
    if not ended:
        return []
    told = _tell(connection, ended, now)
    _leave(connection, told.cancelled | told.untold)
    return told.ready


def go_on(connection: Connection, now: datetime) -> int:
    """The dispatcher's duty: tell what was left over. Returns how much was done."""
    begun = {row.task_id: Status(row.outcome) for row in connection.execute(_NEXT)}
    if not begun:
        return 0
    count, left, frontier = 0, {}, begun
    for _ in range(STEPS):
        told = _tell(connection, frontier, now)
        count, frontier = count + told.count, told.cancelled
        left.update(told.untold)
        if not frontier or count >= TOLD:
            break
    connection.execute(_DONE, {"ids": list(begun)})
    _leave(connection, left | frontier)
    return count + len(begun.keys() - left.keys())


def _leave(connection: Connection, ended: Mapping[str, Status]) -> None:
    """Let the dispatcher go on with these."""
    if ended:
        connection.execute(_LATER, [{"task_id": one, "outcome": outcome.value} for one, outcome in ended.items()])


def _tell(connection: Connection, ended: Mapping[str, Status], now: datetime) -> _Told:
    told = _Told()
    edges = connection.execute(_WAITING, {"ended": list(ended)}).all()
    if not edges:
        return told
    ended_of: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges[:TOLD]:
        ended_of[edge.task_id].append(edge.on_id)
    held = {row.task_id: row.left for row in connection.execute(_HOLD, {"ids": list(ended_of)})}
    if held:
        _decide(connection, ended, {one: ended_of[one] for one in held}, held, now, told)
    if len(edges) > TOLD or len(held) < len(ended_of):
        untold = connection.execute(_UNTOLD, {"ended": list(ended)}).scalars()
        told.untold = {one: ended[one] for one in untold}
    return told


def _decide(
    connection: Connection,
    ended: Mapping[str, Status],
    ended_of: Mapping[str, list[str]],
    left: Mapping[str, int],
    now: datetime,
    told: _Told,
) -> None:
    """What becomes of tasks whose rows in `blocked` are held: they wait on, are let go, or are cancelled."""
    tasks = connection.execute(_TASKS, {"ids": list(left)}).all()
    waiting, free, falling = [], [], []
    for one in tasks:
        fatal = next((on for on in ended_of[one.id] if is_fatal(one.on_failure, ended[on])), None)
        rest = left[one.id] - len(ended_of[one.id])
        if fatal is not None:
            falling.append({"of": one.id, "at": now, "why": reason(fatal, ended[fatal])})
        elif rest:
            waiting.append({"of": one.id, "now_left": rest})
        else:
            free.append(one)
    told.count = len(tasks)
    if waiting:
        connection.execute(_MET, {"pairs": [(on, row["of"]) for row in waiting for on in ended_of[row["of"]]]})
        connection.execute(_COUNT, waiting)
    if gone := [*(one.id for one in free), *(row["of"] for row in falling)]:
        connection.execute(_UNBLOCK, {"ids": gone})  # and what it waited for with it
    if free:
        told.ready = _let_go(connection, free, now)
    if falling:
        connection.execute(_CANCEL, falling)
        fallen = {row["of"] for row in falling}
        tell(connection, [one.id for one in tasks if one.id in fallen and one.heard], now)
        followed = connection.execute(_FOLLOWED, {"ids": [row["of"] for row in falling]}).scalars()
        told.cancelled = dict.fromkeys(followed, Status.CANCELLED)


def is_fatal(on_failure: str | None, outcome: str) -> bool:
    """Whether a task must not run where one that it waits for ended like this."""
    return on_failure != "run" and outcome != Status.SUCCEEDED


def reason(on_id: str, outcome: str) -> str:
    """The error of a task that was cancelled for that, as JSON."""
    message = f"The task {on_id}, which had to succeed first, ended as {outcome}."
    return orjson.dumps({"type": "predecessor", "message": message, "task_id": on_id, "status": outcome}).decode()


def _let_go(connection: Connection, free: list[AnyRow], now: datetime) -> list[str]:
    due = {one.id: max(one.run_at, now) for one in free}  # its time for retries counts from here on
    rows: list[dict[str, Any]] = [
        {"of": one.id, "due": due[one.id], "until": policy.retry_until(one.backoff, due[one.id])} for one in free
    ]
    connection.execute(_FREE, rows)
    places = [
        Place(one.id, one.queue, one.lane, due[one.id], one.attempts, one.limit_key, one.fairness_key) for one in free
    ]
    put(connection, places, now)
    return [one.queue for one in free if due[one.id] <= now]
