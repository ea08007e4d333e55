"""Explaining a task: gather what is known of it at this moment, and let reasons.py say what that means."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select

from taskyard.commands import push
from taskyard.core import clock
from taskyard.core.db import AnyRow, database
from taskyard.queue import keys, overview, policy, roll
from taskyard.queue.chain_tables import blocked, dependency
from taskyard.queue.lifecycle import PRIORITIES, STATUS, Status
from taskyard.queue.limit_tables import parked
from taskyard.queue.limits import running_of
from taskyard.queue.overview import Tally, bounded, tally
from taskyard.queue.tables import attempt, lease, ready, task, worker
from taskyard.tasks import push_room, reasons, service
from taskyard.tasks.facts import Facts, Over, Push, Reason, Running, Waits
from taskyard.tasks.push_room import HOLDER
from taskyard.users.actor import Actor

NAMED = 10  # of the tasks that one waits for, and of those that hold a limit
# In one statement, so that the task is seen in one place: in line, under a lease, or in neither.
_TASK = (
    select(
        task.c.id,
        task.c.owner_id,
        task.c.command,
        task.c.queue,
        STATUS.label("status"),
        task.c.run_at,
        func.coalesce(lease.c.attempt, task.c.attempts).label("attempts"),
        task.c.failures,
        task.c.max_attempts,
        task.c.crashes,
        task.c.max_crashes,
        task.c.expires_at,
        task.c.finished_at,
        lease.c.worker,
        lease.c.leased_at,
        lease.c.beat_at,
        lease.c.expires_at.label("lease_expires_at"),
        lease.c.cancel_at,
        blocked.c.left,
        task.c.on_failure,
        task.c.limit_key,
        parked.c.seq.label("parked_seq"),
        task.c.lane,
        ready.c["pass"],
        ready.c.seq,
    )
    .join_from(task, lease, lease.c.task_id == task.c.id, isouter=True)
    .join(ready, ready.c.task_id == task.c.id, isouter=True)
    .join(blocked, blocked.c.task_id == task.c.id, isouter=True)
    .join(parked, parked.c.task_id == task.c.id, isouter=True)
    .where(task.c.id == bindparam("task_id"))
)
_WAITS_FOR = (
    select(task.c.id, STATUS.label("status"))
    .join_from(dependency, task, task.c.id == dependency.c.on_id)
    .join(lease, lease.c.task_id == task.c.id, isouter=True)
    .where(dependency.c.task_id == bindparam("task_id"))
    .order_by(task.c.id)
    .limit(NAMED)
)
_HOLDERS = (
    select(lease.c.task_id)
    .join_from(lease, task, task.c.id == lease.c.task_id)
    .where(lease.c.queue == bindparam("queue"))
    .order_by(lease.c.leased_at)
    .limit(NAMED)
)
_UNDER_WAY = select(running_of(lease.c.queue == bindparam("queue"), *push_room.UNDER_WAY))
_LAST = (
    select(attempt.c.outcome, attempt.c.ended_at, attempt.c.error)
    .where(attempt.c.task_id == bindparam("task_id"))
    .order_by(attempt.c.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """As ExplanationOut shows it."""

    id: str
    status: Status
    reasons: list[Reason]
    next: str


def explain(actor: Actor, task_id: str) -> Explanation:
    """Raises:
    NotFound: there is no such task, or it is not the actor's.
    """
    with database().read.connect() as connection:
        row = connection.execute(_TASK, {"task_id": task_id, "now": clock.now()}).first()
        facts = _facts(connection, actor, service.seen(actor, row))
    return Explanation(task_id, facts.status, reasons.reasons(facts), reasons.following(facts))


def _facts(connection: Connection, actor: Actor, row: AnyRow) -> Facts:
    last = connection.execute(_LAST, {"task_id": row.id}).first()
    queue = overview.one(connection, row.queue)
    now, pulling = clock.now(), [worker.c.holder_id != HOLDER]
    return Facts(
        now=now,
        status=Status(row.status),
        queue=row.queue,
        run_at=row.run_at,
        attempts=row.attempts,
        failures=row.failures,
        max_attempts=row.max_attempts,
        crashes=row.crashes,
        max_crashes=row.max_crashes or policy.MAX_CRASHES,
        priority=PRIORITIES[row.lane],
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        last=last.outcome if last else None,
        last_ended_at=last.ended_at if last else None,
        last_error=_type(last.error) if last else None,
        paused_at=queue.paused_at,
        closed_at=queue.closed_at,
        asked_at=roll.asked(connection, now, *pulling).get(row.queue),
        drained_asked_at=roll.asked(connection, now, *pulling, draining=True).get(row.queue),
        push=_push(connection, actor, row, now),
        ahead=None if row.seq is None else _ahead(connection, row),
        is_parked=row.parked_seq is not None,
        over=_over(connection, actor, row) if row.status in {Status.QUEUED, Status.SCHEDULED} else (),
        running=_running(row) if row.worker is not None else None,
        waits=_waits(connection, row) if row.left is not None else None,
    )


def _push(connection: Connection, actor: Actor, row: AnyRow, now: datetime) -> Push | None:
    """How its queue is pushed, if it is."""
    commands = push.pushed(connection)
    most = push_room.bounds(commands).get(row.queue)
    if most is None:
        return None
    ours = any(one.name == row.command for one in commands)
    running = connection.execute(_UNDER_WAY, {"queue": row.queue}).scalar_one()
    holders = _holders(connection, actor, row.queue, *push_room.UNDER_WAY)
    at = roll.asked(connection, now, worker.c.holder_id == HOLDER).get(row.queue)
    return Push(ours, most, running, holders, at)


def _type(error: str | None) -> str | None:
    """The type that an error names."""
    found = orjson.loads(error) if error else None
    return str(found["type"]) if isinstance(found, dict) and "type" in found else None


def _waits(connection: Connection, row: AnyRow) -> Waits:
    first = connection.execute(_WAITS_FOR, {"task_id": row.id, "now": clock.now()})
    return Waits([(one.id, one.status) for one in first], row.left, row.on_failure)


def _over(connection: Connection, actor: Actor, row: AnyRow) -> tuple[Over, ...]:
    """What limits there are for a task that waits for a worker, and who holds them."""
    now = clock.now()
    found = [keys.whole(connection, row.queue, now)]
    if row.limit_key is not None:
        found.append(keys.one(connection, row.queue, row.limit_key, now))
    over = []
    for state in found:
        holders: list[str] = []
        if state.limits.max_running is not None and state.running >= state.limits.max_running:
            which = [lease.c.limit_key == state.key] if state.key else []
            holders = _holders(connection, actor, row.queue, *which)
        over.append(Over(state, holders))
    return tuple(over)


def _holders(connection: Connection, actor: Actor, queue: str, *which: ColumnElement[bool]) -> list[str]:
    """The tasks of a queue that run under such leases; of those of others a user is told no ids."""
    ours = () if actor.sees_all_tasks else (task.c.owner_id == actor.user_id,)
    return [str(one) for one in connection.execute(_HOLDERS.where(*which, *ours), {"queue": queue}).scalars()]


def _ahead(connection: Connection, place: AnyRow) -> Tally:
    """The tasks before it in line, counted up to a bound."""
    lane, turn, seq = place[-3:]  # `pass` is no name of Python's
    same = and_(ready.c.lane == lane, or_(ready.c["pass"] < turn, and_(ready.c["pass"] == turn, ready.c.seq < seq)))
    before = select(ready.c.seq).where(ready.c.queue == place.queue, or_(ready.c.lane < lane, same))
    return tally(connection.execute(select(bounded(before))).scalar_one())


def _running(row: AnyRow) -> Running:
    return Running(row.worker, row.attempts, row.leased_at, row.beat_at, row.lease_expires_at, row.cancel_at)
