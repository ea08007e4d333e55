"""Claiming: a worker takes tasks from the head of its queues, for a time, with a token each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from taskyard.core.db import AnyRow
from taskyard.core.lists import among
from taskyard.queue import gates, postgresql
from taskyard.queue.lanes import first_to_lower
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.marks import Line, Marks, Place
from taskyard.queue.steps import Claim, Steps
from taskyard.queue.tables import lease, task
from taskyard.queue.tokens import make_token

__all__ = ["Claim", "Lease", "Taken", "claim", "claim_alone"]


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Lease:
    """A task in a worker's hands. `token` names the task and carries the fence."""

    task_id: str
    token: str
    attempt: int
    expires_at: datetime
    command: str
    command_version: int | None
    queue: str
    priority: str
    payload: str  # JSON
    tags: list[str]
    created_at: datetime
    timeout_s: int
    max_attempts: int
    group_id: str | None = None

    @property
    def held(self) -> tuple[str, str]:
        """The task's id and the fence."""
        return self.task_id, self.fence

    @property
    def fence(self) -> str:
        return self.token.partition(".")[2]


@dataclass(slots=True)
class Taken:
    """What a claim got; `draining`: its worker gets nothing, now or later."""

    leases: list[Lease]
    draining: bool = False


_LEASED = select(
    lease.c.task_id,
    lease.c.token,
    lease.c.attempt,
    lease.c.expires_at,
    task.c.command,
    task.c.command_version,
    task.c.queue,
    task.c.lane,
    task.c.payload,
    task.c.tags,
    task.c.created_at,
    task.c.timeout_s,
    task.c.max_attempts,
    task.c.group_id,
).join_from(lease, task, task.c.id == lease.c.task_id)
_SAME_CLAIM = (
    select(lease.c.task_id, lease.c.queue)
    .where(
        lease.c.claim_id == bindparam("claim_id"),
        lease.c.holder_id == bindparam("holder"),
        lease.c.expires_at > bindparam("now", type_=lease.c.expires_at.type),
    )
    .order_by(lease.c.leased_at, lease.c.task_id)
)
_BY_ID = _LEASED.where(among(lease.c.task_id, "ids"))


def claim(connection: Connection, claims: list[Claim], now: datetime, marks: Marks | None = None) -> list[Taken]:
    """Lease up to `limit` tasks to each, higher priorities first; the same claim_id gets the same leases again.

    PostgreSQL begins at the `marks`; without any, at the front.
    """
    named = [f"{wanted.holder_id} {wanted.claim_id}" for wanted in claims if wanted.claim_id is not None]
    if named and connection.dialect.name == "postgresql":
        connection.execute(postgresql.ONE_CLAIM_AT_A_TIME, {"claims": named})
    steps = Steps(connection, {queue for wanted in claims for queue in wanted.queues}, now)
    marks = marks or Marks()
    taken = [_take(connection, wanted, now, steps, marks) for wanted in claims]
    steps.end()
    found = _leases(connection, [task_id for of, _ in taken for task_id in of])
    return [Taken([found[task_id] for task_id in of if task_id in found], draining) for of, draining in taken]


def claim_alone(connection: Connection, wanted: Claim, now: datetime, marks: Marks) -> Taken | None:
    """The same for a single claim on PostgreSQL, without a transaction, as one statement takes the tasks.

    None: it takes more than that, and nothing was done. Of queues that are found to have limits it takes nothing; they
    are remembered.
    """
    limited = gates.seen_limited(connection)
    if wanted.claim_id is not None or not limited.isdisjoint(wanted.queues):
        return None
    taken = _take_postgresql(connection, wanted, now, marks)
    limited.update(taken.limited)
    if taken.limited and not taken.ids:
        return None
    found = _leases(connection, taken.ids)
    return Taken([found[task_id] for task_id in taken.ids if task_id in found], taken.draining)


def _leases(connection: Connection, ids: list[str]) -> dict[str, Lease]:
    """What was taken, in one go for many claims of one task each.

    In a statement of its own, which sees what was changed of a task until its row in `ready` was locked.
    """
    return {row.task_id: _lease(row) for row in connection.execute(_BY_ID, {"ids": ids})} if ids else {}


@dataclass(slots=True)
class _Found:
    """What PostgreSQL took in one statement; of the queues that are `limited` it takes nothing."""

    ids: list[str]
    limited: list[str]
    draining: bool


def _take(connection: Connection, wanted: Claim, now: datetime, steps: Steps, marks: Marks) -> tuple[list[str], bool]:
    """The ids of the tasks that are this claim's from now on, and whether its worker is draining."""
    if wanted.claim_id is not None:
        again = {"claim_id": wanted.claim_id, "holder": wanted.holder_id, "now": now}
        # Of these queues only: another key of the same user may not work on those it was claimed from.
        if held := [row for row in connection.execute(_SAME_CLAIM, again) if row.queue in wanted.queues]:
            return [row.task_id for row in held], False
    if steps.needed(wanted.queues):
        return steps.take(wanted, wanted.limit), steps.draining(wanted)
    found = _take_postgresql(connection, wanted, now, marks)
    if found.limited:
        steps.learn(found.limited)
        found.ids += steps.take(wanted, wanted.limit - len(found.ids))
    return found.ids, found.draining


def _take_postgresql(connection: Connection, wanted: Claim, now: datetime, marks: Marks) -> _Found:
    lines = [(lane, queue) for lane in PRIORITIES for queue in wanted.queues]
    places = marks.places(lines)
    rows = connection.execute(postgresql.CLAIM, _values(wanted, now, lines, places)).all()
    taken = [row for row in rows if row.task_id is not None]
    heads: dict[int, Place] = {}
    for _, rank, pass_, seq, *_ in taken:
        heads.setdefault(rank - 1, (pass_, seq))  # they come in their order
    for index, head in heads.items():
        marks.advance(lines[index], places[index], head, now)
    limited = [row.limited for row in rows if row.limited is not None]
    return _Found([str(row.task_id) for row in taken], limited, any(row.draining for row in rows))


def _values(wanted: Claim, now: datetime, lines: list[Line], places: list[Place]) -> dict[str, Any]:
    first = first_to_lower(wanted.limit)
    return {
        "lanes": [lane for lane, _ in lines],
        "queues": [queue for _, queue in lines],
        "passes": [pass_ for pass_, _ in places],
        "seqs": [seq for _, seq in places],
        "first_lanes": [lane for lane, _ in first],
        "first_rooms": [number for _, number in first],
        "room": wanted.limit,
        "worker": wanted.worker,
        "holder": wanted.holder_id,
        "claim_id": wanted.claim_id,
        "now": now,
        "expires_at": wanted.expires_at(now),
    }


def _lease(row: AnyRow) -> Lease:
    """From the columns of _LEASED."""
    task_id, fence, attempt, expires_at, command, version, queue, lane, *rest = row
    token = make_token(task_id, fence)
    return Lease(task_id, token, attempt, expires_at, command, version, queue, PRIORITIES[lane], *rest)
