"""What can be done with schedules, and by whom: a user's own, a moderator's all. Names are unique over all owners."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.conditions import Condition
from taskyard.core.conflicts import naming_conflicts
from taskyard.core.db import database, db
from taskyard.core.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from taskyard.queue.enqueue import NewTask
from taskyard.schedules import runs
from taskyard.schedules.models import Schedule, ScheduleRun
from taskyard.schedules.policy import Overlap
from taskyard.schedules.timetable import Timetable, Unreadable, zone
from taskyard.tasks import moulds
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
TAKEN = "Somebody has a schedule of this name. Choose another."
NO_OWNER = "Its owner is gone, and its task would be nobody's. Make the schedule anew under another user."


def _seen_by(actor: Actor, name: str) -> Select[Schedule]:
    query = select(Schedule).where(Schedule.name == name)
    return query if actor.sees_all_tasks else query.where(Schedule.owner_id == actor.user_id)


def get(actor: Actor, name: str, *, lock: bool = False) -> Schedule:
    """A schedule, with `lock` as it is now that neither another request nor a dispatcher can change it.

    Raises:
        NotFound: there is no such schedule, or it is not the actor's.
    """
    query = _seen_by(actor, name)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if NAME.fullmatch(name) else None
    if found is None:
        raise NotFound("There is no such schedule.")
    return found


def page(actor: Actor, query: dict[str, Any], after: str | None) -> list[Schedule]:
    """Schedules by name, one more than `limit`. `query` is a loaded ScheduleQuery.

    Raises:
        Forbidden: a user asks for schedules of others.
    """
    owner = {"me": actor.user_id, "all": None}.get(query["owner"], query["owner"].lower())
    if owner != actor.user_id and not actor.sees_all_tasks:
        raise Forbidden("Only moderators and admins see the schedules of others. Ask for owner=me.")
    wanted = select(Schedule).order_by(Schedule.name).limit(query["limit"] + 1)
    if owner is not None:
        wanted = wanted.where(Schedule.owner_id == owner)
    if after is not None:
        wanted = wanted.where(Schedule.name > after)
    return list(db.session.scalars(wanted))


def put(actor: Actor, name: str, sent: dict[str, Any], condition: Condition, *, closed: bool) -> tuple[Schedule, bool]:
    """Make a schedule or replace what it is; True where it is new. `sent` is a loaded ScheduleIn.

    Raises:
        Invalid: the name cannot be used, or the task does not fit its command.
        Conflict: the name is somebody else's.
        Stale: the condition does not hold.
    """
    if not NAME.fullmatch(name):
        detail = "Letters, digits and . _ : - only, the first a letter or digit; 100 characters at most."
        raise Invalid([Fault(detail, parameter="name")])
    _check_task(actor, sent["task"], closed=closed)
    found = db.session.get(Schedule, name, with_for_update=True, populate_existing=True)
    if found is not None and not (actor.sees_all_tasks or found.owner_id == actor.user_id):
        raise Conflict(TAKEN)
    condition.check(found, "schedule")
    schedule = found or Schedule(name=name, owner_id=actor.user_id)
    _apply(schedule, sent)
    db.session.add(schedule)
    with naming_conflicts(pk_schedule=TAKEN):
        db.session.flush()
    return schedule, found is None


def _check_task(actor: Actor, sent: dict[str, Any], *, closed: bool) -> None:
    try:
        definition = catalogue.definition(sent["command"])
        moulds.new_task(actor.user_id, sent, definition, clock.now(), closed=closed)
    except Invalid as error:
        raise Invalid([replace(fault, pointer=f"/task{fault.pointer}") for fault in error.faults]) from error


def _apply(schedule: Schedule, sent: dict[str, Any]) -> None:
    """New settings. A due time that no dispatcher has got to yet stays due, unless the times are others now."""
    same_times = (schedule.cron, schedule.time_zone) == (sent["cron"], sent["time_zone"])
    if not (same_times and sent["overlap"] == Overlap.QUEUE):
        _let_go(schedule)
    for column, value in sent.items():
        setattr(schedule, column, value)
    schedule.last_error = None
    if not same_times and schedule.paused_at is None:
        schedule.next_at = _timetable(schedule).next(clock.now())


def _let_go(schedule: Schedule) -> None:
    runs.let_go(db.session.connection(), schedule, clock.now())
    schedule.waiting_at = None


def _timetable(schedule: Schedule) -> Timetable:
    """Raises:
    Conflict: its times were good once, but are no more.
    """
    try:
        return Timetable(schedule.cron, schedule.time_zone)
    except Unreadable as error:
        raise Conflict(f"The schedule does not come due any more. {error}") from error


def remove(actor: Actor, name: str, condition: Condition) -> None:
    """Remove a schedule; its tasks stay.

    Raises:
        NotFound: there is no such schedule, or it is not the actor's.
        Stale: the condition does not hold.
    """
    schedule = get(actor, name, lock=True)
    condition.check(schedule, "schedule")
    db.session.delete(schedule)
    db.session.flush()


def pause(actor: Actor, name: str, condition: Condition) -> Schedule:
    """Let it make no more tasks; one that is paused stays as it is."""
    schedule = get(actor, name, lock=True)
    condition.check(schedule, "schedule")
    if schedule.paused_at is None:
        _let_go(schedule)
        schedule.paused_at, schedule.next_at = clock.now(), None
        db.session.flush()
    return schedule


def resume(actor: Actor, name: str, condition: Condition) -> Schedule:
    """Let it go on from now; what came due in the meantime is left out."""
    schedule = get(actor, name, lock=True)
    condition.check(schedule, "schedule")
    if schedule.paused_at is not None:
        schedule.next_at = _timetable(schedule).next(clock.now())
        schedule.paused_at = schedule.pause_reason = schedule.last_error = None
        db.session.flush()
    return schedule


def run(actor: Actor, name: str, *, closed: bool) -> NewTask:
    """Make its task now, paused or not and whatever `overlap` says; its due times stay as they are.

    Raises:
        Conflict: the task does not fit its command any more, or its owner is gone.
    """
    schedule, now = get(actor, name, lock=True), clock.now()
    connection = db.session.connection()
    if not runs.owners(connection, {schedule.owner_id}):
        raise Conflict(NO_OWNER)
    try:
        new = runs.made(connection, schedule, now, now, closed=closed)
    except Invalid as error:
        raise Conflict(runs.told(error)) from error
    runs.store(connection, new, now, now)
    transaction.afterwards(lambda: waiting(database()).wake([new.queue]))
    return new


def coming(actor: Actor, name: str, count: int) -> list[dict[str, Any]]:
    """The next due times as NextOut shows them, as if it were not paused."""
    schedule = get(actor, name)
    due = _timetable(schedule).coming(clock.now(), count)
    local = zone(schedule.time_zone)
    return [{"due_at": at, "local": at.astimezone(local).isoformat()} for at in due]


def history(actor: Actor, name: str, query: dict[str, Any], before: str | None) -> list[ScheduleRun]:
    """Due times that were dealt with, newest first; one more than `limit`."""
    wanted = select(ScheduleRun).where(ScheduleRun.schedule == get(actor, name).name)
    if before is not None:
        wanted = wanted.where(ScheduleRun.due_at < datetime.fromisoformat(before))
    return list(db.session.scalars(wanted.order_by(ScheduleRun.due_at.desc()).limit(query["limit"] + 1)))
