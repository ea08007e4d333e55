"""Due times become tasks. What is done to a schedule here leaves its version alone: that is of what was configured."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, bindparam, exists, select, text, update

from taskyard.commands import catalogue
from taskyard.core.db import AnyRow
from taskyard.core.errors import Invalid, TaskyardError
from taskyard.core.types import Id, Instant, instant_to_text
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.queue import gates
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.ready import gathered
from taskyard.queue.tables import task
from taskyard.schedules import policy
from taskyard.schedules.models import Schedule
from taskyard.schedules.policy import Overlap
from taskyard.tasks import moulds
from taskyard.users.models import User

log = structlog.get_logger("taskyard.schedules")
MOST_CHARS = 500  # of a reason
STILL_OPEN = "Left out: an earlier task has not ended yet."
ONE_WAITS = "Left out: an earlier due time still waits for the last task to end."
LET_GO = "Left out: the schedule was paused or changed while it waited for the last task to end."

# Its primary key lets one of many do it.
_RECORD = text(
    "INSERT INTO schedule_run (schedule, due_at, task_id, reason, created_at)"
    " VALUES (:schedule, :due_at, :task_id, :reason, :now) ON CONFLICT DO NOTHING"
).bindparams(bindparam("due_at", type_=Instant), bindparam("task_id", type_=Id), bindparam("now", type_=Instant))
# Whichever made it: a due time, or somebody who ran it by hand.
HAS_OPEN = exists().where(
    task.c.schedule == Schedule.name, task.c.owner_id == Schedule.owner_id, task.c.outcome.is_(None)
)


def change(connection: Connection, name: str, **values: Any) -> None:
    """New values for the state of a schedule."""
    unchanged = {"updated_at": Schedule.updated_at}
    connection.execute(update(Schedule).where(Schedule.name == name).values(**unchanged, **values))


def due(connection: Connection, schedule: AnyRow, due_at: datetime, now: datetime, *, closed: bool) -> None:
    """Deal with one due time of a schedule whose row is locked."""
    overlap = Overlap(schedule.overlap)
    state = select(Schedule.waiting_at, HAS_OPEN.label("has_open")).where(Schedule.name == schedule.name)
    seen = connection.execute(state).one()
    if overlap is Overlap.QUEUE and seen.waiting_at is not None and not seen.has_open:
        free(connection, schedule, seen.waiting_at, now, closed=closed)  # its turn, before this one's
        seen = connection.execute(state).one()
    if overlap is Overlap.ALLOW or not seen.has_open:
        start(connection, schedule, due_at, now, closed=closed)
    elif overlap is Overlap.QUEUE and seen.waiting_at is None:
        change(connection, schedule.name, waiting_at=due_at)
    else:
        record(connection, schedule.name, due_at, now, reason=ONE_WAITS if overlap is Overlap.QUEUE else STILL_OPEN)


def free(connection: Connection, schedule: AnyRow, waiting_at: datetime, now: datetime, *, closed: bool) -> None:
    """The due time that waited waits no more."""
    change(connection, schedule.name, waiting_at=None)
    start(connection, schedule, waiting_at, now, closed=closed)


def start(connection: Connection, schedule: AnyRow, due_at: datetime, now: datetime, *, closed: bool) -> None:
    """Make the task of a due time, unless another has; where it cannot be made, say why."""
    try:
        with gathered(connection, now), connection.begin_nested():
            run_at = policy.run_at(schedule.name, due_at, schedule.jitter_s)
            new = made(connection, schedule, run_at, now, closed=closed)
            if record(connection, schedule.name, due_at, now, task_id=new.id):
                store(connection, new, now, due_at)
    except TaskyardError as error:
        reason = told(error)
        if record(connection, schedule.name, due_at, now, reason=reason):
            change(connection, schedule.name, last_error=reason)
            log.warning("schedule made no task", schedule=schedule.name, due_at=due_at.isoformat(), reason=reason)


def made(
    connection: Connection, schedule: AnyRow | Schedule, run_at: datetime, now: datetime, *, closed: bool
) -> NewTask:
    """A task of a schedule, checked against the catalogue as it is now.

    Raises:
        Invalid: it does not fit any more.
        Conflict: its queue is closed.
    """
    sent = {**schedule.task, "run_at": run_at}
    definition = catalogue.unremembered(connection, sent["command"])
    new = moulds.new_task(schedule.owner_id, sent, definition, now, closed=closed)
    if new.queue in gates.closed(connection):
        raise gates.refusal(new.queue)
    return replace(new, schedule=schedule.name)


def store(connection: Connection, new: NewTask, now: datetime, due_at: datetime) -> None:
    """Enqueue a task of a schedule, and let the schedule know it as its last."""
    enqueue(connection, [new], now)
    change(connection, str(new.schedule), last_task_id=new.id, last_at=due_at, last_error=None)


def let_go(connection: Connection, schedule: AnyRow | Schedule, now: datetime) -> None:
    """Note that the due time that waits, if one does, is left out."""
    if schedule.waiting_at is not None:
        record(connection, schedule.name, schedule.waiting_at, now, reason=LET_GO)


def miss(connection: Connection, schedule: AnyRow, due_at: datetime, now: datetime, reason: str) -> None:
    """Note that a due time was left out as nobody was there, and tell the schedule's owner."""
    if record(connection, schedule.name, due_at, now, reason=reason):
        data = {"schedule": schedule.name, "due_at": instant_to_text(due_at), "reason": reason}
        told_to = Happened(schedule.owner_id, "schedule.missed", orjson.dumps(data).decode(), schedule.name)
        publish.publish_heard(connection, [told_to], now)


def record(
    connection: Connection,
    name: str,
    due_at: datetime,
    now: datetime,
    *,
    task_id: str | None = None,
    reason: str | None = None,
) -> bool:
    """Note that a due time has been dealt with; False where it had been already."""
    values = {"schedule": name, "due_at": due_at, "task_id": task_id, "reason": reason, "now": now}
    return bool(connection.execute(_RECORD, values).rowcount)


def owners(connection: Connection, ids: set[str]) -> set[str]:
    """Those of these users that are there."""
    return set(connection.execute(select(User.id).where(User.id.in_(ids))).scalars()) if ids else set()


def told(error: TaskyardError) -> str:
    """An error in one sentence, with the first fault where it lists them."""
    said = error.detail
    if isinstance(error, Invalid) and error.faults:
        first = error.faults[0]
        said = f"The task does not fit its command: {first.pointer or ''} {first.detail}"
    return said[:MOST_CHARS]
