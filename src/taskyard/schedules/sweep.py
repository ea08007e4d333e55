"""The dispatcher's duty: schedules that are due, in slices, by any number of dispatchers at once (SKIP LOCKED)."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, delete, not_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from taskyard.core.db import AnyRow
from taskyard.core.types import Instant
from taskyard.queue.ready import gathered
from taskyard.schedules import policy, runs
from taskyard.schedules.models import Schedule, ScheduleRun
from taskyard.schedules.policy import Missed
from taskyard.schedules.timetable import Timetable, Unreadable

log = structlog.get_logger("taskyard.schedules")
SLICE = 100  # schedules a transaction
FORGET_SLICE = 1000
KEPT = timedelta(days=30)  # what has become of a due time
OWNER_GONE = "Paused: its owner is gone. Make it anew under another user."
BROKEN = "Paused: it cannot be run; the dispatcher's log tells why."

_DUE = (
    select(Schedule)
    .where(Schedule.next_at <= bindparam("now", type_=Instant), Schedule.paused_at.is_(None))
    .order_by(Schedule.next_at)
    .limit(SLICE)
    .with_for_update(skip_locked=True)
)
_FREED = (
    select(Schedule)
    .where(Schedule.waiting_at.is_not(None), Schedule.paused_at.is_(None), not_(runs.HAS_OPEN))
    .order_by(Schedule.waiting_at)
    .limit(SLICE)
    .with_for_update(skip_locked=True)
)
_OLD = (
    select(ScheduleRun.schedule, ScheduleRun.due_at)
    .where(ScheduleRun.created_at < bindparam("before", type_=Instant))
    .limit(FORGET_SLICE)
)


def run_due(connection: Connection, now: datetime, *, closed: bool) -> int:
    """Deal with what is due; `closed` refuses commands that are not in the catalogue. Returns how many schedules."""
    done = 0
    with gathered(connection, now):  # shares are locked last, and in one order
        for query in (_FREED, _DUE):  # what has waited comes first
            rows = connection.execute(query, {"now": now} if query is _DUE else {}).all()
            owners = runs.owners(connection, {row.owner_id for row in rows})
            for row in rows:
                if row.owner_id in owners:
                    _deal(connection, row, now, waited=query is _FREED, closed=closed)
                else:
                    _pause(connection, row, now, OWNER_GONE)
            done += len(rows)
    return done


def _deal(connection: Connection, schedule: AnyRow, now: datetime, *, waited: bool, closed: bool) -> None:
    """One that cannot be run, whatever the reason, must not hold up the others."""
    try:
        with gathered(connection, now), connection.begin_nested():
            if waited:
                runs.free(connection, schedule, schedule.waiting_at, now, closed=closed)
            else:
                _advance(connection, schedule, now, closed=closed)
    except SQLAlchemyError:
        raise  # the database's fault, not the schedule's
    except Unreadable as error:  # its time zone is gone from this machine's data, say
        _pause(connection, schedule, now, f"Paused: {error}")
    except Exception:
        log.exception("schedule cannot be run", schedule=schedule.name)
        _pause(connection, schedule, now, BROKEN)


def _advance(connection: Connection, schedule: AnyRow, now: datetime, *, closed: bool) -> None:
    timetable = Timetable(schedule.cron, schedule.time_zone)
    missed = Missed(schedule.missed)
    for one in policy.dealt_with(timetable, missed, schedule.missed_limit, schedule.next_at, now):
        if one.reason is None:
            runs.due(connection, schedule, one.at, now, closed=closed)
        else:
            runs.miss(connection, schedule, one.at, now, one.reason)
    runs.change(connection, schedule.name, next_at=timetable.next(now))


def _pause(connection: Connection, schedule: AnyRow, now: datetime, reason: str) -> None:
    runs.let_go(connection, schedule, now)
    runs.change(connection, schedule.name, paused_at=now, pause_reason=reason, next_at=None, waiting_at=None)
    log.warning("schedule paused", schedule=schedule.name, reason=reason)


def forget(connection: Connection, now: datetime) -> int:
    """Forget what became of due times long ago; returns how many."""
    key = tuple_(ScheduleRun.schedule, ScheduleRun.due_at)
    return connection.execute(delete(ScheduleRun).where(key.in_(_OLD)), {"before": now - KEPT}).rowcount
